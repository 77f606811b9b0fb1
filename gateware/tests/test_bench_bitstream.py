# SPDX-License-Identifier: BSD-2-Clause
"""The bench image from nothing to a bitstream by open tools, and what is told of it."""

import json
import re
import subprocess
from pathlib import Path

import pytest
from computer import COMPILER
from vop.bench_image import __main__ as command
from vop.bench_image.result import ClockResult, Result, prose_of, table
from vop.vivado.board import load_board
from vop.xc7 import tools
from vop.xc7.report import Report
from vop.xc7.tools import ToolError

ROOT = Path(__file__).resolve().parents[2]

RESULT = Result(
    board="NiteFury II", part="xc7", seed=1, luts=50, ffs=30,
    used={"SLICE_LUTX": 70, "SLICE_FFX": 30, "RAMB36E1_RAMB36E1": 3},
    available={"SLICE_LUTX": 400, "SLICE_FFX": 300, "RAMB36E1_RAMB36E1": 10, "BUFGCTRL": 32,
               "PAD": 9},
    clocks=[ClockResult("pcie_clk", 62.5, 100.0), ClockResult("cpu_clk", 50.0, 40.0)])

PAGE = "prose\n<!-- Below: `make bitstream BOARD=nitefury2 TOOLCHAIN=open RECORD=1`. -->\n"


def test_the_tables_tell_what_is_in_use_and_the_slack_of_each_clock():
    lines = list(table(RESULT))

    assert lines[2:5] == ["| lookup tables | 50 | 200 | 25.0 % |",
                          "| flip-flops | 30 | 300 | 10.0 % |",
                          "| block RAM of 36 Kbit | 3 | 10 | 30.0 % |"]
    assert lines[-2:] == ["| `pcie_clk` | 62.5 MHz | 100.0 MHz | +6.00 ns |",
                          "| `cpu_clk` | 50 MHz | 40.0 MHz | -5.00 ns |"]


def test_the_page_in_the_repository_is_of_this_form():
    """The numbers are a run's; all else is what `RECORD=1` would write."""
    def form(text):
        return re.sub(r"[-+]?\d+(\.\d+)?( %)?", "N", text)

    kept = (ROOT / "docs" / "boards" / "utilisation.md").read_text(encoding="utf-8")

    result = Result(**vars(RESULT) | {"part": tools.DEVICE})
    assert form(kept) == form("\n".join([prose_of(kept), *table(result), ""]))


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "bench.bin"
    path.write_bytes(b"code")
    return path


def test_a_page_without_a_mark_is_refused_before_anything_is_made(image, tmp_path, capsys):
    page = tmp_path / "page.md"
    page.write_text("# Size and speed\n")

    with pytest.raises(SystemExit) as leaving:
        command.main(["nitefury2", "--firmware", str(image), "--record", str(page)])

    assert leaving.value.code == 2
    assert "The page must have a line <!-- Below: " in capsys.readouterr().err


@pytest.fixture
def quick(monkeypatch):
    """No tool runs: the result is what a test says."""
    def answers(outcome):
        def make(*_arguments):
            if isinstance(outcome, Exception):
                raise outcome
            return outcome
        monkeypatch.setattr(command, "_make", make)
    return answers


def run(tmp_path, image, *words):
    (tmp_path / "nitefury2" / "open").mkdir(parents=True, exist_ok=True)
    return command.main([*words, "--output", str(tmp_path), "--firmware", str(image)])


@pytest.fixture
def router(monkeypatch):
    """A router that says of each seed what a test wants: MHz of the slower clock, or None."""
    def answers(by_seed):
        def route(_netlist, *, seed, **_options):
            if by_seed[seed] is None:
                raise ToolError(f"place and route, seed {seed}: not done after 900 s")
            return seed, seed
        monkeypatch.setattr(command, "place_and_route", route)
        monkeypatch.setattr(command, "count_placed_tables", lambda seed: 50)
        monkeypatch.setattr(command, "read_report", lambda seed, clock: Report(
            fmax_mhz={"pcie_clk": 100.0, "cpu_clk": by_seed[seed]}, ffs=30, used=RESULT.used,
            available=RESULT.available, path=(), path_ns=0.0))
    return answers


def test_the_first_seed_that_is_routed_at_its_clocks_is_taken(router, tmp_path, capsys):
    router({1: None, 2: 49.9, 3: 50.1, 4: 90.0})

    result, routed = command.first_routed(load_board("nitefury2"), None, [1, 2, 3, 4], tmp_path)

    assert (result.seed, result.clocks[1].reached_mhz) == (3, 50.1)
    assert routed == tmp_path / "seed3.fasm"
    assert capsys.readouterr().out.splitlines() == [
        "    seed 1: place and route, seed 1: not done after 900 s",
        "    seed 2: cpu_clk must reach 50 MHz, and reaches 49.9"]


def test_where_no_seed_is_routed_at_its_clocks_there_is_no_image(router, tmp_path):
    router({1: 40.0, 7: None})

    with pytest.raises(ToolError, match="no seed of 1, 7 can be routed at its clocks"):
        command.first_routed(load_board("nitefury2"), None, [1, 7], tmp_path)


def test_numbers_are_kept_and_recorded(quick, image, tmp_path, capsys):
    good = Result(**vars(RESULT) | {"clocks": RESULT.clocks[:1]})
    quick(good)
    (tmp_path / "page.md").write_text(PAGE + "old numbers\n")

    assert run(tmp_path, image, "nitefury2", "--record", str(tmp_path / "page.md")) == 0

    assert (tmp_path / "page.md").read_text() == "\n".join([PAGE, *table(good), ""])
    kept = json.loads((tmp_path / "nitefury2" / "open" / "result.json").read_text())
    assert kept["clocks"][0]["reached_mhz"] == 100.0
    assert capsys.readouterr().out.endswith("nitefury2/open/top.bit\n")


def test_a_tool_that_fails_is_told(quick, image, tmp_path, capsys):
    quick(ToolError("synthesis: exit status 7"))

    assert run(tmp_path, image, "nitefury2") == 1

    assert "bitstream: synthesis: exit status 7" in capsys.readouterr().err


@pytest.mark.parametrize(("words", "message"), [
    ([], "Board must be one of acorn_cle215, "),
    (["litefury"], "Open tools are set up for xc7a200tfbg484-2 (acorn_cle215, nitefury2), and "
                   "LiteFury has xc7a100tfgg484-2"),
    (["nitefury2", "--firmware", "/none"], "No such file or directory: '/none'"),
])
def test_what_makes_no_sense_is_refused(words, message, capsys):
    with pytest.raises(SystemExit) as leaving:
        command.main(words)

    assert leaving.value.code == 2
    assert message in capsys.readouterr().err


def test_firmware_that_does_not_fit_is_refused(image, capsys):
    image.write_bytes(bytes(0x8001))

    with pytest.raises(SystemExit):
        command.main(["nitefury2", "--firmware", str(image)])

    assert "must fit into 32768 bytes of card RAM, and has 32769" in capsys.readouterr().err


def test_the_top_has_the_clocks_and_pins_of_the_board():
    files = command.prepare(load_board("nitefury2"), firmware=b"code", build_id=1)

    assert set(files) == {"top.v", "top.xdc", "VexRiscv_Lite.v"}
    verilog, pins = (content if isinstance(content, str) else content.decode()
                     for content in (files["top.v"], files["top.xdc"]))
    # 200 MHz times 5, divided by 16 and 20.
    pll = re.search(r"PLLE2_ADV #\((.*?)\) \w+ \(", verilog, re.DOTALL)[1]
    settings = re.findall(r"\.(\w+)\((?:32'd)?([\d.]+)\)", pll)
    assert {name: float(value) for name, value in settings} == {
        "CLKIN1_PERIOD": 5, "CLKFBOUT_MULT": 5, "DIVCLK_DIVIDE": 1, "CLKOUT0_DIVIDE": 16,
        "CLKOUT1_DIVIDE": 20}
    located = dict(re.findall(r'LOC (\w+) \[get_ports "(\w+)"', pins))
    assert located == {"J19": "clk200_0__p", "H19": "clk200_0__n", "G3": "led_0__io",
                       "H3": "led_1__io", "G4": "led_2__io", "H4": "led_3__io"}


@pytest.mark.bitstream
@pytest.mark.skipif(COMPILER is None, reason="needs gcc-riscv64-unknown-elf: run `make setup`")
def test_the_image_is_made_and_reads_back_frame_by_frame(tmp_path):
    subprocess.run(["make", "-s", "-C", ROOT / "firmware" / "baremetal", "PROGRAM=bench",
                    f"BUILD={tmp_path}"], check=True)

    assert command.main(["nitefury2", "--firmware", str(tmp_path / "bench.bin"),
                         "--output", str(tmp_path)]) == 0

    folder = tmp_path / "nitefury2" / "open"
    bits = folder / "bits"
    subprocess.run([tools.find_prjxray("bitread"), "-part_file",
                    tools.prjxray_database() / tools.DEVICE / "part.yaml", "-y", "-o", bits,
                    folder / "top.bit"], check=True, stdout=subprocess.DEVNULL)
    found, wanted = {}, {}
    for line in bits.read_text().split():
        _, address, word, bit = line.split("_")
        found.setdefault(int(address, 16), set()).add((int(word), int(bit)))
    for line in (folder / "top.frames").read_text().splitlines():
        address, _, words = line.partition(" ")
        ones = {(at, bit) for at, word in enumerate(words.split(","))
                for bit in range(32) if int(word, 16) >> bit & 1 and not (at == 50 and bit < 13)}
        if ones:
            wanted[int(address, 16)] = ones
    assert len(wanted) > 1000
    assert sorted(found) == sorted(wanted)
    assert [f"0x{address:08X}" for address in wanted if found[address] != wanted[address]] == []

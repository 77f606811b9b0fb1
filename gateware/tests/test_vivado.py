# SPDX-License-Identifier: BSD-2-Clause
"""What cannot be built, or came out wrong, is told in words that say what to do."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import vivado_run
from amaranth_boards.nitefury import NitefuryIIPlatform
from vop.vivado import __main__ as command
from vop.vivado.board import Board, Link, board_names, load_board
from vop.vivado.ip import properties
from vop.vivado.project import prepare

ROOT = Path(__file__).resolve().parents[2]
LINK = Link(lanes=1, generation=2, width=64)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return vivado_run.copy_project("nitefury2", tmp_path_factory)


@pytest.mark.parametrize(("scene", "message"), [
    ({"pins": ["cpu_clock/pll/CLKOUT0"]},
     "expected a clock at pcie/block/user_clk_out, found none: has the hierarchy changed?"),
    ({"pins": ["pcie/block/user_clk_out"]},
     "expected a clock at cpu_clock/pll/CLKOUT0, found none: has the hierarchy changed?"),
    ({"lanes": 1}, "expected 4 transceivers in pcie_7x_0, found 1"),
    ({"slack": "setup -0.25 hold 0.1"}, "setup is missed by 0.25 ns: see top_timing_missed.rpt; "
     "IGNORE_TIMING=1 makes a bitstream all the same"),
    ({"slack": "setup 0.25 hold -0.5"}, "hold is missed by 0.5 ns: see top_timing_missed.rpt; "
     "IGNORE_TIMING=1 makes a bitstream all the same"),
])
def test_a_design_that_is_not_as_expected_makes_no_bitstream(project, scene, message):
    status, said, calls = project.run(**scene)

    assert status == 1
    assert message in said
    assert "write_bitstream" not in [name for name, *_words in calls]


def test_a_design_that_is_too_slow_makes_a_bitstream_for_one_who_asks(project):
    status, said, calls = project.run(slack="setup -0.25 hold 0.1",
                                      environment={"IGNORE_TIMING": "1"})

    assert status == 0
    assert "CRITICAL WARNING: setup is missed by 0.25 ns" in said
    assert "write_bitstream" in [name for name, *_words in calls]


def test_a_property_that_does_not_take_is_told(project):
    status, said, _calls = project.run(refused="CONFIG.Maximum_Link_Width X1")

    assert status == 0
    assert said.splitlines()[0] == ("CRITICAL WARNING: CONFIG.Maximum_Link_Width of pcie_7x_0 must "
                                    "be X4, but is X1")


def test_properties_that_take_are_not_worth_a_word(project):
    _status, said, _calls = project.run()

    assert "WARNING" not in said


@pytest.mark.parametrize(("lanes", "generation", "width"), [(8, 2, 128), (1, 2, 128), (4, 3, 128)])
def test_a_link_that_the_block_has_not_is_refused(lanes, generation, width):
    with pytest.raises(ValueError, match=re.escape(
            "Link must be one of x1 Gen1 at 64 bits; x1 Gen2 at 64 bits; x2 Gen2 at 64 bits; x4 "
            f"Gen1 at 64 bits; x4 Gen2 at 128 bits, not x{lanes} Gen{generation} at {width} bits")):
        Link(lanes=lanes, generation=generation, width=width)


def test_a_lane_without_a_transceiver_is_refused():
    with pytest.raises(ValueError, match="Toy must name a transceiver for each of 1 lanes, not 2"):
        Board("Toy", NitefuryIIPlatform, LINK, ("a", "b"), clock="clk200", idcode=0)


def test_a_part_that_is_too_slow_for_the_link_is_refused():
    class Slow(NitefuryIIPlatform):
        speed = "1"

    with pytest.raises(ValueError, match=re.escape(
            "Gen2 needs speed grade 2 or 3 (DS181), and Toy has 1")):
        Board("Toy", Slow, LINK, ("a",), clock="clk200", idcode=0)


@pytest.mark.parametrize("lanes", [0, 4, 8])
def test_a_board_is_narrowed_to_fewer_lanes_than_it_has(lanes):
    with pytest.raises(ValueError, match=f"NiteFury II has x4: lanes must be fewer, not {lanes}"):
        load_board("nitefury2").narrowed(lanes)


def test_one_lane_needs_half_the_clock():
    board = load_board("nitefury2").narrowed(1)

    assert (board.link.clock_hz, board.link.width) == (62_500_000, 64)
    assert board.transceivers == ("GTPE2_CHANNEL_X0Y6",)


@pytest.mark.parametrize(("ram_bytes", "scale", "size"), [
    (1 << 17, "Kilobytes", "128"), (1 << 19, "Kilobytes", "512"), (1 << 20, "Megabytes", "1")])
def test_a_large_bar_is_counted_in_megabytes(ram_bytes, scale, size):
    chosen = properties(LINK, ram_bytes=ram_bytes)

    assert (chosen["Bar2_Scale"], chosen["Bar2_Size"]) == (scale, size)


def test_card_ram_that_is_no_bar_is_refused():
    with pytest.raises(ValueError, match="BAR2 must be a power of two of at least 2 KiB, not 1024"):
        properties(LINK, ram_bytes=1024)


def test_firmware_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="Firmware must fit into 262144 bytes of card RAM on "
                                         "CaptainDMA 75T, and has 262145"):
        prepare(load_board("captaindma_75t"), firmware=bytes(262145))


def test_the_worked_example_is_the_board_that_there_is():
    guide = (ROOT / "docs" / "porting-to-a-board.md").read_text()
    source = (ROOT / "gateware" / "vop" / "boards" / "captaindma_75t.py").read_text()

    shown = re.findall(r"^```python\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL)
    lines = [re.sub(" +# .*", "", line) for block in shown for line in block.splitlines()]
    assert len(lines) > 15
    assert [line for line in lines if line not in source.splitlines()] == []


def test_every_board_is_listed(capsys):
    assert command.main(["list"]) == 0

    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert listed == board_names()
    assert {"acorn_cle215", "ax7325b", "captaindma_75t", "litefury", "nitefury2"} <= set(listed)
    assert "sim" not in listed


@pytest.fixture
def quick(monkeypatch):
    """Projects of nothing but what their card's parameters are."""
    monkeypatch.setattr(command, "prepare", lambda board, **parameters: {
        "top.tcl": f"{board.title} {sorted(parameters)}\n"})


@pytest.mark.parametrize(("arguments", "message"), [
    (["project"], "Board must be one of acorn_cle215, "),
    (["project", "moon"], "not 'moon'"),
    (["bitstream", "all"], "not 'all'"),
    (["project", "nitefury2", "--lanes", "4"], "NiteFury II has x4: lanes must be fewer, not 4"),
    (["project", "nitefury2", "--lanes", "3"], "not x3 Gen2 at 64 bits"),
    (["project", "nitefury2", "--firmware", "/none"], "Firmware must be a readable file"),
    (["frame", "nitefury2"], "invalid choice: 'frame'"),
])
def test_what_makes_no_sense_is_refused(quick, arguments, message, tmp_path, capsys):
    with pytest.raises(SystemExit) as leaving:
        command.main([*arguments, "--output", str(tmp_path)])

    assert leaving.value.code == 2
    assert message in capsys.readouterr().err


def test_all_projects_are_written_side_by_side(quick, tmp_path, capsys):
    status = command.main(["project", "all", "--output", str(tmp_path), "--firmware", "none"])

    assert status == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == board_names()
    assert len(capsys.readouterr().out.splitlines()) == len(board_names())


def test_lanes_can_be_left_unused(quick, tmp_path, capsys):
    assert command.main(["project", "nitefury2", "--firmware", "none", "--lanes", "1",
                         "--output", str(tmp_path)]) == 0

    assert "x1 at 62.5 MHz" in capsys.readouterr().out


@pytest.mark.parametrize(("ram_bytes", "arguments", "parameters"), [
    (0x4_0000, [], "['build_id', 'cpu_run', 'firmware']"),
    (0x1_0000, [], "['build_id']"),  # the image is linked for more
    (0x1_0000, ["--firmware", "other.bin"], "['build_id', 'cpu_run', 'firmware']"),
    (0x4_0000, ["--firmware", "none"], "['build_id']"),
])
def test_firmware_that_is_in_the_image_starts_by_itself(quick, ram_bytes, arguments, parameters,
                                                       tmp_path, monkeypatch):
    board = replace(load_board("nitefury2"), ram_bytes=ram_bytes)
    monkeypatch.setattr(command, "load_board", lambda name: board)
    monkeypatch.chdir(tmp_path)
    for image in (command._IMAGE, Path("other.bin")):
        image.parent.mkdir(parents=True, exist_ok=True)
        image.write_bytes(b"code")

    command.main(["project", "nitefury2", *arguments])

    written = tmp_path / "build" / "boards" / "nitefury2" / "top.tcl"
    assert written.read_text() == f"NiteFury II {parameters}\n"


def vivado(folder, script):
    path = folder / "vivado"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.mark.parametrize(("script", "status", "message"), [
    (None, 1, "Vivado must be on the path, and no program `vivado` is. The project is complete: "),
    ("exit 3", 1, "Vivado ended with status 3: see "),
    ("exit 0", 1, "Vivado ended well, but left no "),
    ('test "$6" = top.tcl; test -f "$7" && touch top.bit', 0, ""),
])
def test_a_bitstream_needs_vivado_and_what_it_makes(quick, script, status, message, tmp_path,
                                                   monkeypatch, capsys):
    if script is not None:
        vivado(tmp_path, script)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    came = command.main(["bitstream", "nitefury2", "--firmware", "none", "--output",
                         str(tmp_path / "boards")])

    assert came == status
    said = capsys.readouterr()
    assert message in said.err
    assert ("top.bit" in said.out.splitlines()[-1]) == (status == 0)


def test_help_tells_the_exit_status(capsys):
    with pytest.raises(SystemExit) as leaving:
        command.main(["--help"])
    assert leaving.value.code == 0
    assert "exit status: 0" in capsys.readouterr().out

# SPDX-License-Identifier: BSD-2-Clause
"""A bitstream goes into the board that it is for, or somebody is told why not."""

import pytest
from vop import flash
from vop.flash import main
from vop.vivado.board import board_names, load_board

DETECTED = "index 0:\n\tidcode 0x{}\n\tmanufacturer xilinx\n\tmodel  xc7a200\n"


@pytest.fixture
def bench(tmp_path, monkeypatch):
    """A bitstream for the NiteFury II, and an openFPGALoader that notes what it is asked."""
    (tmp_path / "boards" / "nitefury2").mkdir(parents=True)
    (tmp_path / "boards" / "nitefury2" / "top.bit").write_bytes(b"bits")
    (tmp_path / "path").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'path'}:/usr/bin:/bin")
    return tmp_path


def loader(bench, *, idcode="13636093", detects=0, writes=0):
    (bench / "detected").write_text(DETECTED.format(idcode))
    program = bench / "path" / "openFPGALoader"
    program.write_text(f"""#!/bin/sh
echo "$*" >> {bench}/asked
case "$*" in
*--detect) cat {bench}/detected; exit {detects} ;;
*) echo "verify failed" >&2; exit {writes} ;;
esac
""")
    program.chmod(0o755)


def run(bench, *arguments):
    return main(["nitefury2", "--input", str(bench / "boards"), *arguments])


@pytest.mark.parametrize(("arguments", "cable", "how"), [
    ([], "digilent_hs3", "--write-sram"),
    (["--persistent"], "digilent_hs3", "--write-flash --verify"),
    (["--cable", "ft4232"], "ft4232", "--write-sram"),
])
def test_the_part_is_asked_who_it_is_and_then_written(bench, arguments, cable, how):
    loader(bench)

    assert run(bench, *arguments) == 0

    assert (bench / "asked").read_text().splitlines() == [
        f"-c {cable} --detect",
        f"-c {cable} --fpga-part xc7a200tfbg484 {how} {bench}/boards/nitefury2/top.bit"]


def test_another_part_is_not_written(bench, capsys):
    loader(bench, idcode="13631093")

    assert run(bench) == 1

    assert ("the part must be an xc7a200t (IDCODE 0x03636093) for NiteFury II, but has 0x03631093: "
            "is this the right board?") in capsys.readouterr().err
    assert "--write" not in (bench / "asked").read_text()


@pytest.mark.parametrize(("answers", "message"), [
    ({"detects": 1}, "no part answers by cable digilent_hs3: is it plugged in"),
    ({"idcode": ""}, "openFPGALoader must tell an idcode, and said:\nindex 0:"),
    ({"writes": 2}, "NiteFury II was not written\n"),
    ({"writes": 2}, "exit status 2\nverify failed"),
])
def test_what_goes_wrong_is_told_with_the_words_of_the_tool(bench, answers, message, capsys):
    loader(bench, **answers)

    assert run(bench) == 1

    assert message in capsys.readouterr().err


def test_without_a_bitstream_nothing_is_asked(bench, capsys):
    loader(bench)
    (bench / "boards" / "nitefury2" / "top.bit").unlink()

    assert run(bench) == 1

    assert "top.bit: `make bitstream` makes it, where Vivado is" in capsys.readouterr().err
    assert not (bench / "asked").exists()


def test_the_bench_image_is_written_only_where_it_is_asked_for(bench, capsys):
    loader(bench)
    image = bench / "boards" / "nitefury2" / "open" / "top.bit"
    image.parent.mkdir()
    (bench / "boards" / "nitefury2" / "top.bit").rename(image)

    assert run(bench) == 1
    assert ("where Vivado is; the bench image is there, which has no PCIe: TOOLCHAIN=open writes it"
            in capsys.readouterr().err)
    assert not (bench / "asked").exists()

    assert run(bench, "--toolchain", "open") == 0
    assert (bench / "asked").read_text().endswith(f"--write-sram {image}\n")

    image.unlink()
    assert run(bench, "--toolchain", "open") == 1
    assert "open/top.bit: `make bitstream TOOLCHAIN=open` makes it" in capsys.readouterr().err


def test_without_the_tool_the_command_that_gets_it_is_named(bench, capsys, monkeypatch):
    monkeypatch.setattr(flash.sys, "executable", str(bench / "python"))
    monkeypatch.setenv("PATH", str(bench))

    assert run(bench) == 1

    assert "openFPGALoader is not installed: run `make tools`" in capsys.readouterr().err


def test_a_dry_run_prints_the_command_and_touches_nothing(bench, capsys):
    loader(bench)

    assert run(bench, "--persistent", "--dry-run") == 0

    assert capsys.readouterr().out == (
        "openFPGALoader -c digilent_hs3 --fpga-part xc7a200tfbg484 --write-flash --verify "
        f"{bench}/boards/nitefury2/top.bit\n")
    assert not (bench / "asked").exists()


@pytest.mark.parametrize(("arguments", "message"), [
    (["moon"], "Board must be one of acorn_cle215, "),
    (["nitefury2", "--toolchain", "open", "--persistent"],
     "The bench image is for the FPGA alone: open tools set nothing of how"),
])
def test_what_makes_no_sense_is_refused(arguments, message, capsys):
    with pytest.raises(SystemExit) as leaving:
        main(arguments)

    assert leaving.value.code == 2
    assert message in capsys.readouterr().err


def test_every_board_has_the_idcode_of_its_part():
    # Ref: Xilinx UG470, table 1-1, without the revision.
    idcodes = {"xc7a75t": 0x3632093, "xc7a100t": 0x3631093, "xc7a200t": 0x3636093,
               "xc7k325t": 0x3651093}

    boards = [load_board(name) for name in board_names()]
    assert {board.platform.device: board.idcode for board in boards} == idcodes

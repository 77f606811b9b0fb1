# SPDX-License-Identifier: BSD-2-Clause
"""FASM becomes frames as a database written by hand says, and a bitstream that reads back."""

import json
import re

import pytest
from vop.vivado.board import load_board
from vop.xc7 import bitstream, tools
from vop.xc7.fasm import FasmError, assemble, write_frames
from vop.xc7.prjxray import WORDS, Database, DatabaseError
from vop.xc7.tools import ToolError

GRID = {
    "CLB_X0Y0": {"type": "CLB", "bits": {"CLB_IO_CLK": {
        "baseaddr": "0x00400100", "frames": 36, "offset": 4, "words": 2}}},
    "BRAM_X1Y0": {"type": "BRAM", "bits": {
        "CLB_IO_CLK": {"baseaddr": "0x00400200", "frames": 28, "offset": 0, "words": 10},
        "BLOCK_RAM": {"baseaddr": "0x00C00000", "frames": 128, "offset": 0, "words": 10}}},
    # The lower half of an IOB in the first two words, and the upper half in the last.
    "SING_X2Y0": {"type": "SING", "bits": {"CLB_IO_CLK": {
        "baseaddr": "0x00400300", "frames": 42, "offset": 0, "words": 2,
        "alias": {"type": "IOB", "start_offset": 2, "sites": {}}}}},
    "SING_X2Y49": {"type": "SING", "bits": {"CLB_IO_CLK": {
        "baseaddr": "0x00400300", "frames": 42, "offset": 99, "words": 2,
        "alias": {"type": "IOB", "start_offset": 0, "sites": {"SITE_Y0": "SITE_Y1"}}}}},
    "BARE_X3Y0": {"type": "CLB", "bits": {}},
}
FILES = {
    "segbits_clb.db": """\
CLB.ALUT.INIT[00] origin:lut 33_15
CLB.ALUT.INIT[01] 33_14
CLB.ALUT.INIT[10] 33_47
CLB.AFF.ZINI 35_63
CLB.MUX.A 00_01 !00_02
CLB.MUX.B !00_01 00_02
CLB.FAR 36_00
CLB.WIDE 00_64
""",
    "ppips_clb.db": "CLB.OUT.IN always\nCLB.OUT.HINT hint\n",
    "segbits_bram.db": "BRAM.RAM.IN_USE 27_00\n",
    "segbits_bram.block_ram.db": "BRAM.RAM.INIT_00[000] 00_00\nBRAM.RAM.INIT_00[001] 127_319\n",
    "segbits_iob.db": "IOB.SITE_Y0.PULL 01_64\nIOB.SITE_Y1.PULL 01_63\n",
}


@pytest.fixture
def database(tmp_path):
    (tmp_path / "die").mkdir()
    (tmp_path / "die" / "tilegrid.json").write_text(json.dumps(GRID))
    for name, content in FILES.items():
        (tmp_path / name).write_text(content)
    return Database(tmp_path, "die")


def bits_of(frames):
    return {(address, word, bit) for address, words in frames.words.items()
            for word, value in enumerate(words) for bit in range(32) if value >> bit & 1}


CLB, RAM_FRAME = 0x400100, 0xC00000


@pytest.mark.parametrize(("line", "bits"), [
    ("CLB_X0Y0.ALUT.INIT[0]", {(CLB + 33, 4, 15)}),
    ("CLB_X0Y0.ALUT.INIT", {(CLB + 33, 4, 15)}),
    ("CLB_X0Y0.ALUT.INIT[10:0] = 11'b10000000010", {(CLB + 33, 4, 14), (CLB + 33, 5, 15)}),
    ("CLB_X0Y0.ALUT.INIT[10:0] = 11'h4_01", {(CLB + 33, 4, 15), (CLB + 33, 5, 15)}),
    ("CLB_X0Y0.ALUT.INIT[10:9] = 2", {(CLB + 33, 5, 15)}),
    ("CLB_X0Y0.ALUT.INIT[63:0] = 64'b0", set()),
    ("CLB_X0Y0.AFF.ZINI  # a comment", {(CLB + 35, 5, 31)}),
    ("CLB_X0Y0.MUX.A", {(CLB, 4, 1)}),
    ("CLB_X0Y0.OUT.IN", set()),
    ("# nothing", set()),
    ("BRAM_X1Y0.RAM.IN_USE", {(0x400200 + 27, 0, 0)}),
    ("BRAM_X1Y0.RAM.INIT_00[1:0] = 2'b11", {(RAM_FRAME, 0, 0), (RAM_FRAME + 127, 9, 31)}),
    ("SING_X2Y0.SITE_Y0.PULL", {(0x400301, 0, 0)}),
    ("SING_X2Y49.SITE_Y0.PULL", {(0x400301, 100, 31)}),
])
def test_a_feature_sets_its_bits_in_its_frames(database, line, bits):
    assert bits_of(assemble([line], database)) == bits


def test_what_was_done_is_counted(database):
    frames = assemble(["CLB_X0Y0.MUX.A", "CLB_X0Y0.OUT.IN", "CLB_X0Y0.OUT.HINT",
                       "CLB_X0Y0.ALUT.INIT[1:0] = 2'b11"], database)

    assert (frames.features, frames.silent) == (3, 2)


@pytest.mark.parametrize(("lines", "message"), [
    (["CLB_X0Y0.AFF.ZRST"],
     "line 1: the database has no feature AFF.ZRST[0] for tile CLB_X0Y0, a CLB"),
    (["", "CLB_X0Y0.ALUT.INIT[11]"],
     "line 2: the database has no feature ALUT.INIT[11] for tile CLB_X0Y0, a CLB"),
    (["CLB_X9Y9.AFF.ZINI"], "line 1: the part has no tile CLB_X9Y9"),
    (["BARE_X3Y0.AFF.ZINI"], "BARE_X3Y0.AFF.ZINI[0] needs frames of CLB_IO_CLK, and the tile has"),
    (["CLB_X0Y0.FAR"], "CLB_X0Y0.FAR[0] is bit 36_0, which is outside the tile"),
    (["CLB_X0Y0.WIDE"], "CLB_X0Y0.WIDE[0] is bit 0_64, which is outside the tile"),
    (["SING_X2Y0.SITE_Y1.PULL"], "SING_X2Y0.SITE_Y1.PULL[0] is bit 1_63, which is outside"),
    (["CLB_X0Y0.MUX.A", "CLB_X0Y0.MUX.B"],
     "CLB_X0Y0.MUX.A[0] wants the bit set that CLB_X0Y0.MUX.B[0] wants clear: "
     "frame 0x00400100, word 4, bit 1"),
    (["CLB_X0Y0 AFF"], "a line must be TILE.FEATURE, perhaps with [bits] and = value, not"),
    (["CLB_X0Y0.ALUT.INIT[1:0] = 3'b100"], "the value must fit bits 1 to 0"),
    (["CLB_X0Y0.ALUT.INIT[0:1] = 2'b11"], "the value must fit bits 0 to 1"),
    (["CLB_X9Y9.A"] * 12, "and 2 more"),
])
def test_what_cannot_be_made_is_named(database, lines, message):
    with pytest.raises(FasmError, match=re.escape(message)):
        assemble(lines, database)


@pytest.mark.parametrize("grid", ["{", "[]", '{"A": {"type": "CLB"}}', None])
def test_a_database_that_is_none_is_refused(tmp_path, grid):
    (tmp_path / "die").mkdir()
    if grid is not None:
        (tmp_path / "die" / "tilegrid.json").write_text(grid)

    with pytest.raises(DatabaseError, match="must be a grid of tiles of Project X-Ray"):
        Database(tmp_path, "die")


def test_a_bit_that_is_none_is_refused(database, tmp_path):
    (tmp_path / "segbits_clb.db").write_text("CLB.AFF.ZINI 35-63\n")

    with pytest.raises(DatabaseError, match="must be like 26_09 or !26_09, not '35-63'"):
        assemble(["CLB_X0Y0.AFF.ZINI"], database)


def test_frames_are_written_as_the_tool_reads_them(database, tmp_path):
    write_frames(assemble(["CLB_X0Y0.AFF.ZINI"], database), tmp_path / "frames")

    address, words = (tmp_path / "frames").read_text().rstrip("\n").split(" ")
    assert address == "0x00400123"
    assert words.split(",") == ["0x80000000" if at == 5 else "0x00000000" for at in range(WORDS)]


def test_frames_that_differ_are_told_and_their_check_bits_do_not_count():
    wanted = {0x10: [1] + [0] * 100, 0x20: [0] * 50 + [0x2001] + [0] * 50, 0x30: [0] * 101}

    assert bitstream.differences(wanted, {0x10: [1] + [0] * 100,
                                          0x20: [0] * 50 + [0x3F02 & ~0x1F00] + [0] * 50}) == []
    assert bitstream.differences(wanted, {0x20: wanted[0x20], 0x40: [7] + [0] * 100}) == [
        "frame 0x00000010: 101 words wanted, 0 found, 0 bits of them differ",
        "frame 0x00000040: 0 words wanted, 101 found, 0 bits of them differ"]
    assert bitstream.differences(wanted, wanted | {0x10: [3] + [0] * 100}) == [
        "frame 0x00000010: 101 words wanted, 101 found, 1 bits of them differ"]


def test_a_program_that_is_not_there_is_named_with_the_command_that_gets_it(monkeypatch, tmp_path):
    monkeypatch.setattr(tools, "_REPOSITORY", tmp_path)

    with pytest.raises(ToolError, match=r"bitread is not installed: run `python3 tools/setup\.py"):
        tools.find_prjxray("bitread")


#: A lookup table, a flip-flop, a connection, a word of block RAM, and a pad of the xc7a200t.
ON_THE_PART = """\
CLBLL_L_X100Y188.SLICEL_X0.ALUT.INIT[63:0] = 64'hF00F00FF12345678
CLBLL_L_X100Y188.SLICEL_X0.AFF.ZINI
BRAM_R_X99Y185.RAMB18_Y0.IN_USE
BRAM_R_X99Y185.RAMB18_Y0.INIT_3F[255:0] = 256'hDEADBEEF
RIOB33_X105Y177.IOB_Y1.LVCMOS33_LVTTL.DRIVE.I12_I8
CMT_TOP_R_UPPER_T_X8Y200.PLLE2_ADV.LKTABLE[39:0] = 40'hB5BE8FA401
"""


def test_a_bitstream_of_the_part_reads_back_frame_by_frame(tmp_path):
    try:
        folder = tools.prjxray_database()
    except ToolError as reason:
        pytest.skip(str(reason))
    frames = assemble(ON_THE_PART.splitlines(), Database(folder, "xc7a200t"))

    bitstream.make_bitstream(frames, tmp_path / "top.bit")
    found = bitstream.read_bitstream(tmp_path / "top.bit")

    ones = (0xF00F00FF12345678, 0xDEADBEEF, 0xB5BE8FA401)
    assert frames.features == sum(value.bit_count() for value in ones) + 3
    assert bitstream.differences(frames.words, found) == []
    # UG470, "IDCODE": one word into register 12, behind which comes the part that it must be.
    assert bytes.fromhex("30018001") + load_board("nitefury2").idcode.to_bytes(4) in (
        tmp_path / "top.bit").read_bytes()
    found[min(found)][7] ^= 1
    assert len(bitstream.differences(frames.words, found)) == 1

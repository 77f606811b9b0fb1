# SPDX-License-Identifier: BSD-2-Clause
"""One declaration, four outputs: they agree, they are current, and bad declarations are refused."""

import re
import shutil
import subprocess
from enum import IntEnum
from pathlib import Path

import pytest
from amaranth.sim import Simulator
from vop.regmap.__main__ import main
from vop.regmap.model import (
    Access,
    Block,
    Constants,
    Field,
    Map,
    Member,
    Register,
    Side,
    Struct,
)
from vop.regmap.outputs import difference, generate
from vop.regmap.to_c import FIRMWARE, LINUX, emit, macro_name, struct_name
from vop.regmap.to_csr import CsrBank
from vop.regs import REGISTER_MAP
from vop.regs.copier import CommandError

ROOT = Path(__file__).parents[2]
GOLDEN = Path(__file__).with_name("golden_offsets.txt")

HEADERS = {"firmware/core/include/vop/regs/vop_regs.h": FIRMWARE,
           "host-driver/kernel/regs/vop_regs.h": LINUX}
COMPILERS = {
    "gcc": ["gcc"],
    "riscv64-unknown-elf-gcc": ["riscv64-unknown-elf-gcc", "-march=rv32im", "-mabi=ilp32",
                                "-ffreestanding"],
}


def field(**changes):
    return Field(**{"name": "bits", "lsb": 0, "width": 8, "access": Access.RW, "doc": "Bits.",
                    **changes})


def register(**changes):
    return Register(**{"name": "control", "offset": 0, "doc": "Control.", "fields": (field(),),
                       **changes})


def block(**changes):
    return Block(**{"name": "part", "base": 0, "size": 0x100, "doc": "A part.",
                    "registers": (register(),), **changes})


def member(**changes):
    return Member(**{"name": "word", "offset": 0, "width": 4, "written_by": Side.HOST,
                     "doc": "A word.", **changes})


def regmap(**changes):
    return Map(**{"blocks": (block(),), "structs": (), "constants": (), "enums": (), **changes})


@pytest.mark.parametrize("path", generate(REGISTER_MAP))
def test_a_generated_file_is_current(path):
    diff = difference(ROOT, path, generate(REGISTER_MAP)[path])

    assert not diff, f"{diff}\n{path} is stale: run `make regs`"


@pytest.mark.parametrize("path", generate(REGISTER_MAP))
def test_a_generated_file_names_its_source_and_its_command_on_line_one(path):
    first = generate(REGISTER_MAP)[path].splitlines()[0]

    assert "SPDX-License-Identifier: " in first
    assert "Generated from gateware/vop/regs by `make regs`." in first


def test_the_program_writes_what_check_then_finds_current(tmp_path, capsys):
    assert main(["--root", str(tmp_path), "--check"]) == 1
    stale = capsys.readouterr()
    assert "+#ifndef VOP_REGS_H" in stale.out
    assert stale.err.endswith(": run `make regs`\n")

    assert main(["--root", str(tmp_path)]) == 0
    assert capsys.readouterr().out.count("wrote ") == 3
    assert main(["--root", str(tmp_path), "--check"]) == 0
    assert capsys.readouterr() == ("", "")


def test_the_program_refuses_a_root_that_is_not_there(tmp_path, capsys):
    with pytest.raises(SystemExit) as leaving:
        main(["--root", str(tmp_path / "none")])

    assert leaving.value.code == 2
    assert "Root must be a directory, not " in capsys.readouterr().err


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("path", HEADERS)
def test_a_header_compiles_without_a_warning(path, compiler, tmp_path):
    if shutil.which(compiler) is None:
        pytest.skip(f"needs {compiler}: run `make setup`")
    if compiler != "gcc" and HEADERS[path] is LINUX:
        pytest.skip("needs Linux headers, which a freestanding compiler has not")
    source = tmp_path / "header.c"
    source.write_text(f'#include "{ROOT / path}"\n#include "{ROOT / path}"\n')

    done = subprocess.run(
        [*COMPILERS[compiler], "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-c",
         "-o", str(tmp_path / "header.o"), str(source)], capture_output=True, text=True)

    assert done.returncode == 0, done.stderr


def golden():
    for line in GOLDEN.read_text().splitlines():
        if not line.startswith("#"):
            name, value = line.split()
            yield name, int(value, 0)


@pytest.mark.parametrize(("name", "value"), list(golden()))
@pytest.mark.parametrize("path", HEADERS)
def test_a_header_says_what_the_golden_file_says(path, name, value):
    text = (ROOT / path).read_text()
    owner, item = name.split(".")

    if owner.startswith("vop_"):
        found = re.search(rf"offsetof\(struct {owner}, {item}(?:_le)?\) == (\d+)", text)
    else:
        found = re.search(rf"^#define {macro_name(owner, item)}\s+(\w+)u$", text, re.MULTILINE)

    assert found is not None
    assert int(found[1], 0) == value


@pytest.mark.parametrize("part", REGISTER_MAP.blocks, ids=lambda part: part.name)
def test_each_register_answers_at_its_declared_address_and_nowhere_else(part):
    dut = CsrBank(part, address_bits=18)
    declared = {part.base + offset: (item.name, index) for item in part.registers
                for index, offset in enumerate(item.offsets)}
    probes = sorted({*declared, *(part.base + at for at in range(0, min(part.size, 0x420), 4))})
    hits = {}

    async def bench(ctx):
        for address in probes:
            ctx.set(dut.bus.address, address)
            ctx.set(dut.bus.read, 1)
            for item in part.registers:
                interfaces = getattr(dut, item.name)
                for index, interface in enumerate(interfaces if item.count > 1 else [interfaces]):
                    if ctx.get(interface.was_read):
                        hits[address] = (item.name, index)
            ctx.set(dut.bus.read, 0)
            await ctx.tick()

    simulator = Simulator(dut)
    simulator.add_clock(8e-9)
    simulator.add_testbench(bench)
    simulator.run()
    assert hits == declared


BAD_DECLARATIONS = [
    (lambda: field(name="Bits"),
     "Field name must be lower snake case and not a reserved word, not 'Bits'"),
    (lambda: field(name="signed"),
     "Field name must be lower snake case and not a reserved word, not 'signed'"),
    (lambda: field(lsb=30, width=4), "Field 'bits' must lie in bits 0 to 31, not 30 to 33"),
    (lambda: field(reset=256), "Reset value of 'bits' must fit 8 bits, not 0x100"),
    (lambda: field(doc="Bits"), "Description of 'bits' must be a sentence, not 'Bits'"),
    (lambda: register(offset=2),
     "Offset and stride of register 'control' must be multiples of 4, not 0x2 and 0x0"),
    (lambda: register(count=2), "Register 'control' must have a stride exactly when its count is "
                                "above 1, not count 2 and stride 0"),
    (lambda: register(fields=(field(), field())), "Field 'bits' is declared twice in 'control'"),
    (lambda: register(fields=(field(), field(name="more", lsb=7))),
     "Field 'more' overlaps another in 'control'"),
    (lambda: block(size=0x60), "Block 'part' must have a power-of-two size and a base that is a "
                               "multiple of it, not 0x60 and 0x0"),
    (lambda: block(base=0x80), "Block 'part' must have a power-of-two size and a base that is a "
                               "multiple of it, not 0x100 and 0x80"),
    (lambda: block(registers=(register(offset=0x100),)),
     "Register 'control' at 0x100 is outside block 'part' of 0x100 bytes"),
    (lambda: block(registers=(register(), register(name="other"))),
     "Register 'other' overlaps 'control' at 0x0 in 'part'"),
    (lambda: block(registers=(register(), register(offset=4))),
     "Register 'control' is declared twice in 'part'"),
    (lambda: member(width=3), "Member 'word' must be 1, 2, 4 or 8 bytes wide, not 3"),
    (lambda: member(offset=2), "Member 'word' must be aligned to its 4 bytes, not at 0x2"),
    (lambda: Struct("shared", 8, "Shared.", (member(offset=4),)),
     "Member 'word' of 'shared' must start at 0x0, not 0x4"),
    (lambda: Struct("shared", 8, "Shared.", (member(),)), "Struct 'shared' must be 8 bytes, not 4"),
    (lambda: Constants("limits", "Limits.", (("most", 1, "Most."), ("most", 2, "Most."))),
     "Constant 'most' is declared twice in 'limits'"),
    (lambda: regmap(blocks=(block(), block(name="other"))), "Block 'other' overlaps 'part'"),
    (lambda: regmap(blocks=(block(), block(base=0x100))),
     "Declaration 'part' is declared twice in 'the map'"),
    (lambda: emit(regmap(structs=(Struct("shared", 4, "Shared.", (member(signed=True),)),)), LINUX),
     "Member 'word' must be unsigned or one byte wide, not signed and 4 bytes wide"),
    (lambda: CsrBank(block(base=0x10000)),
     "Block 'part' must lie within 16 address bits, not end at 0x10100"),
    (lambda: CsrBank(block(registers=(register(name="bus"),))),
     "Register of 'part' must not be called 'bus', which its bank needs"),
]


@pytest.mark.parametrize(("declare", "message"),
                         BAD_DECLARATIONS, ids=[message for _, message in BAD_DECLARATIONS])
def test_a_bad_declaration_is_refused(declare, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        declare()


def test_two_macros_of_the_same_name_are_refused():
    class Part(IntEnum):
        """Codes."""

        CONTROL = 1

    with pytest.raises(ValueError, match=r"^Macro 'VOP_PART_CONTROL' would be defined twice$"):
        emit(regmap(enums=(Part,)), FIRMWARE)


def test_what_is_only_read_and_what_is_only_written_may_share_bits():
    shared = register(fields=(field(name="sent", access=Access.W),
                              field(name="received", access=Access.R)))

    assert [item.mask for item in shared.fields] == [0xFF, 0xFF]


def test_names_in_c_begin_with_vop_once():
    assert macro_name("vop", "magic") == "VOP_MAGIC"
    assert macro_name("link", "cpu") == "VOP_LINK_CPU"
    assert struct_name(Struct("vop_shared", 4, "Shared.", (member(),))) == "vop_shared"
    assert struct_name(Struct("shared", 4, "Shared.", (member(),))) == "vop_shared"


def test_the_gateware_gives_every_error_that_is_declared():
    gateware = "".join(path.read_text() for part in ("copier", "requester")
                       for path in (ROOT / "gateware/vop" / part).glob("*.py"))

    assert [error.name for error in CommandError
            if not re.search(rf"CommandError\.{error.name}\b", gateware)] == []

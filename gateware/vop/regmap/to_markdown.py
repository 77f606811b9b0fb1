# SPDX-License-Identifier: BSD-2-Clause
"""`docs/registers.md` from a register map: a table for each block, structure and code."""

from collections.abc import Iterator
from enum import IntEnum

from .model import Block, Constants, Field, Map, Register, Struct
from .to_c import struct_name

__all__ = ["emit"]


def emit(regmap: Map) -> str:
    """The whole document, as text."""
    lines = [
        "<!-- SPDX-License-Identifier: BSD-2-Clause --> "
        "<!-- Generated from gateware/vop/regs by `make regs`. -->",
        "# Registers and shared structures",
        "",
        "Addresses are in bytes from the start of the register space; its first 64 KiB are BAR0. "
        "Registers are 32 bits wide. Both sides may read every register that they can reach; "
        "*written by* says who may write. Structures are little-endian.",
        "",
        "| block | address | bytes | purpose |",
        "|---|---|---|---|",
        *(f"| [{block.name}](#block-{block.name}) | `{block.base:#07x}` | {block.size} | "
          f"{block.doc} |" for block in regmap.blocks),
    ]
    for block in regmap.blocks:
        lines += _block(block)
    for struct in regmap.structs:
        lines += _struct(struct)
    for enum in regmap.enums:
        lines += _enum(enum)
    for constants in regmap.constants:
        lines += _constants(constants)
    return "\n".join([*lines, ""])


def _block(block: Block) -> Iterator[str]:
    yield from ("", f"## Block {block.name}", "", block.doc, "",
                "| address | register | bits | field | access | reset | written by | meaning |",
                "|---|---|---|---|---|---|---|---|")
    for register in block.registers:
        yield _register(block, register)
        yield from (_field(field) for field in register.fields)


def _register(block: Block, register: Register) -> str:
    address = f"`{block.base + register.offset:#07x}`"
    if register.count > 1:
        address += f" + {register.stride:#x} n, n = 0 to {register.count - 1}"
    return (f"| {address} | **{register.name}** | | | | `{register.reset:#x}` | "
            f"{register.written_by.value} | {register.doc} |")


def _field(field: Field) -> str:
    bits = f"{field.lsb}" if field.width == 1 else f"{field.lsb + field.width - 1}:{field.lsb}"
    doc = field.doc
    if field.enum is not None:
        doc += f" Codes: {field.enum.__name__}."
    if field.since:
        doc += f" Since layout minor {field.since}."
    return f"| | | {bits} | {field.name} | {field.access.value} | `{field.reset:#x}` | | {doc} |"


def _struct(struct: Struct) -> Iterator[str]:
    yield from ("", f"## Structure {struct_name(struct)}", "",
                f"{struct.doc} {struct.size} bytes.", "",
                "| offset | bytes | member | written by | meaning |", "|---|---|---|---|---|")
    for member in struct.members:
        size = f"{member.width}" + (f" x {member.count}" if member.count > 1 else "")
        sign = " Signed." if member.signed else ""
        yield (f"| {member.offset} | {size} | {member.name} | {member.written_by.value} | "
               f"{member.doc}{sign} |")


def _enum(enum: type[IntEnum]) -> Iterator[str]:
    yield from ("", f"## Codes {enum.__name__}", "", (enum.__doc__ or "").strip(), "",
                "| code | name |", "|---|---|")
    yield from (f"| {int(member)} | {member.name} |" for member in enum)


def _constants(constants: Constants) -> Iterator[str]:
    yield from ("", f"## Constants {constants.name}", "", constants.doc, "",
                "| name | value | meaning |", "|---|---|---|")
    for name, value, doc in constants.values:
        shown = f"{value}" if abs(value) < 1024 else f"{value:#x}"
        yield f"| {name} | `{shown}` | {doc} |"

# SPDX-License-Identifier: BSD-2-Clause
"""C headers from a register map: one dialect for the firmware, one for Linux.

A header holds numbers and layouts only. Registers are byte addresses from the start of the register
space, fields are masks, structures are little-endian and carry a static assertion on their size and
on every offset.
"""

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from .model import Block, Constants, Map, Member, Register, Struct

__all__ = ["Dialect", "FIRMWARE", "LINUX", "emit", "macro_name", "struct_name"]

_COLUMNS = 80


@dataclass(frozen=True)
class Dialect:
    """How one world spells fixed-width little-endian members.

    ``types`` maps (width in bytes, signed) to a type name. ``wide_suffix`` ends the names of
    members wider than a byte, where the type itself does not tell their byte order.
    """

    spdx: str
    guard: str
    include: str
    types: dict[tuple[int, bool], str]
    wide_suffix: str


FIRMWARE = Dialect(
    spdx="Apache-2.0",
    guard="VOP_REGS_VOP_REGS_H",
    include="<stdint.h>",
    types={(1, False): "uint8_t", (1, True): "int8_t",
           (2, False): "uint16_t", (4, False): "uint32_t", (8, False): "uint64_t"},
    wide_suffix="_le")

LINUX = Dialect(
    spdx="GPL-2.0-only",
    guard="VOP_REGS_H",
    include="<linux/types.h>",
    types={(1, False): "__u8", (1, True): "__s8",
           (2, False): "__le16", (4, False): "__le32", (8, False): "__le64"},
    wide_suffix="")


def macro_name(*parts: str) -> str:
    """``VOP_A_B`` from ("a", "b"); parts that already begin with vop do not repeat it."""
    name = "_".join(part for part in parts if part).upper()
    return name if name.startswith("VOP_") else f"VOP_{name}"


def struct_name(struct: Struct) -> str:
    """The structure's tag in C."""
    return struct.name if struct.name.startswith("vop_") else f"vop_{struct.name}"


def emit(regmap: Map, dialect: Dialect) -> str:
    """The whole header, as text.

    Raises
    ------
    ValueError
        If two declarations would get the same macro name, or a structure has a member that the
        dialect cannot spell.
    """
    lines = [
        f"/* SPDX-License-Identifier: {dialect.spdx} */ "
        "/* Generated from gateware/vop/regs by `make regs`. */",
        f"#ifndef {dialect.guard}",
        f"#define {dialect.guard}",
        "",
        f"#include {dialect.include}",
    ]
    for constants in regmap.constants:
        lines += _constants(constants)
    for enum in regmap.enums:
        lines += _enum(enum)
    for block in regmap.blocks:
        lines += _block(block)
    for struct in regmap.structs:
        lines += _struct(struct, dialect)
    lines += ["", f"#endif /* {dialect.guard} */", ""]
    _check_macros(lines)
    return "\n".join(lines)


def _check_macros(lines: list[str]) -> None:
    seen = set()
    for line in lines:
        match = re.match(r"(?:#define|\t)\s*(VOP_\w+)(?: =|\t|$)", line)
        if match is None:
            continue
        if match[1] in seen:
            raise ValueError(f"Macro {match[1]!r} would be defined twice")
        seen.add(match[1])


def _comment(text: str) -> Iterator[str]:
    text = text.replace("*/", "* /")
    if len(text) + 6 <= _COLUMNS:
        yield f"/* {text} */"
        return
    yield "/*"
    yield from (f" * {line}" for line in textwrap.wrap(text, _COLUMNS - 3))
    yield " */"


def _define(name: str, value: str) -> str:
    tabs = max(1, (48 - len("#define ") - len(name) + 7) // 8)
    return f"#define {name}" + "\t" * tabs + value


def _number(value: int) -> str:
    if value < 0:
        return f"({value})"
    return str(value) if value < 1024 else f"{value:#x}u"


def _constants(constants: Constants) -> Iterator[str]:
    yield ""
    yield from _comment(f"{constants.name}: {constants.doc}")
    for name, value, doc in constants.values:
        yield ""
        yield from _comment(doc)
        yield _define(macro_name(constants.name, name), _number(value))


def _enum(enum: type[IntEnum]) -> Iterator[str]:
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", enum.__name__).lower()
    yield ""
    yield from _comment((enum.__doc__ or "").strip())
    yield f"enum vop_{name} {{"
    for member in enum:
        yield f"\t{macro_name(name, member.name)} = {int(member)},"
    yield "};"


def _block(block: Block) -> Iterator[str]:
    yield ""
    yield from _comment(f"Block {block.name}: {block.doc}")
    yield _define(macro_name(block.name, "block"), f"{block.base:#07x}u")
    yield _define(macro_name(block.name, "block_bytes"), f"{block.size:#x}u")
    for register in block.registers:
        yield from _register(block, register)


def _register(block: Block, register: Register) -> Iterator[str]:
    yield ""
    yield from _comment(f"{register.doc} Written by: {register.written_by.value}.")
    yield _define(macro_name(block.name, register.name), f"{block.base + register.offset:#07x}u")
    if register.count > 1:
        yield _define(macro_name(block.name, register.name, "count"), str(register.count))
        yield _define(macro_name(block.name, register.name, "stride"), f"{register.stride:#x}u")
    for field in register.fields:
        yield _define(macro_name(block.name, register.name, field.name, "mask"),
                      f"{field.mask:#010x}u")


def _struct(struct: Struct, dialect: Dialect) -> Iterator[str]:
    tag = struct_name(struct)
    yield ""
    yield from _comment(struct.doc)
    yield f"struct {tag} {{"
    for member in struct.members:
        yield from (f"\t{line}" for line in _comment(
            f"{member.doc} Written by: {member.written_by.value}."))
        yield f"\t{_type(member, dialect)} {_member(member, dialect)}{_array(member)};"
    yield "};"
    yield ""
    yield from _assertion(f"sizeof(struct {tag}) == {struct.size}", f"size of {tag}")
    for member in struct.members:
        name = _member(member, dialect)
        yield from _assertion(f"__builtin_offsetof(struct {tag}, {name}) == {member.offset}",
                              f"offset of {tag}.{name}")


def _assertion(condition: str, message: str) -> Iterator[str]:
    yield f"_Static_assert({condition},"
    yield f"\t       \"{message}\");"


def _type(member: Member, dialect: Dialect) -> str:
    try:
        return dialect.types[member.width, member.signed]
    except KeyError:
        raise ValueError(f"Member {member.name!r} must be unsigned or one byte wide, not signed "
                         f"and {member.width} bytes wide") from None


def _member(member: Member, dialect: Dialect) -> str:
    return member.name + (dialect.wide_suffix if member.width > 1 else "")


def _array(member: Member) -> str:
    return f"[{member.count}]" if member.count > 1 else ""

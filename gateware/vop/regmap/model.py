# SPDX-License-Identifier: BSD-2-Clause
"""Registers, fields and shared structures as plain data.

A declaration is checked when it is made: overlap, misalignment, oversize, and duplicate or
reserved names are refused, and the message names the culprit. Nothing here knows Amaranth, so
headers and documents build on a machine that has only Python.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, IntEnum
from itertools import pairwise

__all__ = ["Access", "Side", "Field", "Register", "Block", "Member", "Struct", "Constants", "Map"]

REGISTER_BITS = 32
REGISTER_BYTES = REGISTER_BITS // 8

# Words that C, the kernel's macros or Amaranth would stumble over.
RESERVED_NAMES = frozenset(
    ("auto", "break", "case", "char", "const", "continue", "default", "do", "double", "else",
     "enum", "extern", "float", "for", "goto", "if", "int", "long", "register", "return", "short",
     "signed", "sizeof", "static", "struct", "switch", "typedef", "union", "unsigned", "void",
     "volatile", "while", "signature", "elaborate"))

_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*\Z")


class Access(Enum):
    """What software may do with a field."""

    R = "R"        #: read only
    W = "W"        #: write only; reads as zero
    RW = "RW"      #: reads return what was written
    RW1C = "RW1C"  #: the gateware sets bits, writing 1 clears them
    RW1S = "RW1S"  #: writing 1 sets bits, the gateware clears them


class Side(Enum):
    """Which machine may write. A write from the other one is dropped and counted."""

    HOST = "host"
    CARD = "card"
    BOTH = "both"


def _check_name(kind: str, name: str) -> None:
    if not _NAME.match(name) or name in RESERVED_NAMES:
        raise ValueError(
            f"{kind} name must be lower snake case and not a reserved word, not {name!r}")


def _check_unique(kind: str, owner: str, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{kind} {name!r} is declared twice in {owner!r}")


@dataclass(frozen=True)
class Field:
    """A run of bits in a register.

    ``lsb`` is the lowest bit, ``width`` is in bits. ``enum`` names the codes the field can hold.
    ``since`` is the layout minor that introduced it.
    """

    name: str
    lsb: int
    width: int
    access: Access
    doc: str
    reset: int = 0
    enum: type[IntEnum] | None = None
    since: int = 0

    def __post_init__(self) -> None:
        _check_name("Field", self.name)
        if self.width < 1 or self.lsb < 0 or self.lsb + self.width > REGISTER_BITS:
            raise ValueError(f"Field {self.name!r} must lie in bits 0 to 31, not "
                             f"{self.lsb} to {self.lsb + self.width - 1}")
        if not 0 <= self.reset < 1 << self.width:
            raise ValueError(f"Reset value of {self.name!r} must fit {self.width} bits, not "
                             f"{self.reset:#x}")
        if not self.doc.endswith("."):
            raise ValueError(f"Description of {self.name!r} must be a sentence, not {self.doc!r}")

    @property
    def mask(self) -> int:
        """The field's bits within the register."""
        return ((1 << self.width) - 1) << self.lsb


@dataclass(frozen=True)
class Register:
    """A 32-bit register, or ``count`` of them ``stride`` bytes apart.

    ``offset`` is in bytes from the start of its block. ``written_by`` says which machine may
    write; both may always read. Fields do not overlap, but what is only read and what is only
    written may share bits.
    """

    name: str
    offset: int
    doc: str
    fields: tuple[Field, ...]
    written_by: Side = Side.BOTH
    count: int = 1
    stride: int = 0

    def __post_init__(self) -> None:
        _check_name("Register", self.name)
        if self.offset % REGISTER_BYTES or self.stride % REGISTER_BYTES:
            raise ValueError(f"Offset and stride of register {self.name!r} must be multiples of 4, "
                             f"not {self.offset:#x} and {self.stride:#x}")
        if self.count < 1 or (self.count > 1) != (self.stride > 0):
            raise ValueError(f"Register {self.name!r} must have a stride exactly when its count "
                             f"is above 1, not count {self.count} and stride {self.stride}")
        _check_unique("Field", self.name, [field.name for field in self.fields])
        self._check_overlap([field for field in self.fields if field.access is not Access.W])
        self._check_overlap([field for field in self.fields if field.access is not Access.R])

    def _check_overlap(self, fields: list[Field]) -> None:
        used = 0
        for field in fields:
            if used & field.mask:
                raise ValueError(f"Field {field.name!r} overlaps another in {self.name!r}")
            used |= field.mask

    @property
    def offsets(self) -> tuple[int, ...]:
        """Byte offset of every instance."""
        return tuple(self.offset + n * self.stride for n in range(self.count))

    @property
    def reset(self) -> int:
        """Value of the whole register after reset."""
        return sum(field.reset << field.lsb for field in self.fields)


@dataclass(frozen=True)
class Block:
    """Registers with one purpose, at ``base`` bytes from the start of the register space."""

    name: str
    base: int
    size: int
    doc: str
    registers: tuple[Register, ...]

    def __post_init__(self) -> None:
        _check_name("Block", self.name)
        if self.size < 4 or self.size & (self.size - 1) or self.base % self.size:
            raise ValueError(f"Block {self.name!r} must have a power-of-two size and a base that "
                             f"is a multiple of it, not {self.size:#x} and {self.base:#x}")
        _check_unique("Register", self.name, [register.name for register in self.registers])
        owner: dict[int, str] = {}
        for register in self.registers:
            for offset in register.offsets:
                if offset + REGISTER_BYTES > self.size:
                    raise ValueError(f"Register {register.name!r} at {offset:#x} is outside block "
                                     f"{self.name!r} of {self.size:#x} bytes")
                if offset in owner:
                    raise ValueError(f"Register {register.name!r} overlaps {owner[offset]!r} at "
                                     f"{offset:#x} in {self.name!r}")
                owner[offset] = register.name

    def register(self, name: str) -> Register:
        """The register called ``name``; KeyError names the block if there is none."""
        for register in self.registers:
            if register.name == name:
                return register
        raise KeyError(f"Block {self.name!r} has no register {name!r}")

    def address(self, name: str, index: int = 0) -> int:
        """Byte address of a register, from the start of the register space."""
        return self.base + self.register(name).offsets[index]


@dataclass(frozen=True)
class Member:
    """A member of a shared structure: little-endian, at ``offset`` bytes, ``width`` bytes wide.

    ``written_by`` says who writes it. ``count`` makes it an array.
    """

    name: str
    offset: int
    width: int
    written_by: Side
    doc: str
    signed: bool = False
    count: int = 1

    def __post_init__(self) -> None:
        _check_name("Member", self.name)
        if self.width not in (1, 2, 4, 8):
            raise ValueError(f"Member {self.name!r} must be 1, 2, 4 or 8 bytes wide, not "
                             f"{self.width}")
        if self.offset % self.width:
            raise ValueError(f"Member {self.name!r} must be aligned to its {self.width} bytes, "
                             f"not at {self.offset:#x}")

    @property
    def end(self) -> int:
        """Offset of the first byte behind it."""
        return self.offset + self.width * self.count


@dataclass(frozen=True)
class Struct:
    """A structure in memory that both machines see. Gaps are an error: padding is a member."""

    name: str
    size: int
    doc: str
    members: tuple[Member, ...]

    def __post_init__(self) -> None:
        _check_name("Struct", self.name)
        _check_unique("Member", self.name, [member.name for member in self.members])
        at = 0
        for member in self.members:
            if member.offset != at:
                raise ValueError(f"Member {member.name!r} of {self.name!r} must start at {at:#x}, "
                                 f"not {member.offset:#x}")
            at = member.end
        if at != self.size:
            raise ValueError(f"Struct {self.name!r} must be {self.size} bytes, not {at}")

    def member(self, name: str) -> Member:
        """The member called ``name``; KeyError names the structure if there is none."""
        for member in self.members:
            if member.name == name:
                return member
        raise KeyError(f"Struct {self.name!r} has no member {name!r}")


@dataclass(frozen=True)
class Constants:
    """Named numbers that belong together: limits, codes and addresses of the protocol."""

    name: str
    doc: str
    values: tuple[tuple[str, int, str], ...]

    def __post_init__(self) -> None:
        _check_name("Constants", self.name)
        _check_unique("Constant", self.name, [name for name, _, _ in self.values])
        for name, _value, _doc in self.values:
            _check_name("Constant", name)

    def __getitem__(self, name: str) -> int:
        for candidate, value, _doc in self.values:
            if candidate == name:
                return value
        raise KeyError(f"Constants {self.name!r} have no {name!r}")


@dataclass(frozen=True)
class Map:
    """Everything that crosses a boundary, in the order the documents show it."""

    blocks: tuple[Block, ...]
    structs: tuple[Struct, ...]
    constants: tuple[Constants, ...]
    enums: tuple[type[IntEnum], ...]

    def __post_init__(self) -> None:
        names = [item.name for item in (*self.blocks, *self.structs, *self.constants)]
        _check_unique("Declaration", "the map", names)
        ordered = sorted(self.blocks, key=lambda block: block.base)
        for below, above in pairwise(ordered):
            if below.base + below.size > above.base:
                raise ValueError(f"Block {above.name!r} overlaps {below.name!r}")

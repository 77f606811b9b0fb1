# SPDX-License-Identifier: BSD-2-Clause
"""Commands and vring contexts as bytes, by the names of the register map."""

from vop.regs import REGISTER_MAP
from vop.regs.copier import COMMAND, COMMAND_BITS, VRING_CONTEXT, Opcode

__all__ = ["address", "command", "context"]

_BLOCKS = {block.name: block for block in REGISTER_MAP.blocks}
_FLAGS = ("record", "interrupt", "to_host", "list", "relaxed", "no_snoop")


def address(name: str, index: int = 0) -> int:
    """Offset in BAR0 of a register called ``block.register``."""
    block, register = name.split(".")
    return _BLOCKS[block].address(register, index)


def _pack(struct, values: dict[str, int]) -> bytes:
    image = bytearray(struct.size)
    for name, value in values.items():
        member = struct.member(name)
        image[member.offset : member.offset + member.width] = value.to_bytes(member.width, "little")
    return bytes(image)


def command(opcode: Opcode, *flags: str, tag: int = 0, **members: int) -> bytes:
    """Encode a command; ``flags`` are bits of its first word: record, interrupt, to_host, ..."""
    unknown = set(flags) - set(_FLAGS)
    if unknown:
        raise ValueError(f"Flags must be among {_FLAGS}, not {sorted(unknown)}")
    control = opcode << COMMAND_BITS["opcode_lsb"] | tag << COMMAND_BITS["tag_lsb"]
    control |= sum(1 << COMMAND_BITS[f"{flag}_lsb"] for flag in flags)
    return _pack(COMMAND, {"control": control, **members})


def context(**members: int) -> bytes:
    """Encode a vring context."""
    return _pack(VRING_CONTEXT, members)

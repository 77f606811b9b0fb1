# SPDX-License-Identifier: BSD-2-Clause
"""Layouts of commands, records and vring contexts, taken from the register map."""

from amaranth.lib import data

from ..regs.copier import COMMAND, RECORD, VRING_CONTEXT

__all__ = ["layout_of", "CommandLayout", "RecordLayout", "ContextLayout"]


def layout_of(struct):
    """The Amaranth layout of a :class:`~vop.regmap.model.Struct`: byte 0 in bits 7:0."""
    def shape(member):
        bits = 8 * member.width
        return data.ArrayLayout(bits, member.count) if member.count > 1 else bits

    return data.FlexibleLayout(8 * struct.size, {
        member.name: data.Field(shape(member), 8 * member.offset) for member in struct.members
    })


CommandLayout = layout_of(COMMAND)
RecordLayout = layout_of(RECORD)
ContextLayout = layout_of(VRING_CONTEXT)

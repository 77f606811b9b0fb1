# SPDX-License-Identifier: BSD-2-Clause
"""Layouts of commands, records and vring contexts, taken from the register map."""

from amaranth.lib import data

from ..regs.copier import COMMAND, COPIER_LIMITS, RECORD, VRING_CONTEXT

__all__ = ["layout_of", "CommandLayout", "RecordLayout", "ContextLayout", "JobLayout",
           "OutcomeLayout"]


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

#: A command under way, with all that its channel's registers said when it was taken up.
JobLayout = data.StructLayout({
    "command":        CommandLayout,
    "channel":        range(COPIER_LIMITS["channels"]),
    "card_owned":     1,    # its host addresses need the guard's consent
    "record_address": 64,   # of its slot in the record ring
    "record_phase":   1,
    "sequence":       32,   # commands ended on the channel, this one included
    "vector":         5,    # that tells the host of its end
})

#: How a command ended.
OutcomeLayout = data.StructLayout({
    "error": 8,    # CommandError
    "bytes": 32,   # as the record says
})

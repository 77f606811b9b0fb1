# SPDX-License-Identifier: BSD-2-Clause
"""What the copier asks of the requester: segments, each of one channel and one direction."""

from amaranth.lib import data

from ..regs.copier import COPIER_LIMITS

__all__ = ["CHANNELS", "SLOTS", "SEGMENT_BYTES", "IMMEDIATE_BYTES", "TICKETS", "SlotLayout",
           "ReadSegmentLayout", "WriteSegmentLayout"]

CHANNELS = COPIER_LIMITS["channels"]

#: Commands of a channel that may be under way at once.
SLOTS = COPIER_LIMITS["in_flight"]

#: Most bytes of a segment: what one channel may put before another's turn.
SEGMENT_BYTES = 1024

#: Most bytes that a write segment can bring along itself.
IMMEDIATE_BYTES = 16

#: Write segments are numbered modulo this.
TICKETS = 64

#: A command under way: the channel, and its place among the channel's.
SlotLayout = data.StructLayout({
    "index":   range(SLOTS),
    "channel": range(CHANNELS),
})


def ReadSegmentLayout(card_bits):
    """Bytes to read from host memory into card RAM."""
    return data.StructLayout({
        "host_address": 64,
        "card_address": card_bits,
        "bytes":        range(SEGMENT_BYTES + 1),  # 1 to SEGMENT_BYTES
        "slot":         SlotLayout,
        "relaxed":      1,                         # attributes, already masked with what the
        "no_snoop":     1,                         # configuration allows
    })


def WriteSegmentLayout(card_bits):
    """Bytes to write from card RAM, or from the segment itself, to host memory."""
    return data.StructLayout({
        "host_address": 64,
        "card_address": card_bits,                 # of its bytes; 0 if `immediate`
        "bytes":        range(SEGMENT_BYTES + 1),  # 1 to SEGMENT_BYTES, or to IMMEDIATE_BYTES
        "channel":      range(CHANNELS),
        "immediate":    1,                         # 1: the bytes are in `data`
        "data":         8 * IMMEDIATE_BYTES,       # byte 0 in bits 7:0
        "relaxed":      1,
        "no_snoop":     1,
    })

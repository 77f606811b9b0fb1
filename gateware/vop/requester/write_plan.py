# SPDX-License-Identifier: BSD-2-Clause
"""How a memory write TLP is planned: what the stages of the writer hand to each other."""

from amaranth.lib import data
from amaranth.utils import ceil_log2

from .segment import CHANNELS, SEGMENT_BYTES, TICKETS

__all__ = ["MAX_TLP_BYTES", "HeadLayout", "TlpLayout", "RunLayout", "PlanLayout", "LineLayout"]

#: Most bytes of a TLP of ours; a larger MPS counts as this.
MAX_TLP_BYTES = SEGMENT_BYTES


def HeadLayout(card_bits):
    """A segment, but for the bytes that it brings along."""
    return data.StructLayout({
        "host_address": 64,
        "card_address": card_bits,
        "bytes":        range(SEGMENT_BYTES + 1),
        "channel":      range(CHANNELS),
        "immediate":    1,
        "relaxed":      1,
        "no_snoop":     1,
    })


def TlpLayout(width):
    """What the header of a TLP says, and what has left when it has."""
    return data.StructLayout({
        "host_address": 64,                               # DW-aligned
        "dword_span":   range(MAX_TLP_BYTES // 4),        # its DWs of payload, less one
        "beats_after":  range(MAX_TLP_BYTES * 8 // width),  # beats behind its first
        "first_be":     4,
        "last_be":      4,
        "relaxed":      1,
        "no_snoop":     1,
        "channel":      range(CHANNELS),
        "ends":         1,                                # it has the last byte of a segment
        "done":         range(TICKETS),                   # all segments before this one have left
    })


def RunLayout(card_bits, width):
    """The lines of card RAM that a TLP's bytes are in, and how they become its beats.

    Byte b of a line goes to byte ``(b + rotation) % line_bytes`` of a beat.
    """
    line_bytes = width // 8
    return data.StructLayout({
        "line":        card_bits - ceil_log2(line_bytes),
        "lines_after": range(MAX_TLP_BYTES // line_bytes + 1),  # lines behind the first
        "rotation":    range(line_bytes),
        "early":       1,                  # the first line ends in beat 0; else it starts there
        "tail":        1,                  # the last line ends in a beat of its own
        "immediate":   1,                  # the bytes are those that the segment brought along
        "spent":       1,                  # ... to the last
    })


def PlanLayout(card_bits, width):
    """One TLP."""
    return data.StructLayout({
        "tlp": TlpLayout(width),
        "run": RunLayout(card_bits, width),
    })


def LineLayout(width):
    """What to do with a line when it comes."""
    return data.StructLayout({
        "rotation":  range(width // 8),
        "early":     1,                    # it is the first of a run that is `early`
        "tail":      1,                    # it is the last of a run that has a `tail`
        "immediate": 1,                    # take the segment's own bytes in its place
        "upper":     1,                    # ... the line's worth behind the first
        "spent":     1,                    # ... for the last time
    })

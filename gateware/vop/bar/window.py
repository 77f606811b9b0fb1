# SPDX-License-Identifier: BSD-2-Clause
"""What the completer sends to a window behind a BAR."""

from amaranth.lib import data

__all__ = ["WindowBeatLayout"]


def WindowBeatLayout(offset_bits, width):
    """One beat of a write."""
    return data.StructLayout({
        "offset_dw":   offset_bits,  # of the write's first DW in the window; on every beat
        "first":       1,
        "last":        1,
        "data":        width,
        "byte_enable": width // 8,   # bytes to write
    })

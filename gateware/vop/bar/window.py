# SPDX-License-Identifier: BSD-2-Clause
"""What the completer asks of a window behind a BAR."""

from amaranth.lib import data

__all__ = ["ReadCommandLayout", "ReadBeatLayout"]

#: A read of one or more DWs. The window accepts it once all of it has been asked for.
ReadCommandLayout = data.StructLayout({
    "address":   32,  # byte offset in the window, bits 1:0 zero
    "length_dw": 11,  # 1 to 1024
})


def ReadBeatLayout(width):
    """One beat of an answer: ``length_dw`` DWs, the first in bits 31:0 of the first beat."""
    return data.StructLayout({
        "last": 1,
        "data": width,
    })

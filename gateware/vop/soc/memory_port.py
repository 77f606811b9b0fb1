# SPDX-License-Identifier: BSD-2-Clause
"""How card RAM is reached: whole lines, streamed."""

from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["WriteLayout", "ReadSignature", "WriteSignature"]


def WriteLayout(line_bits, width):
    """A byte-enabled write of one line."""
    return data.StructLayout({
        "line":   line_bits,    # line number: byte address / (width // 8)
        "data":   width,        # byte 0 of the line in bits 7:0
        "strobe": width // 8,   # bytes to write
    })


class ReadSignature(wiring.Signature):
    """Read port, as its initiator sees it.

    Members
    -------
    request : ``Out(stream.Signature(line_bits))``
        Line number.
    response : ``In(stream.Signature(width, always_ready=True))``
        The line, in order of request, two cycles or more after it was accepted. The initiator
        asks for no more than it can take.
    """

    def __init__(self, line_bits, width):
        super().__init__({
            "request":  Out(stream.Signature(line_bits)),
            "response": In(stream.Signature(width, always_ready=True)),
        })


class WriteSignature(wiring.Signature):
    """Write port, as its initiator sees it: an accepted write is seen by every later-accepted read.

    Members
    -------
    request : ``Out(stream.Signature(WriteLayout(line_bits, width)))``
        The write.
    """

    def __init__(self, line_bits, width):
        super().__init__({"request": Out(stream.Signature(WriteLayout(line_bits, width)))})

# SPDX-License-Identifier: BSD-2-Clause
"""Writes of up to a line's worth of bytes at any byte address: one cycle each, in both banks."""

from amaranth.hdl import Module, Mux
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .memory_port import WriteLayout

__all__ = ["SpanLayout", "SpanSignature", "SpanSpread"]

_BANKS = 2  # lowest bit of the line number


def SpanLayout(line_bits, width):
    """A byte-enabled write that may run over into the next line."""
    return data.StructLayout({
        "line":        line_bits,    # number of the first line
        "data":        width,        # byte n goes to place n of the one line or the other
        "strobe":      width // 8,   # bytes to write of the first line
        "next_strobe": width // 8,   # bytes to write of the line behind it
    })


class SpanSignature(wiring.Signature):
    """Write port for up to two neighbouring lines at once, as its initiator sees it.

    Neighbours lie in different banks, so the memory takes both in one cycle, and never waits. A
    write is seen by every later-accepted read.

    Members
    -------
    request : ``Out(stream.Signature(SpanLayout(line_bits, width), always_ready=True))``
        The write.
    """

    def __init__(self, line_bits, width):
        self._line_bits = line_bits
        self._width = width
        super().__init__({
            "request": Out(stream.Signature(SpanLayout(line_bits, width), always_ready=True)),
        })

    def __eq__(self, other):
        return (isinstance(other, SpanSignature) and self._line_bits == other._line_bits
                and self._width == other._width)

    def __repr__(self):
        return f"SpanSignature({self._line_bits}, {self._width})"


class SpanSpread(wiring.Component):
    """Part a write into one for each bank. Combinational.

    Parameters
    ----------
    line_bits : :class:`int`
        Bits of a line number.
    width : :class:`int`
        Bits of a line.

    Members
    -------
    i : ``In(SpanSignature(line_bits, width))``
        Writes.
    o : ``Out(stream.Signature(WriteLayout(line_bits - 1, width), always_ready=True)).array(2)``
        The same by bank, with the address within the bank as line.
    """

    def __init__(self, *, line_bits, width):
        part = stream.Signature(WriteLayout(line_bits - 1, width), always_ready=True)
        super().__init__({
            "i": In(SpanSignature(line_bits, width)),
            "o": Out(part).array(_BANKS),
        })

    def elaborate(self, platform):
        m = Module()
        span = self.i.request.payload
        odd = span.line[0]
        for number, o in enumerate(self.o):
            strobe = Mux(odd == number, span.strobe, span.next_strobe)
            m.d.comb += [
                # Behind an odd line the even bank goes on one address further.
                o.payload.line.eq(span.line[1:] + (odd if number == 0 else 0)),
                o.payload.data.eq(span.data),
                o.payload.strobe.eq(strobe),
                o.valid.eq(self.i.request.valid & (strobe != 0)),
            ]
        return m

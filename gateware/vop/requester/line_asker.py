# SPDX-License-Identifier: BSD-2-Clause
"""Ask card RAM for the lines of each planned TLP."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from .write_plan import LineLayout, PlanLayout, RunLayout, TlpLayout

__all__ = ["LineAsker"]


class LineAsker(wiring.Component):
    """A line a cycle, without a pause between TLPs.

    Where the bytes are the segment's own, a line is asked for all the same, and its answer is
    replaced: so everything stays in order by itself.

    Parameters
    ----------
    card_bits : :class:`int`
        Bits of a card address.
    width : :class:`int`
        Bits of a line.

    Members
    -------
    plan : ``In(stream.Signature(PlanLayout(card_bits, width)))``
        TLPs, taken when the first line can be asked for.
    may_ask : ``In(1)``
        High: there is room for one more line, besides the one on ``line``.
    request : ``Out(stream.Signature(line_bits))``
        To card RAM.
    tlp : ``Out(stream.Signature(TlpLayout(width), always_ready=True))``
        Each TLP taken, in the same cycle.
    line : ``Out(stream.Signature(LineLayout(width), always_ready=True))``
        Each line asked for, in the cycle after it was.
    """

    def __init__(self, *, card_bits, width):
        self._run_layout = RunLayout(card_bits, width)
        super().__init__({
            "plan":    In(stream.Signature(PlanLayout(card_bits, width))),
            "may_ask": In(1),
            "request": Out(stream.Signature(card_bits - ceil_log2(width // 8))),
            "tlp":     Out(stream.Signature(TlpLayout(width), always_ready=True)),
            "line":    Out(stream.Signature(LineLayout(width), always_ready=True)),
        })

    def elaborate(self, platform):
        m = Module()
        run, line = self.plan.payload.run, self.line.payload

        current = Signal(self._run_layout)   # `line` is the next one
        busy = Signal()
        at_first = Signal()                  # the first was not yet taken; else it no longer counts
                                             # among the lines that are to come
        stands = Signal()                    # a request was offered and not taken: it must stand
        takes = Signal()
        asked = Signal()
        last = Signal()
        was_first = Signal()                 # of the line asked for in the cycle before
        was_last = Signal()
        m.d.comb += [
            takes.eq(self.plan.valid & ~busy & self.may_ask),
            self.plan.ready.eq(takes),
            self.tlp.valid.eq(takes),
            self.tlp.payload.eq(self.plan.payload.tlp),
            self.request.valid.eq(takes | (busy & (self.may_ask | stands))),
            self.request.payload.eq(Mux(busy, current.line, run.line)),
            asked.eq(self.request.valid & self.request.ready),
            last.eq(Mux(busy, current.lines_after == ~at_first, run.lines_after == 0)),
        ]
        m.d.sync += [
            stands.eq(self.request.valid & ~self.request.ready),
            self.line.valid.eq(asked),
            line.upper.eq(self.request.payload[0]),
            was_first.eq(~busy | at_first),
            was_last.eq(last),
        ]
        with m.If(takes):
            m.d.sync += [
                current.eq(run),
                at_first.eq(~asked),
                busy.eq(~(asked & last)),
            ]
        with m.Elif(asked):
            m.d.sync += [
                current.lines_after.eq(current.lines_after - ~at_first),
                at_first.eq(0),
                busy.eq(~last),
            ]

        with m.If(takes | asked):
            m.d.sync += current.line.eq(self.request.payload + asked)
        m.d.comb += [
            line.rotation.eq(current.rotation),
            line.early.eq(was_first & current.early),
            line.tail.eq(was_last & current.tail),
            line.immediate.eq(current.immediate),
            line.spent.eq(was_last & current.spent),
        ]
        return m

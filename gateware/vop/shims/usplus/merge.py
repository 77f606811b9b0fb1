# SPDX-License-Identifier: BSD-2-Clause
"""Requests and completions from the host, which the block delivers apart, in one stream again."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ...pcie.tlp import RxBeatLayout
from ...stream import Queue

__all__ = ["OrderedMerge"]


class OrderedMerge(wiring.Component):
    """Merge two streams of TLPs; a completion stays behind every request that was whole before it.

    The block starts a completion only when it has delivered every posted request that came before
    (PG213, "Receive Transaction Ordering"); what waits here must not undo that. Where both may go,
    they take turns.

    Parameters
    ----------
    width : :class:`int`
        Payload bits per beat.
    depth : :class:`int`
        TLPs of each kind that may wait: at most half of what the counters tell apart.

    Members
    -------
    requests, completions : ``In(stream.Signature(RxBeatLayout(width)))``
        TLPs from the host.
    request_kept, completion_kept : ``In(1)``
        A TLP has arrived whole, and will come on ``requests`` or ``completions``.
    rx : ``Out(stream.Signature(RxBeatLayout(width)))``
        All of them.
    """

    def __init__(self, width, *, depth):
        self._depth = depth
        super().__init__({
            "requests":        In(stream.Signature(RxBeatLayout(width))),
            "completions":     In(stream.Signature(RxBeatLayout(width))),
            "request_kept":    In(1),
            "completion_kept": In(1),
            "rx":              Out(stream.Signature(RxBeatLayout(width))),
        })

    def elaborate(self, platform):
        m = Module()
        rx = self.rx

        # Requests that came, and that went on. A completion that waits behind `depth` others sees
        # at most as many requests go in between, as they take turns.
        came = Signal(range(4 * self._depth))
        went = Signal.like(came)
        m.submodules.marks = marks = Queue(came.shape(), depth=self._depth)
        overtaken = Signal.like(came)
        m.d.sync += came.eq(came + self.request_kept)
        m.d.comb += [
            marks.i.payload.eq(came),
            marks.i.valid.eq(self.completion_kept),
            overtaken.eq(went - marks.o.payload),
        ]

        may_complete = Signal()
        under_way = Signal()                 # a TLP has begun, or is offered
        chosen = Signal()                    # 1: completions
        chosen_before = Signal()
        ends = Signal()
        m.d.comb += [
            may_complete.eq(self.completions.valid & marks.o.valid & ~overtaken[-1]),
            chosen.eq(Mux(under_way, chosen_before,
                          may_complete & (~self.requests.valid | ~chosen_before))),
            ends.eq(rx.valid & rx.ready & rx.payload.last),
            marks.o.ready.eq(ends & chosen),
        ]
        with m.If(chosen):
            m.d.comb += [
                rx.payload.eq(self.completions.payload),
                rx.valid.eq(self.completions.valid),
                self.completions.ready.eq(rx.ready),
            ]
        with m.Else():
            m.d.comb += [
                rx.payload.eq(self.requests.payload),
                rx.valid.eq(self.requests.valid),
                self.requests.ready.eq(rx.ready),
            ]
        with m.If(ends):
            m.d.sync += [under_way.eq(0), chosen_before.eq(chosen), went.eq(went + ~chosen)]
        with m.Elif(rx.valid):
            m.d.sync += [under_way.eq(1), chosen_before.eq(chosen)]
        return m

# SPDX-License-Identifier: BSD-2-Clause
"""Part what the link brings: completions go at once, posted and non-posted requests queue."""

from amaranth.hdl import Module
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..stream import Queue
from .tlp import NONPOSTED, Kind, RxBeatLayout

__all__ = ["PostedBeatLayout", "TlpSorter", "Receiver"]


def PostedBeatLayout(width):
    """One beat of a posted request, or a fence: here a non-posted request came in between."""
    return data.StructLayout({
        "fence": 1,
        "beat":  RxBeatLayout(width),   # valid where ``fence`` is 0
    })


class TlpSorter(wiring.Component):
    """Part completions, non-posted and posted requests, and mark where non-posted ones came.

    Parameters
    ----------
    width : :class:`int`
        Payload bits per beat.

    Members
    -------
    rx : ``In(stream.Signature(RxBeatLayout(width)))``
        TLPs from the link.
    completions : ``Out(stream.Signature(RxBeatLayout(width), always_ready=True))``
        Completions, with and without data.
    nonposted : ``Out(stream.Signature(RxBeatLayout(width)))``
        Requests that want a completion.
    posted : ``Out(stream.Signature(PostedBeatLayout(width)))``
        All others, and a fence for the last beat of each non-posted request.
    """

    def __init__(self, width):
        super().__init__({
            "rx":          In(stream.Signature(RxBeatLayout(width))),
            "completions": Out(stream.Signature(RxBeatLayout(width), always_ready=True)),
            "nonposted":   Out(stream.Signature(RxBeatLayout(width))),
            "posted":      Out(stream.Signature(PostedBeatLayout(width))),
        })

    def elaborate(self, platform):
        m = Module()
        rx = self.rx
        m.d.comb += [
            self.completions.payload.eq(rx.payload),
            self.nonposted.payload.eq(rx.payload),
            self.posted.payload.beat.eq(rx.payload),
        ]
        with m.Switch(rx.payload.header.kind):
            with m.Case(Kind.COMPLETION, Kind.COMPLETION_DATA):
                m.d.comb += [self.completions.valid.eq(rx.valid), rx.ready.eq(1)]
            with m.Case(*NONPOSTED):
                m.d.comb += [
                    self.posted.payload.fence.eq(1),
                    self.posted.valid.eq(rx.valid & rx.payload.last & self.nonposted.ready),
                    self.nonposted.valid.eq(rx.valid & (self.posted.ready | ~rx.payload.last)),
                    rx.ready.eq(self.nonposted.ready & (self.posted.ready | ~rx.payload.last)),
                ]
            with m.Default():
                m.d.comb += [self.posted.valid.eq(rx.valid), rx.ready.eq(self.posted.ready)]
        return m


class Receiver(wiring.Component):
    """Completions out at once, posted and non-posted requests through a queue each.

    While the queue of non-posted requests fills, the block is asked to hold them back, so that it
    has room for those under way; completions and posted writes still come through, whatever
    becomes of our own completions (Base 4.0, 2.4.1: no posted request may wait for a TLP to leave).

    Parameters
    ----------
    width : :class:`int`
        Payload bits per beat.
    depth : :class:`int`
        Beats that each queue holds, 32 or more.

    Members
    -------
    rx : ``In(stream.Signature(RxBeatLayout(width)))``
        TLPs from the link.
    hold_nonposted : ``Out(1)``
        See ``phy.Signature``.
    completions : ``Out(stream.Signature(RxBeatLayout(width), always_ready=True))``
        Completions, with and without data.
    nonposted : ``Out(stream.Signature(RxBeatLayout(width)))``
        See ``TlpSorter``.
    posted : ``Out(stream.Signature(PostedBeatLayout(width)))``
        See ``TlpSorter``.
    idle : ``Out(1)``
        High while no request is queued.

    Raises
    ------
    ValueError
        If ``depth`` is below 32.
    """

    def __init__(self, width, *, depth=32):
        if depth < 32:
            raise ValueError(f"Depth of the request queues must be 32 or more, not {depth!r}")
        self._width = width
        self._depth = depth
        super().__init__({
            "rx":             In(stream.Signature(RxBeatLayout(width))),
            "hold_nonposted": Out(1),
            "completions":    Out(stream.Signature(RxBeatLayout(width), always_ready=True)),
            "nonposted":      Out(stream.Signature(RxBeatLayout(width))),
            "posted":         Out(stream.Signature(PostedBeatLayout(width))),
            "idle":           Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.sorter = sorter = TlpSorter(self._width)
        m.submodules.nonposted = nonposted = Queue(RxBeatLayout(self._width), depth=self._depth)
        m.submodules.posted = posted = Queue(PostedBeatLayout(self._width), depth=self._depth)
        wiring.connect(m, wiring.flipped(self.rx), sorter.rx)
        wiring.connect(m, sorter.completions, wiring.flipped(self.completions))
        wiring.connect(m, sorter.nonposted, nonposted.i)
        wiring.connect(m, sorter.posted, posted.i)
        wiring.connect(m, nonposted.o, wiring.flipped(self.nonposted))
        wiring.connect(m, posted.o, wiring.flipped(self.posted))
        m.d.comb += [
            # Four more may come, of 32 bytes or less each (CAS of 2 x 16 bytes).
            self.hold_nonposted.eq(nonposted.level > self._depth - 20),
            self.idle.eq((nonposted.level == 0) & (posted.level == 0)),
        ]
        return m

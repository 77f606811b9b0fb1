# SPDX-License-Identifier: BSD-2-Clause
"""Part what the link brings: completions go at once, requests queue."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..stream import Queue
from .tlp import Kind, RxBeatLayout

__all__ = ["CompletionSorter", "Receiver"]


class CompletionSorter(wiring.Component):
    """Part completions from all other TLPs.

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
    requests : ``Out(stream.Signature(RxBeatLayout(width)))``
        All others.
    """

    def __init__(self, width):
        super().__init__({
            "rx":          In(stream.Signature(RxBeatLayout(width))),
            "completions": Out(stream.Signature(RxBeatLayout(width), always_ready=True)),
            "requests":    Out(stream.Signature(RxBeatLayout(width))),
        })

    def elaborate(self, platform):
        m = Module()
        is_completion = Signal()
        kind = self.rx.payload.header.kind
        m.d.comb += [
            is_completion.eq((kind == Kind.COMPLETION) | (kind == Kind.COMPLETION_DATA)),
            self.completions.payload.eq(self.rx.payload),
            self.completions.valid.eq(self.rx.valid & is_completion),
            self.requests.payload.eq(self.rx.payload),
            self.requests.valid.eq(self.rx.valid & ~is_completion),
            self.rx.ready.eq(is_completion | self.requests.ready),
        ]
        return m


class Receiver(wiring.Component):
    """Completions out at once, requests through a queue.

    While the queue fills, non-posted requests are held back, so that it has room for those under
    way and completions still come through.

    Parameters
    ----------
    width : :class:`int`
        Payload bits per beat.
    depth : :class:`int`
        Beats that the queue holds, 16 or more.

    Members
    -------
    rx : ``In(stream.Signature(RxBeatLayout(width)))``
        TLPs from the link.
    hold_nonposted : ``Out(1)``
        See ``phy.Signature``.
    completions : ``Out(stream.Signature(RxBeatLayout(width), always_ready=True))``
        Completions, with and without data.
    requests : ``Out(stream.Signature(RxBeatLayout(width)))``
        All others, in order.
    idle : ``Out(1)``
        High while no request is queued.

    Raises
    ------
    ValueError
        If ``depth`` is below 16.
    """

    def __init__(self, width, *, depth=32):
        if depth < 16:
            raise ValueError(f"Depth of the request queue must be 16 or more, not {depth!r}")
        self._width = width
        self._depth = depth
        super().__init__({
            "rx":             In(stream.Signature(RxBeatLayout(width))),
            "hold_nonposted": Out(1),
            "completions":    Out(stream.Signature(RxBeatLayout(width), always_ready=True)),
            "requests":       Out(stream.Signature(RxBeatLayout(width))),
            "idle":           Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.sorter = sorter = CompletionSorter(self._width)
        m.submodules.queue = queue = Queue(RxBeatLayout(self._width), depth=self._depth)
        wiring.connect(m, wiring.flipped(self.rx), sorter.rx)
        wiring.connect(m, sorter.completions, wiring.flipped(self.completions))
        wiring.connect(m, sorter.requests, queue.i)
        wiring.connect(m, queue.o, wiring.flipped(self.requests))
        m.d.comb += [
            # Four more may come, of two beats or less each on 128 bits (CAS of 2 x 16 bytes).
            self.hold_nonposted.eq(queue.level > self._depth // 2 - 8),
            self.idle.eq(queue.level == 0),
        ]
        return m

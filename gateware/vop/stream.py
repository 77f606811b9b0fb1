# SPDX-License-Identifier: BSD-2-Clause
"""Small pieces that any stream may need: a register stage, a skid buffer and a queue."""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import fifo, stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Queue", "Skid", "Stage"]


class Stage(wiring.Component):
    """One register between two streams, at one transfer per cycle.

    It cuts ``payload`` and ``valid``; ``ready`` passes through.

    Parameters
    ----------
    shape : shape-like
        Payload of both streams.

    Members
    -------
    i : ``In(stream.Signature(shape))``
        What comes.
    o : ``Out(stream.Signature(shape))``
        The same, a cycle or more later.
    """

    def __init__(self, shape):
        self._shape = shape
        super().__init__({
            "i": In(stream.Signature(shape)),
            "o": Out(stream.Signature(shape)),
        })

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.i.ready.eq(~self.o.valid | self.o.ready)
        with m.If(self.i.ready):
            m.d.sync += self.o.valid.eq(self.i.valid)
            with m.If(self.i.valid):
                m.d.sync += self.o.payload.eq(self.i.payload)
        return m


class Skid(wiring.Component):
    """One transfer of slack: what cannot go on at once is kept, so ``i`` need not pause with ``o``.

    It is one transfer behind from then on, until ``i`` pauses by itself. It adds no cycle
    otherwise, and cuts nothing: ``payload``, ``valid`` and ``ready`` pass through.

    Parameters
    ----------
    shape : shape-like
        Payload of both streams.

    Members
    -------
    i : ``In(stream.Signature(shape))``
        What comes.
    o : ``Out(stream.Signature(shape))``
        The same, in the same cycle or later.
    """

    def __init__(self, shape):
        super().__init__({
            "i": In(stream.Signature(shape)),
            "o": Out(stream.Signature(shape)),
        })

    def elaborate(self, platform):
        m = Module()
        kept = Signal.like(Value.cast(self.i.payload))
        full = Signal()
        m.d.comb += [
            self.i.ready.eq(~full | self.o.ready),
            self.o.valid.eq(full | self.i.valid),
            Value.cast(self.o.payload).eq(Mux(full, kept, Value.cast(self.i.payload))),
        ]
        m.d.sync += full.eq(Mux(full & self.o.ready, self.i.valid, self.o.valid & ~self.o.ready))
        with m.If(self.i.ready):
            m.d.sync += kept.eq(Value.cast(self.i.payload))
        return m


class Queue(wiring.Component):
    """A first-in first-out queue between two streams, at one transfer per cycle.

    Parameters
    ----------
    shape : shape-like
        Payload of both streams.
    depth : :class:`int`
        Transfers that it holds, 3 or more: with two it would pause.

    Members
    -------
    i : ``In(stream.Signature(shape))``
        What comes.
    o : ``Out(stream.Signature(shape))``
        The same, in order.
    level : ``Out(range(depth + 1))``
        Transfers held.

    Raises
    ------
    ValueError
        If ``depth`` is below 3.
    """

    def __init__(self, shape, *, depth):
        if depth < 3:
            raise ValueError(f"Queue depth must be 3 or more, not {depth!r}")
        self._shape = shape
        self._depth = depth
        super().__init__({
            "i":     In(stream.Signature(shape)),
            "o":     Out(stream.Signature(shape)),
            "level": Out(range(depth + 1)),
        })

    @property
    def depth(self):
        """Transfers that it holds."""
        return self._depth

    def elaborate(self, platform):
        m = Module()
        m.submodules.storage = storage = fifo.SyncFIFOBuffered(
            width=len(Value.cast(self.i.payload)), depth=self._depth)
        m.d.comb += [
            storage.w_data.eq(Value.cast(self.i.payload)),
            storage.w_en.eq(self.i.valid),
            self.i.ready.eq(storage.w_rdy),
            Value.cast(self.o.payload).eq(storage.r_data),
            self.o.valid.eq(storage.r_rdy),
            storage.r_en.eq(self.o.ready),
            self.level.eq(storage.level),
        ]
        return m

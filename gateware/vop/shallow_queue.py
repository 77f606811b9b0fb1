# SPDX-License-Identifier: BSD-2-Clause
"""A queue in distributed RAM, for payloads that are wide and few."""

from amaranth.hdl import Module, Signal
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

__all__ = ["ShallowQueue"]


class ShallowQueue(wiring.Component):
    """A first-in first-out queue between two streams, at one transfer per cycle.

    What comes can leave in the next cycle. The payload is read asynchronously, straight from the
    RAM: there is no output register, so read it where little logic follows.

    Parameters
    ----------
    shape : shape-like
        Payload of both streams.
    depth : :class:`int`
        Transfers that it holds: a power of two from 2 to 64. Up to 32 cost the same.

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
        If ``depth`` is not a power of two from 2 to 64.
    """

    def __init__(self, shape, *, depth=32):
        if depth not in (2, 4, 8, 16, 32, 64):
            raise ValueError(f"Queue depth must be a power of two from 2 to 64, not {depth!r}")
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
        m.submodules.storage = storage = memory.Memory(
            shape=self._shape, depth=self._depth, init=[])
        write, read = storage.write_port(), storage.read_port(domain="comb")
        first = Signal(ceil_log2(self._depth))
        end = Signal.like(first)
        pushed, popped = Signal(), Signal()
        has_some = Signal()                      # level != 0
        has_room = Signal(init=1)                # level != depth
        m.d.comb += [
            self.i.ready.eq(has_room),
            self.o.valid.eq(has_some),
            pushed.eq(self.i.valid & self.i.ready),
            popped.eq(self.o.valid & self.o.ready),
            write.addr.eq(end),
            write.data.eq(self.i.payload),
            # What nobody offers is written to a place that nobody reads.
            write.en.eq(has_room),
            read.addr.eq(first),
            self.o.payload.eq(read.data),
        ]
        m.d.sync += [
            end.eq(end + pushed),
            first.eq(first + popped),
            has_some.eq(pushed | (has_some & ~(popped & (self.level == 1)))),
            has_room.eq(popped | (has_room & ~(pushed & (self.level == self._depth - 1)))),
        ]
        with m.If(pushed & ~popped):
            m.d.sync += self.level.eq(self.level + 1)
        with m.Elif(popped & ~pushed):
            m.d.sync += self.level.eq(self.level - 1)
        return m

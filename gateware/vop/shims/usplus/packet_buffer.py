# SPDX-License-Identifier: BSD-2-Clause
"""Packets pass whole or not at all."""

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["IncomingLayout", "PacketBuffer"]


def IncomingLayout(shape):
    """One beat on its way into the buffer."""
    return data.StructLayout({
        "last":    1,
        "discard": 1,      # with ``last``: forget the whole packet
        "beat":    shape,
    })


class PacketBuffer(wiring.Component):
    """Keep the beats of a packet until its end tells whether it is good.

    UltraScale+ discontinues a TLP in its last beat when it could not read it back from its own
    memory without error; nobody may have acted on its payload by then.

    Parameters
    ----------
    shape : shape-like
        A beat; it need not say where a packet ends.
    depth : :class:`int`
        Beats that it holds, a power of two. A longer packet never comes through: it must hold the
        largest that the block delivers.

    Members
    -------
    i : ``In(stream.Signature(IncomingLayout(shape)))``
        Packets as they come.
    o : ``Out(stream.Signature(shape))``
        Beats of those that were not discarded.
    discarded : ``Out(1)``
        One-cycle pulse: a packet was forgotten.
    kept : ``Out(1)``
        One-cycle pulse: a packet is now whole.
    idle : ``Out(1)``
        High while no beat is held.
    """

    def __init__(self, shape, *, depth):
        if depth < 2 or depth & depth - 1:
            raise ValueError(f"Packet buffer depth must be a power of two from 2, not {depth!r}")
        self._shape = shape
        self._depth = depth
        super().__init__({
            "i":         In(stream.Signature(IncomingLayout(shape))),
            "o":         Out(stream.Signature(shape)),
            "discarded": Out(1),
            "kept":      Out(1),
            "idle":      Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        i, o = self.i, self.o
        m.submodules.storage = storage = memory.Memory(
            shape=Value.cast(o.payload).shape(), depth=self._depth, init=[])
        write, read = storage.write_port(), storage.read_port(domain="comb")

        # One bit more than an address, so that full differs from empty.
        written = Signal(range(2 * self._depth))
        whole = Signal.like(written)         # end of the last packet that is kept
        taken = Signal.like(written)
        m.d.comb += [
            i.ready.eq((written - taken)[:len(written)] != self._depth),
            write.addr.eq(written),
            write.data.eq(i.payload.beat),
            write.en.eq(i.valid & i.ready),
            read.addr.eq(taken),
            Value.cast(o.payload).eq(read.data),
            o.valid.eq(taken != whole),
            self.idle.eq(written == taken),
        ]
        with m.If(i.valid & i.ready):
            m.d.sync += written.eq(written + 1)
            with m.If(i.payload.last & i.payload.discard):
                m.d.comb += self.discarded.eq(1)
                m.d.sync += written.eq(whole)
            with m.Elif(i.payload.last):
                m.d.comb += self.kept.eq(1)
                m.d.sync += whole.eq(written + 1)
        with m.If(o.valid & o.ready):
            m.d.sync += taken.eq(taken + 1)
        return m

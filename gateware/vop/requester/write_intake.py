# SPDX-License-Identifier: BSD-2-Clause
"""Number write segments, and set aside the bytes that they bring along."""

from amaranth.hdl import Const, Module, Signal
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

from .segment import IMMEDIATE_BYTES, TICKETS, WriteSegmentLayout
from .write_plan import HeadLayout

__all__ = ["WriteIntake"]

# More than can be between here and the card RAM's answers.
_IMMEDIATES = 32

# Segments under way that stop acceptance, so that `ticket` never meets `done` from behind.
_CROWD = TICKETS * 7 // 8


class WriteIntake(wiring.Component):
    """Take a segment every other cycle, and number it.

    Parameters
    ----------
    card_bits : :class:`int`
        Bits of a card address.
    width : :class:`int`
        Bits of a line.

    Members
    -------
    segment : ``In(stream.Signature(WriteSegmentLayout(card_bits)))``
        ``ready`` comes from a register.
    head : ``Out(stream.Signature(HeadLayout(card_bits)))``
        The same, a cycle or more later, without the bytes.
    ticket : ``Out(range(TICKETS))``
        Number that the next segment gets.
    done : ``In(range(TICKETS))``
        All segments before this number have left.
    idle : ``Out(1)``
        All have left.
    hold : ``In(1)``
        High: from the next cycle on, no segment is taken.
    line : ``Out(width)``
        Bytes that the oldest immediate segment brought, from bit 0 on.
    upper : ``In(1)``
        High: ``line`` is the next line's worth of them.
    next : ``In(1)``
        Strobe: the oldest immediate segment's bytes have been used.
    """

    def __init__(self, *, card_bits, width):
        self._width = width
        super().__init__({
            "segment": In(stream.Signature(WriteSegmentLayout(card_bits))),
            "head":    Out(stream.Signature(HeadLayout(card_bits))),
            "ticket":  Out(range(TICKETS)),
            "done":    In(range(TICKETS)),
            "idle":    Out(1),
            "hold":    In(1),
            "line":    Out(width),
            "upper":   In(1),
            "next":    In(1),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.immediates = immediates = memory.Memory(
            shape=8 * IMMEDIATE_BYTES, depth=_IMMEDIATES, init=[])
        write = immediates.write_port()
        read = immediates.read_port(domain="comb")
        segment, head = self.segment.payload, self.head.payload

        closed = Signal()
        under_way = Signal(range(TICKETS))
        accepted = Signal()
        m.d.comb += [
            under_way.eq(self.ticket - self.done),
            self.idle.eq(self.ticket == self.done),
            self.segment.ready.eq(~self.head.valid & ~closed),
            accepted.eq(self.segment.valid & self.segment.ready),
            write.data.eq(segment.data),
            # The place behind the last is free: what is written there counts once it is accepted.
            write.en.eq(self.segment.ready),
        ]
        m.d.sync += closed.eq(self.hold | (under_way >= Const(_CROWD)))

        with m.If(self.head.ready):
            m.d.sync += self.head.valid.eq(0)
        with m.If(self.segment.ready):
            m.d.sync += [getattr(head, name).eq(getattr(segment, name))
                         for name in head.shape().members]
        with m.If(accepted):
            m.d.sync += [
                self.head.valid.eq(1),
                self.ticket.eq(self.ticket + 1),
                write.addr.eq(write.addr + segment.immediate),
            ]

        with m.If(self.next):
            m.d.sync += read.addr.eq(read.addr + 1)
        m.d.comb += self.line.eq(read.data)
        if self._width < 8 * IMMEDIATE_BYTES:
            with m.If(self.upper):
                m.d.comb += self.line.eq(read.data[self._width:])
        return m

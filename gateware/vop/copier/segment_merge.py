# SPDX-License-Identifier: BSD-2-Clause
"""Write segments of two sources, one at a time."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..requester.segment import WriteSegmentLayout

__all__ = ["SegmentMerge"]


class SegmentMerge(wiring.Component):
    """Let records go before the segments of commands, of which there are many to a record.

    An offer on ``o`` stands until it is taken. Records cannot shut the commands out: there is one
    at most for each command that the executor has ended.

    Parameters
    ----------
    card_bits : :class:`int`
        Bits of a card address.

    Members
    -------
    records, commands : ``In(stream.Signature(WriteSegmentLayout(card_bits)))``
        What comes.
    o : ``Out(stream.Signature(WriteSegmentLayout(card_bits)))``
        The same, in the same cycle.
    """

    def __init__(self, *, card_bits):
        shape = stream.Signature(WriteSegmentLayout(card_bits))
        super().__init__({"records": In(shape), "commands": In(shape), "o": Out(shape)})

    def elaborate(self, platform):
        m = Module()
        standing = Signal()                  # a command's segment is on offer already
        with m.If(self.records.valid & ~standing):
            m.d.comb += [
                self.o.payload.eq(self.records.payload),
                self.o.valid.eq(1),
                self.records.ready.eq(self.o.ready),
            ]
        with m.Else():
            m.d.comb += [
                self.o.payload.eq(self.commands.payload),
                self.o.valid.eq(self.commands.valid),
                self.commands.ready.eq(self.o.ready),
            ]
            m.d.sync += standing.eq(self.commands.valid & ~self.o.ready)
        return m

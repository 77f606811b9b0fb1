# SPDX-License-Identifier: BSD-2-Clause
"""Part what the card sends: completions from requests, and drop what may not leave."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ...pcie.tlp import Kind, TxBeatLayout

__all__ = ["TxRouter"]


class TxRouter(wiring.Component):
    """Send each TLP whole to one side.

    Parameters
    ----------
    width : :class:`int`
        Payload bits per beat.

    Members
    -------
    tx : ``In(stream.Signature(TxBeatLayout(width)))``
        TLPs of every kind that the card sends.
    requests, completions : ``Out(stream.Signature(TxBeatLayout(width)))``
        Memory requests, and all others.
    bus_master : ``In(1)``
        Low: a memory request is taken whole and dropped, as PCI demands (Base 4.0, 7.5.1.1.3).
    dropped : ``Out(1)``
        One-cycle pulse: a memory request was dropped.
    """

    def __init__(self, width):
        super().__init__({
            "tx":          In(stream.Signature(TxBeatLayout(width))),
            "requests":    Out(stream.Signature(TxBeatLayout(width))),
            "completions": Out(stream.Signature(TxBeatLayout(width))),
            "bus_master":  In(1),
            "dropped":     Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        tx = self.tx
        begun = Signal()                     # the TLP under way is being sent
        dropping = Signal()                  # ... is being dropped
        is_memory = Signal()
        m.d.comb += [
            self.requests.payload.eq(tx.payload),
            self.completions.payload.eq(tx.payload),
            is_memory.eq((tx.payload.header.kind == Kind.MEMORY_READ)
                         | (tx.payload.header.kind == Kind.MEMORY_WRITE)),
        ]
        with m.If(~is_memory):
            m.d.comb += [self.completions.valid.eq(tx.valid), tx.ready.eq(self.completions.ready)]
        with m.Elif(dropping | (~begun & ~self.bus_master)):
            m.d.comb += [tx.ready.eq(1), self.dropped.eq(tx.valid & ~dropping)]
            with m.If(tx.valid):
                m.d.sync += dropping.eq(~tx.payload.last)
        with m.Else():
            m.d.comb += [self.requests.valid.eq(tx.valid), tx.ready.eq(self.requests.ready)]
            with m.If(tx.valid):
                # From the first offer on: a block that has not taken it yet may have seen it.
                m.d.sync += begun.eq(~(tx.ready & tx.payload.last))
        return m

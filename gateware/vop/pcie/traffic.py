# SPDX-License-Identifier: BSD-2-Clause
"""Count what crosses the link: one pulse per TLP and vector, named as in block `stats`."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .dispatcher import Refusal
from .tlp import Kind, RxBeatLayout, TxBeatLayout

__all__ = ["CountedLayout", "TrafficCounter"]

#: One-cycle pulses, named like the counters of block `stats`.
CountedLayout = data.StructLayout({
    "rx_mem_read":         1,
    "rx_mem_write":        1,
    "rx_completion":       1,
    "rx_other":            1,
    "tx_mem_read":         1,
    "tx_mem_write":        1,
    "tx_completion":       1,
    "msi_sent":            1,
    "unsupported_request": 1,
    "dropped_request":     1,
    "poisoned":            1,
})


class TrafficCounter(wiring.Component):
    """Watch the streams of the link, and pulse for what passes.

    Parameters
    ----------
    width : :class:`int`
        Payload bits per beat.

    Members
    -------
    rx, tx, msi : ``In(...)`` each of ``payload``, ``valid`` and ``ready``
        The streams of ``phy.Signature``; all members are inputs.
    refusal : ``In(Refusal)``
        Why a request was refused, in the cycle in which it was; ``NONE`` otherwise.
    counted : ``Out(CountedLayout)``
        Pulses in the cycle after the transfer of a TLP's first beat. What is sent counts when it is
        handed to the shim.
    """

    def __init__(self, width):
        def watched(shape):
            return wiring.Signature({"payload": Out(shape), "valid": Out(1), "ready": Out(1)})

        super().__init__({
            "rx":      In(watched(RxBeatLayout(width))),
            "tx":      In(watched(TxBeatLayout(width))),
            "msi":     In(watched(5)),
            "refusal": In(Refusal),
            "counted": Out(CountedLayout),
        })

    def elaborate(self, platform):
        m = Module()
        counted = Signal(CountedLayout)
        m.d.sync += self.counted.eq(counted)

        rx_kind, tx_kind = self.rx.payload.header.kind, self.tx.payload.header.kind
        with m.If(self.rx.valid & self.rx.ready & self.rx.payload.first):
            with m.Switch(rx_kind):
                with m.Case(Kind.MEMORY_READ):
                    m.d.comb += counted.rx_mem_read.eq(1)
                with m.Case(Kind.MEMORY_WRITE):
                    m.d.comb += counted.rx_mem_write.eq(1)
                with m.Case(Kind.COMPLETION, Kind.COMPLETION_DATA):
                    m.d.comb += counted.rx_completion.eq(1)
                with m.Default():
                    m.d.comb += counted.rx_other.eq(1)
        with m.If(self.tx.valid & self.tx.ready & self.tx.payload.first):
            with m.Switch(tx_kind):
                with m.Case(Kind.MEMORY_READ):
                    m.d.comb += counted.tx_mem_read.eq(1)
                with m.Case(Kind.MEMORY_WRITE):
                    m.d.comb += counted.tx_mem_write.eq(1)
                with m.Default():
                    m.d.comb += counted.tx_completion.eq(1)
        m.d.comb += [
            counted.msi_sent.eq(self.msi.valid & self.msi.ready),
            counted.unsupported_request.eq(self.refusal == Refusal.UNSUPPORTED),
            counted.dropped_request.eq(self.refusal == Refusal.DROPPED),
            counted.poisoned.eq(self.refusal == Refusal.POISONED),
        ]
        return m

# SPDX-License-Identifier: BSD-2-Clause
"""Vectors to the block's interrupt controller.

Ref: Xilinx PG213, "MSI Mode": one pulse, then the block says sent or failed.
"""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .order import COUNT_BITS

__all__ = ["MsiRaiser"]


class MsiRaiser(wiring.Component):
    """Raise one vector at a time, behind every write that began before it was offered.

    A vector that the block failed to send is raised again. One that waits while vectors are
    forbidden waits on: it is the card's to withdraw or not.

    Members
    -------
    msi : ``In(stream.Signature(5))``
        Vectors, each taken when the block has sent it.
    allowed : ``In(1)``
        MSI is enabled, and bus mastering.
    latest, passed : ``In(COUNT_BITS)``
        See `WriteOrder`.
    raised : ``Out(32)``
        ``cfg_interrupt_msi_int``: one bit for one cycle.
    sent, failed : ``In(1)``
        ``cfg_interrupt_msi_sent`` and ``cfg_interrupt_msi_fail``.
    """

    msi:     In(stream.Signature(5))
    allowed: In(1)
    latest:  In(COUNT_BITS)
    passed:  In(COUNT_BITS)
    raised:  Out(32)
    sent:    In(1)
    failed:  In(1)

    def elaborate(self, platform):
        m = Module()
        mark = Signal(COUNT_BITS)
        ahead = Signal(COUNT_BITS)
        m.d.comb += ahead.eq(self.passed - mark)
        with m.FSM():
            with m.State("IDLE"):
                m.d.sync += mark.eq(self.latest)
                with m.If(self.msi.valid & self.allowed):
                    m.next = "AWAIT_WRITES"

            with m.State("AWAIT_WRITES"):
                with m.If(~self.allowed):
                    m.next = "IDLE"
                with m.Elif(~ahead[-1]):
                    m.d.sync += self.raised.eq(1 << self.msi.payload)
                    m.next = "RAISE"

            with m.State("RAISE"):
                m.d.sync += self.raised.eq(0)
                m.next = "AWAIT_BLOCK"

            with m.State("AWAIT_BLOCK"):
                m.d.comb += self.msi.ready.eq(self.sent)
                with m.If(self.sent | self.failed | ~self.allowed):
                    m.next = "IDLE"
        return m

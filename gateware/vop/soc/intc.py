# SPDX-License-Identifier: BSD-2-Clause
"""Interrupt lines of the card, and the condition that ends the CPU's wait."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from .. import csr
from ..regmap.to_csr import CsrBank
from ..regs import DOORBELLS, INTC, INTERRUPT_LINES

__all__ = ["InterruptController"]

_GROUPS = DOORBELLS["h2c_count"] // DOORBELLS["h2c_group"]


class InterruptController(wiring.Component):
    """Gather the interrupt lines; latch those that are pulses.

    The register ``wait`` answers like any other here: the CPU's bus holds its read back while
    ``wake`` is low.

    Parameters
    ----------
    address_bits : :class:`int`
        Width of the bus address.

    Members
    -------
    bus : ``In(csr.Signature(address_bits))``
        Block ``intc``.
    uart : ``In(1)``, doorbell_groups : ``In(4)``
        Lines that stay high until their cause is gone.
    copier, used : ``In(1)``
        Pulses, latched until ``clear`` is written. A pulse wins over a clear.
    timer_interrupt, software_interrupt : ``In(1)``
        From the machine timer; they end a wait, but have lines of their own into the CPU.
    clear : ``In(1)``
        While high, nothing is enabled or latched: the CPU is in reset.
    lines : ``Out(32)``
        Enabled lines that are high.
    wake : ``Out(1)``
        A read of ``wait`` may be answered; a cycle late.
    """

    def __init__(self, *, address_bits):
        self._address_bits = address_bits
        super().__init__({
            "bus":                In(csr.Signature(address_bits)),
            "uart":               In(1),
            "doorbell_groups":    In(_GROUPS),
            "copier":             In(1),
            "used":               In(1),
            "timer_interrupt":    In(1),
            "software_interrupt": In(1),
            "clear":              In(1),
            "lines":              Out(32),
            "wake":               Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.bank = bank = CsrBank(INTC, address_bits=self._address_bits,
                                           restorable=("enable",))
        connect(m, flipped(self.bus), bank.bus)
        pending = Signal(32)
        m.d.comb += pending[INTERRUPT_LINES["uart"]].eq(self.uart)
        for line, pulse in (("copier", self.copier), ("used", self.used)):
            latch = Signal(name=f"{line}_latch")
            number = INTERRUPT_LINES[line]
            m.d.sync += latch.eq(latch & ~bank.clear.lines[number] & ~self.clear | pulse)
            m.d.comb += pending[number].eq(latch)
        m.d.comb += [
            pending[INTERRUPT_LINES["doorbell_group"]:][:_GROUPS].eq(self.doorbell_groups),
            self.lines.eq(pending & bank.enable.lines),
            bank.restore.eq(self.clear),
            bank.pending.lines.eq(pending),
            bank.wait.pending.eq(self.lines),
        ]
        m.d.sync += self.wake.eq(
            self.lines.any() | self.timer_interrupt | self.software_interrupt)
        return m

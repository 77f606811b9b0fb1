# SPDX-License-Identifier: BSD-2-Clause
"""Counters of what crossed the link, the first fault, the clock, and the firmware's marker."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.data import StructLayout
from amaranth.lib.wiring import In, Out, connect, flipped

from . import csr
from .regmap.to_csr import CsrBank
from .regs import STATS
from .regs.stats import COUNTERS

__all__ = ["CountedLayout", "Stats"]

#: One pulse for each counter, named as the counter.
CountedLayout = StructLayout({name: 1 for name, _what in COUNTERS})

_FAULT_DW = 4


class Stats(wiring.Component):
    """Block ``stats``.

    Members
    -------
    bus : ``In(csr.Signature(16))``
        Block ``stats``.
    counted : ``In(CountedLayout)``
        A counter grows by one in each cycle in which its bit is high.
    fault : ``In(1)``, fault_header : ``In(128)``
        A TLP was refused, and its header, DW 0 in bits 31:0. The first one is kept.
    marker : ``Out(32)``
        What the firmware wrote.
    """

    bus: In(csr.Signature(16))
    counted: In(CountedLayout)
    fault: In(1)
    fault_header: In(32 * _FAULT_DW)
    marker: Out(32)

    def elaborate(self, platform):
        m = Module()
        m.submodules.bank = bank = CsrBank(STATS)
        connect(m, flipped(self.bus), bank.bus)

        for name, _what in COUNTERS:
            count = Signal(32, name=f"{name}_count")
            m.d.sync += count.eq(count + getattr(self.counted, name))
            m.d.comb += getattr(bank, name).count.eq(count)

        seen = Signal()
        header = Signal(32 * _FAULT_DW)
        with m.If(self.fault & ~seen):
            m.d.sync += [seen.eq(1), header.eq(self.fault_header)]
        for index, register in enumerate(bank.first_fault):
            m.d.comb += register.dw.eq(header.word_select(index, 32))

        cycles = Signal(64)
        latched = Signal(32)
        m.d.sync += cycles.eq(cycles + 1)
        with m.If(bank.cycles_lo.was_read):
            m.d.sync += latched.eq(cycles[32:])
        m.d.comb += [
            bank.cycles_lo.value.eq(cycles[:32]),
            bank.cycles_hi.value.eq(latched),
            self.marker.eq(bank.marker.value),
        ]
        return m

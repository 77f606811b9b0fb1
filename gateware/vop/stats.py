# SPDX-License-Identifier: BSD-2-Clause
"""Counters of what crossed the link, the first fault, the clock, and the firmware's marker."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.data import StructLayout
from amaranth.lib.wiring import In, Out, flipped

from . import csr
from .counters import CounterMemory
from .pcie.faults import FaultRecordLayout
from .regmap.model import Block
from .regmap.to_csr import CsrBank
from .regs import STATS
from .regs.stats import COUNTERS

__all__ = ["CountedLayout", "Stats"]

#: One pulse for each counter, named as the counter.
CountedLayout = StructLayout({name: 1 for name, _what in COUNTERS})

_NAMES = frozenset(name for name, _what in COUNTERS)


class CounterWindow(wiring.Component):
    """The counters of block ``stats`` on the register bus.

    Members
    -------
    bus : ``In(csr.Signature(16))``
        Block ``stats``.
    counted : ``In(CountedLayout)``
        See ``Stats``.
    """

    bus: In(csr.Signature(16))
    counted: In(CountedLayout)

    def elaborate(self, platform):
        m = Module()
        m.submodules.counters = counters = CounterMemory(len(COUNTERS))
        was_read = Signal()
        at = self.bus.address[2:]
        m.d.comb += [
            counters.pulses.eq(self.counted),
            counters.index.eq(at),
            self.bus.read_data.eq(Mux(was_read, counters.value, 0)),
        ]
        m.d.sync += was_read.eq(self.bus.read & (at >= STATS.base // 4)
                                & (at < STATS.base // 4 + len(COUNTERS)))
        return m


class Stats(wiring.Component):
    """Block ``stats``.

    Members
    -------
    bus : ``In(csr.Signature(16))``
        Block ``stats``. Who may write is checked before it.
    counted : ``In(CountedLayout)``
        A counter grows by one in each cycle in which its bit is high.
    first_fault : ``In(FaultRecordLayout)``
        The first fault since ``clear``.
    clear : ``Out(1)``
        Pulses: forget the first fault.
    marker : ``Out(32)``
        What the firmware wrote.
    """

    bus: In(csr.Signature(16))
    counted: In(CountedLayout)
    first_fault: In(FaultRecordLayout)
    clear: Out(1)
    marker: Out(32)

    def elaborate(self, platform):
        m = Module()
        others = Block(STATS.name, STATS.base, STATS.size, STATS.doc, tuple(
            register for register in STATS.registers if register.name not in _NAMES))
        m.submodules.bank = bank = CsrBank(others)
        m.submodules.window = window = CounterWindow()
        csr.connect_all(m, flipped(self.bus), (bank.bus, window.bus))
        m.d.comb += [
            window.counted.eq(self.counted),
            bank.first_fault_kind.kind.eq(self.first_fault.kind),
            self.clear.eq(bank.first_fault_kind.was_written),
            self.marker.eq(bank.marker.value),
        ]
        for register, dw in zip(bank.first_fault, self.first_fault.header, strict=True):
            m.d.comb += register.dw.eq(dw)

        cycles = Signal(64)
        latched = Signal(32)
        m.d.sync += cycles.eq(cycles + 1)
        with m.If(bank.cycles_lo.was_read):
            m.d.sync += latched.eq(cycles[32:])
        m.d.comb += [
            bank.cycles_lo.value.eq(cycles[:32]),
            bank.cycles_hi.value.eq(latched),
        ]
        return m

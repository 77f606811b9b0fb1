# SPDX-License-Identifier: BSD-2-Clause
"""The machine timer, laid out like a SiFive CLINT.

Ref: RISC-V Privileged Architecture 1.12, 3.2.1 (mtime and mtimecmp).
"""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from .. import csr
from ..regmap.to_csr import CsrBank
from ..regs import TIMER

__all__ = ["MachineTimer"]


class MachineTimer(wiring.Component):
    """Count clock cycles, and interrupt the CPU when the count reaches ``mtimecmp``.

    Parameters
    ----------
    address_bits : :class:`int`
        Width of the bus address.

    Members
    -------
    bus : ``In(csr.Signature(address_bits))``
        Block ``timer``.
    mtime : ``Out(64)``
        Cycles since reset, leaps included.
    mtimecmp : ``Out(64)``
        Cycle of the next interrupt; all ones after reset.
    leap : ``In(1)``, leap_to : ``In(64)``
        ``mtime`` becomes ``leap_to`` instead of counting. For simulations that skip idle time;
        a board ties ``leap`` to 0.
    timer_interrupt : ``Out(1)``
        High while ``mtime`` is not below ``mtimecmp``; a cycle late.
    clear : ``In(1)``
        While high, ``mtimecmp`` and ``msip`` hold their reset values: the CPU is in reset.
    software_interrupt : ``Out(1)``
        High while ``msip.pending`` is set.
    """

    def __init__(self, *, address_bits):
        self._address_bits = address_bits
        super().__init__({
            "bus":                In(csr.Signature(address_bits)),
            "mtime":              Out(64),
            "mtimecmp":           Out(64),
            "leap":               In(1),
            "leap_to":            In(64),
            "clear":              In(1),
            "timer_interrupt":    Out(1),
            "software_interrupt": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.bank = bank = CsrBank(
            TIMER, address_bits=self._address_bits,
            restorable=("msip", "mtimecmp_lo", "mtimecmp_hi"))
        connect(m, flipped(self.bus), bank.bus)
        mtime = Signal(64)
        m.d.sync += mtime.eq(mtime + 1)
        with m.If(self.leap):
            m.d.sync += mtime.eq(self.leap_to)
        m.d.comb += [
            bank.restore.eq(self.clear),
            self.mtime.eq(mtime),
            self.mtimecmp.eq(Cat(bank.mtimecmp_lo.value, bank.mtimecmp_hi.value)),
            bank.mtime_lo.value.eq(mtime[:32]),
            bank.mtime_hi.value.eq(mtime[32:]),
            self.software_interrupt.eq(bank.msip.pending),
        ]
        m.d.sync += self.timer_interrupt.eq(mtime >= self.mtimecmp)
        return m

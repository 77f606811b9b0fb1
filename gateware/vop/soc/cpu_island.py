# SPDX-License-Identifier: BSD-2-Clause
"""The core on its own clock or on the card's: the same to its neighbours."""

from amaranth.hdl import DomainRenamer, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from . import wishbone
from .bus_cdc import BurstCrossing, BusCrossing, HoldCrossing, LineCrossing

__all__ = ["CpuIsland"]

_LINES = 32


class CpuIsland(wiring.Component):
    """A core and the crossings around it, if it has a clock of its own.

    Parameters
    ----------
    cpu : :class:`vop.soc.cpu.Cpu`
        The core.
    domain : :class:`str` or None
        Its clock domain; None: ``sync``, without crossings.

    Members
    -------
    instruction, data, hold, timer_interrupt, software_interrupt, interrupts
        As of the core, in ``sync``.
    """

    instruction: Out(wishbone.Signature())
    data: Out(wishbone.Signature())
    hold: In(1)
    timer_interrupt: In(1)
    software_interrupt: In(1)
    interrupts: In(_LINES)

    def __init__(self, cpu, *, domain=None):
        self._cpu = cpu
        self._domain = domain
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        cpu, domain = self._cpu, self._domain
        lines = ("timer_interrupt", "software_interrupt", "interrupts")
        if domain is None:
            m.submodules.cpu = cpu
            connect(m, cpu.instruction, flipped(self.instruction))
            connect(m, cpu.data, flipped(self.data))
            m.d.comb += [getattr(cpu, name).eq(getattr(self, name)) for name in (*lines, "hold")]
            return m

        m.submodules.cpu = DomainRenamer(domain)(cpu)
        for name, crosses in (("instruction", BurstCrossing), ("data", BusCrossing)):
            m.submodules[f"{name}_crossing"] = crossing = crosses(domain=domain)
            connect(m, getattr(cpu, name), crossing.initiator)
            connect(m, crossing.target, flipped(getattr(self, name)))
            m.d.comb += crossing.abort.eq(self.hold)
        for name in lines:
            line = getattr(self, name)
            m.submodules[f"{name}_crossing"] = crossing = LineCrossing(
                domain=domain, width=len(line))
            m.d.comb += [crossing.i.eq(line), getattr(cpu, name).eq(crossing.o)]
        m.submodules.hold_crossing = hold = HoldCrossing(domain=domain)
        m.d.comb += [hold.i.eq(self.hold), cpu.hold.eq(hold.o)]
        return m

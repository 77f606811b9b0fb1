# SPDX-License-Identifier: BSD-2-Clause
"""Block `link`: words that the two sides leave for each other, and the bit that holds the CPU."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from . import csr
from .regmap.to_csr import CsrBank
from .regs import LINK

__all__ = ["Link"]

# What firmware says of itself must not outlive it.
_CLEARED_BY_CPU_RESET = ("boot_state", "boot_detail", "alive")


class Link(wiring.Component):
    """Block ``link``.

    Parameters
    ----------
    cpu_run : :class:`int`
        Reset value of ``cpu.run``: 1 where firmware is baked into the bitstream.

    Members
    -------
    bus : ``In(csr.Signature(16))``
        Block ``link``. Who may write is checked before it.
    cpu_hold : ``Out(1)``
        Holds the CPU in reset.

    Raises
    ------
    ValueError
        If ``cpu_run`` is not 0 or 1.
    """

    bus: In(csr.Signature(16))
    cpu_hold: Out(1)

    def __init__(self, *, cpu_run):
        if cpu_run not in (0, 1):
            raise ValueError(f"Reset value of link.cpu.run must be 0 or 1, not {cpu_run!r}")
        self._cpu_run = cpu_run
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        m.submodules.bank = bank = CsrBank(LINK, resets={("cpu", "run"): self._cpu_run},
                                           restorable=_CLEARED_BY_CPU_RESET)
        connect(m, flipped(self.bus), bank.bus)
        m.d.comb += [
            self.cpu_hold.eq(~bank.cpu.run),
            bank.restore.eq(self.cpu_hold),
        ]
        return m

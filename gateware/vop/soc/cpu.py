# SPDX-License-Identifier: BSD-2-Clause
"""The soft core: VexRiscv, foreign Verilog from `pythondata-cpu-vexriscv` (MIT)."""

from pathlib import Path

import pythondata_cpu_vexriscv
from amaranth.hdl import ClockSignal, Const, Instance, Module, ResetSignal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from . import wishbone

__all__ = ["Cpu"]

class Cpu(wiring.Component):
    """VexRiscv. With the variant `Lite`: RV32IM, 2 KiB instruction cache, no data cache.

    A reset also empties the instruction cache, so code may be replaced while it is held.

    Parameters
    ----------
    variant : :class:`str`
        The core's variant, as its package names it: ``VexRiscv_<variant>.v``. One without a data
        cache: DMA writes card RAM behind the CPU's back.
    reset_vector : :class:`int`
        Address of the first instruction.

    Members
    -------
    hold : ``In(1)``
        1 holds the core in reset.
    instruction, data : ``Out(wishbone.Signature())``
        Its buses. The instruction bus reads lines of 8 words as bursts.
    timer_interrupt, software_interrupt : ``In(1)``, interrupts : ``In(32)``
        Interrupts, level-sensitive. The core masks ``interrupts`` in its register 0xBC0.

    Raises
    ------
    ValueError
        If the package has no such variant.
    """

    instruction: Out(wishbone.Signature())
    data: Out(wishbone.Signature())
    hold: In(1)
    timer_interrupt: In(1)
    software_interrupt: In(1)
    interrupts: In(32)

    def __init__(self, *, variant="Lite", reset_vector=0):
        folder = Path(pythondata_cpu_vexriscv.data_location)
        self._source = folder / f"VexRiscv_{variant}.v"
        if not self._source.is_file():
            known = ", ".join(sorted(path.stem.removeprefix("VexRiscv_")
                                     for path in folder.glob("VexRiscv_*.v")))
            raise ValueError(f"CPU variant must be one of {known}, not {variant!r}")
        self._reset_vector = reset_vector
        super().__init__()

    @property
    def source(self):
        """Path of the Verilog that holds the core."""
        return self._source

    def elaborate(self, platform):
        m = Module()
        if platform is not None:
            platform.add_file(self._source.name, self._source.read_text(encoding="utf-8"))
        m.submodules.core = Instance(
            "VexRiscv",
            i_clk=ClockSignal(),
            i_reset=ResetSignal(allow_reset_less=True) | self.hold,
            i_externalResetVector=Const(self._reset_vector, 32),
            i_timerInterrupt=self.timer_interrupt,
            i_softwareInterrupt=self.software_interrupt,
            i_externalInterruptArray=self.interrupts,
            **self._bus("iBusWishbone", self.instruction),
            **self._bus("dBusWishbone", self.data),
        )
        return m

    @staticmethod
    def _bus(prefix, bus):
        return {
            f"o_{prefix}_CYC": bus.cyc,
            f"o_{prefix}_STB": bus.stb,
            f"i_{prefix}_ACK": bus.ack,
            f"o_{prefix}_WE": bus.we,
            f"o_{prefix}_ADR": bus.adr,
            f"i_{prefix}_DAT_MISO": bus.dat_r,
            f"o_{prefix}_DAT_MOSI": bus.dat_w,
            f"o_{prefix}_SEL": bus.sel,
            f"i_{prefix}_ERR": Const(0),
            f"o_{prefix}_CTI": bus.cti,
        }

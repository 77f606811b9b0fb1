# SPDX-License-Identifier: BSD-2-Clause
"""The CPU's clock: a PLL on the board's oscillator. See docs/adr/0005."""

from amaranth.hdl import Const, Instance, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["CPU_HZ", "VCO_HZ", "CpuClock", "vco_multiplier"]

#: What the core reaches with its buses, with a margin (docs/adr/0005).
CPU_HZ = 100_000_000

#: What the PLL's oscillator runs at: 800 to 1600 MHz in every speed grade (DS181, DS182).
VCO_HZ = 1_000_000_000


def vco_multiplier(input_hz):
    """What the PLL multiplies an oscillator of ``input_hz`` by, to get VCO_HZ.

    Raises
    ------
    ValueError
        If it cannot.
    """
    if not 19e6 <= input_hz <= 800e6 or VCO_HZ % input_hz:
        raise ValueError(f"Oscillator must have 1 GHz divided by an integer, 19 to 800 MHz, "
                         f"not {input_hz / 1e6:g} MHz")
    return int(VCO_HZ // input_hz)


class CpuClock(wiring.Component):
    """Make CPU_HZ of an oscillator.

    Parameters
    ----------
    input_hz : :class:`int`
        Frequency of the oscillator: 19 MHz to 800 MHz, 1 GHz divided by an integer.

    Members
    -------
    i : ``In(1)``
        The oscillator, behind its input buffer.
    clk : ``Out(1)``
        The clock, on a global buffer. Not steady while ``locked`` is low.
    locked : ``Out(1)``
        Asynchronous.

    Raises
    ------
    ValueError
        If the PLL cannot make CPU_HZ of ``input_hz``.
    """

    i: In(1)
    clk: Out(1)
    locked: Out(1)

    def __init__(self, *, input_hz):
        self._input_hz = input_hz
        self._multiplier = vco_multiplier(input_hz)
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        feedback, output = Signal(), Signal()
        m.submodules.pll = Instance(
            "PLLE2_BASE",
            p_CLKIN1_PERIOD=1e9 / self._input_hz,
            p_CLKFBOUT_MULT=self._multiplier,
            p_DIVCLK_DIVIDE=1,
            p_CLKOUT0_DIVIDE=VCO_HZ // CPU_HZ,
            i_CLKIN1=self.i,
            i_CLKFBIN=feedback,
            i_PWRDWN=Const(0),
            i_RST=Const(0),
            o_CLKFBOUT=feedback,
            o_CLKOUT0=output,
            o_LOCKED=self.locked,
        )
        m.submodules.buffer = Instance("BUFG", i_I=output, o_O=self.clk)
        return m

# SPDX-License-Identifier: BSD-2-Clause
"""Clocks of a board's own: a PLL of the 7 series on its oscillator."""

from amaranth.hdl import Const, Instance, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Pll"]

#: What the PLL's oscillator runs at: 800 to 1600 MHz in every speed grade (DS181, DS182).
_VCO_HZ = 1_000_000_000


class Pll(wiring.Component):
    """Make clocks of an oscillator.

    Parameters
    ----------
    input_hz : :class:`int`
        Frequency of the oscillator: 19 MHz to 800 MHz, 1 GHz divided by an integer.
    clocks_hz : :class:`dict` of :class:`str` to :class:`int`
        Frequency of each clock by its name, up to six: 1 GHz divided by an integer.

    Members
    -------
    i : ``In(1)``
        The oscillator, behind its input buffer.
    locked : ``Out(1)``
        Asynchronous.
    the names in ``clocks_hz`` : ``Out(1)``
        The clocks, on global buffers. Not steady while ``locked`` is low.

    Raises
    ------
    ValueError
        If the PLL cannot take the oscillator.
    """

    def __init__(self, *, input_hz, clocks_hz):
        if not 19e6 <= input_hz <= 800e6 or _VCO_HZ % input_hz:
            raise ValueError(f"Oscillator must have 1 GHz divided by an integer, 19 to 800 MHz, "
                             f"not {input_hz / 1e6:g} MHz")
        self._input_hz = input_hz
        self._clocks_hz = clocks_hz
        super().__init__({"i": In(1), "locked": Out(1), **dict.fromkeys(clocks_hz, Out(1))})

    def elaborate(self, platform):
        m = Module()
        feedback = Signal()
        dividers, outputs = {}, {}
        for number, (name, hz) in enumerate(self._clocks_hz.items()):
            output = Signal(name=f"{name}_unbuffered")
            dividers[f"p_CLKOUT{number}_DIVIDE"] = _VCO_HZ // hz
            outputs[f"o_CLKOUT{number}"] = output
            m.submodules[f"{name}_buffer"] = Instance("BUFG", i_I=output, o_O=getattr(self, name))
        # All inputs are tied: the open router takes no open one for a constant.
        m.submodules.pll = Instance(
            "PLLE2_ADV",
            p_CLKIN1_PERIOD=1e9 / self._input_hz,
            p_CLKFBOUT_MULT=_VCO_HZ // self._input_hz,
            p_DIVCLK_DIVIDE=1,
            **dividers,
            i_CLKIN1=self.i,
            i_CLKIN2=Const(0),
            i_CLKINSEL=Const(1),
            i_CLKFBIN=feedback,
            i_PWRDWN=Const(0),
            i_RST=Const(0),
            i_DADDR=Const(0, 7),
            i_DCLK=Const(0),
            i_DEN=Const(0),
            i_DI=Const(0, 16),
            i_DWE=Const(0),
            o_CLKFBOUT=feedback,
            o_LOCKED=self.locked,
            **outputs,
        )
        return m

# SPDX-License-Identifier: BSD-2-Clause
"""The bench image on a board: a PLL on its oscillator, resets, LEDs."""

from amaranth.hdl import ClockDomain, ClockSignal, Const, DomainRenamer, Instance, Module, Signal
from amaranth.lib import io, wiring
from amaranth.lib.cdc import ResetSynchronizer
from amaranth.lib.wiring import In, Out

from ..vivado.cpu_clock import VCO_HZ, vco_multiplier
from .card import LEDS, BenchCard

__all__ = ["CLOCKS_HZ", "BenchClocks", "BenchTop"]

#: Frequency of each clock: what the routed card reaches by open tools, with a margin.
CLOCKS_HZ = {"pcie_clk": 62_500_000, "cpu_clk": 50_000_000}


class BenchClocks(wiring.Component):
    """Make the card's and the CPU's clock of an oscillator.

    Parameters
    ----------
    input_hz : :class:`int`
        Frequency of the oscillator: 19 MHz to 800 MHz, 1 GHz divided by an integer.

    Members
    -------
    i : ``In(1)``
        The oscillator, behind its input buffer.
    pcie_clk, cpu_clk : ``Out(1)``
        The clocks, on global buffers. Not steady while ``locked`` is low.
    locked : ``Out(1)``
        Asynchronous.

    Raises
    ------
    ValueError
        If the PLL cannot make them of ``input_hz``.
    """

    i: In(1)
    pcie_clk: Out(1)
    cpu_clk: Out(1)
    locked: Out(1)

    def __init__(self, *, input_hz):
        self._input_hz = input_hz
        self._multiplier = vco_multiplier(input_hz)
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        feedback = Signal()
        dividers, outputs = {}, {}
        for number, (name, hz) in enumerate(CLOCKS_HZ.items()):
            output = Signal(name=f"{name}_unbuffered")
            dividers[f"p_CLKOUT{number}_DIVIDE"] = VCO_HZ // hz
            outputs[f"o_CLKOUT{number}"] = output
            m.submodules[f"{name}_buffer"] = Instance("BUFG", i_I=output, o_O=getattr(self, name))
        # All inputs are tied: the router takes no open one for a constant.
        m.submodules.pll = Instance(
            "PLLE2_ADV",
            p_CLKIN1_PERIOD=1e9 / self._input_hz,
            p_CLKFBOUT_MULT=self._multiplier,
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


class BenchTop(wiring.Component):
    """A board with the bench image: its oscillator and its LEDs.

    The card is in domain ``pcie``, its CPU in ``cpu``, as with the PCIe block; both are in reset
    until the PLL has locked.

    Parameters
    ----------
    board : :class:`vop.vivado.board.Board`
        The board.
    firmware : :class:`bytes`
        The bench firmware.
    build_id : :class:`int`
        What ``identity.build.id`` says.
    """

    def __init__(self, board, *, firmware, build_id):
        self._board = board
        self._card = BenchCard(firmware=firmware, build_id=build_id, cpu_domain="cpu",
                               clock_hz=CLOCKS_HZ["pcie_clk"])
        super().__init__({})

    def elaborate(self, platform):
        m = Module()
        clock = self._board.clock
        m.submodules.oscillator = oscillator = io.Buffer("i", platform.request(clock, 0, dir="-"))
        m.submodules.clocks = clocks = BenchClocks(
            input_hz=int(platform.lookup(clock).clock.frequency))
        m.d.comb += clocks.i.eq(oscillator.i)
        for domain in ("pcie", "cpu"):
            m.domains += ClockDomain(domain)
            m.d.comb += ClockSignal(domain).eq(getattr(clocks, f"{domain}_clk"))
            m.submodules[f"{domain}_reset"] = ResetSynchronizer(~clocks.locked, domain=domain)
        m.submodules.card = card = DomainRenamer({"sync": "pcie"})(self._card)
        for number in range(LEDS):
            m.submodules[f"led{number}"] = led = io.Buffer(
                "o", platform.request("led", number, dir="-"))
            m.d.comb += led.o.eq(card.leds[number])
        return m

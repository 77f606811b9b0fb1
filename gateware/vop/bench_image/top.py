# SPDX-License-Identifier: BSD-2-Clause
"""The bench image on a board: a PLL on its oscillator, resets, LEDs."""

from amaranth.hdl import ClockDomain, ClockSignal, DomainRenamer, Module
from amaranth.lib import io, wiring
from amaranth.lib.cdc import ResetSynchronizer

from ..xc7.pll import Pll
from .card import LEDS, BenchCard

__all__ = ["CLOCKS_HZ", "BenchTop"]

#: Frequency of each clock: what the routed card reaches by open tools, with a margin.
CLOCKS_HZ = {"pcie_clk": 62_500_000, "cpu_clk": 50_000_000}


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
        m.submodules.clocks = clocks = Pll(
            input_hz=int(platform.lookup(clock).clock.frequency), clocks_hz=CLOCKS_HZ)
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

# SPDX-License-Identifier: BSD-2-Clause
"""The card as the NiteFury II would hold it, with a stub in place of the PCIe hard block."""

from amaranth.hdl import ClockDomain, ClockSignal, DomainRenamer, Module
from amaranth.lib import wiring
from amaranth.lib.cdc import ResetSynchronizer
from amaranth.lib.wiring import In, Out, connect

from ..card import Card
from ..regs import CARD_ADDRESSES
from ..shims.pcie_7x import Pcie7xShim, PinsSignature
from .stub import Stubbed

__all__ = ["CLOCKS", "PINS", "ShimmedCard", "TimedCard", "constraints"]

#: Clock of each domain: name of the port, and pin. Both come from outside: that they are unrelated
#: is so by construction, and every crossing between them is one of a file named ``*_cdc.py``.
CLOCKS = {"pcie": "pcie_clk", "cpu": "cpu_clk"}

#: Pins of the NiteFury II. On the board the clocks come from the hard block and from a PLL; here
#: any pin that can take a clock does.
PINS = {"pcie_clk": "J19", "cpu_clk": "K18", "reset": "H4", "scan_in": "G3", "scan_out": "G4"}


class ShimmedCard(wiring.Component):
    """The card and its shim, all that is ours: ports are the pins of the hard block.

    Parameters
    ----------
    width : :class:`int`
        Payload bits per beat: 64 or 128.
    parameters
        Those of :class:`vop.card.Card`.
    """

    def __init__(self, width=128, **parameters):
        self._card = Card(width, **parameters)
        self._shim = Pcie7xShim(width)
        super().__init__({
            "pins":    In(PinsSignature(width)),
            "uart_tx": Out(1, init=1),
            "uart_rx": In(1, init=1),
        })

    @property
    def sources(self):
        """Paths of the foreign Verilog that the card instantiates."""
        return self._card.sources

    def elaborate(self, platform):
        m = Module()
        m.submodules.shim = shim = self._shim
        m.submodules.card = card = self._card
        connect(m, shim.phy, card.phy)
        connect(m, wiring.flipped(self.pins), shim.pins)
        m.d.comb += [self.uart_tx.eq(card.uart_tx), card.uart_rx.eq(self.uart_rx)]
        return m


class TimedCard(wiring.Component):
    """The whole: clocks, reset, and the shimmed card within a stub.

    The card is in domain ``pcie``, and its CPU in ``cpu``. Names in the hierarchy: ``dut`` is the
    card, ``stub`` what stands for the hard block.

    Parameters
    ----------
    width, parameters
        Those of :class:`ShimmedCard`.

    Members
    -------
    pcie_clk, cpu_clk, reset, scan_in : ``In(1)``, scan_out : ``Out(1)``
        Pins; see ``PINS``.
    """

    pcie_clk: In(1)
    cpu_clk: In(1)
    reset: In(1)
    scan_in: In(1)
    scan_out: Out(1)

    def __init__(self, width=128, *, ram_bytes=CARD_ADDRESSES["default_ram_bytes"], **parameters):
        parameters.setdefault("cpu_domain", "cpu")
        self._card = Stubbed(ShimmedCard(width, ram_bytes=ram_bytes, **parameters))
        super().__init__()

    @property
    def sources(self):
        """Paths of the foreign Verilog that the card instantiates."""
        return self._card.sources

    def elaborate(self, platform):
        m = Module()
        m.domains.pcie = ClockDomain()
        m.domains.cpu = ClockDomain()
        m.d.comb += [
            ClockSignal("pcie").eq(self.pcie_clk),
            ClockSignal("cpu").eq(self.cpu_clk),
        ]
        for domain in CLOCKS:
            m.submodules[f"{domain}_reset"] = ResetSynchronizer(self.reset, domain=domain)
        m.submodules.card = card = DomainRenamer({"sync": "pcie"})(self._card)
        m.d.comb += [card.scan_in.eq(self.scan_in), self.scan_out.eq(card.scan_out)]
        return m


def constraints():
    """Constraints for nextpnr: where the pins are."""
    return "".join(f"set_property LOC {pin} [get_ports {port}]\n"
                   f"set_property IOSTANDARD LVCMOS33 [get_ports {port}]\n"
                   for port, pin in PINS.items())

# SPDX-License-Identifier: BSD-2-Clause
"""The simulated card with two taps, so that a measurement can begin where its definition says."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from vop.boards.sim import SimCard

__all__ = ["BenchCard"]


class BenchCard(wiring.Component):
    """`SimCard`, and what the bench looks at inside it. The taps drive nothing.

    Members
    -------
    pins of ``pcie_7x``
        As in :class:`vop.boards.sim.SimCard`; its other ports are idle.
    seen_write, seen_address, seen_data, seen_card
        Writes that reach block `copier`: strobe, byte address in BAR0, data, and whether the card's
        CPU wrote.
    seen_interrupts
        External interrupt lines as the CPU sees them.
    """

    _LEFT_OUT = ("leap", "leap_to", "idle", "mtime", "mtimecmp", "uart_tx", "uart_byte",
                 "uart_byte_valid", "marker")  # fmt: skip

    def __init__(self, **parameters):
        self._sim = SimCard(**parameters)
        self._pins = {
            name: member
            for name, member in self._sim.signature.members.items()
            if name not in self._LEFT_OUT
        }
        super().__init__(
            self._pins
            | {
                "seen_write": Out(1),
                "seen_address": Out(16),
                "seen_data": Out(32),
                "seen_card": Out(1),
                "seen_interrupts": Out(32),
            }
        )

    @property
    def sources(self):
        """Paths of the foreign Verilog that the card instantiates."""
        return self._sim.sources

    def elaborate(self, platform):
        """Connect the pins, and tap the register bus where the card joins it to the copier."""
        m = Module()
        m.submodules.sim = sim = self._sim
        for name, member in self._pins.items():
            inner, outer = getattr(sim, name), getattr(self, name)
            m.d.comb += inner.eq(outer) if member.flow is In else outer.eq(inner)

        card = sim._card
        elaborate_card = card.elaborate

        def tapped(platform):
            inside = elaborate_card(platform)
            bus = inside.submodules.decoder.copier
            inside.d.comb += [
                self.seen_write.eq(bus.write),
                self.seen_address.eq(bus.address),
                self.seen_data.eq(bus.write_data),
                self.seen_card.eq(bus.card),
                self.seen_interrupts.eq(card._cpu.interrupts),
            ]
            return inside

        card.elaborate = tapped
        return m

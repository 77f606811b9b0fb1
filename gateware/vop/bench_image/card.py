# SPDX-License-Identifier: BSD-2-Clause
"""The card of the bench image: loopback in place of the shim, the firmware's verdict on LEDs."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect

from ..card import Card
from .loopback import LoopbackPhy

__all__ = ["LEDS", "RAM_BYTES", "WIDTH", "BenchCard"]

#: Payload bits per beat: the narrowest, as it is placed and routed in the least time.
WIDTH = 64

#: Size of card RAM, which the bench firmware is linked for.
RAM_BYTES = 0x8000

#: LEDs that the firmware sets.
LEDS = 4


class BenchCard(wiring.Component):
    """A card that tests itself.

    Parameters
    ----------
    firmware : :class:`bytes`
        The bench firmware; the CPU starts with it.
    parameters
        Others of :class:`vop.card.Card`.

    Members
    -------
    leds : ``Out(4)``
        The low bits of ``stats.marker``: see firmware/baremetal/bench.c.
    uart_byte_valid : ``Out(1)``, uart_byte : ``Out(8)``
        What the firmware says, each character for one cycle.
    corrupt, mute : ``In(1)``
        Faults of the loopback: see :class:`LoopbackPhy`.
    """

    leds: Out(LEDS)
    uart_byte_valid: Out(1)
    uart_byte: Out(8)
    corrupt: In(1)
    mute: In(1)

    def __init__(self, *, firmware, **parameters):
        self._card = Card(WIDTH, ram_bytes=RAM_BYTES, firmware=firmware, cpu_run=1, **parameters)
        super().__init__()

    @property
    def sources(self):
        """Paths of the foreign Verilog that the card instantiates."""
        return self._card.sources

    def elaborate(self, platform):
        m = Module()
        m.submodules.card = card = self._card
        m.submodules.loopback = loopback = LoopbackPhy(WIDTH)
        connect(m, loopback.phy, card.phy)
        m.d.comb += [
            loopback.corrupt.eq(self.corrupt),
            loopback.mute.eq(self.mute),
            self.leds.eq(card.marker),
            self.uart_byte_valid.eq(card.uart_sent.valid),
            self.uart_byte.eq(card.uart_sent.payload),
            card.uart_rx.eq(1),
        ]
        return m

# SPDX-License-Identifier: BSD-2-Clause
"""No board: the card as the simulator sees it, with the pins of ``pcie_7x``."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect

from ..card import Card
from ..shims.pcie_7x import Pcie7xShim, PinsSignature

__all__ = ["SimCard"]

_WIDTH = 128
_UART_DIVISOR = 4  # a character every 40 cycles: nobody decodes the line


class SimCard(wiring.Component):
    """The card on a simulated ``pcie_7x``.

    Parameters
    ----------
    parameters
        Those of :class:`vop.card.Card`, except its width.

    Members
    -------
    pins of ``pcie_7x``
        As in :class:`vop.shims.pcie_7x.PinsSignature`, under their own names. ``rst`` is the
        block's ``user_reset``.
    idle : ``Out(1)``
        Nothing happens until the host or time does something.
    mtime : ``Out(64)``
        The card's time, in cycles, leaps included.
    mtimecmp : ``Out(64)``
        When the timer is due; all ones: never.
    leap : ``In(1)``, leap_to : ``In(64)``
        Sets ``mtime``. Only while ``idle``.
    uart_tx : ``Out(1)``
        The serial line.
    uart_byte_valid : ``Out(1)``, uart_byte : ``Out(8)``
        Each character that the firmware writes, for one cycle.
    marker : ``Out(32)``
        What the firmware wrote to ``stats.marker``.
    """

    def __init__(self, **parameters):
        parameters.setdefault("features", ("copy", "publish", "complete", "sim"))
        parameters.setdefault("uart_divisor", _UART_DIVISOR)
        self._card = Card(_WIDTH, **parameters)
        self._pins = PinsSignature(_WIDTH)
        super().__init__({
            **{name: member.flip() for name, member in self._pins.members.items()},
            "idle":            Out(1),
            "mtime":           Out(64),
            "mtimecmp":        Out(64),
            "leap":            In(1),
            "leap_to":         In(64),
            "uart_tx":         Out(1, init=1),
            "uart_byte_valid": Out(1),
            "uart_byte":       Out(8),
            "marker":          Out(32),
        })

    @property
    def sources(self):
        """Paths of the foreign Verilog that the card instantiates."""
        return self._card.sources

    def elaborate(self, platform):
        m = Module()
        m.submodules.shim = shim = Pcie7xShim(_WIDTH)
        m.submodules.card = card = self._card
        connect(m, shim.phy, card.phy)
        for name, member in self._pins.members.items():
            inner, outer = getattr(shim.pins, name), getattr(self, name)
            m.d.comb += inner.eq(outer) if member.flow is Out else outer.eq(inner)
        m.d.comb += [
            self.idle.eq(card.idle & shim.idle),
            self.mtime.eq(card.mtime),
            self.mtimecmp.eq(card.mtimecmp),
            card.leap.eq(self.leap),
            card.leap_to.eq(self.leap_to),
            self.uart_tx.eq(card.uart_tx),
            self.uart_byte_valid.eq(card.uart_sent.valid),
            self.uart_byte.eq(card.uart_sent.payload),
            self.marker.eq(card.marker),
        ]
        return m

# SPDX-License-Identifier: BSD-2-Clause
"""No board: the card as the simulator sees it, at the pins of its hard block."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect

from ..card import Card
from ..shims.pcie_7x import Pcie7xShim
from ..shims.pcie_usplus import PcieUsplusShim

__all__ = ["SimCard"]

_SHIMS = {"pcie_7x": Pcie7xShim, "pcie_usplus": PcieUsplusShim}
_UART_DIVISOR = 4  # a character every 40 cycles: nobody decodes the line


class SimCard(wiring.Component):
    """The card on a simulated hard block.

    Parameters
    ----------
    block : :class:`str`
        The hard block: ``pcie_7x`` or ``pcie_usplus``.
    width : :class:`int`
        Payload bits per beat, one that the block has.
    parameters
        Those of :class:`vop.card.Card`.

    Members
    -------
    pins of the block
        As in the ``PinsSignature`` of its shim, under their own names. ``rst`` is the block's
        ``user_reset``.
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

    def __init__(self, *, block="pcie_7x", width=128, **parameters):
        if block not in _SHIMS:
            raise ValueError(f"Hard block must be one of {', '.join(_SHIMS)}, not {block!r}")
        parameters.setdefault("features", ("sim",))
        parameters.setdefault("uart_divisor", _UART_DIVISOR)
        self._card = Card(width, **parameters)
        self._shim = _SHIMS[block](width)
        self._pins = self._shim.pins.signature
        super().__init__({
            **dict(self._pins.members.items()),
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
        m.submodules.shim = shim = self._shim
        m.submodules.card = card = self._card
        connect(m, shim.phy, card.phy)
        for name, member in self._pins.members.items():
            inner, outer = getattr(shim.pins, name), getattr(self, name)
            m.d.comb += inner.eq(outer) if member.flow is In else outer.eq(inner)
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

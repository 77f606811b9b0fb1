# SPDX-License-Identifier: BSD-2-Clause
"""BAR hit and address to window."""

from amaranth.hdl import Module, Signal
from amaranth.lib import enum, wiring
from amaranth.lib.wiring import In, Out

from ..pcie.tlp import HeaderLayout

__all__ = ["BarDecoder", "Window"]


class Window(enum.Enum, shape=2):
    """What lies behind a BAR."""

    NONE      = 0
    REGISTERS = 1
    MEMORY    = 2


class BarDecoder(wiring.Component):
    """Say which window a memory request means, combinationally.

    A request must lie in its window as a whole, last DW included; else it means no window.

    Parameters
    ----------
    register_bytes : :class:`int`
        Size of BAR0, in bytes; a power of two.
    memory_bytes : :class:`int`
        Size of card RAM, in bytes. BAR2 is the next power of two.

    Members
    -------
    header : ``In(HeaderLayout)``
        A memory request.
    bar : ``In(3)``
        BAR hit, as in ``RxBeatLayout``.
    window : ``Out(Window)``
        The window.
    address : ``Out(32)``
        Byte offset in the window. Valid where ``window`` is not ``NONE``.

    Raises
    ------
    ValueError
        If ``register_bytes`` is not a power of two.
    """

    def __init__(self, *, register_bytes, memory_bytes):
        if register_bytes < 4 or register_bytes & (register_bytes - 1):
            raise ValueError(f"Size of BAR0 must be a power of two of at least 4, not "
                             f"{register_bytes!r}")
        self._register_bytes = register_bytes
        self._memory_bytes = memory_bytes
        super().__init__({
            "header":  In(HeaderLayout),
            "bar":     In(3),
            "window":  Out(Window),
            "address": Out(32),
        })

    def elaborate(self, platform):
        m = Module()
        header = self.header
        for bar, window, size in ((0, Window.REGISTERS, self._register_bytes),
                                  (2, Window.MEMORY, self._memory_bytes)):
            bits = (size - 1).bit_length()
            offset = header.address[:bits]
            end = Signal(bits + 14, name=f"end_{bar}")
            m.d.comb += end.eq(offset + (header.length_dw << 2))
            with m.If((self.bar == bar) & (end <= size)):
                m.d.comb += [
                    self.window.eq(window),
                    self.address.eq(offset),
                ]
        return m

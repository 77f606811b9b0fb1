# SPDX-License-Identifier: BSD-2-Clause
"""Reset of a memory: its words, one by one."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["ResetSweep"]


class ResetSweep(wiring.Component):
    """Name every word once, from the start and behind each reset.

    Parameters
    ----------
    count : :class:`int`
        Words.

    Members
    -------
    reset : ``In(1)``
        High: start, and start over.
    index : ``Out(range(count))``
        The word to be reset in this cycle. Valid while ``busy``.
    busy : ``Out(1)``
        High while words are being reset.
    """

    def __init__(self, *, count):
        self._count = count
        super().__init__({
            "reset": In(1),
            "index": Out(range(count)),
            "busy":  Out(1, init=1),
        })

    def elaborate(self, platform):
        m = Module()
        with m.If(self.reset):
            m.d.sync += [self.index.eq(0), self.busy.eq(1)]
        with m.Elif(self.busy):
            m.d.sync += self.index.eq(self.index + 1)
            with m.If(self.index == self._count - 1):
                m.d.sync += [self.index.eq(0), self.busy.eq(0)]
        return m

# SPDX-License-Identifier: BSD-2-Clause
"""A register of every channel, of which the executor sees that of the current channel."""

from amaranth.hdl import Signal
from amaranth.lib.memory import Memory

from ..requester.segment import CHANNELS

__all__ = ["BarrelRegister"]


class BarrelRegister:
    """One value per channel in distributed memory; a turn's end needs no saving.

    Parameters
    ----------
    m : :class:`amaranth.Module`
        Where it is used: ``set`` belongs into a state of its state machine.
    name : :class:`str`
        What it holds.
    shape : shape-like
        Of each value. All start at zero.
    current : Signal
        The channel whose value is seen and set.

    Attributes
    ----------
    value : Signal
        Combinational with ``current``; as of the last ``set``.
    """

    def __init__(self, m, name, shape, current):
        self._m = m
        memory = Memory(shape=shape, depth=CHANNELS, init=[], attrs={"ram_style": "distributed"})
        m.submodules[name] = memory
        self._memory = memory
        self._write = memory.write_port()
        self.value = Signal(shape, name=name)
        m.d.comb += [
            self.value.eq(self.at(current)),
            self._write.addr.eq(current),
        ]

    def set(self, value):
        """From the next cycle on the current channel's value is ``value``."""
        self._m.d.comb += [self._write.data.eq(value), self._write.en.eq(1)]

    def at(self, channel):
        """The value of another channel, through a port of its own."""
        port = self._memory.read_port(domain="comb")
        self._m.d.comb += port.addr.eq(channel)
        return port.data

# SPDX-License-Identifier: BSD-2-Clause
"""A register of every channel, of which the executor sees that of the current channel."""

from amaranth.hdl import Const, Signal, Value
from amaranth.lib.memory import Memory

from ..requester.segment import CHANNELS

__all__ = ["Choice", "BarrelRegister"]

_SELECT_BITS = 4


class Choice:
    """A value that several states set, each to a source of its own.

    The states, however deep their conditions, choose no more than the number of a source; the
    sources themselves meet once, in :meth:`finish`. What the value is while no state sets it is
    undefined.

    Parameters
    ----------
    m : :class:`amaranth.Module`
        Where it is used.
    target : Signal
        The value.
    name : :class:`str`
        What it is.
    """

    def __init__(self, m, target, name):
        self._m = m
        self._target = target
        self._select = Signal(_SELECT_BITS, name=f"{name}_select")
        self._sources = {}

    def set(self, value):
        """In a state: the value is ``value``."""
        value = Value.cast(value)
        # Of expressions each is a source of its own.
        key = (value.value,) if isinstance(value, Const) else id(value)
        number, _ = self._sources.setdefault(key, (len(self._sources), value))
        self._m.d.comb += self._select.eq(number)

    def finish(self):
        """When all states have been added."""
        m = self._m
        assert len(self._sources) <= 1 << _SELECT_BITS
        *others, (_, default) = self._sources.values()
        with m.Switch(self._select):
            for number, value in others:
                with m.Case(number):
                    m.d.comb += self._target.eq(value)
            with m.Default():
                m.d.comb += self._target.eq(default)


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
        following = Signal(shape, name=f"{name}_next")
        self._choice = Choice(m, following, name)
        m.d.comb += [
            self.value.eq(self.at(current)),
            self._write.addr.eq(current),
            self._write.data.eq(following),
        ]

    def set(self, value):
        """From the next cycle on the current channel's value is ``value``."""
        self._choice.set(value)
        self._m.d.comb += self._write.en.eq(1)

    def finish(self):
        """When all states have been added."""
        self._choice.finish()

    def at(self, channel):
        """The value of another channel, through a port of its own."""
        port = self._memory.read_port(domain="comb")
        self._m.d.comb += port.addr.eq(channel)
        return port.data

# SPDX-License-Identifier: BSD-2-Clause
"""A register of every channel, of which the executor sees that of the current channel."""

from amaranth.hdl import Const, Mux, Signal, Value
from amaranth.lib.memory import Memory

from ..requester.segment import CHANNELS

__all__ = ["Choice", "BarrelRegister"]

_SELECT_BITS = 4


class Choice:
    """A value that several steps set, each to a source of its own.

    In a step that names one source only, no condition within it delays the choice; the sources
    meet once, in :meth:`finish`. What the value is while no step sets it is undefined.

    Parameters
    ----------
    m : :class:`amaranth.Module`
        Where it is used.
    target : Signal
        The value.
    name : :class:`str`
        What it is.
    steps : :class:`~vop.copier.steps.Steps` or None
        The steps. None: there are none.
    """

    def __init__(self, m, target, name, steps):
        self._m = m
        self._target = target
        self._name = name
        self._steps = steps
        self._sources = {}
        self._selects = {}                   # by step: numbers of sources, and which it is

    def set(self, value):
        """In a step: the value is ``value``.

        If a condition within the step chooses between this and another, it delays the value.
        """
        value = Value.cast(value)
        # Of expressions each is a source of its own.
        key = (value.value,) if isinstance(value, Const) else id(value)
        number, _ = self._sources.setdefault(key, (len(self._sources), value))
        here = self._steps and self._steps.here
        numbers, select = self._selects.setdefault(
            here, (set(), Signal(_SELECT_BITS, name=f"{self._name}_select")))
        numbers.add(number)
        self._m.d.comb += select.eq(number)

    def finish(self):
        """When all steps have been described."""
        m = self._m
        assert len(self._sources) <= 1 << _SELECT_BITS
        chosen = Signal(_SELECT_BITS, name=f"{self._name}_chosen")
        if self._steps:
            known = Signal.like(chosen)
            self._steps.choose(known, {
                step: min(numbers) for step, (numbers, _select) in self._selects.items()})
            with m.Switch(self._steps.state):
                for step, (numbers, select) in self._selects.items():
                    if len(numbers) > 1:
                        with m.Case(self._steps.code(step)):
                            m.d.comb += chosen.eq(select)
                with m.Default():
                    m.d.comb += chosen.eq(known)
        else:
            (_numbers, select), = self._selects.values()
            m.d.comb += chosen.eq(select)
        *others, (_, default) = self._sources.values()
        with m.Switch(chosen):
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
    steps : object or None
        See :class:`Choice`.
    fast : :class:`bool`
        The current channel's value is kept in a register as well.

    Attributes
    ----------
    value : Signal
        As of the last ``set``. Combinational with ``current``; if ``fast``, a cycle behind it.
    """

    def __init__(self, m, name, shape, current, *, steps=None, fast=False):
        self._m = m
        memory = Memory(shape=shape, depth=CHANNELS, init=[], attrs={"ram_style": "distributed"})
        m.submodules[name] = memory
        self._memory = memory
        self._write = memory.write_port()
        self.value = Signal(shape, name=name)
        following = Signal(shape, name=f"{name}_next")
        self._choice = Choice(m, following, name, steps)
        m.d.comb += [
            self._write.addr.eq(current),
            self._write.data.eq(following),
        ]
        if fast:
            m.d.sync += self.value.eq(Mux(self._write.en, following, self.at(current)))
        else:
            m.d.comb += self.value.eq(self.at(current))

    def set(self, value, *, when=1):
        """From the next cycle on the current channel's value is ``value``, if ``when``."""
        self.choose(value)
        self._m.d.comb += self._write.en.eq(when)

    def choose(self, value):
        """What :meth:`store` sets."""
        self._choice.set(value)

    def store(self):
        """As :meth:`set`, where the conditions of the value are not those of the store."""
        self._m.d.comb += self._write.en.eq(1)

    def finish(self):
        """When all states have been added."""
        self._choice.finish()

    def at(self, channel):
        """The value of another channel, through a port of its own."""
        port = self._memory.read_port(domain="comb")
        self._m.d.comb += port.addr.eq(channel)
        return port.data

# SPDX-License-Identifier: BSD-2-Clause
"""The executor's state machine."""

from contextlib import contextmanager

from amaranth.hdl import Signal

__all__ = ["Steps"]

_STATE_BITS = 6


class Steps:
    """A state machine whose numbers of steps may tell what the steps do.

    Parameters
    ----------
    m : :class:`amaranth.Module`
        Where it is.
    first : :class:`str`
        The step that it starts in.
    low_bits : dict of :class:`str` to :class:`int`
        The lowest three bits of the number of some steps, by name.

    Attributes
    ----------
    here : :class:`str` or None
        Name of the step that is being described.
    state : Signal
        Number of the step.
    """

    def __init__(self, m, *, first, low_bits):
        self._m = m
        self._low_bits = low_bits
        self._codes = {first: 0}
        self.here = None
        self.state = Signal(_STATE_BITS, name="step")

    def code(self, name):
        """Number of the step ``name``."""
        if name not in self._codes:
            low = self._low_bits.get(name)
            self._codes[name] = next(
                code for code in range(1 << _STATE_BITS)
                if code not in self._codes.values() and (low is None or code % 8 == low))
        return self._codes[name]

    def describe(self):
        """Context of all :meth:`step`."""
        for name in self._low_bits:
            self.code(name)
        return self._m.Switch(self.state)

    @contextmanager
    def step(self, name):
        """Context of what happens in the step ``name``."""
        self.here = name
        with self._m.Case(self.code(name)):
            yield

    def go(self, name):
        """In a step: the next one is ``name``. The last one that is named counts."""
        self._m.d.sync += self.state.eq(self.code(name))

    def choose(self, target, choices):
        """``target`` is what ``choices`` hold, by name, for this step; for others it is zero."""
        m = self._m
        with m.Switch(self.state):
            for name, value in choices.items():
                with m.Case(self.code(name)):
                    m.d.comb += target.eq(value)

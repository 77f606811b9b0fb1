# SPDX-License-Identifier: BSD-2-Clause
"""Many counters in one memory, all of which may count in every cycle."""

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["CounterMemory"]

_BITS = 6


def _shifted_in(state):
    """The bit that follows ``state``: x^6 + x^5 + 1, with the state 0 put among the other 63."""
    return (state >> 5 ^ state >> 4 ^ (state & 0b11111 == 0)) & 1


def _positions():
    """For each state, how many steps behind state 0 it comes."""
    positions, state = [0] * (1 << _BITS), 0
    for position in range(1 << _BITS):
        positions[state] = position
        state = (state << 1 | _shifted_in(state)) % (1 << _BITS)
    return positions


class CounterMemory(wiring.Component):
    """Count pulses in memory, with six bits of register for each counter.

    Those six bits, a shift register that takes a step for each pulse, are the counter's low bits,
    in an order of their own. The memory visits the counters in turn, one a cycle: its low bits
    follow the register's, and where they fall, the upper bits grow by one. It comes round every
    ``count`` cycles, before a register can, so no pulse is lost.

    Parameters
    ----------
    count : :class:`int`
        Counters: 2 to 63.

    Members
    -------
    pulses : ``In(count)``
        Bit n: counter n grows by one.
    index : ``In(range(count))``
        Counter to read.
    value : ``Out(32)``
        What it had counted some ``count`` cycles before; valid in the cycle after ``index``. Zero
        in the first ``count`` cycles behind a reset.

    Raises
    ------
    ValueError
        If ``count`` is not from 2 to 63.
    """

    def __init__(self, count):
        if not 2 <= count <= 63:
            raise ValueError(f"Number of counters must be 2 to 63, not {count!r}")
        self._count = count
        super().__init__({
            "pulses": In(count),
            "index":  In(range(count)),
            "value":  Out(32),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.storage = storage = memory.Memory(shape=32, depth=self._count, init=[])
        write, visit, read = storage.write_port(), storage.read_port(), storage.read_port()

        visited = Signal(range(self._count))
        before = Signal.like(visited)            # visited in the cycle before
        state = Signal(_BITS)                    # of its shift register
        position = Signal(_BITS)
        old = Signal(32)
        is_old = Signal()                        # the memory has been written behind the reset
        was_old = Signal()
        m.d.comb += [
            visit.addr.eq(visited),
            old.eq(Mux(was_old, visit.data, 0)),
            position.eq(Array(Const(n, _BITS) for n in _positions())[state]),
            write.addr.eq(before),
            write.data.eq(Cat(position, old[_BITS:] + (position < old[:_BITS]))),
            write.en.eq(1),
            read.addr.eq(self.index),
            self.value.eq(Mux(is_old, read.data, 0)),
        ]
        m.d.sync += [before.eq(visited), was_old.eq(is_old), visited.eq(visited + 1)]
        with m.If(visited == self._count - 1):
            m.d.sync += [visited.eq(0), is_old.eq(1)]

        states = Array(Signal(_BITS, name=f"state_{number}") for number in range(self._count))
        m.d.sync += state.eq(states[visited])
        following = Const(sum(_shifted_in(n) << n for n in range(1 << _BITS)), 1 << _BITS)
        for pulse, held in zip(self.pulses, states, strict=True):
            with m.If(pulse):
                # One lookup table of six inputs; a binary counter would take six of them.
                m.d.sync += held.eq(Cat(following.bit_select(held, 1), held))
        return m

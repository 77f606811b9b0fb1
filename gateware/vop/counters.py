# SPDX-License-Identifier: BSD-2-Clause
"""Many counters in one memory, all of which may count in every cycle."""

from amaranth.hdl import Array, Module, Mux, Signal
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["CounterMemory"]


class CounterMemory(wiring.Component):
    """Count pulses in memory, with a few bits of register for each counter.

    Each counter has an accumulator that takes a pulse in every cycle. The memory visits the
    counters in turn, one a cycle, adds what the accumulator holds and empties it. It comes round
    every ``count`` cycles and an accumulator holds at least as many pulses, so none is lost.

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
        amount = Signal(range(self._count + 1))  # that it grows by
        is_old = Signal()                        # the memory has been written behind the reset
        was_old = Signal()
        m.d.comb += [
            visit.addr.eq(visited),
            write.addr.eq(before),
            write.data.eq(Mux(was_old, visit.data, 0) + amount),
            write.en.eq(1),
            read.addr.eq(self.index),
            self.value.eq(Mux(is_old, read.data, 0)),
        ]
        m.d.sync += [before.eq(visited), was_old.eq(is_old), visited.eq(visited + 1)]
        with m.If(visited == self._count - 1):
            m.d.sync += [visited.eq(0), is_old.eq(1)]

        accumulators = Array(Signal(range(self._count + 1), name=f"held_{number}")
                             for number in range(self._count))
        m.d.sync += amount.eq(accumulators[visited])
        for number, held in enumerate(accumulators):
            with m.If(visited == number):
                m.d.sync += held.eq(self.pulses[number])
            with m.Elif(self.pulses[number]):
                m.d.sync += held.eq(held + 1)
        return m

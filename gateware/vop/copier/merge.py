# SPDX-License-Identifier: BSD-2-Clause
"""Several initiators, of which one speaks at a time, to one target."""

from amaranth import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Merge"]


class Merge(wiring.Component):
    """Join streams. The lowest-numbered valid input goes first.

    Parameters
    ----------
    shape
        Payload.
    count : :class:`int`
        Inputs, 1 or more.

    Members
    -------
    i : ``In(stream.Signature(shape)).array(count)``
        Inputs. No more than one is valid at a time where the order must not change under way.
    o : ``Out(stream.Signature(shape))``
        Output, in the same cycle.
    """

    def __init__(self, shape, count):
        self._count = count
        super().__init__({
            "i": In(stream.Signature(shape)).array(count),
            "o": Out(stream.Signature(shape)),
        })

    def elaborate(self, platform):
        m = Module()
        for index in reversed(range(self._count)):
            with m.If(self.i[index].valid):
                m.d.comb += [
                    self.o.payload.eq(self.i[index].payload),
                    self.o.valid.eq(1),
                ]
        taken = 0
        for index in range(self._count):
            m.d.comb += self.i[index].ready.eq(self.o.ready & ~taken)
            taken |= self.i[index].valid
        return m

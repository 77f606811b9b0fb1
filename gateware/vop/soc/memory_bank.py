# SPDX-License-Identifier: BSD-2-Clause
"""One bank of card RAM: block RAM with a write port and a read port."""

from amaranth.hdl import Module
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Bank"]


class Bank(wiring.Component):
    """Block RAM that takes one write and one read in each cycle.

    A read in the cycle of a write to its line gives the line as it was before, which the block RAM
    of every supported family grants where both ports have one clock.

    Specification
    -------------
    Xilinx UG473, "Conflict Avoidance": READ_FIRST on the writing port.

    Parameters
    ----------
    address_bits : :class:`int`
        Log2 of the lines.
    width : :class:`int`
        Bits of a line.
    init : list of :class:`int`
        Initial lines; the rest is zero.

    Members
    -------
    write_address, write_data, write_strobe : ``In(...)``
        Bytes whose strobe is high are written.
    read_address : ``In(address_bits)``
        Line to read, in every cycle.
    read_data : ``Out(width)``
        The line of the cycle before.
    """

    def __init__(self, *, address_bits, width, init=()):
        self._memory = memory.Memory(shape=width, depth=1 << address_bits, init=init)
        super().__init__({
            "write_address": In(address_bits),
            "write_data":    In(width),
            "write_strobe":  In(width // 8),
            "read_address":  In(address_bits),
            "read_data":     Out(width),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = self._memory
        write = self._memory.write_port(granularity=8)
        read = self._memory.read_port()
        m.d.comb += [
            write.addr.eq(self.write_address),
            write.data.eq(self.write_data),
            write.en.eq(self.write_strobe),
            read.addr.eq(self.read_address),
            self.read_data.eq(read.data),
        ]
        return m

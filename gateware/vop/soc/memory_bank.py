# SPDX-License-Identifier: BSD-2-Clause
"""One bank of card RAM, and who may use its two ports in a cycle."""

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

from .memory_port import WriteLayout
from .round_robin import RoundRobin

__all__ = ["Bank", "BankArbiter"]


class Bank(wiring.Component):
    """Block RAM with one write on the first port and one access on the second in each cycle.

    The ports map to the two ports of a true dual-port block RAM. Such a RAM returns nonsense when
    one port reads what the other writes in the same cycle: the caller keeps them apart.

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
        First port. Bytes whose strobe is high are written.
    address, data, strobe : ``In(...)``
        Second port. Bytes whose strobe is high are written.
    read : ``In(1)``
        The second port reads.
    read_data : ``Out(width)``
        Valid from the cycle after ``read`` until the next one.
    """

    def __init__(self, *, address_bits, width, init=()):
        self._memory = memory.Memory(shape=width, depth=1 << address_bits, init=init)
        super().__init__({
            "write_address": In(address_bits),
            "write_data":    In(width),
            "write_strobe":  In(width // 8),
            "address":       In(address_bits),
            "data":          In(width),
            "strobe":        In(width // 8),
            "read":          In(1),
            "read_data":     Out(width),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = self._memory
        first = self._memory.write_port(granularity=8)
        second = self._memory.write_port(granularity=8)
        read = self._memory.read_port()
        m.d.comb += [
            first.addr.eq(self.write_address),
            first.data.eq(self.write_data),
            first.en.eq(self.write_strobe),
            second.addr.eq(self.address),
            second.data.eq(self.data),
            second.en.eq(self.strobe),
            read.addr.eq(self.address),
            read.en.eq(self.read),
            self.read_data.eq(read.data),
        ]
        return m


class BankArbiter(wiring.Component):
    """Who writes on a bank's first port, and who reads or (as the CPU) writes on its second.

    ``writes[0]`` is accepted in every cycle; the others take turns when it pauses. Reads take
    turns. The CPU gives way to them for at most ``patience`` cycles, then goes first. What
    would use, on the second port, the line that the first port writes in this cycle, waits.

    Parameters
    ----------
    address_bits, width : :class:`int`
        As of the bank.
    reads, writes, cpus : :class:`int`
        Ports of each kind. At least 1 each.
    patience : :class:`int`
        In cycles. At least 1.

    Members
    -------
    writes : ``In(stream.Signature(WriteLayout(address_bits, width))).array(writes)``
        Writes of lines of this bank; ``line`` is the address within it.
    reads : ``In(stream.Signature(address_bits)).array(reads)``
        Reads of lines of this bank.
    cpus : ``In(stream.Signature(WriteLayout(address_bits, width))).array(cpus)``
        Accesses of the CPU, the more urgent bus first. A read where ``strobe`` is zero.
    write_address, write_data, write_strobe : ``Out(...)``
        The first port of :class:`Bank`.
    address, data, strobe, read : ``Out(...)``
        The second port of :class:`Bank`.
    """

    def __init__(self, *, address_bits, width, reads, writes, cpus, patience):
        self._patience = patience
        write = stream.Signature(WriteLayout(address_bits, width))
        super().__init__({
            "writes":        In(write).array(writes),
            "reads":         In(stream.Signature(address_bits)).array(reads),
            "cpus":          In(write).array(cpus),
            "write_address": Out(address_bits),
            "write_data":    Out(width),
            "write_strobe":  Out(width // 8),
            "address":       Out(address_bits),
            "data":          Out(width),
            "strobe":        Out(width // 8),
            "read":          Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        self._arbitrate_writes(m)
        self._arbitrate_accesses(m)
        return m

    def _arbitrate_writes(self, m):
        first, *others = self.writes
        chosen = Signal.like(first.payload)
        valid = Signal()
        m.d.comb += first.ready.eq(1)
        if others:
            m.submodules.write_turns = turns = RoundRobin(count=len(others))
            m.d.comb += turns.requests.eq(Cat(port.valid for port in others))
            m.d.comb += turns.advance.eq(~first.valid)
            for index, port in enumerate(others):
                m.d.comb += port.ready.eq(turns.grants[index] & ~first.valid)
                with m.If(turns.grants[index]):
                    m.d.comb += chosen.eq(port.payload)
            m.d.comb += valid.eq(turns.requests.any())
        with m.If(first.valid):
            m.d.comb += [chosen.eq(first.payload), valid.eq(1)]
        m.d.comb += [
            self.write_address.eq(chosen.line),
            self.write_data.eq(chosen.data),
        ]
        with m.If(valid):
            m.d.comb += self.write_strobe.eq(chosen.strobe)

    def _arbitrate_accesses(self, m):
        m.submodules.read_turns = turns = RoundRobin(count=len(self.reads))
        cpu_asks = Signal()
        read_asks = Signal()
        cpu_first = Signal()
        waited = Signal(range(self._patience + 1))
        m.d.comb += [
            turns.requests.eq(Cat(port.valid for port in self.reads)),
            read_asks.eq(turns.requests.any()),
            cpu_asks.eq(Cat(port.valid for port in self.cpus).any()),
            cpu_first.eq(cpu_asks & (~read_asks | (waited == self._patience))),
        ]

        chosen = Signal.like(self.cpus[0].payload)
        for index, port in enumerate(self.reads):
            with m.If(turns.grants[index]):
                m.d.comb += chosen.line.eq(port.payload)
        with m.If(cpu_first):
            for port in reversed(self.cpus):
                with m.If(port.valid):
                    m.d.comb += chosen.eq(port.payload)

        free = Signal()
        m.d.comb += free.eq(~(self.write_strobe.any() & (chosen.line == self.write_address)))
        m.d.comb += turns.advance.eq(free & ~cpu_first)
        for index, port in enumerate(self.reads):
            m.d.comb += port.ready.eq(turns.grants[index] & turns.advance)
        urgent = Const(1)
        for port in self.cpus:
            m.d.comb += port.ready.eq(urgent & cpu_first & free)
            urgent = urgent & ~port.valid

        m.d.comb += [
            self.address.eq(chosen.line),
            self.data.eq(chosen.data),
            self.read.eq(free & (read_asks | cpu_asks) & ~chosen.strobe.any()),
        ]
        with m.If(free & cpu_first):
            m.d.comb += self.strobe.eq(chosen.strobe)
            m.d.sync += waited.eq(0)
        with m.Elif(cpu_asks & (waited != self._patience)):
            m.d.sync += waited.eq(waited + 1)

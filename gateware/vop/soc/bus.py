# SPDX-License-Identifier: BSD-2-Clause
"""From the CPU's two buses to card RAM and registers. Every access is acknowledged."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .. import csr
from ..regs import CARD_ADDRESSES, INTC
from . import wishbone
from .memory_port import CpuSignature

__all__ = ["ALL_ONES", "InstructionBus", "DataBus"]

#: What an access to nothing reads.
ALL_ONES = 0xFFFF_FFFF

_WORD_BITS = 32


def _word_index(width):
    """Address bits that pick a word within a line."""
    return (width // _WORD_BITS - 1).bit_length()


class InstructionBus(wiring.Component):
    """Answer instruction fetches from card RAM.

    A line is read once and held: the words of a burst that lie in it follow in every cycle. It is
    forgotten with the burst, so code that was written before a fetch is what the fetch sees.

    Parameters
    ----------
    line_bits, width : :class:`int`
        Bits of a line number and of a line of card RAM.

    Members
    -------
    bus : ``In(wishbone.Signature())``
        From the CPU.
    memory : ``Out(CpuSignature(line_bits, width))``
        To card RAM.
    fault : ``Out(1)``
        Pulses for each word fetched outside card RAM; it reads all ones, an illegal instruction.
    """

    def __init__(self, *, line_bits, width):
        self._line_bits = line_bits
        self._index_bits = _word_index(width)
        self._width = width
        super().__init__({
            "bus":    In(wishbone.Signature()),
            "memory": Out(CpuSignature(line_bits, width)),
            "fault":  Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        line = self.bus.adr[self._index_bits:]
        word = self.bus.adr[:self._index_bits]
        request = self.memory.request
        active = Signal()
        inside = Signal()
        held = Signal(self._width)
        held_line = Signal.like(line)
        held_valid = Signal()
        arrives = Signal()
        words = Signal(self._width)
        m.d.comb += [
            active.eq(self.bus.cyc & self.bus.stb),
            inside.eq(line[self._line_bits:] == 0),
            request.payload.line.eq(line),
            words.eq(Mux(arrives, self.memory.response, held)),
        ]
        m.d.sync += arrives.eq(0)
        with m.If(arrives):
            m.d.sync += held.eq(self.memory.response)
        with m.If(active & ~inside):
            m.d.comb += [
                self.bus.dat_r.eq(ALL_ONES),
                self.bus.ack.eq(1),
                self.fault.eq(1),
            ]
        with m.Elif(active & held_valid & (held_line == line)):
            m.d.comb += [
                self.bus.dat_r.eq(words.word_select(word, _WORD_BITS)),
                self.bus.ack.eq(1),
            ]
            with m.If(self.bus.cti != wishbone.INCREMENTING):
                m.d.sync += held_valid.eq(0)
        with m.Elif(active):
            m.d.comb += request.valid.eq(1)
            with m.If(request.ready):
                m.d.sync += [
                    arrives.eq(1),
                    held_line.eq(line),
                    held_valid.eq(1),
                ]
        with m.If(~self.bus.cyc):
            m.d.sync += held_valid.eq(0)
        return m


class DataBus(wiring.Component):
    """Send loads and stores to card RAM, the shared registers, or the CPU's own registers.

    A read of ``intc.wait`` is held back while ``wake`` is low: so the CPU parks, and ``parked``
    tells of it. It is the one access without a bound.

    Parameters
    ----------
    line_bits, width : :class:`int`
        Bits of a line number and of a line of card RAM.
    local_bits : :class:`int`
        Address bits of the register space that the CPU sees.

    Members
    -------
    bus : ``In(wishbone.Signature())``
        From the CPU.
    memory : ``Out(CpuSignature(line_bits, width))``
        To card RAM.
    shared : ``Out(csr.Signature(16))``, shared_grant : ``In(1)``
        To the registers that are also BAR0. An access holds until granted; its answer comes in the
        cycle after.
    local : ``Out(csr.Signature(local_bits))``
        To the registers that only the CPU sees.
    wake : ``In(1)``
        ``intc.wait`` may be answered.
    parked : ``Out(1)``
        The CPU waits in ``intc.wait``.
    fault : ``Out(1)``
        Pulses for each access to an address that holds nothing; it reads all ones.
    """

    def __init__(self, *, line_bits, width, local_bits):
        self._line_bits = line_bits
        self._index_bits = _word_index(width)
        self._width = width
        self._local_bits = local_bits
        self._shared_bits = (CARD_ADDRESSES["bar0_bytes"] - 1).bit_length()
        super().__init__({
            "bus":          In(wishbone.Signature()),
            "memory":       Out(CpuSignature(line_bits, width)),
            "shared":       Out(csr.Signature(self._shared_bits)),
            "shared_grant": In(1),
            "local":        Out(csr.Signature(local_bits)),
            "wake":         In(1),
            "parked":       Out(1),
            "fault":        Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        bus = self.bus
        address = Signal(32)
        active = Signal()
        m.d.comb += [
            address.eq(Cat(0, 0, bus.adr)),
            active.eq(bus.cyc & bus.stb & ~bus.ack),
        ]
        for target in (self.shared, self.local):
            m.d.comb += [
                target.address.eq(address),
                target.write_data.eq(bus.dat_w),
                target.write_strobe.eq(bus.sel),
                target.card.eq(1),
            ]
        word = bus.adr[:self._index_bits]
        memory = self.memory.request
        m.d.comb += [
            memory.payload.line.eq(bus.adr[self._index_bits:]),
            memory.payload.data.eq(bus.dat_w.replicate(self._width // _WORD_BITS)),
            memory.payload.strobe.word_select(word, 4).eq(bus.sel & bus.we.replicate(4)),
        ]

        taken = Signal()
        from_ram = Signal()
        from_nothing = Signal()
        registers = address[self._local_bits:] == CARD_ADDRESSES["registers"] >> self._local_bits
        waits = ~bus.we & (address[:self._local_bits] == INTC.address("wait")) & ~self.wake
        m.d.sync += [from_ram.eq(0), from_nothing.eq(0)]
        with m.If(active & (bus.adr[self._index_bits + self._line_bits:] == 0)):
            m.d.comb += [memory.valid.eq(1), taken.eq(memory.ready)]
            m.d.sync += from_ram.eq(1)
        with m.Elif(active & registers & (address[self._shared_bits:self._local_bits] == 0)):
            m.d.comb += [
                self.shared.read.eq(~bus.we),
                self.shared.write.eq(bus.we),
                taken.eq(self.shared_grant),
            ]
        with m.Elif(active & registers & waits):
            m.d.comb += self.parked.eq(1)
        with m.Elif(active & registers):
            m.d.comb += [
                self.local.read.eq(~bus.we),
                self.local.write.eq(bus.we),
                taken.eq(1),
            ]
        with m.Elif(active):
            m.d.comb += [self.fault.eq(1), taken.eq(1)]
            m.d.sync += from_nothing.eq(1)

        m.d.sync += bus.ack.eq(taken)
        m.d.comb += bus.dat_r.eq(self.shared.read_data | self.local.read_data)
        with m.If(from_ram):
            m.d.comb += bus.dat_r.eq(self.memory.response.word_select(word, _WORD_BITS))
        with m.If(from_nothing):
            m.d.comb += bus.dat_r.eq(ALL_ONES)
        return m

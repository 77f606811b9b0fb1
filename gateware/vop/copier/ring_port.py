# SPDX-License-Identifier: BSD-2-Clause
"""Contexts, descriptors and ring entries in card RAM: blocks of 16 bytes read, 2 or 4 written."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from ..soc import memory_port

__all__ = ["BLOCK_BYTES", "RingPort"]

#: What a read gives: it must not cross a multiple of this.
BLOCK_BYTES = 16

_BLOCK_LOG2 = ceil_log2(BLOCK_BYTES)
_OPEN_READS = 8


class RingPort(wiring.Component):
    """Reach a few bytes of card RAM, an access a cycle.

    Accesses take effect in the order in which they were taken.

    Parameters
    ----------
    card_bits : :class:`int`
        Bits of a card address.
    width : :class:`int`
        Bits of a line: 64, 128 or 256.

    Members
    -------
    read, write : ``In(1)``
        Level, at most one of them: an access is asked for. It is taken in a cycle with ``ready``,
        and may be withdrawn before.
    ready : ``Out(1)``
        Accesses are taken. A register.
    address : ``In(card_bits)``
        Byte address, even; of a read: any byte of the block.
    word : ``In(1)``, data : ``In(32)``
        Of a write: 4 bytes (``address`` is a multiple of 4), else the 2 in ``data[:16]``.
    forget : ``In(1)``
        Strobe: reads taken before this cycle are answered in silence.
    came : ``Out(1)``
        One-cycle pulse: a read is answered, in order; 4 cycles or more after it was taken.
    block : ``Out(128)``, half : ``Out(16)``
        From ``came`` until the next one: the block, and the two bytes at the address. Registers.
    quiet : ``Out(1)``
        No access is under way.
    memory_read : ``Out(memory_port.ReadSignature)``, memory_write : ``Out(...WriteSignature)``
        Card RAM.
    """

    def __init__(self, *, card_bits, width):
        self._width = width
        self._card_bits = card_bits
        line_bits = card_bits - ceil_log2(width // 8)
        super().__init__({
            "read":         In(1),
            "write":        In(1),
            "ready":        Out(1, init=1),
            "address":      In(card_bits),
            "word":         In(1),
            "data":         In(32),
            "forget":       In(1),
            "came":         Out(1),
            "block":        Out(8 * BLOCK_BYTES),
            "half":         Out(16),
            "quiet":        Out(1),
            "memory_read":  Out(memory_port.ReadSignature(line_bits, width)),
            "memory_write": Out(memory_port.WriteSignature(line_bits, width)),
        })

    def elaborate(self, platform):
        m = Module()
        width = self._width
        line_bytes = width // 8
        line_log2 = ceil_log2(line_bytes)
        parts = max(1, BLOCK_BYTES // line_bytes)     # lines of a block

        # The access that is on offer to the memory, and one that came while it waited.
        Access = data.StructLayout({
            "read": 1, "write": 1, "address": self._card_bits, "word": 1, "data": 32})
        new, spare, offer = (Signal(Access, name=name) for name in ("new", "spare", "offer"))
        part = Signal(range(parts + 1))
        waits = Signal()
        answered = Signal()
        request, write = self.memory_read.request, self.memory_write.request
        m.d.comb += [
            new.eq(Cat(self.read, self.write, self.address, self.word, self.data)),
            request.valid.eq(offer.read),
            write.valid.eq(offer.write),
            waits.eq((offer.read & ~(request.ready & (part == parts - 1)))
                     | (offer.write & ~write.ready)),
        ]
        with m.If(~waits):
            m.d.sync += [offer.eq(Mux(self.ready, new, spare)), self.ready.eq(1), part.eq(0)]
        with m.Else():
            m.d.sync += part.eq(part + (offer.read & request.ready))
            with m.If(self.ready & (self.read | self.write)):
                m.d.sync += self.ready.eq(0)
        with m.If(self.ready):
            m.d.sync += spare.eq(new)

        strobe = Signal(line_bytes)
        m.d.comb += [
            strobe.eq(Mux(offer.word, 0xF, 0x3) << offer.address[:line_log2]),
            write.payload.line.eq(offer.address[line_log2:]),
            write.payload.strobe.eq(strobe),
            write.payload.data.eq(Mux(offer.word, offer.data, offer.data[:16].replicate(2))
                                  .replicate(width // 32)),
        ]
        if parts == 1:
            m.d.comb += request.payload.eq(offer.address[line_log2:])
        else:
            m.d.comb += request.payload.eq(
                Cat(part[:ceil_log2(parts)], offer.address[_BLOCK_LOG2:]))

        # What is known of each read that the memory has not answered, in order.
        m.submodules.asked = asked = Memory(
            shape=data.StructLayout({"low": max(line_log2, _BLOCK_LOG2), "age": 1}),
            depth=_OPEN_READS, init=[], attrs={"ram_style": "distributed"})
        note, noted = asked.write_port(), asked.read_port(domain="comb")
        entry = Signal(range(2 * _OPEN_READS))
        leave = Signal(range(2 * _OPEN_READS))
        taken = Signal()
        age = Signal()                       # of reads that nobody has forgotten
        m.d.comb += [
            taken.eq(self.read & self.ready),
            note.addr.eq(entry[:-1]),
            note.data.low.eq(self.address),
            note.data.age.eq(age ^ self.forget),
            note.en.eq(taken),
            noted.addr.eq(leave[:-1]),
            self.quiet.eq((entry == leave) & ~offer.write & self.ready),
        ]
        m.d.sync += [
            entry.eq(entry + taken),
            leave.eq(leave + answered),
            age.eq(age ^ self.forget),
            self.came.eq(answered & (noted.data.age == age) & ~self.forget),
        ]

        response = self.memory_read.response
        block = Signal.like(self.block)
        if parts == 1:
            m.d.comb += [
                answered.eq(response.valid),
                block.eq(response.payload.word_select(noted.data.low[_BLOCK_LOG2:line_log2],
                                                      8 * BLOCK_BYTES)),
            ]
        else:
            second = Signal()
            first_line = Signal(width)
            m.d.comb += [
                answered.eq(response.valid & second),
                block.eq(Cat(first_line, response.payload)),
            ]
            with m.If(response.valid):
                m.d.sync += [second.eq(~second), first_line.eq(response.payload)]
        with m.If(answered):
            m.d.sync += [
                self.block.eq(block),
                self.half.eq(block.word_select(noted.data.low[1:_BLOCK_LOG2], 16)),
            ]
        return m

# SPDX-License-Identifier: BSD-2-Clause
"""Small reads and writes of card RAM: ring entries, contexts, records."""

from amaranth import Cat, Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..soc import memory_port

__all__ = ["BLOCK_BYTES", "AccessLayout", "AccessSteps", "BlockAccess"]

#: An access must not cross a multiple of this.
BLOCK_BYTES = 16


def AccessLayout(card_bits):
    """A read, or a write of 1 to 16 bytes."""
    return data.StructLayout({
        "write":   1,
        "address": card_bits,            # byte address
        "bytes":   range(BLOCK_BYTES + 1),  # writes only
        "data":    8 * BLOCK_BYTES,      # writes only; the byte at `address` in bits 7:0
    })


class AccessSteps:
    """Let each state of a state machine make one access, and go on with its answer.

    Call it within a state, and put what follows the answer in the ``with`` block that it returns.

    Parameters
    ----------
    m : :class:`amaranth.Module`
        Where the state machine is.
    access, answer
        Streams towards :class:`BlockAccess`.
    """

    def __init__(self, m, access, answer):
        self._m = m
        self._access = access
        self._answer = answer
        self._asked = Signal(name="asked")
        with m.If(access.valid & access.ready):
            m.d.sync += self._asked.eq(1)
        with m.If(answer.valid):
            m.d.sync += self._asked.eq(0)

    def __call__(self, address, *, size=0, data=0):
        """Read at ``address``, or write ``size`` bytes of ``data`` there."""
        payload = self._access.payload
        self._m.d.comb += [
            payload.write.eq(size != 0),
            payload.address.eq(address),
            payload.bytes.eq(size),
            payload.data.eq(data),
            self._access.valid.eq(~self._asked),
        ]
        return self._m.If(self._answer.valid)


class BlockAccess(wiring.Component):
    """Reach a few bytes of card RAM, one access at a time.

    Parameters
    ----------
    card_bits : :class:`int`
        Bits of a card address.
    width : :class:`int`
        Bits of a line: 64, 128 or 256.

    Members
    -------
    access : ``In(stream.Signature(AccessLayout(card_bits)))``
        The next access. It stays within one 16-byte block and within card RAM.
    answer : ``Out(stream.Signature(128, always_ready=True))``
        The access is done. Of a read: the bytes from its address to the end of its block, the
        first in bits 7:0.
    read : ``Out(memory_port.ReadSignature)``, write : ``Out(memory_port.WriteSignature)``
        Card RAM.
    """

    def __init__(self, *, card_bits, width):
        self._width = width
        self._card_bits = card_bits
        self._line_log2 = (width // 8).bit_length() - 1
        line_bits = card_bits - self._line_log2
        super().__init__({
            "access": In(stream.Signature(AccessLayout(card_bits))),
            "answer": Out(stream.Signature(8 * BLOCK_BYTES, always_ready=True)),
            "read":   Out(memory_port.ReadSignature(line_bits, width)),
            "write":  Out(memory_port.WriteSignature(line_bits, width)),
        })

    def elaborate(self, platform):
        m = Module()
        line_bytes = self._width // 8
        lines = max(1, BLOCK_BYTES // line_bytes)          # of a block
        blocks = max(1, line_bytes // BLOCK_BYTES)         # in a line

        access = Signal.like(self.access.payload)
        index = Signal(range(lines + 1))                   # line of the block
        offset = access.address[:4]
        line = Signal(self._card_bits - self._line_log2)
        block = Signal(8 * BLOCK_BYTES)                    # as read
        shifted = Signal(8 * BLOCK_BYTES)                  # as it shall be written
        strobe = Signal(BLOCK_BYTES)
        m.d.comb += [
            line.eq((access.address >> self._line_log2) if lines == 1 else
                    (access.address >> 4) * lines + index),
            shifted.eq(access.data << (offset << 3)),
            strobe.eq(((1 << access.bytes) - 1) << offset),
            self.read.request.payload.eq(line),
            self.write.request.payload.line.eq(line),
            self.answer.payload.eq(block >> (offset << 3)),
        ]
        if lines == 1:
            within = access.address[4:self._line_log2] if blocks > 1 else 0
            came = self.read.response.payload.word_select(within, 8 * BLOCK_BYTES)
            m.d.comb += [
                self.write.request.payload.data.eq(Cat(shifted for _ in range(blocks))),
                self.write.request.payload.strobe.eq(strobe << (within * BLOCK_BYTES)),
            ]
        else:
            came = Cat(block[self._width:], self.read.response.payload)
            m.d.comb += [
                self.write.request.payload.data.eq(shifted.word_select(index, self._width)),
                self.write.request.payload.strobe.eq(strobe.word_select(index, line_bytes)),
            ]

        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += self.access.ready.eq(1)
                m.d.sync += [access.eq(self.access.payload), index.eq(0)]
                with m.If(self.access.valid):
                    with m.If(self.access.payload.write):
                        m.next = "WRITE"
                    with m.Else():
                        m.next = "READ"
            with m.State("WRITE"):
                m.d.comb += self.write.request.valid.eq(1)
                with m.If(self.write.request.ready):
                    m.d.sync += index.eq(index + 1)
                    with m.If(index == lines - 1):
                        m.next = "ANSWER"
            with m.State("READ"):
                m.d.comb += self.read.request.valid.eq(1)
                with m.If(self.read.request.ready):
                    m.next = "AWAIT"
            with m.State("AWAIT"):
                with m.If(self.read.response.valid):
                    m.d.sync += [block.eq(came), index.eq(index + 1)]
                    with m.If(index == lines - 1):
                        m.next = "ANSWER"
                    with m.Else():
                        m.next = "READ"
            with m.State("ANSWER"):
                m.d.comb += self.answer.valid.eq(1)
                m.next = "IDLE"
        return m

# SPDX-License-Identifier: BSD-2-Clause
"""How much of a segment the next read asks for."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .credits import BLOCK_LOG2, MAX_BLOCKS
from .segment import SEGMENT_BYTES
from .table import MAX_READ_LOG2

__all__ = ["SEGMENT_BLOCKS", "ReadCut"]

#: Most blocks of 64 bytes that a segment touches.
SEGMENT_BLOCKS = (SEGMENT_BYTES >> BLOCK_LOG2) + 1


class ReadCut(wiring.Component):
    """Choose the largest read that PCIe and the completion credits allow. Combinational.

    A read is *whole* if it ends with its segment or at a multiple of MRRS (512 bytes at most). Not
    while ``patient``, it may also end where the credits end, but then at a multiple of 128 bytes,
    and it has 128 at least: many hosts complete in pieces of 128, and a read that lies across would
    take one piece more. While ``sparing`` it has 256 at least. As MRRS divides 4096, no read
    crosses a 4 KiB boundary.

    Specification
    -------------
    PCIe Base 4.0, 2.2.5 (byte enables), 2.2.7 (MRRS; no request crosses a 4 KiB boundary).

    Parameters
    ----------
    free_shape : shape-like
        Shape of ``free``.

    Members
    -------
    host_low : ``In(9)``
        Low bits of the host address of the segment's next byte.
    bytes : ``In(range(SEGMENT_BYTES + 1))``
        Bytes of the segment that are left.
    blocks : ``In(range(SEGMENT_BLOCKS + 1))``
        Blocks of 64 bytes that they touch.
    free : ``In(free_shape)``
        Blocks for which there are credits.
    max_read_request : ``In(3)``
        As in the configuration.
    patient : ``In(1)``
        A read waits for credits until it is whole.
    sparing : ``In(1)``
        Others want the link: credits are waited for rather than used up by small reads.
    fits : ``Out(1)``
        There is such a read.
    last : ``Out(1)``
        It ends the segment.
    size : ``Out(range(513))``
        Bytes of it.
    take : ``Out(range(MAX_BLOCKS + 1))``
        Blocks that it touches.
    length_dw : ``Out(8)``, first_be, last_be : ``Out(4)``
        As in the header.
    """

    def __init__(self, free_shape):
        super().__init__({
            "host_low":         In(MAX_READ_LOG2),
            "bytes":            In(range(SEGMENT_BYTES + 1)),
            "blocks":           In(range(SEGMENT_BLOCKS + 1)),
            "free":             In(free_shape),
            "max_read_request": In(3),
            "patient":          In(1),
            "sparing":          In(1),
            "fits":             Out(1),
            "last":             Out(1),
            "size":             Out(range((1 << MAX_READ_LOG2) + 1)),
            "take":             Out(range(MAX_BLOCKS + 1)),
            "length_dw":        Out(8),
            "first_be":         Out(4),
            "last_be":          Out(4),
        })

    def elaborate(self, platform):
        m = Module()
        in_block = self.host_low[:BLOCK_LOG2]
        block = self.host_low[BLOCK_LOG2:]
        room = Signal(range(MAX_BLOCKS + 1))  # blocks up to the next multiple of MRRS
        free = Signal(range(MAX_BLOCKS + 1))  # `free`, but no more than counts
        full = Signal()                       # the read ends at that multiple
        covered = Signal(range(MAX_BLOCKS + 1))  # blocks up to the last multiple of 128 in `free`
        enough = Signal()                     # they may be a read, though it is not whole
        cut = Signal(range(MAX_BLOCKS + 1))   # blocks of a read that does not end the segment
        cut_less = Signal(range(MAX_BLOCKS))  # one less

        # Small numbers are looked up: a carry chain takes longer.
        for mrrs, blocks in enumerate((2, 4, 8)):
            for number in range(blocks):
                where = Const(number, blocks.bit_length() - 1)
                with m.If((Mux(self.max_read_request > 2, 2, self.max_read_request) == mrrs)
                          & (block[:len(where)] == where)):
                    m.d.comb += room.eq(blocks - number)
        for number in range(1, MAX_BLOCKS + 1):
            with m.If(free == number):
                m.d.comb += covered.eq(Mux(block[0] == number % 2, number, number - 1))
            with m.If(cut == number):
                m.d.comb += cut_less.eq(number - 1)

        m.d.comb += [
            free.eq(Mux(self.free >= MAX_BLOCKS, MAX_BLOCKS, self.free)),
            full.eq(room <= free),
            self.last.eq((self.blocks <= room) & (self.blocks <= free)),
            # 128 bytes at least: two whole blocks, or three of which the first is not.
            enough.eq(Mux(self.sparing, (covered > 4) | ((covered == 4) & (in_block == 0)),
                          (covered > 2) | ((covered == 2) & (in_block == 0)))),
            self.fits.eq(self.last | full | (~self.patient & enough)),
            cut.eq(Mux(full, room, covered)),
            self.take.eq(Mux(self.last, self.blocks, cut)),
            self.size.eq(Mux(self.last, self.bytes,
                             Cat((-in_block)[:BLOCK_LOG2], Mux(in_block == 0, cut, cut_less)))),
        ]

        # All reads but the last of a segment end with a block, so with a DW.
        span = Signal(range((1 << MAX_READ_LOG2) + 4))  # from the first DW's start
        single = Signal()
        from_first = Signal(4)
        to_last = Signal(4)
        m.d.comb += [
            span.eq(in_block[:2] + self.bytes),
            from_first.eq(Const(0xF, 4) << in_block[:2]),
            to_last.eq(Mux(self.last, Const(0xF, 4) >> (~(span - 1)[:2]), 0xF)),
            single.eq(Mux(self.last, span <= 4, (cut == 1) & in_block[2:].all())),
            self.length_dw.eq(Mux(
                self.last, (span + 3) >> 2,
                Cat((-in_block[2:])[:BLOCK_LOG2 - 2],
                    Mux(in_block[2:] == 0, cut, cut_less)))),
            self.first_be.eq(Mux(single, from_first & to_last, from_first)),
            self.last_be.eq(Mux(single, 0, to_last)),
        ]
        return m

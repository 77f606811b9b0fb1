# SPDX-License-Identifier: BSD-2-Clause
"""Requests as they leave: 4 KiB, MRRS, MPS and byte enables, and that nothing is cut out."""

from amaranth.hdl import Assert, Assume, Cover, Module, Mux, Signal
from vop.requester.credits import blocks_of
from vop.requester.cut import ReadCut
from vop.requester.write_cutter import WriteCutter

from ..proof import Harness, Plant, Proof

__all__ = ["PROOFS"]

_LONGEST = 140     # bytes of a segment
_BITS = 10         # of a number of bytes of all segments


def _assert_legal(m, when, header, limit_log2, *, first_byte, end):
    """Assert the rules of Base 4.0, 2.2.5 and 2.2.7.

    The request is for the bytes from ``first_byte`` to before ``end``, as offsets from its address.
    """
    first_be, last_be, length_dw = header["first_be"], header["last_be"], header["length_dw"]
    low = Mux(first_be[0], 0, Mux(first_be[1], 1, Mux(first_be[2], 2, 3)))
    used_be = Mux(length_dw == 1, first_be, last_be)
    behind = Mux(used_be[3], 0, Mux(used_be[2], 1, Mux(used_be[1], 2, 3)))
    one_run = (first_be == 0xF) | (first_be == 0xE) | (first_be == 0xC) | (first_be == 0x8)
    last_run = (last_be == 0xF) | (last_be == 0x7) | (last_be == 0x3) | (last_be == 0x1)
    with m.If(when):
        m.d.comb += [
            Assert((length_dw != 0) & ((length_dw << 2) <= (1 << limit_log2))),
            # No byte on the next page.
            Assert((header["address"][:12] + (length_dw << 2)) <= 4096),
            # Bytes enabled are those asked for: all, in one run, and no more.
            Assert(first_be != 0),
            Assert(low == first_byte),
            Assert((length_dw << 2) - behind == end),
        ]
        with m.If(length_dw == 1):
            m.d.comb += Assert((last_be == 0) & (first_be == (0xF << low)[:4] & (0xF >> behind)))
        with m.Else():
            m.d.comb += Assert(one_run & last_run)


class Read(Harness):
    """One choice of the read cutter. It has no state, so one cycle says all."""

    def elaborate(self, platform):
        m = Module()
        m.submodules.dut = dut = ReadCut(range(37))
        host = self.any(12, "host")
        limit_log2 = Signal(4)
        m.d.comb += [
            dut.host_low.eq(host),
            dut.bytes.eq(self.any(11, "bytes")),
            Assume((dut.bytes != 0) & (dut.bytes <= 1024)),
            # A segment lies within 1 KiB, aligned.
            Assume(host[:10] + dut.bytes <= 1024),
            dut.blocks.eq(blocks_of(host, dut.bytes)),
            dut.free.eq(self.any(6, "free")),
            Assume(dut.free <= 36),
            dut.max_read_request.eq(self.any(3, "max_read_request")),
            dut.patient.eq(self.any(1, "patient")),
            dut.sparing.eq(self.any(1, "sparing")),
            limit_log2.eq(Mux(dut.max_read_request > 5, 12, 7 + dut.max_read_request)),
        ]
        address = Signal(64)
        m.d.comb += address.eq(host & 0xFFC)
        end = Signal(12)
        m.d.comb += end.eq(host[:2] + dut.size)
        _assert_legal(m, dut.fits,
                      {"first_be": dut.first_be, "last_be": dut.last_be,
                       "length_dw": dut.length_dw, "address": address},
                      limit_log2, first_byte=host[:2], end=end)
        with m.If(dut.fits):
            m.d.comb += [
                Assert((dut.size != 0) & (dut.size <= dut.bytes)),
                Assert(dut.last == (dut.size == dut.bytes)),
                Assert(dut.take == blocks_of(host, dut.size)),
                Assert(dut.take <= dut.free),
                Assert(dut.last | (dut.size >= 128) | ((host[:7] != 0) & ((host + dut.size)[:7]
                                                                         == 0))),
                Cover(~dut.last & (dut.size == 512)),
                Cover(dut.length_dw == 1),
            ]
        with m.If(dut.fits & dut.patient):
            m.d.comb += Assert(dut.last | ((host + dut.size) & ((1 << limit_log2) - 1) == 0)
                               | ((limit_log2 > 9) & ((host + dut.size)[:9] == 0)))
        # Credits for 512 bytes suffice for any read.
        m.d.comb += Assert(dut.fits | (dut.free < 9))
        return m


class Write(Harness):
    """The write cutter: its plans have the bytes of the segments, no more and, in the end, no less.

    MPS stays as it is. Segments are short, at low addresses: few bits keep the solver quick.
    """

    def elaborate(self, platform):
        m = Module()
        m.submodules.dut = dut = WriteCutter(card_bits=12, width=64)
        head, tlp = dut.head.payload, dut.plan.payload.tlp
        length_dw = tlp.dword_span + 1
        limit_log2 = Signal(4)
        m.d.comb += [
            dut.max_payload.eq(self.fixed(m, 3, "max_payload")),
            limit_log2.eq(Mux(dut.max_payload > 3, 10, 7 + dut.max_payload)),
            dut.plan.ready.eq(self.any(1, "plan_ready")),
            Assume((head.bytes != 0) & (head.bytes <= _LONGEST)),
            Assume(head.host_address < 512),
        ]
        self.offers(m, dut.head, "head")
        came = Signal(_BITS)        # bytes of all segments taken, those in this cycle included
        segments = Signal(6)
        before, went = Signal(_BITS), Signal(_BITS)
        end = Signal(13)
        behind = Signal(2)
        size = Signal(11)
        used_be = Mux(length_dw == 1, tlp.first_be, tlp.last_be)
        low = Mux(tlp.first_be[0], 0, Mux(tlp.first_be[1], 1, Mux(tlp.first_be[2], 2, 3)))
        m.d.comb += [
            came.eq(before + Mux(dut.head.valid & dut.head.ready, head.bytes, 0)),
            behind.eq(Mux(used_be[3], 0, Mux(used_be[2], 1, Mux(used_be[1], 2, 3)))),
            end.eq((length_dw << 2) - behind),
            size.eq(end - low),
        ]
        m.d.sync += [before.eq(came), segments.eq(segments + (dut.head.valid & dut.head.ready))]
        taken = Signal()
        m.d.comb += taken.eq(dut.plan.valid & dut.plan.ready)
        with m.If(taken):
            m.d.sync += went.eq(went + size)

        header = {"first_be": tlp.first_be, "last_be": tlp.last_be, "length_dw": length_dw,
                  "address": tlp.host_address}
        _assert_legal(m, dut.plan.valid, header, limit_log2, first_byte=low, end=end)
        with m.If(dut.plan.valid):
            m.d.comb += [
                Assert(went + size <= came),
                Assert(tlp.beats_after == (length_dw - 1) >> 1),
                # At MPS bytes, aligned, a TLP ends.
                Assert(((tlp.host_address[:10] & ((1 << limit_log2) - 1)) + end)
                       <= (1 << limit_log2)),
                # When a TLP says that all have left which were taken, it is so.
                Assert((tlp.done != segments) | (went + size == before)),
                Cover((length_dw == 32) & (went != 0)),
                Cover((segments == 2) & (went == 0) & (size == before)),   # they joined
            ]
        return m


PROOFS = (
    Proof("cuts-reads", "Every read keeps to MRRS, 4 KiB and the byte-enable rules, and is whole "
          "while it may wait.", Read, 1, (
        Plant("a read goes on beyond a multiple of MRRS", "vop.requester.cut",
              "full.eq(room <= free)", "full.eq(0)"),
        Plant("a patient read goes where the credits end", "vop.requester.cut",
              "(~self.patient & enough)", "enough"),
        Plant("the enables of a single DW are not joined", "vop.requester.cut",
              "self.first_be.eq(Mux(single, from_first & to_last, from_first))",
              "self.first_be.eq(from_first)"),
    )),
    Proof("cuts-writes", "Every write keeps to MPS, 4 KiB and the byte-enable rules, in order.",
          Write, 5, (
              Plant("a segment joins although it does not go on", "vop.requester.write_cutter",
                    "& (stop == at)", "& (stop != at)"),
              Plant("what ends with the block has a rest", "vop.requester.write_cutter",
                    "found |= bit & above & (~exact | low)", "found |= bit & above"),
              Plant("a TLP says that its segment has left though it has a rest",
                    "vop.requester.write_cutter", "Mux(beyond, before, taken)", "taken"),
          )),
)

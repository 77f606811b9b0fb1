# SPDX-License-Identifier: BSD-2-Clause
"""Completions as they leave: split where they may be, with the right counts, until all is told."""

from amaranth.hdl import Assert, Assume, Cover, Module, Mux, Signal
from vop.pcie.answerer import CompletionSplitter
from vop.pcie.tlp import CompletionStatus

from ..proof import Harness, Plant, Proof

__all__ = ["PROOFS"]


class Split(Harness):
    """The splitter with any requests, one after the other, that stand until they are taken.

    They are short, and MPS is 128 or 256 bytes: few completions say all, and the solver is quick.

    Base 4.0, 2.2.9 and 2.3.1.1: a completion ends with the request or at a multiple of the RCB, 128
    bytes for an endpoint, and has MPS bytes at most; its byte count is what is left of the request,
    itself included, and its lower address where it begins.
    """

    def elaborate(self, platform):
        m = Module()
        m.submodules.dut = dut = CompletionSplitter(64, offset_bits=12)
        request, answer = dut.requests.payload, dut.completions.payload
        self.offers(m, dut.requests, "request")
        limit_dw = Signal(11)
        m.d.comb += [
            dut.max_payload.eq(self.fixed(m, 3, "max_payload")),
            Assume(dut.max_payload <= 1),
            limit_dw.eq(32 << dut.max_payload),
            dut.may_start.eq(self.any(1, "may_start")),
            dut.completions.ready.eq(self.any(1, "completion_ready")),
            dut.jobs.ready.eq(self.any(1, "job_ready")),
            Assume((request.length_dw >= 1) & (request.length_dw <= 96)),
            # No request crosses 4 KiB, and byte enables are legal (2.2.5).
            Assume(request.offset_dw[:10] + request.length_dw <= 1024),
            Assume((request.length_dw == 1) | ((request.first_be != 0) & (request.last_be != 0))),
            Assume(request.is_read | request.refused),
        ]
        first_be, last_be = request.first_be, Mux(request.length_dw == 1, request.first_be,
                                                  request.last_be)
        low = Mux(first_be[0], 0, Mux(first_be[1], 1, Mux(first_be[2], 2, 3)))
        behind = Mux(last_be[3], 0, Mux(last_be[2], 1, Mux(last_be[1], 2, 3)))
        empty = (request.length_dw == 1) & (first_be == 0)
        told = Signal(11)          # DWs of the request that have been sent
        at = Signal(12)            # ... and where the next one is
        sent = Signal()
        ends = Signal()
        m.d.comb += [
            sent.eq(dut.completions.valid & dut.completions.ready),
            at.eq(request.offset_dw + told),
            ends.eq(told + answer.length_dw == request.length_dw),
        ]
        with m.If(sent):
            m.d.sync += told.eq(told + answer.length_dw)
            with m.If(dut.requests.ready):
                m.d.sync += told.eq(0)
        with m.If(dut.completions.valid & request.refused):
            m.d.comb += [
                Assert(~answer.has_data & (answer.length_dw == 0)),
                Assert(Mux(request.abort, answer.status == CompletionStatus.ABORT,
                           answer.status == CompletionStatus.UNSUPPORTED)),
                Assert(~sent | dut.requests.ready),
            ]
        with m.Elif(dut.completions.valid):
            m.d.comb += [
                Assert(answer.has_data & (answer.length_dw != 0)),
                Assert(answer.length_dw <= limit_dw),
                Assert(told + answer.length_dw <= request.length_dw),
                Assert(ends | ((at + answer.length_dw)[:5] == 0)),
                Assert(answer.byte_count == Mux(
                    empty, 1, ((request.length_dw - told) << 2) - behind - Mux(told == 0, low, 0))),
                Assert(answer.lower_address[2:] == at[:5]),
                Assert(answer.lower_address[:2] == Mux((told == 0) & ~empty, low, 0)),
                Assert(~sent | (dut.requests.ready == ends)),
                Assert(answer.tag == request.tag),
                Cover(ends & (told >= 20) & (low == 3)),
                Cover(empty),
            ]
        return m


PROOFS = (
    Proof("answers-split", "Completions are split at RCB and MPS, with the right counts.", Split,
          6, (
              Plant("the count goes on as if the first DW had been whole", "vop.pcie.answerer",
                    "byte_count - (length_dw << 2) + low", "byte_count - (length_dw << 2)"),
              Plant("a completion ends one DW behind a multiple of MPS", "vop.pcie.answerer",
                    "(~at_dw[:10] & mps_mask) + 1", "(~at_dw[:10] & mps_mask) + 2"),
          )),
)

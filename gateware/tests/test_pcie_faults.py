# SPDX-License-Identifier: BSD-2-Clause
"""Faults: which one the host hears of, and which one is kept with the header of its TLP."""

import pytest
from endpoint_bench import EndpointBench
from stream_driver import Pace, simulate
from tlp_codec import Tlp
from vop.pcie.faults import FaultReporter
from vop.pcie.judge import Refusal
from vop.pcie.tlp import CompletionStatus, Kind
from vop.regs import FaultKind

REFUSED = Tlp("IORd", 1, address=0x1000, first_be=15, requester=0x1234, tag=77)
ABORTED = Tlp("MRd", 2, address=0x12_3456_7FFC, first_be=15, last_be=15, requester=0x200, tag=5)
MESSAGE = Tlp("MsgD", 1, bytes(4), requester=0x9999, tag=9)
STRAY = Tlp("CplD", 3, bytes(12), requester=0x0518, tag=7, completer=0x0100, byte_count=77,
            lower_address=0x4C, traffic_class=2, attr=1)
STRAY_FIELDS = {
    "kind": Kind.COMPLETION_DATA, "length_dw": 3, "requester": 0x0518, "tag": 7,
    "completer": 0x0100, "byte_count": 77, "lower_address": 0x4C, "traffic_class": 2,
    "no_snoop": 1, "status": CompletionStatus.SUCCESSFUL,
}


def padded(tlp):
    return [*tlp.header_dwords(), 0][:4]


def run(requests):
    """Send requests over the endpoint; return the bench afterwards."""
    bench = EndpointBench(Pace("flowing", 2))

    async def story(ctx):
        await bench.send(ctx, requests)
        await bench.settle(ctx)

    bench.run(story)
    return bench


def test_a_message_is_dropped_without_a_report():
    bench = run([(REFUSED, 1), (MESSAGE, None), (MESSAGE, None)])

    assert bench.errors == [(("cfg_err_ur", "cfg_err_posted"), 0x1234 << 8 | 77)]
    assert bench.counts["dropped_message"] == 2


def test_a_message_does_not_take_the_place_of_a_waiting_report():
    dut = FaultReporter()

    async def testbench(ctx):
        ctx.set(dut.reported, {"completion_timeout": 1})
        for refusal, tag in ((Refusal.UNSUPPORTED, 3), (Refusal.MESSAGE, 9)):
            ctx.set(dut.refusal, Refusal.NONE)
            ctx.set(dut.starts, 1)
            ctx.set(dut.header, {"kind": Kind.IO_READ, "tag": tag})
            await ctx.tick()
            ctx.set(dut.starts, 0)
            ctx.set(dut.refusal, refusal)
            await ctx.tick()
        ctx.set(dut.refusal, Refusal.NONE)
        ctx.set(dut.reported, {})
        error = ctx.get(dut.error)
        assert (error.unsupported, error.header) == (1, 3)

    simulate(dut, testbench)


def test_the_first_fault_stays_and_every_one_is_counted_and_reported():
    bench = run([(MESSAGE, None), (ABORTED, 2), (REFUSED, 1), (STRAY, None), (REFUSED, 1)])

    assert bench.first_fault == (FaultKind.COMPLETER_ABORT, padded(ABORTED))
    assert (bench.counts["completer_abort"], bench.counts["unsupported_request"]) == (1, 2)
    assert len(bench.errors) == 3


def test_without_a_fault_there_is_no_record():
    bench = run([(MESSAGE, None), (STRAY, None)])

    assert bench.first_fault[0] == FaultKind.NONE


def test_a_bad_ecrc_is_counted_and_reported():
    dut = FaultReporter()

    async def testbench(ctx):
        ctx.set(dut.ecrc, 1)
        assert ctx.get(dut.error).ecrc

    simulate(dut, testbench)


@pytest.mark.parametrize(("flag", "kind"), [
    ("completion_unexpected", FaultKind.UNEXPECTED_COMPLETION),
    ("poisoned", FaultKind.POISONED_COMPLETION),
])
def test_a_completion_at_fault_is_shown_as_it_was_on_the_link(flag, kind):
    dut = FaultReporter()

    async def testbench(ctx):
        ctx.set(dut.reported, {flag: 1})
        ctx.set(dut.reported_header, STRAY_FIELDS)
        error = ctx.get(dut.error)
        assert getattr(error, flag)
        assert error.header == 2 << 26 | 1 << 24 | 0x0518 << 8 | 7
        await ctx.tick()
        ctx.set(dut.reported, {})
        record = ctx.get(dut.record)
        assert (record.kind, list(record.header)) == (kind, padded(STRAY))

        ctx.set(dut.reported, {"completion_timeout": 1})
        await ctx.tick()
        assert ctx.get(dut.record).kind == kind, "the first one stays"
        ctx.set(dut.clear, 1)
        await ctx.tick()
        ctx.set(dut.clear, 0)
        assert ctx.get(dut.record).kind == FaultKind.NONE
        await ctx.tick()
        assert ctx.get(dut.record).kind == FaultKind.COMPLETION_TIMEOUT, "the next one is kept"

    simulate(dut, testbench)


def test_a_refusal_waits_behind_a_fault_of_a_completion():
    dut = FaultReporter()

    async def testbench(ctx):
        refusal, header = dut.refusal, dut.header
        ctx.set(dut.starts, 1)
        ctx.set(header, {"kind": Kind.LOCKED_READ, "tag": 3, "requester": 0x100})
        await ctx.tick()
        ctx.set(dut.starts, 0)
        ctx.set(refusal, 1)
        await ctx.tick()
        ctx.set(refusal, 0)
        ctx.set(dut.reported, {"completion_timeout": 1})
        assert not ctx.get(dut.error).unsupported
        await ctx.tick()
        ctx.set(dut.reported, {})
        error = ctx.get(dut.error)
        assert (error.unsupported, error.locked, error.posted) == (1, 1, 0)
        assert error.header == 0x100 << 8 | 3
        await ctx.tick()
        assert not any(ctx.get(dut.error.as_value()) >> n & 1 for n in range(8))

    simulate(dut, testbench)

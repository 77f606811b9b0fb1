# SPDX-License-Identifier: BSD-2-Clause
"""The host reads and writes our BARs, on the pins of the block: every width, every byte enable."""

import pytest
from endpoint_bench import OUR_ID, RAM_BYTES, EndpointBench, check_answer
from stream_driver import Pace, both_paces
from tlp_codec import Tlp, be_bytes, random_request
from vop.regs import FaultKind

BAR0 = 0x9000_0000
BAR2 = 0x40_0000_0000


def base_of(bar):
    return {0: BAR0, 2: BAR2}[bar]


def write_into(image, offset, tlp):
    """What a write does to the bytes at ``offset``."""
    for at, on in enumerate(be_bytes(tlp.first_be, tlp.last_be, tlp.length)):
        if on:
            image[offset + at] = tlp.payload[at]


def check_bytes(request, answer, image, offset, later=()):
    """Every byte that the request enabled is that of the image, or one that is written ``later``.

    ``later`` holds ``(offset, tlp)``: a write may pass a read that came before it, never the
    other way round (Base 4.0, 2.4.1).
    """
    for at, on in enumerate(be_bytes(request.first_be, request.last_be, request.length)):
        if on:
            passing = {tlp.payload[offset + at - start] for start, tlp in later
                       if 0 <= offset + at - start < len(tlp.payload)}
            assert answer[at] in {image[offset + at]} | passing, f"byte {at} of {request}"


def run_in_order(requests, pace, *, mps_log2=0, width=128):
    """Send requests; check answers and effects against writes carried out one by one."""
    bench = EndpointBench(pace, width=width)
    images = {0: bytearray(bench.registers), 2: bytearray(bench.memory)}

    async def story(ctx):
        await bench.send(ctx, requests)
        await bench.settle(ctx)

    bench.run(story, mps_log2=mps_log2)

    for number, (tlp, bar) in enumerate(requests):
        offset = tlp.address - base_of(bar)
        later = [(other.address - base_of(bar), other) for other, its_bar in requests[number:]
                 if other.kind == "MWr" and its_bar == bar]
        if tlp.kind == "MWr":
            write_into(images[bar], offset, tlp)
        else:
            answer = check_answer(tlp, bench.monitor.tlps, mps=128 << mps_log2)
            check_bytes(tlp, answer, images[bar], offset, later)
    assert bench.monitor.tlps == []
    assert bench.memory == images[2]
    assert bench.registers == images[0]
    return bench


@both_paces
@pytest.mark.parametrize("width", [64, 128])
@pytest.mark.parametrize("seed", range(3))
def test_reads_see_every_earlier_write_whichever_bar_either_names(pace_name, width, seed):
    pace = Pace(pace_name, seed)
    requests = []
    for _ in range(60):
        bar = pace.rng.choice([0, 2])
        length = pace.rng.choice([1, 1, 2, 3, 4, 5, 8, 9, 16, 17] if bar else [1, 1, 1, 2, 3, 5])
        address = base_of(bar) + 4 * pace.rng.randrange(48)
        requests.append((random_request(pace.rng, pace.rng.choice(["MWr", "MWr", "MRd"]),
                                        length=length, address=address), bar))

    bench = run_in_order(requests, pace, width=width)

    kinds = [tlp.kind for tlp, _ in requests]
    assert bench.counts["rx_mem_write"] == kinds.count("MWr")
    assert bench.counts["rx_mem_read"] == kinds.count("MRd")
    assert bench.counts["tx_completion"] >= kinds.count("MRd")
    assert bench.errors == []


@pytest.mark.parametrize("bar", [0, 2])
def test_every_byte_enable_of_one_and_two_dw_is_obeyed(bar):
    pace = Pace("flowing", 1)
    single = [(first, 0, 1) for first in range(16)]
    double = [(first, last, 2) for first in range(1, 16) for last in range(1, 16, 2)]
    requests = [
        (Tlp(kind, length, pace.rng.randbytes(4 * length) if kind == "MWr" else b"",
             address=base_of(bar) + 8 * number, first_be=first, last_be=last, tag=number), bar)
        for kind in ("MWr", "MRd") for number, (first, last, length) in enumerate(single + double)]

    run_in_order(requests, pace)


@pytest.mark.parametrize("mps_log2", [0, 1, 2, 5])
def test_a_read_of_card_memory_is_split_at_legal_boundaries(mps_log2):
    pace = Pace("flowing", mps_log2)
    requests = [(random_request(pace.rng, "MRd", length=length, address=BAR2 + 4 * start), 2)
                for length, starts in ((1, (0, 31)), (2, (3, 31)), (31, (0, 1, 2, 31)),
                                       (32, (0, 1, 31)), (33, (0, 31)), (63, (29,)), (255, (1,)),
                                       (1023, (1,)), (1024, (0,)))
                for start in starts]

    run_in_order(requests, pace, mps_log2=mps_log2)


@pytest.mark.parametrize("width", [64, 128])
@pytest.mark.parametrize("start_dw", [0, 1, 2, 3])
def test_a_write_of_card_memory_lands_at_every_lane(start_dw, width):
    pace = Pace("stuttering", start_dw)
    requests = [(random_request(pace.rng, kind, length=length,
                                address=BAR2 + 4096 + 4 * start_dw), 2)
                for length in (1, 2, 3, 4, 5, 6, 7, 32, 255, 1024 - start_dw)
                for kind in ("MWr", "MRd")]

    run_in_order(requests, pace, width=width)


def test_registers_are_accessed_dw_by_dw_in_rising_order():
    pace = Pace("stuttering", 3)
    requests = [(random_request(pace.rng, "MWr", length=9, address=BAR0 + 0x1004), 0),
                (random_request(pace.rng, "MRd", length=6, address=BAR0 + 0x200C), 0)]

    bench = run_in_order(requests, pace)

    assert [(kind, address) for kind, address, _ in bench.accesses] == [
        *(("write", 0x1004 + 4 * n) for n in range(9)),
        *(("read", 0x200C + 4 * n) for n in range(6))]


@pytest.mark.parametrize("bar", [0, 2])
def test_a_zero_length_read_is_completed_with_one_dw_and_touches_nothing(bar):
    pace = Pace("flowing", 1)
    request = Tlp("MRd", 1, address=base_of(bar) + 0x24, first_be=0, last_be=0, tag=9)

    bench = run_in_order([(request, bar)], pace)

    assert bench.accesses == []


def test_a_write_with_no_byte_enabled_touches_nothing():
    pace = Pace("flowing", 1)

    bench = run_in_order([(Tlp("MWr", 1, bytes(4), address=BAR0, first_be=0), 0),
                          (Tlp("MWr", 1, bytes(4), address=BAR2, first_be=0), 2)], pace)

    assert bench.accesses == []


REFUSED = {
    "IORd": Tlp("IORd", 1, address=0x1000, first_be=15),
    "IOWr": Tlp("IOWr", 1, bytes(4), address=0x1000, first_be=15),
    "CfgRd0": Tlp("CfgRd0", 1, address=0x0500_0000, first_be=15),
    "CfgWr1": Tlp("CfgWr1", 1, bytes(4), address=0x0500_0000, first_be=15),
    "locked read": Tlp("MRdLk", 1, address=BAR0, first_be=15),
    "FetchAdd": Tlp("FetchAdd", 2, bytes(8), address=BAR2, first_be=15, last_be=15),
    "Swap": Tlp("Swap", 1, bytes(4), address=BAR0, first_be=15),
    "CAS of 16 bytes": Tlp("CAS", 8, bytes(32), address=BAR2, first_be=15, last_be=15),
    "read that hits no BAR": Tlp("MRd", 5, address=0x7700_0008, first_be=14, last_be=3),
    "read across 4 KiB": Tlp("MRd", 2, address=BAR2 + RAM_BYTES - 4, first_be=15, last_be=15),
}
BARS = {"IORd": 1, "locked read": 0, "FetchAdd": 2, "Swap": 0, "CAS of 16 bytes": 2,
        "read across 4 KiB": 2}


@pytest.mark.parametrize("what", REFUSED)
def test_an_unsupported_request_is_answered_and_the_endpoint_still_works(what):
    pace = Pace("stuttering", 5)
    bench = EndpointBench(pace)
    refused = Tlp(**{**vars(REFUSED[what]), "requester": 0x1234, "tag": 77, "traffic_class": 3,
                     "attr": 2})
    follower = random_request(pace.rng, "MRd", length=3, address=BAR2 + 8)
    before = bytes(bench.memory), bytes(bench.registers)

    async def story(ctx):
        await bench.send(ctx, [(refused, BARS.get(what)), (follower, 2)])
        await bench.settle(ctx)

    bench.run(story)

    answer = bench.monitor.tlps.pop(0)
    is_read = refused.kind in ("MRd", "MRdLk")
    aborted = what == "read across 4 KiB"
    enabled = be_bytes(refused.first_be, refused.last_be, refused.length)
    assert answer == Tlp(
        "CplLk" if refused.kind == "MRdLk" else "Cpl", 0, requester=0x1234, tag=77,
        traffic_class=3, attr=2, completer=OUR_ID, status=4 if aborted else 1,
        byte_count=sum(enabled) if is_read else 4,
        lower_address=(refused.address + enabled.index(True)) % 128 if is_read else 0)
    check_bytes(follower, check_answer(follower, bench.monitor.tlps, mps=128), bench.memory, 8)
    assert (bytes(bench.memory), bytes(bench.registers)) == before
    assert bench.counts["completer_abort" if aborted else "unsupported_request"] == 1
    assert bench.errors == [(("cfg_err_posted", "cfg_err_cpl_abort") if aborted else
                             ("cfg_err_ur", "cfg_err_posted"),
                             3 << 26 | 2 << 24 | 0x1234 << 8 | 77)]
    assert bench.first_fault == (
        FaultKind.COMPLETER_ABORT if aborted else FaultKind.UNSUPPORTED_REQUEST,
        [*refused.header_dwords(), 0][:4])


@pytest.mark.parametrize(("refused", "bar"), [
    (Tlp("MWr", 6, bytes(24), address=BAR2 + RAM_BYTES - 20, first_be=15, last_be=15), 2),
    (Tlp("MWr", 1, bytes(4), address=0x7700_0000, first_be=15), None),
    (Tlp("MWr", 2, bytes(8), address=BAR0 + 0xFFFC, first_be=15, last_be=15), 0),
    (Tlp("Msg", first_be=0xE, last_be=0x7), None),
])
def test_a_posted_request_that_is_not_for_us_is_dropped_counted_and_reported(refused, bar):
    pace = Pace("stuttering", 5)
    bench = EndpointBench(pace)
    follower = random_request(pace.rng, "MRd", length=1, address=BAR0 + 8)
    before = bytes(bench.memory), bytes(bench.registers)

    async def story(ctx):
        await bench.send(ctx, [(refused, bar), (follower, 0)])
        await bench.settle(ctx)

    bench.run(story)

    check_answer(follower, bench.monitor.tlps, mps=128)
    assert bench.monitor.tlps == []
    assert (bytes(bench.memory), bytes(bench.registers)) == before
    assert bench.counts["dropped_request"] == 1
    assert [names for names, _ in bench.errors] == [("cfg_err_ur", "cfg_err_posted")]
    assert bench.first_fault == (FaultKind.DROPPED_REQUEST, [*refused.header_dwords(), 0][:4])


@both_paces
def test_messages_are_dropped_and_counted_in_silence(pace_name):
    pace = Pace(pace_name, 5)
    bench = EndpointBench(pace)

    async def story(ctx):
        await bench.send(ctx, [(Tlp("Msg", 0), None), (Tlp("MsgD", 9, bytes(36)), None)] * 3)
        await bench.settle(ctx)

    bench.run(story)

    assert bench.counts["dropped_message"] == bench.counts["rx_other"] == 6
    assert (bench.counts["rx_message"], bench.counts["dropped_request"]) == (6, 0)
    assert (bench.monitor.tlps, bench.errors) == ([], [])


@pytest.mark.parametrize("bar", [0, 2])
def test_a_poisoned_write_is_dropped_counted_reported_and_shown_as_fault(bar):
    pace = Pace("flowing", 5)
    bench = EndpointBench(pace)
    poisoned = Tlp("MWr", 7, bytes(28), address=base_of(bar) + 0x40, first_be=15, last_be=7,
                   poisoned=True, requester=0x0100, tag=3)
    before = bytes(bench.memory), bytes(bench.registers)

    async def story(ctx):
        await bench.send(ctx, [(poisoned, bar)])
        await bench.settle(ctx)

    bench.run(story)

    assert (bytes(bench.memory), bytes(bench.registers)) == before
    assert bench.counts["poisoned"] == 1
    assert bench.errors == [(("cfg_err_poisoned", "cfg_err_posted"), 0x0100 << 8 | 3)]
    header = poisoned.dwords()[:4 if poisoned.address >> 32 else 3]
    assert bench.first_fault == (FaultKind.POISONED_REQUEST, [*header, 0][:4])


def test_writes_to_card_memory_go_at_a_line_per_cycle():
    pace = Pace("flowing", 1)
    bench = EndpointBench(pace)
    writes = [(random_request(pace.rng, "MWr", length=32, address=BAR2 + 128 * n), 2)
              for n in range(16)]

    async def story(ctx):
        await bench.send(ctx, writes)
        await bench.settle(ctx)

    bench.run(story)

    # The link brings 8 lines in 9 beats.
    assert len(bench.lines_written) == 128
    assert bench.lines_written[-1] - bench.lines_written[0] <= 9 * 16


@pytest.mark.parametrize("bar", [0, 2])
def test_writes_and_completions_come_through_while_reads_wait_for_a_blocked_link(bar):
    pace = Pace("flowing", 1)
    bench = EndpointBench(pace)
    completion = Tlp("CplD", 1, b"data", requester=OUR_ID, completer=0, tag=1, byte_count=4)
    writes = [(random_request(pace.rng, "MWr", length=9, address=base_of(other) + 0x800 + 36 * n),
               other) for n in range(20) for other in (0, 2)]
    images = {0: bytearray(bench.registers), 2: bytearray(bench.memory)}
    reads = []

    async def story(ctx):
        ctx.set(bench.pins.tx_buf_av, 0)
        while ctx.get(bench.pins.rx_np_ok):
            read = random_request(pace.rng, "MRd", length=8, address=base_of(bar))
            reads.append((read, bar))
            await bench.send(ctx, [(read, bar)])
            assert len(reads) < 64, "the queue must fill"
        for _ in range(4):                # the block may deliver four more
            await bench.send(ctx, [reads[0]])
        await bench.send(ctx, writes)
        await bench.send(ctx, [(completion, None)] * 5)
        await ctx.tick().repeat(400)
        for tlp, other in writes:
            write_into(images[other], tlp.address - base_of(other), tlp)
        assert (bench.registers, bench.memory) == (images[0], images[2])
        assert len(bench.completions) == 5
        assert bench.monitor.tlps == []
        ctx.set(bench.pins.tx_buf_av, 32)
        await bench.settle(ctx)

    bench.run(story)

    for read, _ in reads + [reads[0]] * 4:
        check_answer(read, bench.monitor.tlps, mps=128)
    assert bench.counts["rx_completion"] == 5


@pytest.mark.parametrize(("width", "start_dw"), [(64, 0), (128, 0), (128, 3)])
def test_completions_of_long_reads_leave_without_a_pause(width, start_dw):
    pace = Pace("flowing", 1)
    bench = EndpointBench(pace, width=width)
    reads = [random_request(pace.rng, "MRd", length=256 - start_dw,
                            address=BAR2 + 1024 * n + 4 * start_dw) for n in range(6)]

    async def story(ctx):
        await bench.send(ctx, [(read, 2) for read in reads])
        await bench.settle(ctx)

    bench.run(story)

    assert bench.monitor.gaps == 0
    for read in reads:
        check_answer(read, bench.monitor.tlps, mps=128)


def test_while_registers_are_held_requests_wait_in_their_order():
    pace = Pace("flowing", 1)
    bench = EndpointBench(pace)
    write = random_request(pace.rng, "MWr", length=2, address=BAR0 + 0x40)
    reads = [(random_request(pace.rng, "MRd", length=1, address=BAR0 + 0x40), 0),
             (random_request(pace.rng, "MRd", length=4, address=BAR2), 2)]
    completion = Tlp("CplD", 1, b"data", requester=OUR_ID, completer=0, tag=1, byte_count=4)

    async def story(ctx):
        ctx.set(bench.endpoint.request_hold, 1)
        await bench.send(ctx, [(write, 0), *reads, (completion, None)])
        await ctx.tick().repeat(100)
        assert (bench.accesses, bench.monitor.tlps) == ([], [])
        assert len(bench.completions) == 1
        ctx.set(bench.endpoint.request_hold, 0)
        await bench.settle(ctx)

    bench.run(story)

    write_into(bench.registers, 0x40, write)
    for read, bar in reads:
        image = {0: bench.registers, 2: bench.memory}[bar]
        check_bytes(read, check_answer(read, bench.monitor.tlps, mps=128), image,
                    read.address - base_of(bar))


@pytest.mark.parametrize("held", ["memory writes", "registers"])
@pytest.mark.parametrize("behind", ["write", "read of registers", "read of memory"])
def test_whatever_comes_behind_a_write_waits_until_it_has_happened(held, behind):
    pace = Pace("flowing", 1)
    bench = EndpointBench(pace)
    first_bar = 2 if held == "memory writes" else 0
    other_bar = 2 - first_bar
    bar = {"write": other_bar, "read of registers": 0, "read of memory": 2}[behind]
    first = random_request(pace.rng, "MWr", length=2, address=base_of(first_bar) + 0x80)
    second = random_request(pace.rng, "MWr" if behind == "write" else "MRd", length=2,
                            address=base_of(bar) + 0x80)

    async def story(ctx):
        bench.held.add(held)
        await bench.send(ctx, [(first, first_bar), (second, bar)])
        await ctx.tick().repeat(60)
        assert (bench.accesses, bench.lines_written, bench.lines_read) == ([], [], 0)
        bench.held.clear()
        await bench.settle(ctx)

    bench.run(story)

    assert bench.accesses or bench.lines_written
    assert len(bench.monitor.tlps) == (0 if behind == "write" else 1)

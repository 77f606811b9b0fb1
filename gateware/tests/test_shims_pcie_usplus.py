# SPDX-License-Identifier: BSD-2-Clause
"""The UltraScale+ shim, against descriptors of the tests' own."""

import pytest
from axis_usplus import Block, completion_packet, request_packet
from stream_driver import Pace, both_paces, receive, send, simulate
from test_shims_pcie_7x import RxCollector, expected_of, random_tlp, tx_beats
from tlp_codec import Tlp, random_request
from vop.pcie.tlp import Kind
from vop.shims.pcie_usplus import PcieUsplusShim
from vop.shims.usplus.configuration import ConfigurationReader
from vop.shims.usplus.packet_buffer import PacketBuffer
from vop.shims.usplus.pins import PinsSignature
from vop.shims.usplus.reset import FunctionReset

OUR_ID = 5 << 8
REQUESTS = ("MRd", "MWr", "IORd", "IOWr", "CfgRd0", "CfgWr1", "Msg", "MsgD", "MRdLk", "FetchAdd",
            "Swap", "CAS")
both_widths = pytest.mark.parametrize("width", [128, 256])


def simulate_shim(width, pace, *testbenches, background=(), **options):
    """Run testbenches that take ``(ctx, dut, block)`` on a shim with a block behind it."""
    dut = PcieUsplusShim(width)
    block = Block(dut.pins, pace, **options)

    def with_block(testbench, *, first=False):
        async def run(ctx):
            if first:
                block.configure(ctx)
            await testbench(ctx, dut, block)
        return run

    simulate(dut, *[with_block(each, first=each is testbenches[0]) for each in testbenches],
             background=[block.watch_rq, block.watch_cc, block.report,
                         *[with_block(each) for each in background]])
    return block


def check_received(tlps, received, *, width):
    assert len(received) == len(tlps)
    for (tlp, bar), (header, _, seen_bar, payload, enabled, beats) in zip(tlps, received,
                                                                          strict=True):
        wanted, wanted_payload, wanted_enabled = expected_of(tlp)
        has_address = tlp.is_completion or header["kind"] not in (
            Kind.CONFIG_READ, Kind.CONFIG_WRITE, Kind.MESSAGE)
        if not has_address:
            wanted |= {"address": 0, "first_be": 0, "last_be": 0}
        if not tlp.is_completion:
            wanted["poisoned"] = 0           # a descriptor has no room for it
        assert header == wanted
        assert seen_bar == (7 if tlp.is_completion or not has_address else bar or 0)
        assert payload[:len(wanted_payload)] == wanted_payload
        if tlp.kind not in ("Msg", "MsgD"):
            assert enabled[:len(wanted_enabled)] == wanted_enabled
            assert not any(enabled[len(wanted_enabled):])
        assert beats == max(1, -(-len(wanted_payload) // (width // 8)))


def run_rx(requests, completions, pace, *, width, broken_requests=(), broken_completions=()):
    """Send ``(tlp, bar)`` on CQ and packets on RC; return both kinds as the contract shows them."""
    collector = RxCollector(width // 8)
    dut = PcieUsplusShim(width)
    block = Block(dut.pins, pace)
    done = []

    async def drive_requests(ctx):
        block.configure(ctx)
        await block.drive(ctx, "cq", [request_packet(tlp, bar) for tlp, bar in requests],
                          discontinue=broken_requests)
        done.append(1)

    async def drive_completions(ctx):
        await block.drive(ctx, "rc", completions, discontinue=broken_completions)
        done.append(1)

    async def wait(ctx):
        quiet = 0
        while quiet < 20:
            await ctx.tick()
            quiet = quiet + 1 if len(done) == 2 and ctx.get(dut.idle) else 0

    async def collect(ctx):
        await receive(ctx, dut.phy.rx, pace, collector.take)

    simulate(dut, drive_requests, drive_completions, wait, background=[collect])
    kinds = (Kind.COMPLETION, Kind.COMPLETION_DATA)
    return ([each for each in collector.tlps if each[0]["kind"] not in kinds],
            [each for each in collector.tlps if each[0]["kind"] in kinds])


@both_paces
@both_widths
@pytest.mark.parametrize("seed", range(2))
def test_every_kind_of_tlp_arrives_decoded_with_its_payload_in_lane_0(pace_name, width, seed):
    pace = Pace(pace_name, seed)
    requests = [(random_tlp(pace.rng, pace.rng.choice(REQUESTS), pace.rng.randrange(1, 20)),
                 pace.rng.choice([0, 2, 6])) for _ in range(100)]
    completions = [random_tlp(pace.rng, pace.rng.choice(["Cpl", "CplD"]), pace.rng.randrange(1, 40))
                   for _ in range(80)]

    requests_seen, completions_seen = run_rx(
        requests, [completion_packet(tlp) for tlp in completions], pace, width=width)

    check_received(requests, requests_seen, width=width)
    check_received([(tlp, None) for tlp in completions], completions_seen, width=width)


@both_widths
def test_writes_of_the_largest_payload_arrive_whole(width):
    pace = Pace("flowing", 1)
    tlps = [(random_request(pace.rng, "MWr", length=length, address=0x8000_0000), 2)
            for length in (1, 4, 5, 255, 256, 256, 1)]

    received, _ = run_rx(tlps, [], pace, width=width)

    check_received(tlps, received, width=width)


@both_paces
@both_widths
def test_what_the_block_discontinues_is_dropped_whole_and_the_next_one_is_not(pace_name, width):
    pace = Pace(pace_name, 3)
    requests = [(random_request(pace.rng, "MWr", length=length, address=0x1000), 2)
                for length in (3, 30, 1, 30)]
    completions = [random_tlp(pace.rng, "CplD", length) for length in (9, 32, 1)]

    requests_seen, completions_seen = run_rx(
        requests, [completion_packet(tlp) for tlp in completions], pace, width=width,
        broken_requests={1}, broken_completions={0, 2})

    check_received([requests[0], *requests[2:]], requests_seen, width=width)
    check_received([(completions[1], None)], completions_seen, width=width)


@both_widths
@pytest.mark.parametrize("error", [0b1000, 0b1001])
def test_a_notice_of_the_block_is_no_completion(width, error):
    pace = Pace("flowing", 1)
    tlps = [random_tlp(pace.rng, "CplD", 5) for _ in range(2)]
    notice = Tlp("Cpl", tag=3, requester=OUR_ID)
    packets = [completion_packet(tlps[0]), completion_packet(notice, error=error),
               completion_packet(tlps[1])]

    _, received = run_rx([], packets, pace, width=width)

    check_received([(tlp, None) for tlp in tlps], received, width=width)


@both_widths
def test_a_completion_that_the_block_calls_poisoned_is(width):
    tlp = Tlp("CplD", 1, bytes(4), requester=OUR_ID, byte_count=4)

    _, received = run_rx([], [completion_packet(tlp, error=1)], Pace("flowing", 1), width=width)

    assert received[0][0]["poisoned"] == 1


@both_widths
def test_a_completion_stays_behind_the_writes_that_were_whole_before_it(width):
    dut = PcieUsplusShim(width)
    block = Block(dut.pins, Pace("flowing", 1))
    write = random_request(block.pace.rng, "MWr", length=60, address=0x1000)
    completion = Tlp("CplD", 1, bytes(4), requester=OUR_ID, byte_count=4)
    collector = RxCollector(width // 8)

    async def drive(ctx):
        block.configure(ctx)
        await block.drive(ctx, "cq", [request_packet(write, 2)] * 3)
        await block.drive(ctx, "rc", [completion_packet(completion)])
        await ctx.tick().repeat(20)
        await block.drive(ctx, "cq", [request_packet(write, 2)])

    async def collect(ctx):
        for _ in range(150):
            await ctx.tick()
        await receive(ctx, dut.phy.rx, block.pace, collector.take)

    async def wait(ctx):
        while len(collector.tlps) < 5:
            await ctx.tick()

    simulate(dut, drive, wait, background=[collect])
    kinds = [header["kind"] for header, *_ in collector.tlps]
    assert Kind.COMPLETION_DATA in kinds[3:]


def sent_form(tlp):
    """The same TLP as the block sees it: our own id filled in."""
    ids = {"completer": OUR_ID} if tlp.is_completion else {"requester": OUR_ID}
    return Tlp(**{**vars(tlp), **ids})


def in_order(tlps, *kinds):
    return [sent_form(tlp) for tlp in tlps if tlp.kind in kinds]


async def drained(ctx, dut):
    await ctx.tick().until(dut.phy.tx_drained & ~dut.phy.tx.valid)


@both_paces
@both_widths
@pytest.mark.parametrize("seed", range(2))
def test_every_kind_of_tlp_leaves_with_the_descriptor_it_should_have(pace_name, width, seed):
    pace = Pace(pace_name, seed)
    tlps = [random_tlp(pace.rng, pace.rng.choice(["MRd", "MWr", "Cpl", "CplD"]),
                       pace.rng.randrange(1, 34)) for _ in range(120)]

    async def drive(ctx, dut, block):
        await send(ctx, dut.phy.tx, [beat for tlp in tlps for beat in tx_beats(tlp, width)], pace)
        await drained(ctx, dut)

    block = simulate_shim(width, pace, drive)

    for kinds in (("MWr",), ("MRd",), ("Cpl", "CplD")):
        assert [tlp for tlp in block.sent if tlp.kind in kinds] == in_order(tlps, *kinds)
    check_order(block.sent, [sent_form(tlp) for tlp in tlps])


def check_order(sent, given):
    """Nothing but writes passes anything, and those only reads and completions."""
    writes = [n for n, tlp in enumerate(given) if tlp.kind == "MWr"]
    places = {}
    for kinds in (("MWr",), ("MRd",), ("Cpl", "CplD")):
        ours = [n for n, tlp in enumerate(given) if tlp.kind in kinds]
        theirs = [n for n, tlp in enumerate(sent) if tlp.kind in kinds]
        places |= dict(zip(ours, theirs, strict=True))
    for number, _ in enumerate(given):
        for write in writes:
            if write < number:
                assert places[write] < places[number], "nothing may pass a write"


@both_widths
@pytest.mark.parametrize("address", [0xFFFF_FFFC, 0x1_0000_0000])
def test_a_write_leaves_in_as_few_beats_as_it_has_dwords_for_and_none_idle(address, width):
    pace = Pace("flowing", 1)
    lengths = [*range(1, 20), 32, 32, 64, 256, 1]
    tlps = [random_request(pace.rng, "MWr", length=length, address=address) for length in lengths]

    async def drive(ctx, dut, block):
        await send(ctx, dut.phy.tx, [beat for tlp in tlps for beat in tx_beats(tlp, width)], pace)
        await drained(ctx, dut)

    block = simulate_shim(width, pace, drive)

    assert block.sent == [sent_form(tlp) for tlp in tlps]
    assert block.beats["rq"] == sum(-(-(4 + length) // (width // 32)) for length in lengths)
    assert block.gaps["rq"] == 0


@both_widths
def test_a_completion_waits_for_the_writes_before_it_and_holds_none_behind_it(width):
    pace = Pace("flowing", 1)
    write = random_request(pace.rng, "MWr", length=9, address=0x1000)
    completion = Tlp("CplD", 2, bytes(8), byte_count=8, tag=7)

    async def drive(ctx, dut, block):
        beats = [beat for tlp in (write, completion, write, write) for beat in tx_beats(tlp, width)]
        await send(ctx, dut.phy.tx, beats, pace)
        await ctx.tick().repeat(50)
        assert [tlp.kind for tlp in block.sent] == ["MWr"] * 3
        assert not ctx.get(dut.phy.tx_drained)
        block.reports = True
        await drained(ctx, dut)
        assert [tlp.kind for tlp in block.sent] == ["MWr"] * 3 + ["CplD"]

    simulate_shim(width, pace, drive, reports=False)


@both_widths
def test_no_more_writes_begin_than_can_be_told_apart(width):
    pace = Pace("flowing", 1)
    write = random_request(pace.rng, "MWr", length=1, address=0x1000)

    async def drive(ctx, dut, block):
        await send(ctx, dut.phy.tx, tx_beats(write, width) * 80, pace)
        await drained(ctx, dut)

    async def let_go(ctx, dut, block):
        await ctx.tick().repeat(200)
        assert len(block.sent) == 31
        assert not ctx.get(dut.phy.tx_shallow)
        block.reports = True

    block = simulate_shim(width, pace, drive, let_go, reports=False)
    assert len(block.sent) == 80


@both_widths
def test_a_read_without_credits_holds_nothing_else_up(width):
    pace = Pace("flowing", 1)
    read, write = (random_request(pace.rng, kind, length=8, address=0x1000)
                   for kind in ("MRd", "MWr"))
    completion = Tlp("CplD", 2, bytes(8), byte_count=8)

    async def drive(ctx, dut, block):
        ctx.set(dut.pins.pcie_tfc_nph_av, 0)
        tlps = (read, read, write, completion, write)
        await send(ctx, dut.phy.tx, [beat for tlp in tlps for beat in tx_beats(tlp, width)], pace)
        await ctx.tick().repeat(50)
        assert sorted(tlp.kind for tlp in block.sent) == ["CplD", "MWr", "MWr"]
        assert not ctx.get(dut.phy.tx_drained)
        ctx.set(dut.pins.pcie_tfc_nph_av, 1)
        await ctx.tick().repeat(5)
        assert [tlp.kind for tlp in block.sent].count("MRd") == 1, "the count of credits is late"
        await drained(ctx, dut)
        assert [tlp.kind for tlp in block.sent].count("MRd") == 2

    simulate_shim(width, pace, drive)


@both_widths
def test_a_memory_request_is_dropped_while_bus_mastering_is_off_and_a_completion_is_not(width):
    pace = Pace("stuttering", 7)
    tlps = [random_tlp(pace.rng, kind, 9) for kind in ("MWr", "CplD", "MRd", "Cpl", "MWr")]
    dropped = []

    async def drive(ctx, dut, block):
        await send(ctx, dut.phy.tx, tx_beats(tlps[0], width), pace)
        await ctx.tick().repeat(20)
        assert not ctx.get(dut.phy.tx_drained)
        block.configure(ctx, bus_master=0)
        await send(ctx, dut.phy.tx, [beat for tlp in tlps for beat in tx_beats(tlp, width)], pace)
        await drained(ctx, dut)

    async def count(ctx, dut, block):
        while True:
            *_, pulse = await ctx.tick().sample(dut.phy.tx_dropped)
            dropped.append(pulse)

    block = simulate_shim(width, pace, drive, background=[count], reports=False)

    assert block.sent == [sent_form(tlps[0]), *in_order(tlps, "Cpl", "CplD")]
    assert sum(dropped) == 3


@both_widths
@pytest.mark.parametrize("kind", ["MRdLk", "IORd", "CAS"])
def test_a_refusal_brings_the_request_back_to_the_block(width, kind):
    pace = Pace("flowing", 2)
    requests = [random_tlp(pace.rng, kind, 1) for _ in range(3)]
    refusals = [Tlp("Cpl", requester=tlp.requester, tag=tlp.tag, status=1, byte_count=4)
                for tlp in requests]
    unknown = Tlp("Cpl", requester=0x77, tag=0x55, status=1, byte_count=4)
    packets = [request_packet(tlp, 0) for tlp in requests]

    async def drive(ctx, dut, block):
        ctx.set(dut.phy.rx.ready, 1)
        await block.drive(ctx, "cq", packets)
        await ctx.tick().repeat(10)
        answers = [*refusals, unknown]
        await send(ctx, dut.phy.tx, [beat for tlp in answers for beat in tx_beats(tlp, width)],
                   pace)
        await drained(ctx, dut)

    block = simulate_shim(width, pace, drive)

    assert block.sent == [sent_form(tlp) for tlp in (*refusals, unknown)]
    wanted = [[first | last << 4, *words[:4]] for words, _, first, last in packets]
    assert block.refused == [*wanted, [0] * 5]
    assert block.locked == [kind == "MRdLk"] * 3 + [False]


def test_a_vector_is_one_pulse_behind_the_writes_before_it_and_taken_when_sent():
    pace = Pace("flowing", 1)
    write = random_request(pace.rng, "MWr", length=1, address=0x1000)
    raised = []

    async def drive(ctx, dut, block):
        pins = dut.pins
        block.configure(ctx, msi=0, msi_log2=3)
        await send(ctx, dut.phy.tx, tx_beats(write, 256), pace)
        ctx.set(dut.phy.msi.payload, 5)
        ctx.set(dut.phy.msi.valid, 1)
        await ctx.tick().repeat(20)
        block.configure(ctx, msi=1, msi_log2=3)
        await ctx.tick().repeat(20)
        assert raised == [], "the write has not come through"
        block.reports = True
        await ctx.tick().repeat(30)
        assert raised == [1 << 5]
        ctx.set(pins.cfg_interrupt_msi_fail, 1)
        await ctx.tick()
        ctx.set(pins.cfg_interrupt_msi_fail, 0)
        await ctx.tick().repeat(10)
        assert raised == [1 << 5] * 2
        assert not ctx.get(dut.phy.msi.ready)
        ctx.set(pins.cfg_interrupt_msi_sent, 1)
        assert ctx.get(dut.phy.msi.ready)
        await ctx.tick()
        ctx.set(pins.cfg_interrupt_msi_sent, 0)
        ctx.set(dut.phy.msi.valid, 0)
        await ctx.tick().repeat(10)
        assert raised == [1 << 5] * 2

    async def watch(ctx, dut, block):
        while True:
            *_, value = await ctx.tick().sample(dut.pins.cfg_interrupt_msi_int)
            raised.extend([value] if value else [])

    simulate_shim(256, pace, drive, background=[watch], reports=False)


def test_a_vector_that_is_forbidden_while_it_waits_is_raised_again_later():
    pace = Pace("flowing", 1)

    async def drive(ctx, dut, block):
        ctx.set(dut.phy.msi.valid, 1)
        await ctx.tick().repeat(5)
        block.configure(ctx, msi=0)
        await ctx.tick().repeat(5)
        assert not ctx.get(dut.pins.cfg_interrupt_msi_int)
        block.configure(ctx, msi=1)
        await ctx.tick().until(dut.pins.cfg_interrupt_msi_int == 1)

    simulate_shim(256, pace, drive)


def test_configuration_pins_and_device_control_become_the_contracts_configuration():
    pace = Pace("flowing", 1)

    async def answer(ctx, dut, block):
        pins = dut.pins
        while True:
            while not ctx.get(pins.cfg_mgmt_read):   # until() would be left unfinished, and warn
                await ctx.tick()
            assert ctx.get(pins.cfg_mgmt_addr) == 0x78 // 4
            for _ in range(3):
                await ctx.tick()
            ctx.set(pins.cfg_mgmt_read_data, 0xFFFF_0000 | 1 << 11 | 1 << 8 | 1 << 4)
            ctx.set(pins.cfg_mgmt_read_write_done, 1)
            await ctx.tick()
            ctx.set(pins.cfg_mgmt_read_write_done, 0)
            assert not ctx.get(pins.cfg_mgmt_write)

    async def drive(ctx, dut, block):
        pins = dut.pins
        config = ctx.get(dut.phy.config)
        assert (config.relaxed_ordering, config.extended_tag, config.no_snoop) == (0, 0, 0)
        block.configure(ctx, bus=0xAB, mps_log2=2, mrrs_log2=7, msi_log2=4)
        ctx.set(pins.cfg_interrupt_msix_enable, 1)
        ctx.set(pins.cfg_interrupt_msix_mask, 1)
        await ctx.tick().repeat(100)
        config = ctx.get(dut.phy.config)
        assert config.id == 0xAB00
        assert (config.max_payload, config.max_read_request) == (2, 5), "7 is reserved"
        assert (config.extended_tag, config.relaxed_ordering, config.no_snoop, config.msi_enabled,
                config.msi_vectors_log2, config.bus_master, config.link_up, config.msix_enabled,
                config.msix_masked) == (1, 1, 1, 1, 4, 1, 1, 1, 1)

    simulate_shim(256, pace, drive, background=[answer])


def test_few_nonposted_requests_are_asked_for_and_none_while_they_are_held():
    pace = Pace("flowing", 1)

    async def drive(ctx, dut, block):
        pins = dut.pins
        for count, hold, asked in ((0, 0, 1), (1, 0, 1), (2, 0, 0), (32, 0, 0), (0, 1, 0)):
            ctx.set(pins.pcie_cq_np_req_count, count)
            ctx.set(dut.phy.hold_nonposted, hold)
            assert ctx.get(pins.pcie_cq_np_req) == asked

    simulate_shim(256, pace, drive)


def test_a_tlp_that_the_block_drops_is_told():
    pace = Pace("flowing", 1)

    async def drive(ctx, dut, block):
        for valid, code, told in ((1, 0b10100, 1), (1, 0b10101, 1), (1, 0b10010, 0),
                                  (0, 0b10100, 0)):
            ctx.set(dut.pins.cfg_local_error_valid, valid)
            ctx.set(dut.pins.cfg_local_error_out, code)
            assert ctx.get(dut.phy.tx_dropped) == told

    simulate_shim(256, pace, drive)


def test_a_function_level_reset_ends_when_nothing_is_under_way_or_after_a_bound():
    dut = FunctionReset(quiet_cycles=4, most_cycles=32)

    async def wait_for_done(ctx):
        for cycle in range(64):
            if ctx.get(dut.done):
                return cycle
            assert ctx.get(dut.reset_request)
            await ctx.tick()
        raise AssertionError("done must come")

    async def drive(ctx):
        assert not ctx.get(dut.reset_request)
        for quiet, least, most in ((1, 4, 8), (0, 30, 36)):
            ctx.set(dut.quiet, quiet)
            ctx.set(dut.in_process, 1)
            assert least <= await wait_for_done(ctx) <= most
            await ctx.tick().repeat(3)
            assert not ctx.get(dut.done)
            assert not ctx.get(dut.reset_request), "done is said once"
            ctx.set(dut.in_process, 0)
            await ctx.tick().repeat(3)

    simulate(dut, drive)


@pytest.mark.parametrize(("make", "message"), [
    (lambda: PinsSignature(64), "Width of pcie_usplus must be 128 or 256 bits, not 64"),
    (lambda: PacketBuffer(8, depth=48),
     "Packet buffer depth must be a power of two from 2, not 48"),
    (lambda: ConfigurationReader(capability=0x72), "Offset of the PCI Express capability must be a "
     "multiple of 4 from 0x40 to 0xFC, not 114"),
])
def test_a_parameter_out_of_range_is_refused_by_name(make, message):
    with pytest.raises(ValueError, match=message):
        make()

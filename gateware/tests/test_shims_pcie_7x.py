# SPDX-License-Identifier: BSD-2-Clause
"""The pcie_7x shim, against a codec and a layout of beats of the tests' own."""

import pytest
from axis_7x import Configuration, TxMonitor, drive_rx, pack_beats
from stream_driver import Pace, both_paces, receive, send, simulate
from tlp_codec import Tlp, be_bytes, random_request
from vop.pcie.tlp import CompletionStatus, Kind
from vop.shims.pcie_7x import ErrorHeaderLayout, Pcie7xShim, PinsSignature

OUR_ID = 5 << 8 | 3 << 3

KINDS = {
    "MRd": Kind.MEMORY_READ, "MWr": Kind.MEMORY_WRITE, "Cpl": Kind.COMPLETION,
    "CplD": Kind.COMPLETION_DATA, "IORd": Kind.IO_READ, "IOWr": Kind.IO_WRITE,
    "CfgRd0": Kind.CONFIG_READ, "CfgRd1": Kind.CONFIG_READ, "CfgWr0": Kind.CONFIG_WRITE,
    "CfgWr1": Kind.CONFIG_WRITE, "Msg": Kind.MESSAGE, "MsgD": Kind.MESSAGE,
    "MRdLk": Kind.LOCKED_READ, "FetchAdd": Kind.ATOMIC, "Swap": Kind.ATOMIC, "CAS": Kind.ATOMIC,
}
CODES = {0: "SUCCESSFUL", 1: "UNSUPPORTED", 2: "RETRY", 4: "ABORT"}
HIGH = 0x12_3456_7000
both_widths = pytest.mark.parametrize("width", [64, 128])


def random_tlp(rng, kind, length):
    if kind in ("Cpl", "CplD"):
        return Tlp(kind, length if kind == "CplD" else 0,
                   rng.randbytes(4 * length) if kind == "CplD" else b"",
                   requester=rng.randrange(1 << 16), completer=rng.randrange(1 << 16),
                   tag=rng.randrange(256), status=rng.choice([0, 1, 2, 4]),
                   byte_count=rng.randrange(1, 4097), lower_address=rng.randrange(128),
                   traffic_class=rng.randrange(8), attr=rng.randrange(4),
                   poisoned=rng.random() < 0.2)
    if kind in ("Msg", "MsgD"):
        return Tlp(kind, length if kind == "MsgD" else 0,
                   rng.randbytes(4 * length) if kind == "MsgD" else b"",
                   requester=rng.randrange(1 << 16), tag=rng.randrange(256))
    narrow = kind.startswith(("IO", "Cfg"))
    atomic = {"FetchAdd": rng.choice([1, 2]), "Swap": rng.choice([1, 2]),
              "CAS": rng.choice([2, 4, 8])}
    length = 1 if narrow else atomic.get(kind, length)
    address = rng.choice([0x8000_0000, HIGH]) + 4 * rng.randrange(1024)
    return random_request(rng, kind, length=length,
                          address=address & 0xFFFF_FFFF if narrow else address)


def expected_of(tlp):
    """What the contract says of a TLP: header fields, payload bytes, enabled bytes."""
    header = {
        "kind": KINDS[tlp.kind], "traffic_class": tlp.traffic_class, "no_snoop": tlp.attr & 1,
        "relaxed": tlp.attr >> 1, "poisoned": int(tlp.poisoned), "length_dw": tlp.length,
        "requester": tlp.requester, "tag": tlp.tag, "first_be": tlp.first_be,
        "last_be": tlp.last_be, "address": tlp.address, "completer": tlp.completer,
        "status": CompletionStatus[CODES[tlp.status]],
        "byte_count": tlp.byte_count, "lower_address": tlp.lower_address,
    }
    enabled = []
    if tlp.payload and tlp.kind not in ("Msg", "MsgD"):
        enabled = [True] * len(tlp.payload) if tlp.is_completion else be_bytes(
            tlp.first_be, tlp.last_be, tlp.length)
    return header, tlp.payload, enabled


def fields_of(tlp):
    """The header fields that a kind has: the others may be anything."""
    names = {"kind", "traffic_class", "no_snoop", "relaxed", "poisoned", "requester", "tag"}
    if tlp.is_completion:
        names |= {"completer", "status", "byte_count", "lower_address"}
    elif tlp.kind not in ("Msg", "MsgD"):
        names |= {"first_be", "last_be", "address", "length_dw"}
    return names | ({"length_dw"} if tlp.payload else set())


class RxCollector:
    """Join beats to TLPs: (header fields, header DWs, bar, payload, enabled bytes, beats)."""

    def __init__(self, beat_bytes):
        self.tlps = []
        self.beat_bytes = beat_bytes
        self._beats = []

    def take(self, beat):
        assert bool(beat.first) == (not self._beats)
        self._beats.append(beat)
        if not beat.last:
            return
        header = {name: getattr(beat.header, name) for name, _ in beat.header.shape()}
        assert all((other.header, other.raw) == (beat.header, beat.raw) for other in self._beats)
        self.tlps.append((
            header, list(beat.raw), beat.bar,
            b"".join(other.data.to_bytes(self.beat_bytes, "little") for other in self._beats),
            [bool(other.byte_enable >> n & 1) for other in self._beats
             for n in range(self.beat_bytes)],
            len(self._beats)))
        self._beats = []


def check_received(tlps, received, *, width=128):
    assert len(received) == len(tlps)
    for (tlp, bar), (header, raw, seen_bar, payload, enabled, beats) in zip(tlps, received,
                                                                            strict=True):
        wanted, wanted_payload, wanted_enabled = expected_of(tlp)
        has = fields_of(tlp)
        assert {name: header[name] for name in has} == {name: wanted[name] for name in has}
        assert raw == [*tlp.header_dwords(), 0][:4]
        assert seen_bar == (7 if bar is None else bar)
        assert payload[:len(wanted_payload)] == wanted_payload
        if tlp.kind not in ("Msg", "MsgD"):
            assert enabled[:len(wanted_enabled)] == wanted_enabled
            assert not any(enabled[len(wanted_enabled):])
        assert beats == max(1, -(-len(wanted_payload) // (width // 8)))


def run_rx(tlps, pace, *, straddle, width=128):
    dut = Pcie7xShim(width)
    collector = RxCollector(width // 8)
    beats = pack_beats(tlps, straddle=straddle, rng=pace.rng, width=width)
    cycles = []

    async def drive(ctx):
        cycles.append(await drive_rx(ctx, dut.pins, beats, pace))
        while len(collector.tlps) < len(tlps):
            await ctx.tick()

    async def collect(ctx):
        await receive(ctx, dut.phy.rx, pace, collector.take)

    simulate(dut, drive, background=[collect])
    return collector.tlps, len(beats), cycles[0]


@both_paces
@pytest.mark.parametrize(("width", "straddle"), [(64, False), (128, False), (128, True)])
@pytest.mark.parametrize("seed", range(3))
def test_every_kind_of_tlp_arrives_decoded_with_its_payload_in_lane_0(pace_name, width, straddle,
                                                                      seed):
    pace = Pace(pace_name, seed)
    tlps = [(random_tlp(pace.rng, pace.rng.choice(list(KINDS)), pace.rng.randrange(1, 20)),
             pace.rng.choice([None, 0, 1, 2, 6])) for _ in range(150)]

    received, _, _ = run_rx(tlps, pace, straddle=straddle, width=width)

    check_received(tlps, received, width=width)


@both_paces
@pytest.mark.parametrize("first_length", range(1, 10))
def test_straddled_short_tlps_of_every_length_part_cleanly(pace_name, first_length):
    pace = Pace(pace_name, first_length)
    tlps = [(random_tlp(pace.rng, kind, length), 2)
            for length in (first_length, first_length + 1)
            for kind in ("MWr", "MRd", "CplD", "Cpl", "MWr", "MRd", "MRd", "CplD")
            for _ in range(3)]

    received, _, _ = run_rx(tlps, pace, straddle=True)

    check_received(tlps, received)


@both_widths
@pytest.mark.parametrize("address", [0x8000_0000, HIGH])
def test_writes_up_to_1024_dw_arrive_whole(address, width):
    pace = Pace("flowing", 1)
    tlps = [(random_request(pace.rng, "MWr", length=length, address=address), 2)
            for length in (1, 2, 3, 4, 5, 31, 32, 33, 255, 256, 1021, 1022, 1023, 1024, 1)]

    received, _, _ = run_rx(tlps, pace, straddle=True, width=width)

    check_received(tlps, received, width=width)


@pytest.mark.parametrize(("width", "shifted"), [(64, False), (128, False), (128, True)])
@pytest.mark.parametrize("kind", ["MWr", "CplD"])
def test_long_tlps_are_received_at_the_rate_of_the_block(width, shifted, kind):
    pace = Pace("flowing", 1)
    lead = [(Tlp("MWr", 3, bytes(12), address=0x8000_0000, first_be=15, last_be=15), 2)]
    tlps = lead * shifted + [(random_tlp(pace.rng, kind, 32), 2) for _ in range(20)]

    received, beats, cycles = run_rx(tlps, pace, straddle=True, width=width)

    check_received(tlps, received, width=width)
    assert cycles <= beats + 4


@both_widths
@pytest.mark.parametrize("first_length", range(1, 9))
def test_completions_of_any_length_behind_one_another_never_stall_the_block(first_length, width):
    pace = Pace("flowing", 1)
    tlps = [(random_tlp(pace.rng, "CplD", length), None)
            for length in (first_length, 32, 33, first_length + 4, 16) for _ in range(4)]

    received, beats, cycles = run_rx(tlps, pace, straddle=False, width=width)

    check_received(tlps, received, width=width)
    assert cycles <= beats + 3


@both_widths
def test_a_digest_behind_the_payload_is_dropped(width):
    pace = Pace("flowing", 1)
    tlps = [(Tlp("MWr", length, pace.rng.randbytes(4 * length), address=address, first_be=15,
                 last_be=15 * (length > 1), digest=b"\xAA" * 4), 2)
            for length in range(1, 10) for address in (0x8000_0000, HIGH)]

    received, _, _ = run_rx(tlps, pace, straddle=True, width=width)

    check_received(tlps, received, width=width)


def tx_beats(tlp, width=128):
    """A TLP as beats of the contract."""
    header, payload, _ = expected_of(tlp)
    if tlp.is_completion:
        header["completer"] = 0
    else:
        header["requester"] = 0
    size = width // 8
    count = max(1, -(-len(payload) // size))
    return [{"header": header, "first": n == 0, "last": n == count - 1,
             "data": int.from_bytes(payload[size * n:size * n + size], "little")}
            for n in range(count)]


def sent_form(tlp):
    """The same TLP as the link shows it: our own id filled in."""
    ids = {"completer": OUR_ID} if tlp.is_completion else {"requester": OUR_ID}
    return Tlp(**{**vars(tlp), **ids})


def run_tx(tlps, pace, *, width=128, **configuration):
    dut = Pcie7xShim(width)
    monitor = TxMonitor(dut.pins, pace)
    dropped = []

    async def drive(ctx):
        Configuration(dut.pins).set(ctx, **configuration)
        await ctx.tick()
        await send(ctx, dut.phy.tx,
                   [beat for tlp in tlps for beat in tx_beats(tlp, width)], pace)
        await ctx.tick().until(dut.phy.tx_drained)

    async def count_drops(ctx):
        while True:
            *_, pulse = await ctx.tick().sample(dut.phy.tx_dropped)
            dropped.append(pulse)

    simulate(dut, drive, background=[monitor.run, count_drops])
    return monitor, sum(dropped)


@both_paces
@both_widths
@pytest.mark.parametrize("seed", range(3))
def test_every_kind_of_tlp_leaves_with_the_header_it_should_have(pace_name, width, seed):
    pace = Pace(pace_name, seed)
    tlps = [random_tlp(pace.rng, pace.rng.choice(["MRd", "MWr", "Cpl", "CplD"]),
                       pace.rng.randrange(1, 34)) for _ in range(150)]

    monitor, dropped = run_tx(tlps, pace, width=width)

    assert monitor.tlps == [sent_form(tlp) for tlp in tlps]
    assert monitor.poisoned == [tlp.poisoned for tlp in tlps]
    assert dropped == 0


@both_widths
@pytest.mark.parametrize("address", [0xFFFF_FFFC, 0x1_0000_0000])
def test_a_write_leaves_in_as_few_beats_as_it_has_dwords_for_and_none_idle(address, width):
    pace = Pace("flowing", 1)
    lengths = [*range(1, 14), 32, 32, 64, 1023, 1024, 1]
    tlps = [random_request(pace.rng, "MWr", length=length, address=address) for length in lengths]

    monitor, _ = run_tx(tlps, pace, width=width)

    header_dw, lanes = (3 if address < 1 << 32 else 4), width // 32
    assert monitor.tlps == [sent_form(tlp) for tlp in tlps]
    assert monitor.beats == sum(-(-(header_dw + length) // lanes) for length in lengths)
    assert monitor.gaps == 0


@both_widths
def test_a_memory_request_is_dropped_while_bus_mastering_is_off_and_a_completion_is_not(width):
    pace = Pace("stuttering", 7)
    tlps = [random_tlp(pace.rng, kind, 9) for kind in ("MWr", "CplD", "MRd", "Cpl", "MWr")]

    monitor, dropped = run_tx(tlps, pace, width=width, bus_master=0)

    assert monitor.tlps == [sent_form(tlp) for tlp in tlps if tlp.is_completion]
    assert dropped == 3


def test_no_tlp_is_begun_below_the_threshold_of_transmit_buffers():
    dut = Pcie7xShim()
    pace = Pace("flowing", 0)
    monitor = TxMonitor(dut.pins, pace)
    tlps = [random_request(pace.rng, "MWr", length=32, address=0x1000) for _ in range(2)]

    async def drive(ctx):
        Configuration(dut.pins).set(ctx, tx_buf_av=6)
        await ctx.tick()
        await send(ctx, dut.phy.tx, tx_beats(tlps[0]), pace)
        ctx.set(dut.pins.tx_buf_av, 5)

    async def starve_and_feed(ctx):
        await ctx.tick().until(dut.pins.s_axis_tx_tvalid)
        ctx.set(dut.pins.tx_buf_av, 5)
        await ctx.tick().repeat(50)
        assert (len(monitor.tlps), monitor.started) == (1, 1)
        ctx.set(dut.phy.tx.payload, tx_beats(tlps[1])[0])
        ctx.set(dut.phy.tx.valid, 1)
        await ctx.tick().repeat(20)
        assert monitor.started == 1
        ctx.set(dut.pins.tx_buf_av, 6)
        await ctx.tick().repeat(5)
        assert monitor.started == 2

    simulate(dut, drive, starve_and_feed, background=[monitor.run])


def test_tx_is_drained_only_after_the_last_beat_was_taken():
    dut = Pcie7xShim()
    pace = Pace("flowing", 0)
    tlp = random_request(pace.rng, "MWr", length=7, address=0x1000)

    async def drive(ctx):
        Configuration(dut.pins).set(ctx)
        await ctx.tick()
        assert ctx.get(dut.phy.tx_drained)
        send_beats = tx_beats(tlp)
        for beat in send_beats:
            ctx.set(dut.phy.tx.payload, beat)
            ctx.set(dut.phy.tx.valid, 1)
            ctx.set(dut.pins.s_axis_tx_tready, 1)
            await ctx.tick().until(dut.phy.tx.ready)
            assert not ctx.get(dut.phy.tx_drained)
        ctx.set(dut.phy.tx.valid, 0)
        ctx.set(dut.pins.s_axis_tx_tready, 0)
        await ctx.tick().repeat(10)
        assert not ctx.get(dut.phy.tx_drained)
        ctx.set(dut.pins.s_axis_tx_tready, 1)
        await ctx.tick().until(dut.pins.s_axis_tx_tvalid & dut.pins.s_axis_tx_tlast)
        assert ctx.get(dut.phy.tx_drained)

    simulate(dut, drive)


def test_a_vector_is_taken_when_the_block_takes_it_and_never_asked_for_without_msi():
    dut = Pcie7xShim()

    async def drive(ctx):
        Configuration(dut.pins).set(ctx, msi=0, msi_log2=3)
        ctx.set(dut.phy.msi.payload, 5)
        ctx.set(dut.phy.msi.valid, 1)
        await ctx.tick().repeat(3)
        assert not ctx.get(dut.pins.cfg_interrupt)
        ctx.set(dut.pins.cfg_interrupt_msienable, 1)
        await ctx.tick().repeat(3)
        assert (ctx.get(dut.pins.cfg_interrupt), ctx.get(dut.pins.cfg_interrupt_di)) == (1, 5)
        assert not ctx.get(dut.phy.msi.ready)
        ctx.set(dut.pins.cfg_interrupt_rdy, 1)
        assert ctx.get(dut.phy.msi.ready)

    simulate(dut, drive)


def test_configuration_pins_become_the_contracts_configuration():
    dut = Pcie7xShim()

    async def drive(ctx):
        Configuration(dut.pins).set(ctx, bus=0xAB, device=0x1F, function=5, mps_log2=1,
                                    mrrs_log2=5, msi_log2=4)
        ctx.set(dut.pins.cfg_dcommand, 7 << 12 | 1 << 11 | 1 << 8 | 2 << 5 | 1 << 4)
        await ctx.tick()
        config = ctx.get(dut.phy.config)
        assert config.id == 0xAB << 8 | 0x1F << 3 | 5
        assert (config.max_payload, config.max_read_request) == (2, 5), "7 is reserved"
        assert (config.extended_tag, config.relaxed_ordering, config.no_snoop, config.msi_enabled,
                config.msi_vectors_log2, config.bus_master, config.link_up) == (1, 1, 1, 1, 4, 1, 1)
        assert (config.msix_enabled, config.msix_masked) == (0, 0)
        ctx.set(dut.pins.cfg_interrupt_msixenable, 1)
        await ctx.tick()
        assert (ctx.get(dut.phy.config.msix_enabled), ctx.get(dut.phy.config.msix_masked)) == (1, 0)
        ctx.set(dut.pins.cfg_interrupt_msixfm, 1)
        await ctx.tick()
        assert ctx.get(dut.phy.config.msix_masked)
        ctx.set(dut.phy.hold_nonposted, 1)
        assert not ctx.get(dut.pins.rx_np_ok)
        ctx.set(dut.pins.cfg_received_func_lvl_rst, 1)
        assert ctx.get(dut.phy.reset_request)

    simulate(dut, drive)


def test_an_error_is_reported_as_posted_so_that_the_block_adds_no_completion():
    dut = Pcie7xShim()

    async def drive(ctx):
        ctx.set(dut.pins.cfg_err_cpl_rdy, 1)
        assert not ctx.get(dut.pins.cfg_err_posted)
        header = ErrorHeaderLayout.const({"tag": 0x5A, "requester": 0x1234, "traffic_class": 3})
        ctx.set(dut.phy.error, {"unsupported": 1, "header": header.as_bits()})
        assert (ctx.get(dut.pins.cfg_err_ur), ctx.get(dut.pins.cfg_err_posted)) == (1, 1)
        assert ctx.get(dut.pins.cfg_err_tlp_cpl_header) == 3 << 26 | 0x1234 << 8 | 0x5A

    simulate(dut, drive)


@both_widths
def test_a_bad_ecrc_is_told_once_at_the_end_of_the_tlp(width):
    dut = Pcie7xShim(width)
    pulses = []

    async def drive(ctx):
        ctx.set(dut.phy.rx.ready, 1)
        pace = Pace("flowing", 1)
        tlps = [(random_request(pace.rng, "MWr", length=9, address=0x1000), 0) for _ in range(2)]
        beats = pack_beats(tlps, straddle=False, rng=pace.rng, width=width)
        of_second = len(beats) // 2
        beats = [(*beat[:3], beat[3] | (number >= of_second)) for number, beat in enumerate(beats)]
        await drive_rx(ctx, dut.pins, beats, Pace("stuttering", 2))
        await ctx.tick().repeat(5)

    async def watch(ctx):
        while True:
            *_, pulse = await ctx.tick().sample(dut.phy.rx_ecrc)
            pulses.append(pulse)

    simulate(dut, drive, background=[watch])
    assert sum(pulses) == 1


def test_a_locked_read_is_reported_as_such():
    dut = Pcie7xShim()

    async def drive(ctx):
        ctx.set(dut.pins.cfg_err_cpl_rdy, 1)
        ctx.set(dut.phy.error, {"unsupported": 1, "locked": 1, "ecrc": 1})
        assert (ctx.get(dut.pins.cfg_err_ur), ctx.get(dut.pins.cfg_err_locked)) == (1, 1)
        assert ctx.get(dut.pins.cfg_err_ecrc)

    simulate(dut, drive)


def test_a_report_waits_until_the_block_takes_it_and_is_made_once():
    dut = Pcie7xShim()

    async def drive(ctx):
        header = ErrorHeaderLayout.const({"tag": 0x5A})
        ctx.set(dut.phy.error, {"unsupported": 1, "header": header.as_bits()})
        await ctx.tick()
        ctx.set(dut.phy.error, {"completion_timeout": 1})
        assert (ctx.get(dut.pins.cfg_err_ur), ctx.get(dut.pins.cfg_err_cpl_timeout)) == (0, 1)
        await ctx.tick()
        ctx.set(dut.phy.error, {})
        await ctx.tick().repeat(5)
        assert not ctx.get(dut.pins.cfg_err_ur)
        assert not ctx.get(dut.idle)
        ctx.set(dut.pins.cfg_err_cpl_rdy, 1)
        assert (ctx.get(dut.pins.cfg_err_ur), ctx.get(dut.pins.cfg_err_posted)) == (1, 1)
        assert ctx.get(dut.pins.cfg_err_tlp_cpl_header) == 0x5A
        await ctx.tick()
        assert not ctx.get(dut.pins.cfg_err_ur)
        assert ctx.get(dut.idle)

    simulate(dut, drive)


@both_widths
def test_the_transmit_queue_is_shallow_while_no_more_than_two_tlps_wait(width):
    dut = Pcie7xShim(width)

    async def drive(ctx):
        for free, shallow in ((20, 1), (17, 1), (16, 0), (5, 0), (17, 1), (29, 1), (25, 0)):
            ctx.set(dut.pins.tx_buf_av, free)
            await ctx.tick()
            assert ctx.get(dut.phy.tx_shallow) == shallow

    simulate(dut, drive)


def test_a_tlp_that_the_block_drops_is_told():
    dut = Pcie7xShim()

    async def drive(ctx):
        assert not ctx.get(dut.phy.tx_dropped)
        ctx.set(dut.pins.tx_err_drop, 1)
        assert ctx.get(dut.phy.tx_dropped)

    simulate(dut, drive)


def test_a_width_that_the_block_lacks_is_refused():
    with pytest.raises(ValueError, match=r"Width of pcie_7x must be 64 or 128 bits, not 32"):
        PinsSignature(32)

# SPDX-License-Identifier: BSD-2-Clause
"""Write segments to host memory: every byte, every rule of PCIe, and no idle cycle."""

import functools
import operator
import random
from collections import deque
from dataclasses import dataclass

import pytest
from copier_models import PAGE, CardRam, Host, Pace, simulate, wait_for
from vop.requester.segment import TICKETS
from vop.requester.writer import HostWriter

RAM_BITS = 14
widths = pytest.mark.parametrize("width", [64, 128, 256])
paces = pytest.mark.parametrize("stutters", [False, True], ids=["flowing", "stuttering"])


@dataclass
class Segment:
    """What a test asks for, and what came of it."""

    host: int
    card: int
    bytes: int
    channel: int = 0
    data: bytes = b""
    relaxed: int = 0
    no_snoop: int = 0
    accepted: int = 0              # cycle

    @property
    def payload(self):
        return {"host_address": self.host, "card_address": self.card, "bytes": self.bytes,
                "channel": self.channel, "immediate": int(bool(self.data)),
                "data": int.from_bytes(self.data, "little"), "relaxed": self.relaxed,
                "no_snoop": self.no_snoop}


class Bench:
    """A writer between card RAM and a host, with everything that a neighbour could see recorded."""

    def __init__(self, *, seed, width=128, stutters=False, mps=128):
        self.pace = Pace(stutters, seed)
        self.random = random.Random(seed)
        self.writer = HostWriter(card_bits=RAM_BITS, width=width)
        self.ram = CardRam(width=width, size=1 << RAM_BITS, pace=self.pace)
        self.host = Host(width=width, pace=self.pace, mps=mps)
        self.line_bytes = width // 8
        self.queue = deque()
        self.sent = []             # segments accepted, in order
        self.done = 0              # segments that `done` has told of
        self.beats = []            # cycle of every beat accepted on `tlp`
        self.offered = []          # cycle of every beat first on offer
        self.lossless = True       # then the tickets must follow the bytes exactly

    def write(self, *args, **kwargs):
        """Queue a segment; its card bytes are fresh."""
        segment = Segment(*args, **kwargs)
        self.queue.append(segment)
        return segment

    def bytes_of(self, segment):
        return segment.data[:segment.bytes] or bytes(
            self.ram.bytes[segment.card:segment.card + segment.bytes])

    async def drain(self, ctx):
        """Until every queued segment has ended."""
        while self.queue:
            await ctx.tick()
        await wait_for(ctx, self.writer.idle)
        await ctx.tick()

    async def feed(self, ctx):
        port = self.writer.segment
        while True:
            while not self.queue:
                await ctx.tick()
            ctx.set(port.payload, self.queue[0].payload)
            ctx.set(port.valid, 1)
            ready = 0
            while not ready:
                *_, ready, ticket = await ctx.tick().sample(port.ready, self.writer.ticket)
            assert ticket == len(self.sent) % TICKETS
            ctx.set(port.valid, 0)
            segment = self.queue.popleft()
            segment.accepted = self.host.cycle
            self.sent.append(segment)

    async def watch(self, ctx):
        writer = self.writer
        seen, ended, owed = 0, 0, 0  # TLPs that have left; segments in them; bytes left over
        standing = False
        async for _, _, done, closed, valid, ready in ctx.tick().sample(
                writer.done, writer.closed, writer.tlp.valid, writer.tlp.ready):
            newly = self.sent[self.done:self.done + (done - self.done) % TICKETS]
            self.done += len(newly)
            assert self.done % TICKETS == done, "more has left than was accepted"
            assert closed == functools.reduce(
                operator.or_, (1 << segment.channel for segment in newly), 0)
            if self.lossless:
                assert self.done == ended, "tickets and bytes disagree"
                owed += sum(len(tlp.enabled) for tlp in self.host.writes[seen:])
                seen = len(self.host.writes)
                while ended < len(self.sent) and owed >= self.sent[ended].bytes:
                    owed -= self.sent[ended].bytes
                    ended += 1
            if valid and not standing:
                self.offered.append(self.host.cycle)
            if valid and ready:
                self.beats.append(self.host.cycle)
            standing = valid and not ready

    def expect_arrival(self, segments):
        """Exactly those segments are in host memory, in the order given, and nothing else."""
        image = {}
        for segment in segments:
            for n, byte in enumerate(self.bytes_of(segment)):
                image[segment.host + n] = byte
        assert self.host.memory.written == image
        order = [address for tlp in self.host.writes for address in tlp.enabled]
        assert order == [segment.host + n for segment in segments for n in range(segment.bytes)]

    def run(self, story):
        async def testbench(ctx):
            ctx.set(self.writer.config, {
                "bus_master": 1, "max_payload": (self.host.mps // 128).bit_length() - 1})
            await story(ctx)

        simulate(self.writer, testbench, background=[
            self.host.count_cycles, self.ram.serve_reads(self.writer.memory),
            self.host.take_requests(self.writer.tlp), self.watch, self.feed])


@widths
@paces
def test_every_alignment_on_both_sides_arrives_byte_for_byte(stutters, width):
    bench = Bench(seed=width, width=width, stutters=stutters)

    async def story(ctx):
        for card_offset in range(bench.line_bytes):
            for host_offset in range(4):
                for length in (1, 3, 5, 18, 70):
                    host = 0x1_0000_0040 + 0x100 * len(bench.queue) + host_offset
                    bench.write(host, 0x400 + card_offset, length)
        await bench.drain(ctx)

        bench.expect_arrival(bench.sent)
    bench.run(story)


@widths
@paces
@pytest.mark.parametrize("seed", range(4))
def test_random_segments_of_every_kind_arrive_in_order(seed, stutters, width):
    mps = (128, 256, 512, 1024)[seed % 4]
    bench = Bench(seed=100 + seed, width=width, stutters=stutters, mps=mps)
    rng = bench.random

    async def story(ctx):
        at = 0x7_FFFF_0000
        for _ in range(70):
            channel = rng.randrange(8)
            at += rng.choice((0, 1, 4, 60, 4096))
            if rng.random() < 0.3:
                length = rng.randrange(1, 17)
                bench.write(at, 0, length, channel, data=rng.randbytes(16))
            else:
                length = rng.choice((1, 2, 4, 15, 64, 127, 128, 129, 500, 1024))
                bench.write(at, rng.randrange((1 << RAM_BITS) - 1024), length, channel,
                            relaxed=rng.randrange(2), no_snoop=rng.randrange(2))
            at += length
            if rng.random() < 0.1:
                await ctx.tick().repeat(rng.randrange(1, 40))
        await bench.drain(ctx)

        bench.expect_arrival(bench.sent)
        assert bench.done == 70
    bench.run(story)


@widths
@paces
def test_a_later_write_of_the_same_bytes_wins(stutters, width):
    bench = Bench(seed=7, width=width, stutters=stutters)

    async def story(ctx):
        for n in range(20):
            bench.write(0x1000, 0x200 + 128 * n, 128)
        await bench.drain(ctx)

        bench.expect_arrival(bench.sent)
        assert len(bench.host.writes) == 20
    bench.run(story)


@widths
@pytest.mark.parametrize("mps", [128, 256])
def test_what_lies_side_by_side_is_gathered_while_the_link_is_behind(mps, width):
    bench = Bench(seed=8, width=width, mps=mps)

    async def story(ctx):
        # Twelve cycles for 64 bytes, on the average: less than what comes.
        bench.host.pace = lambda: bench.random.randrange(12) < 64 // bench.line_bytes
        for n in range(64):
            bench.write(0x5000 + 48 * n, 0x343 + 48 * n, 48, 3)
        await bench.drain(ctx)

        bench.expect_arrival(bench.sent)
        full = [tlp for tlp in bench.host.writes if 4 * tlp.length_dw == mps]
        assert len(full) > 0.8 * 64 * 48 / mps
    bench.run(story)


@pytest.mark.parametrize("difference", [
    {"channel": 2}, {"host": 0x2041}, {"card": 0x141}, {"relaxed": 1}, {"no_snoop": 1},
    {"host": 0x1_0000_2040}, {"host": 0x2440}, {"host": 0x20C0}, {"card": 0x2140},
    {"host": 0x2000}, {"card": 0x100}, {"data": bytes(16), "bytes": 16},
])
def test_nothing_is_gathered_that_does_not_lie_side_by_side(difference):
    bench = Bench(seed=9)

    async def story(ctx):
        for n in range(4):                   # the link is busy, so the others wait
            bench.write(0x9000 + 1024 * n, 0, 1024)
        bench.write(0x2000, 0x100, 64)
        bench.write(**({"host": 0x2040, "card": 0x140, "bytes": 32} | difference))
        await bench.drain(ctx)

        bench.expect_arrival(bench.sent)
        assert len(bench.host.writes) == 4 * 8 + 2
    bench.run(story)


def test_the_neighbour_of_that_test_is_gathered():
    bench = Bench(seed=9)

    async def story(ctx):
        for n in range(4):
            bench.write(0x9000 + 1024 * n, 0, 1024)
        bench.write(0x2000, 0x100, 64)
        bench.write(0x2040, 0x140, 32)
        await bench.drain(ctx)

        bench.expect_arrival(bench.sent)
        assert len(bench.host.writes) == 4 * 8 + 1
    bench.run(story)


@pytest.mark.parametrize(("card", "tlps"), [(0x180, 3), (0x1C0, 2)])
def test_what_follows_a_cut_segment_is_compared_with_its_end(card, tlps):
    bench = Bench(seed=9)

    async def story(ctx):
        for n in range(4):
            bench.write(0x9000 + 1024 * n, 0, 1024)
        bench.write(0x2000, 0x100, 192)
        bench.write(0x20C0, card, 32)
        await bench.drain(ctx)

        bench.expect_arrival(bench.sent)
        assert len(bench.host.writes) == 4 * 8 + tlps
    bench.run(story)


@paces
def test_a_long_segment_goes_in_full_payloads_and_never_crosses_4_kib(stutters):
    bench = Bench(seed=10, stutters=stutters, mps=256)

    async def story(ctx):
        for n in range(9):
            bench.write(0x7FFF_EF8B + 1024 * n, 0x123 + 1024 * n, 1024)
        await bench.drain(ctx)

        bench.expect_arrival(bench.sent)
        assert all(tlp.length_dw == 64 or tlp.address % PAGE + 4 * tlp.length_dw == PAGE
                   for tlp in bench.host.writes[1:-1:2])
    bench.run(story)


@pytest.mark.parametrize(("before", "after"), [(512, 128), (128, 512)])
def test_a_new_mps_holds_before_anything_else_is_taken(before, after):
    bench = Bench(seed=18, mps=512)

    async def story(ctx):
        ctx.set(bench.writer.config.max_payload, (before // 128).bit_length() - 1)
        for n in range(20):
            bench.write(0x6010 + 1024 * n, 0x200 + 32 * n, 1024)
        await ctx.tick().repeat(300)
        ctx.set(bench.writer.config.max_payload, (after // 128).bit_length() - 1)
        accepted = len(bench.sent)           # the next one may still be too early
        await bench.drain(ctx)

        bench.expect_arrival(bench.sent)
        for tlp in bench.host.writes:
            n = (tlp.address - 0x6010) // 1024
            limits = [before] * (n <= accepted) + [after] * (n >= accepted)
            assert 4 * tlp.length_dw <= max(limits)
        assert 0 < accepted < 20
        assert {4 * tlp.length_dw for tlp in bench.host.writes} >= {before, after}
    bench.run(story)


def test_more_segments_than_there_are_tickets_wait_outside():
    bench = Bench(seed=11, mps=1024)

    async def story(ctx):
        bench.host.pace = lambda: False
        for n in range(400):
            bench.write(0x3000 + n, 0x77 + n, 1, 5)
        await ctx.tick().repeat(600)
        assert 48 < len(bench.sent) < TICKETS
        bench.host.pace = lambda: True
        await bench.drain(ctx)

        bench.expect_arrival(bench.sent)
        assert bench.done == 400
    bench.run(story)


@widths
def test_the_first_beat_is_on_offer_five_cycles_after_its_segment_was_accepted(width):
    bench = Bench(seed=12, width=width)

    async def story(ctx):
        for host, card, data in ((0x1000, 0x100, b""), (0x2003, 0x100, b""), (0x3000, 0, b"12")):
            bench.offered.clear()
            segment = bench.write(host, card, len(data) or 64, data=data)
            await bench.drain(ctx)

            assert bench.offered[0] - segment.accepted == 5
    bench.run(story)


@widths
def test_long_segments_leave_at_a_beat_a_cycle(width):
    bench = Bench(seed=13, width=width)

    async def story(ctx):
        for n in range(8):
            bench.write(0x1000 + 1024 * n, 0x100 + 1024 * n, 1024)
        await bench.drain(ctx)

        assert len(bench.beats) == 8 * 1024 // bench.line_bytes
        assert bench.beats[-1] - bench.beats[0] == len(bench.beats) - 1
    bench.run(story)


@widths
def test_an_unaligned_tlp_takes_no_longer_than_its_header_allows(width):
    bench = Bench(seed=14, width=width)
    beats_on_link = -(-(12 + 128) // bench.line_bytes)

    async def story(ctx):
        for card in (0, 1, 2, bench.line_bytes // 2 + 1, bench.line_bytes - 1):
            for host in (0, 3, 4, 61):
                begun = len(bench.host.writes)
                for n in range(2):
                    bench.write(0x4000 + host + 1024 * n, 0x800 + card + 1024 * n, 1024)
                await bench.drain(ctx)

                inner = bench.host.writes[begun + 1:-1]
                cycles = inner[-1].cycle - inner[0].cycle
                assert cycles <= (len(inner) - 1) * beats_on_link, f"{host}, {card}"
    bench.run(story)


@widths
def test_short_segments_that_are_not_adjacent_leave_without_a_pause(width):
    bench = Bench(seed=15, width=width)

    async def story(ctx):
        for n in range(40):
            bench.write(0x1000 + 128 * n, 0x200 + 64 * n, 64)
        await bench.drain(ctx)

        beats = 64 // bench.line_bytes
        assert len(bench.beats) == 40 * beats
        assert bench.beats[-1] - bench.beats[0] == max(beats, 2) * 39 + beats - 1
    bench.run(story)


@widths
@paces
def test_a_mute_channel_is_dropped_and_the_others_are_not(stutters, width):
    bench = Bench(seed=16, width=width, stutters=stutters)
    bench.lossless = False

    async def story(ctx):
        for n in range(60):
            bench.write(0x1000 + 1024 * n, 256 * (n % 16), 200, n % 3)
        while len(bench.host.writes) < 20:
            await ctx.tick()
        ctx.set(bench.writer.mute, 0b010)
        await ctx.tick().repeat(2)
        begun = len(bench.host.writes) + 1
        await bench.drain(ctx)
        ctx.set(bench.writer.mute, 0)

        late = {tlp.address // 1024 - 4 for tlp in bench.host.writes[begun:]}
        assert late
        assert not any(n % 3 == 1 for n in late)
        assert {n for n in range(60) if n % 3 != 1} <= {
            tlp.address // 1024 - 4 for tlp in bench.host.writes}
        assert bench.done == 60
        assert ctx.get(bench.writer.lost) == 0

        bench.host.memory.written.clear()
        bench.host.writes.clear()
        bench.expect_arrival([])
        last = bench.write(0x9_0000, 0x40, 100, 1)
        await bench.drain(ctx)
        bench.expect_arrival([last])
    bench.run(story)


@widths
@paces
@pytest.mark.parametrize("seed", range(3))
def test_bus_mastering_off_loses_the_channel_until_it_is_mended(seed, stutters, width):
    bench = Bench(seed=200 + seed, width=width, stutters=stutters)
    bench.lossless = False

    async def story(ctx):
        for n in range(60):
            bench.write(0x1000 + 1024 * n, 256 * (n % 16), 200, n % 2)
        await ctx.tick().repeat(30 + bench.random.randrange(100))
        ctx.set(bench.writer.config.bus_master, 0)
        await wait_for(ctx, bench.writer.lost == 0b11)
        await bench.drain(ctx)
        ctx.set(bench.writer.config.bus_master, 1)

        sent = len(bench.host.writes)
        bench.write(0x9_0000, 0x40, 100, 1)
        await bench.drain(ctx)
        assert len(bench.host.writes) == sent, "a lost channel wrote"
        assert ctx.get(bench.writer.lost) == 0b11

        ctx.set(bench.writer.mend, 0b10)
        await ctx.tick()
        ctx.set(bench.writer.mend, 0)
        bench.host.memory.written.clear()
        bench.host.writes.clear()
        bench.write(0xA_0000, 0x40, 100, 0)
        last = bench.write(0xB_0000, 0x40, 100, 1)
        await bench.drain(ctx)
        bench.expect_arrival([last])
        assert ctx.get(bench.writer.lost) == 0b01
        assert bench.done == len(bench.sent)
    bench.run(story)


@pytest.mark.parametrize(("mute", "bus_master", "lost"), [(0b100, 1, 0), (0, 0, 0b100)])
def test_a_tlp_whose_bytes_have_not_come_can_still_be_dropped(mute, bus_master, lost):
    bench = Bench(seed=19)
    bench.lossless = False

    async def story(ctx):
        bench.ram.pace = lambda: False
        await ctx.tick()
        bench.write(0x1000, 0x40, 100, 2)
        await ctx.tick().repeat(20)
        ctx.set(bench.writer.mute, mute)
        ctx.set(bench.writer.config.bus_master, bus_master)
        await ctx.tick().repeat(2)
        ctx.set(bench.writer.mute, 0)
        ctx.set(bench.writer.config.bus_master, 1)
        bench.ram.pace = lambda: True
        await bench.drain(ctx)

        bench.expect_arrival([])
        assert bench.done == 1
        assert ctx.get(bench.writer.lost) == lost
    bench.run(story)


def test_a_tlp_that_the_shim_takes_with_bus_mastering_off_counts_as_lost():
    bench = Bench(seed=17)
    bench.lossless = False

    async def story(ctx):
        bench.host.pace = lambda: False
        await ctx.tick()
        bench.write(0x1000, 0x40, 100, 6)
        await wait_for(ctx, bench.writer.tlp.valid)
        ctx.set(bench.writer.config.bus_master, 0)
        bench.host.pace = lambda: True
        await bench.drain(ctx)

        assert ctx.get(bench.writer.lost) == 1 << 6
    bench.run(story)


@pytest.mark.parametrize("width", [32, 512])
def test_other_widths_are_refused(width):
    with pytest.raises(ValueError, match=f"64, 128 or 256 bits, not {width}"):
        HostWriter(card_bits=RAM_BITS, width=width)

# SPDX-License-Identifier: BSD-2-Clause
"""The arbiter towards the link: whole TLPs, reads first, and nobody waits for ever."""

from itertools import pairwise

import pytest
from stream_driver import Pace, both_paces, receive, send, simulate
from vop.pcie.sender import Sender
from vop.pcie.tlp import Kind

KINDS = {"completions": Kind.COMPLETION_DATA, "reads": Kind.MEMORY_READ,
         "writes": Kind.MEMORY_WRITE, "messages": Kind.MEMORY_WRITE}
MESSAGE_ADDRESS = 0xFEE0_0000


def beats_of(name, number, length):
    """TLP ``number`` of a stream; a read has no payload, and a message one beat of one DW."""
    if name in ("reads", "messages"):
        length = 1
    header = {"kind": KINDS[name], "length_dw": 4 * length}
    if name == "completions":
        header |= {"tag": number, "byte_count": number + 1, "lower_address": 4, "requester": 77}
    else:
        header |= {"address": (MESSAGE_ADDRESS if name == "messages" else 0) + 16 * number,
                   "first_be": 15, "last_be": number % 16, "tag": number}
    data = number << 8 if name != "reads" else 0
    return [{"header": header, "first": beat == 0, "last": beat == length - 1, "data": data | beat}
            for beat in range(length)]


def name_of(beat):
    """Which stream a beat came from."""
    if beat.header.kind == Kind.MEMORY_WRITE:
        return "messages" if beat.header.address >= MESSAGE_ADDRESS else "writes"
    return {kind: name for name, kind in KINDS.items()}[beat.header.kind]


def run(pace, supplies):
    """Send ``{stream: [beats per TLP]}``; return (stream, number, beats) of each TLP in order."""
    dut = Sender(128)
    under_way, left = [], []

    def take(beat):
        assert bool(beat.first) == (not under_way), "TLPs are whole"
        under_way.append(beat)
        if beat.last:
            name = name_of(beat)
            header = beat.header
            number = header.tag if name == "completions" else (header.address & 0xFFFF) // 16
            wanted = beats_of(name, number, len(under_way))[0]["header"]
            assert all(getattr(other.header, field) == value for field, value in wanted.items()
                       if field != "tag" or name in ("completions", "reads")
                       for other in under_way), "the header is the same on every beat"
            if name != "reads":
                assert {other.data >> 8 for other in under_way} == {number}
            left.append((name, number, [0] if name == "reads" else
                         [other.data & 0xFF for other in under_way]))
            under_way.clear()

    def sender(name, lengths):
        async def drive(ctx):
            await send(ctx, getattr(dut, name),
                       [beat for number, length in enumerate(lengths)
                        for beat in beats_of(name, number, length)], pace)
            while len([stream for stream, _, _ in left if stream == name]) < len(lengths):
                await ctx.tick()
        return drive

    async def collect(ctx):
        ctx.set(dut.shallow, 1)
        await receive(ctx, dut.tx, pace, take)

    simulate(dut, *(sender(name, lengths) for name, lengths in supplies.items()),
             background=[collect])
    return left


@both_paces
@pytest.mark.parametrize("seed", range(3))
def test_tlps_leave_whole_and_each_stream_in_its_order(pace_name, seed):
    pace = Pace(pace_name, seed)
    supplies = {name: [pace.rng.randrange(1, 9) for _ in range(40)] for name in KINDS}

    left = run(pace, supplies)

    for name, lengths in supplies.items():
        assert [(number, beats) for stream, number, beats in left if stream == name] == [
            (number, list(range(len(beats_of(name, number, length)))))
            for number, length in enumerate(lengths)]


def offer(ctx, dut, *names):
    """Offer TLPs of one beat without end."""
    for name in KINDS:
        ctx.set(getattr(dut, name).payload, beats_of(name, 1, 1)[0])
        ctx.set(getattr(dut, name).valid, name in names)


async def begun(ctx, dut, count):
    """Streams of the next TLPs, none of which may come with a pause before it."""
    ctx.set(dut.tx.ready, 1)
    await ctx.tick()
    names = []
    for _ in range(count):
        *_, valid, beat = await ctx.tick().sample(dut.tx.valid, dut.tx.payload)
        assert valid, "no cycle is lost between TLPs"
        names.append(name_of(beat))
    return names


def story(test):
    """Make a coroutine of (ctx, sender) a test; the link's queue is shallow."""
    def run():
        dut = Sender(128)

        async def testbench(ctx):
            ctx.set(dut.shallow, 1)
            await test(ctx, dut)
        simulate(dut, testbench)
    run.__name__ = test.__name__
    return run


@story
async def test_reads_go_before_writes_but_every_write_goes_in_time(ctx, dut):
    offer(ctx, dut, "reads", "writes")

    names = await begun(ctx, dut, 3 * (Sender.PATIENCE + 1))

    assert names.count("writes") == 3
    assert names.index("writes") == Sender.PATIENCE


@story
async def test_reads_and_completions_take_turns(ctx, dut):
    offer(ctx, dut, "reads", "completions")

    assert await begun(ctx, dut, 10) == ["reads", "completions"] * 5


@story
async def test_with_everything_offered_without_end_nobody_waits_for_more_than_a_bound(ctx, dut):
    offer(ctx, dut, *KINDS)

    names = await begun(ctx, dut, 400)

    for name, bound in (("messages", 3), ("reads", 7), ("completions", 7),
                        ("writes", Sender.PATIENCE + 1)):
        places = [-1, *(at for at, other in enumerate(names) if other == name)]
        assert max(after - before for before, after in pairwise(places)) <= bound, name


@story
async def test_while_reads_wait_a_write_is_only_begun_if_the_queue_is_shallow(ctx, dut):
    offer(ctx, dut, "writes")
    ctx.set(dut.reads_waiting, 1)
    ctx.set(dut.shallow, 0)
    ctx.set(dut.tx.ready, 1)
    for _ in range(20):
        await ctx.tick()
        assert not ctx.get(dut.tx.valid)

    ctx.set(dut.shallow, 1)
    assert await begun(ctx, dut, 3) == ["writes"] * 3


@pytest.mark.parametrize("because", ["reads_waiting", "shallow"])
def test_a_write_is_begun_on_a_deep_queue_if_no_read_waits_or_it_has_waited_long(because):
    dut = Sender(128)

    async def testbench(ctx):
        offer(ctx, dut, "writes")
        ctx.set(dut.tx.ready, 1)
        ctx.set(dut.reads_waiting, because == "shallow")
        waited = 0
        while not ctx.get(dut.tx.valid):
            await ctx.tick()
            waited += 1
        assert waited == (Sender.PATIENCE + 1 if because == "shallow" else 1)

    simulate(dut, testbench)


@story
async def test_on_hold_no_tlp_is_begun_and_the_one_under_way_ends(ctx, dut):
    first, second = beats_of("writes", 1, 2)
    ctx.set(dut.tx.ready, 1)
    ctx.set(dut.writes.payload, first)
    ctx.set(dut.writes.valid, 1)
    await ctx.tick()
    ctx.set(dut.hold, 1)
    offer(ctx, dut, "reads", "completions", "messages")
    ctx.set(dut.writes.payload, second)
    ctx.set(dut.writes.valid, 1)
    assert ctx.get(dut.writes.ready)
    await ctx.tick()
    ctx.set(dut.writes.valid, 0)
    await ctx.tick()
    for _ in range(5):
        await ctx.tick()
        assert not ctx.get(dut.tx.valid)

    ctx.set(dut.hold, 0)
    assert "reads" in await begun(ctx, dut, 3)

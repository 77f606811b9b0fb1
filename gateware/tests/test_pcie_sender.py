# SPDX-License-Identifier: BSD-2-Clause
"""The arbiter towards the link: whole TLPs, in turn, and nothing overtakes."""

import pytest
from stream_driver import Pace, both_paces, receive, send, simulate
from vop.pcie.sender import Sender
from vop.pcie.tlp import Kind

KINDS = {"completions": Kind.COMPLETION_DATA, "reads": Kind.MEMORY_READ,
         "writes": Kind.MEMORY_WRITE}


def beats_of(name, number, length):
    return [{"header": {"kind": KINDS[name], "tag": number, "length_dw": 4 * length},
             "first": beat == 0, "last": beat == length - 1, "data": number << 8 | beat}
            for beat in range(length)]


def run(pace, supplies):
    """Send ``{stream: [beats per TLP]}``; return (stream, tag, beats) of each TLP in order."""
    dut = Sender(128)
    names = {kind: name for name, kind in KINDS.items()}
    under_way, left = [], []

    def take(beat):
        assert bool(beat.first) == (not under_way), "TLPs are whole"
        under_way.append(beat)
        assert all(other.header == beat.header for other in under_way)
        if beat.last:
            left.append((names[beat.header.kind], beat.header.tag,
                         [other.data & 0xFF for other in under_way]))
            under_way.clear()

    def sender(name, lengths):
        async def drive(ctx):
            await send(ctx, getattr(dut, name),
                       [beat for number, length in enumerate(lengths)
                        for beat in beats_of(name, number, length)], pace)
        return drive

    async def collect(ctx):
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
        assert [(tag, beats) for stream, tag, beats in left if stream == name] == [
            (number, list(range(length))) for number, length in enumerate(lengths)]


def test_a_stream_waits_for_at_most_one_tlp_of_each_other():
    left = run(Pace("flowing", 0), {name: [3] * 30 for name in KINDS})

    turns = [stream for stream, _, _ in left]
    assert all(len(set(turns[at:at + 3])) == 3 for at in range(0, 87, 3))


def test_no_cycle_is_lost_between_tlps():
    dut = Sender(128)
    sent = []

    async def flood(ctx):
        for stream, name in ((dut.reads, "reads"), (dut.writes, "writes")):
            ctx.set(stream.payload, beats_of(name, 0, 1)[0])
            ctx.set(stream.valid, 1)
        ctx.set(dut.tx.ready, 1)
        for _ in range(20):
            *_, valid, beat = await ctx.tick().sample(dut.tx.valid, dut.tx.payload)
            assert valid
            sent.append(beat.header.kind)

    simulate(dut, flood)

    assert sent.count(Kind.MEMORY_READ) == sent.count(Kind.MEMORY_WRITE) == 10


def test_on_hold_no_tlp_is_begun_and_the_one_under_way_ends():
    dut = Sender(128)
    first, second = beats_of("writes", 1, 2)

    async def story(ctx):
        ctx.set(dut.tx.ready, 1)
        ctx.set(dut.writes.payload, first)
        ctx.set(dut.writes.valid, 1)
        ctx.set(dut.reads.payload, beats_of("reads", 2, 1)[0])
        await ctx.tick()
        ctx.set(dut.hold, 1)
        ctx.set(dut.reads.valid, 1)
        ctx.set(dut.writes.payload, second)
        assert ctx.get(dut.writes.ready)
        await ctx.tick()
        ctx.set(dut.writes.valid, 0)
        await ctx.tick().repeat(5)
        assert not ctx.get(dut.tx.valid)
        ctx.set(dut.hold, 0)
        assert ctx.get(dut.reads.ready)

    simulate(dut, story)


def test_an_offer_stands_although_a_hold_begins():
    dut = Sender(128)

    async def story(ctx):
        ctx.set(dut.writes.payload, beats_of("writes", 1, 1)[0])
        ctx.set(dut.writes.valid, 1)
        await ctx.tick().repeat(2)
        ctx.set(dut.hold, 1)
        ctx.set(dut.completions.payload, beats_of("completions", 1, 1)[0])
        ctx.set(dut.completions.valid, 1)
        await ctx.tick().repeat(2)
        assert ctx.get(dut.tx.valid)
        assert ctx.get(dut.tx.payload).header.kind == Kind.MEMORY_WRITE

    simulate(dut, story)

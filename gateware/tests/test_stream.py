# SPDX-License-Identifier: BSD-2-Clause
"""Stages and queues lose nothing, keep order, and keep pace."""

import re

import pytest
from stream_driver import Pace, both_paces, receive, send, simulate
from vop.stream import Queue, Skid, Stage


@both_paces
@pytest.mark.parametrize("make", [lambda: Stage(8), lambda: Skid(8), lambda: Queue(8, depth=3),
                                  lambda: Queue(8, depth=9)])
def test_everything_arrives_once_and_in_order(make, pace_name):
    pace = Pace(pace_name, 1)
    dut = make()
    sent, arrived = pace.rng.randbytes(200), []

    async def drive(ctx):
        await send(ctx, dut.i, sent, pace)
        while len(arrived) < len(sent):
            await ctx.tick()

    async def collect(ctx):
        await receive(ctx, dut.o, pace, arrived.append)

    simulate(dut, drive, background=[collect])

    assert bytes(arrived) == sent


@pytest.mark.parametrize("make", [lambda: Stage(8), lambda: Skid(8), lambda: Queue(8, depth=3)])
def test_a_transfer_passes_in_every_cycle(make):
    dut = make()
    arrived = []

    async def drive(ctx):
        ctx.set(dut.i.valid, 1)
        ctx.set(dut.o.ready, 1)
        for number in range(50):
            ctx.set(dut.i.payload, number)
            *_, valid, payload = await ctx.tick().sample(dut.o.valid, dut.o.payload)
            if valid:
                arrived.append(payload)

    simulate(dut, drive)

    assert len(arrived) >= 47
    assert arrived == list(range(len(arrived)))


def test_a_queue_holds_its_depth_and_counts_it():
    dut = Queue(8, depth=5)

    async def drive(ctx):
        await send(ctx, dut.i, range(5), lambda: True)
        assert ctx.get(dut.level) == 5
        assert not ctx.get(dut.i.ready)

    simulate(dut, drive)


def test_a_queue_of_depth_2_is_refused():
    with pytest.raises(ValueError, match=re.escape("Queue depth must be 3 or more, not 2")):
        Queue(8, depth=2)


def test_a_skid_hides_a_pause_of_one_transfer_and_adds_none():
    dut = Skid(8)

    async def drive(ctx):
        ctx.set(dut.i.valid, 1)
        steps = [(1, 1, 0), (0, 1, 1), (1, 1, 1), (1, 1, 2), (0, 0, 3), (1, 1, 3)]
        for number, (takes, keeps_up, shown) in enumerate(steps):
            ctx.set(dut.i.payload, number)
            ctx.set(dut.o.ready, takes)
            assert (ctx.get(dut.o.valid), ctx.get(dut.o.payload)) == (1, shown)
            assert ctx.get(dut.i.ready) == keeps_up
            await ctx.tick()

    simulate(dut, drive)

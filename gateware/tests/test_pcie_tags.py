# SPDX-License-Identifier: BSD-2-Clause
"""The free-list of PCIe tags."""

import random
import re

import pytest
from copier_models import simulate
from vop.pcie.tags import TagAllocator


async def take(ctx, tags):
    """The next free tag, or None if there is none within a few cycles."""
    for _ in range(4):
        _, _, valid, tag = await ctx.tick().sample(tags.alloc.valid, tags.alloc.payload)
        if valid:
            ctx.set(tags.alloc.ready, 1)
            await ctx.tick()
            ctx.set(tags.alloc.ready, 0)
            return tag
    return None


async def give_back(ctx, tags, tag):
    """Whether the tag was refused."""
    ctx.set(tags.free.payload, tag)
    ctx.set(tags.free.valid, 1)
    await ctx.tick()
    ctx.set(tags.free.valid, 0)
    return ctx.get(tags.error)


@pytest.mark.parametrize("count", [2, 32, 256])
def test_every_tag_is_handed_out_once_and_then_none(count):
    tags = TagAllocator(count=count)

    async def story(ctx):
        assert sorted([await take(ctx, tags) for _ in range(count)]) == list(range(count))
        assert await take(ctx, tags) is None
        assert ctx.get(tags.outstanding) == count

        assert not await give_back(ctx, tags, count - 1)
        assert await take(ctx, tags) == count - 1
    simulate(tags, story, background=[])


def test_a_tag_that_is_not_outstanding_is_refused():
    tags = TagAllocator(count=8)

    async def story(ctx):
        tag = await take(ctx, tags)
        assert await give_back(ctx, tags, (tag + 1) % 8)
        assert ctx.get(tags.outstanding) == 1
        assert not await give_back(ctx, tags, tag)
        assert await give_back(ctx, tags, tag)
        assert ctx.get(tags.outstanding) == 0
    simulate(tags, story, background=[])


@pytest.mark.parametrize("seed", range(3))
def test_no_tag_is_ever_outstanding_twice(seed):
    tags = TagAllocator(count=8)
    rng = random.Random(seed)
    print(f"seed {seed}")

    async def story(ctx):
        held = []
        for _ in range(400):
            if held and rng.random() < 0.5:
                assert not await give_back(ctx, tags, held.pop(rng.randrange(len(held))))
            else:
                tag = await take(ctx, tags)
                assert (tag is None) == (len(held) == 8)
                assert tag not in held
                held += [tag] if tag is not None else []
            assert ctx.get(tags.outstanding) == len(held)
    simulate(tags, story, background=[])


def test_an_accept_and_a_return_in_one_cycle_both_count():
    tags = TagAllocator(count=4)

    async def story(ctx):
        first = await take(ctx, tags)
        await ctx.tick()
        second = ctx.get(tags.alloc.payload)
        ctx.set(tags.alloc.ready, 1)
        assert not await give_back(ctx, tags, first)
        ctx.set(tags.alloc.ready, 0)
        assert ctx.get(tags.outstanding) == 1
        assert await give_back(ctx, tags, first)
        assert not await give_back(ctx, tags, second)
    simulate(tags, story, background=[])


@pytest.mark.parametrize("count", [0, 1, 3, 512, 8.0])
def test_a_count_that_makes_no_tag_field_is_refused(count):
    message = f"Tag count must be a power of two from 2 to 256, not {count!r}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        TagAllocator(count=count)

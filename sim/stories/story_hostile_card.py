# SPDX-License-Identifier: BSD-2-Clause
"""A driver on the card that lies about its ring: the lie is named, and the host sees nothing."""

import cocotb
from vop.regs.copier import CommandError, Opcode

from sim.harness.bench import story
from sim.models.guest import GuestQueue
from sim.models.ring import Descriptor
from sim.stories.story_ring import queue_of

NUM = 8
LOOP = {0: [Descriptor(0x4000, 4, next=1), Descriptor(0x4000, 4, next=0)]}
BEYOND = {0: [Descriptor(0x4000, 4, next=NUM)]}
HEAD_BEYOND = {NUM + 3: []}
LIES = [
    (LOOP, CommandError.LOOP),
    (BEYOND, CommandError.BAD_DESCRIPTOR),
    (HEAD_BEYOND, CommandError.BAD_DESCRIPTOR),
]


async def the_truth_is_published(queue):
    """A queue set up anew works."""
    await queue.reopen()
    await queue.offer({1: [Descriptor(0x4000, 4)]})
    assert (await queue.publish()).error is CommandError.OK
    assert queue.mirrored()[1] == 1


@cocotb.parametrize(lie=LIES)
@story()
async def a_lying_chain_is_named_and_not_announced(bench, lie):
    chains, error = lie
    queue, _ = await queue_of(bench, NUM)
    await queue.offer(chains)

    record = await queue.publish()

    assert record.error is error
    assert queue.mirrored()[1] == 0
    assert not bench.host.vectors
    await the_truth_is_published(queue)


@story()
async def an_avail_index_that_ran_ahead_is_named(bench):
    queue, _ = await queue_of(bench, NUM)
    await queue.offer({n: [Descriptor(0x4000, 4)] for n in range(NUM)}, ahead=1)

    record = await queue.publish()

    assert record.error is CommandError.BAD_AVAIL
    assert queue.mirrored()[1] == 0
    await the_truth_is_published(queue)


CONTEXTS = [
    dict(num=3),
    dict(num=0),
    dict(desc_card=0x4_0000),
    dict(desc_card=0x1_0004),
    dict(avail_card=0x3_FFFE),
    dict(used_card=0xFFFF_F000),
]


@cocotb.parametrize(change=CONTEXTS)
@story()
async def a_context_that_contradicts_itself_is_named(bench, change):
    queue, _ = await queue_of(bench, NUM)
    await queue.offer({1: [Descriptor(0x4000, 4)]})
    await queue.spoil_context(**change)

    record = await queue.publish()

    assert record.error is CommandError.BAD_CONTEXT
    assert queue.mirrored()[1] == 0
    await the_truth_is_published(queue)


@story()
async def a_copy_of_the_cards_own_must_stay_in_the_windows(bench):
    queue, _ = await queue_of(bench, NUM)
    secret = bench.host.memory.allocate(4096)
    before = secret.content

    for host in (secret.address, queue.mirror.address + 4096, queue.mirror.address - 8):
        await queue.reopen()
        record = await queue.channel.run(
            Opcode.COPY, host=host, card=0x4000, length=16, to_host=True
        )
        assert record.error is CommandError.GUARD

    assert secret.content == before
    assert await bench.card.get("stats.guard_refused") == 3


@story()
async def the_cpu_cannot_use_a_channel_of_the_hosts(bench):
    queue, puppet = await queue_of(bench, NUM)

    await puppet.set("copier.control", 1, 0)

    assert await bench.card.get("copier.control", 0) == 0
    assert await bench.card.get("stats.register_refused") == 1
    assert GuestQueue.mirror_bytes(NUM) == queue.mirror.length

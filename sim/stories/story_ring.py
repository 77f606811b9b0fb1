# SPDX-License-Identifier: BSD-2-Clause
"""A request's life on a virtqueue: offered, published, fetched, answered, used."""

import cocotb
from vop.regs.card import INTERRUPT_LINES
from vop.regs.copier import VRING_FLAGS, CommandError, Opcode

from sim.harness.bench import story
from sim.models.guest import CardChannel, GuestQueue
from sim.models.puppet import Puppet
from sim.models.ring import Descriptor

REQUEST, REPLY = 0x4000, 0x5000
VECTOR = 6


async def queue_of(bench, num, flags=0):
    """Return a queue that the card may publish, and its puppet."""
    await bench.host.enable_msi(5)
    puppet = await Puppet.started(bench.card)
    mirror = bench.host.memory.allocate(GuestQueue.mirror_bytes(num))
    await bench.card.open_window(0, mirror)
    channel = CardChannel(bench.card, puppet)
    await channel.open()
    queue = GuestQueue(bench.card, channel, mirror, num)
    await queue.prepare(vector=VECTOR, flags=flags)
    return queue, puppet


def chain_at(head):
    """A request to read, and room for its reply."""
    return [Descriptor(REQUEST, 100, next=head + 1), Descriptor(REPLY, 200, writable=True)]


@story()
async def a_published_chain_is_in_host_memory_when_the_vector_is(bench):
    queue, _ = await queue_of(bench, 8)
    await queue.offer({2: chain_at(2)})

    record = await queue.publish()
    await bench.host.vector(VECTOR)

    table, index, slots = queue.mirrored()
    assert (record.error, record.bytes) == (CommandError.OK, 1)
    assert table[2:4] == chain_at(2)
    assert (index, slots[0]) == (1, 2)


@cocotb.parametrize(num=[2, 16, 256])
@story()
async def rings_of_every_size_wrap(bench, num):
    queue, _ = await queue_of(bench, num)
    batches = 5 if num < 256 else 2
    for batch in range(batches):
        heads = [(batch * 2 + n) % num for n in range(min(num, 2) if num < 256 else 200)]
        await queue.offer({head: [Descriptor(REQUEST + head, 4)] for head in heads})

        record = await queue.publish()

        assert (record.error, record.bytes) == (CommandError.OK, len(heads))
        table, index, slots = queue.mirrored()
        assert index == queue.offered
        first = index - len(heads)
        assert [slots[(first + n) % num] for n in range(len(heads))] == heads
        assert all(table[head] == Descriptor(REQUEST + head, 4) for head in heads)


@story()
async def nothing_new_publishes_nothing_and_raises_nothing(bench):
    queue, _ = await queue_of(bench, 8)

    record = await queue.publish()

    assert (record.error, record.bytes) == (CommandError.OK, 0)
    assert not bench.host.vectors


@story()
async def a_request_is_answered(bench):
    queue, _ = await queue_of(bench, 8)
    request, reply = bench.rng.randbytes(100), bench.host.memory.allocate(150)
    await bench.card.load(REQUEST, request)
    await queue.offer({4: chain_at(4)})
    await queue.publish()
    await bench.host.vector(VECTOR)

    channel = await bench.card.channel()
    fetched = bench.host.memory.allocate(100)
    await channel.copy(fetched, REQUEST, 100, to_host=True)
    await channel.submit(Opcode.COPY, host=reply.address, card=REPLY, length=150)
    await channel.submit(Opcode.COMPLETE, card=queue.layout.context, used_id=4, used_len=150)
    errors = [(await channel.record()).error for _ in range(2)]

    assert fetched.content == request
    assert errors == [CommandError.OK] * 2
    assert await bench.card.dump(REPLY, 150) == reply.content
    index, slots = await queue.used()
    assert (index, slots[0]) == (1, (4, 150))


@story()
async def used_elements_wrap_with_the_ring(bench):
    queue, _ = await queue_of(bench, 4)
    channel = await bench.card.channel()

    for n in range(6):
        await channel.submit(Opcode.COMPLETE, card=queue.layout.context, used_id=n % 4, used_len=n)
        assert (await channel.record()).error is CommandError.OK

    assert await queue.used() == (6, [(0, 4), (1, 5), (2, 2), (3, 3)])


@cocotb.parametrize(flags=[0, 1])
@story()
async def a_driver_that_wants_no_interrupt_gets_none(bench, flags):
    queue, puppet = await queue_of(bench, 8)
    await queue.offer({0: chain_at(0)}, flags=flags)
    channel = await bench.card.channel()

    await channel.submit(Opcode.COMPLETE, card=queue.layout.context, used_id=0, used_len=0)
    await channel.record()

    assert bool(await puppet.lines() & 1 << INTERRUPT_LINES["used"]) == (flags == 0)


@story()
async def the_event_index_suppresses_all_interrupts_but_one(bench):
    queue, puppet = await queue_of(bench, 8, flags=VRING_FLAGS["event_idx"])
    await queue.offer({0: chain_at(0)}, used_event=2)
    channel = await bench.card.channel()
    seen = []

    for n in range(4):
        await channel.submit(Opcode.COMPLETE, card=queue.layout.context, used_id=0, used_len=n)
        await channel.record()
        seen.append(bool(await puppet.lines() & 1 << INTERRUPT_LINES["used"]))

    assert seen == [False, False, True, False]


@story()
async def a_queue_outside_every_window_is_not_touched(bench):
    queue, _ = await queue_of(bench, 8)
    await bench.card.set("guard.pages", 0)
    before = queue.mirror.content
    await queue.offer({0: chain_at(0)})

    record = await queue.publish()

    assert record.error is CommandError.GUARD
    assert queue.mirror.content == before
    assert await bench.card.get("stats.guard_refused") == 1

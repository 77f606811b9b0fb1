# SPDX-License-Identifier: BSD-2-Clause
"""The executor's `chain`: both directions, parts in either memory, skip, lists, hostile rings."""

import random
import struct

import pytest
from copier_models import pattern
from engine_bench import CHAIN, COPY, LIST, RAM_BYTES, TO_HOST, Bench
from engine_rings import (
    AVAIL_IN_HOST,
    BUFFERS_IN_HOST,
    CONTEXT,
    DESC_IN_HOST,
    HOST_RING,
    INDIRECT,
    MAY_INDIRECT,
    NEXT,
    WRITE,
    Ring,
    open_windows,
)

(OK, BAD_LENGTH, BAD_CARD_ADDRESS, GUARD, TIMEOUT, BAD_CONTEXT, BAD_DESCRIPTOR, LOOP, BAD_ORDER,
 BAD_INDIRECT, CHAIN_OVERFLOW, BAD_LIST) = (0, 2, 3, 4, 5, 11, 13, 14, 16, 17, 18, 19)
LINEAR = 0x77_0000_0000
BUFFERS = 0x78_0000_0000      # on the host

paces = pytest.mark.parametrize("stutters", [False, True])
widths = pytest.mark.parametrize("width", [64, 128, 256])


async def chain(ctx, bench, channel=0, **fields):
    fields = {"card": CONTEXT, "length": 1 << 12, "host": LINEAR} | fields
    return await bench.do(ctx, channel, CHAIN, **fields)


@widths
@paces
def test_a_chain_moves_its_readable_part_out_and_its_writable_part_in(stutters, width):
    bench = Bench(stutters, seed=60, width=width)

    async def story(ctx):
        ring = Ring(bench, 16)
        await open_windows(ctx, bench)
        bench.put(0x100, pattern(300))
        bench.memory.fill(LINEAR + 0x5003, pattern(500, 2))
        head = ring.chain((3, 0x100, 100, 0), (4, 0x100 + 100, 1, 0), (9, 0x100 + 101, 199, 0),
                          (1, 0x500, 13, WRITE), (0, 0x600, 400, WRITE), (2, 0x900, 64, WRITE))

        out = await chain(ctx, bench, flags=TO_HOST, head=head, host=LINEAR + 1)
        back = await chain(ctx, bench, head=head, host=LINEAR + 0x5003, length=450)

        assert (out.error, out.bytes) == (OK, 300)
        assert bench.memory.read(LINEAR + 1, 300) == pattern(300)
        assert len(bench.memory.written) == 300
        assert (back.error, back.bytes) == (OK, 450)
        content = pattern(500, 2)
        assert bench.get(0x500, 13) == content[:13]
        assert bench.get(0x600, 400) == content[13:413]
        assert bench.get(0x900, 37) == content[413:450]
    bench.run(story)


def test_a_chain_takes_at_most_five_cycles_a_descriptor():
    bench = Bench(seed=61, write_delay=2)

    async def story(ctx):
        ring = Ring(bench, 64)
        head = ring.chain(*((n, 64 * n, 64, 0) for n in range(64)))
        ended = await chain(ctx, bench, flags=TO_HOST, head=head)
        assert ended.bytes == 4096
        cycles = [segment.cycle for segment in bench.writes]
        assert (cycles[-1] - cycles[0]) / 63 <= 5
    bench.run(story)


class Model:
    """What vringh would do with a chain: one list of (address, length, writable)."""

    def __init__(self, descriptors, head, num, tables, *, may_indirect):
        self.parts = []
        self.error = OK
        total, index, table, limit, steps = 0, head, descriptors, num, 0
        inside = writable = False
        while True:
            if index >= limit:
                self.error = BAD_DESCRIPTOR
                return
            address, length, flags, following = table[index]
            if flags & INDIRECT:
                if steps == num:
                    self.error = LOOP
                elif not may_indirect or inside or flags & NEXT or length == 0 or length % 16:
                    self.error = BAD_INDIRECT
                elif address not in tables:
                    self.error = BAD_CARD_ADDRESS
                if self.error:
                    return
                table, limit, index, inside = tables[address], length // 16, 0, True
                continue
            steps += 1
            total += length
            if steps > num:
                self.error = LOOP
            elif writable and not flags & WRITE:
                self.error = BAD_ORDER
            elif flags & NEXT and following >= limit:
                self.error = BAD_DESCRIPTOR
            elif total >= 1 << 32:
                self.error = CHAIN_OVERFLOW
            if self.error:
                return
            writable = writable or bool(flags & WRITE)
            self.parts.append((address, length, writable))
            if not flags & NEXT:
                return
            index = following

    def bytes_of(self, writable, skip, limit):
        """Addresses of the bytes to move, in order."""
        found = []
        for address, length, part_writable in self.parts:
            if part_writable == writable:
                found += range(address, address + length)
        return found[skip:skip + limit]


@pytest.mark.parametrize("seed", range(24))
def test_random_chains_move_what_the_model_says(seed):
    """Parts in either memory, lists, skips, any width; the driver is honest."""
    chance = random.Random(seed)
    print(f"seed {seed}")
    bench = Bench(chance.random() < 0.5, seed=seed, width=chance.choice((64, 128, 256)),
                  read_delay=chance.choice((3, 30)))
    buffers_in_host = chance.random() < 0.5
    desc_in_host = buffers_in_host and chance.random() < 0.6
    flags = (BUFFERS_IN_HOST * buffers_in_host | DESC_IN_HOST * desc_in_host | MAY_INDIRECT
             | AVAIL_IN_HOST * (desc_in_host and chance.random() < 0.5))

    async def story(ctx):
        await open_windows(ctx, bench)
        await bench.open_window(ctx, 3, LINEAR, 64)
        await bench.open_window(ctx, 4, BUFFERS, 64)
        for number in range(6):
            ring = Ring(bench, 16, flags=flags)
            base = BUFFERS if buffers_in_host else 0
            parts, place = [], base + chance.randrange(40)
            for n in range(count := chance.randrange(1, 13)):
                length = chance.choice((0, 1, 7, 64, 100, 300))
                # The readable part comes first.
                parts.append((place, length, WRITE if n >= count // 2 else 0))
                place += length + chance.choice((0, 0, 5))
            indexes = chance.sample(range(16), len(parts))
            if chance.random() < 0.4:
                table = ring.table(*parts)
                where = BUFFERS + 0x8008 if buffers_in_host else 0x2800
                if buffers_in_host:
                    bench.memory.fill(where, table)
                else:
                    bench.put(where, table)
                head = ring.chain((indexes[0], where, len(table), INDIRECT))
            else:
                head = ring.chain(*((i, *part) for i, part in zip(indexes, parts, strict=True)))
            outwards = chance.random() < 0.5
            writable = outwards == buffers_in_host
            part_bytes = sum(length for _, length, flag in parts if bool(flag) == writable)
            skip = chance.choice((0, 0, 1, 50, 200))
            length = chance.choice((1, 64, 500, 4096))
            moved = max(0, min(part_bytes - skip, length))
            # The linear side: in the other memory, in one piece or as a list.
            linear = 0x1200 + 0x100 if buffers_in_host else LINEAR + chance.randrange(2000)
            sides, listed = list(range(linear, linear + 4096)), chance.random() < 0.4
            command = {"host": linear}
            if buffers_in_host:
                sides = list(range(linear, linear + 0x1200))
                command["length"] = length = min(length, 0x1200)
                moved = min(moved, length)
            if listed:
                entries, sides, place = b"", [], linear
                while len(sides) < length:
                    size = chance.choice((1, 13, 64, 700))
                    entries += struct.pack("<QII", place, size, 0)
                    sides += range(place, place + size)
                    place += size + (0 if buffers_in_host else chance.choice((0, 3)))
                    if len(entries) > 16 * 60:
                        length = min(length, len(sides))
                bench.put(0x2C00, entries)
                command = {"host": 0x2C00, "entries": len(entries) // 16, "flags": LIST}
                moved = max(0, min(part_bytes - skip, length))
            command["flags"] = command.get("flags", 0) | TO_HOST * outwards
            addresses = [a for address, size, flag in parts if bool(flag) == writable
                         for a in range(address, address + size)][skip:skip + moved]
            sides = sides[:moved]
            card, host = (sides, addresses) if buffers_in_host else (addresses, sides)
            content = chance.randbytes(moved)
            for n, byte in enumerate(content):
                if outwards:
                    bench.ram.bytes[card[n]] = byte
                else:
                    bench.memory.fill(host[n], bytes([byte]))
            bench.memory.written.clear()
            ram = bytearray(bench.ram.bytes)

            ended = await chain(ctx, bench, channel=chance.choice((1, 6)), head=head,
                                used_id=skip, **({"length": length} | command))

            assert (ended.error, ended.bytes) == (OK, moved), number
            if outwards:
                expected = dict(zip(host, content, strict=True))
                assert bench.memory.written == expected
            else:
                for n, byte in enumerate(content):
                    ram[card[n]] = byte
            scratch = slice(CONTEXT + 48, CONTEXT + 64)
            ram[scratch] = bench.ram.bytes[scratch]
            assert bench.ram.bytes == ram
    bench.run(story)


@pytest.mark.parametrize("seed", range(40))
def test_hostile_chains_end_as_the_model_says(seed):
    chance = random.Random(1000 + seed)
    print(f"seed {1000 + seed}")
    bench = Bench(chance.random() < 0.5, seed=seed, width=chance.choice((64, 128, 256)))
    codes = set()

    async def story(ctx):
        for _ in range(8):
            may_indirect = chance.random() < 0.8
            num = chance.choice((2, 4, 8))
            ring = Ring(bench, num, flags=MAY_INDIRECT * may_indirect)

            def descriptor(limit):
                flags = chance.choice((0, 0, WRITE)) | NEXT * (chance.random() < 0.7)
                length = chance.choice((0, 8, 8, 16, 16, 8, 8, 8, 1 << 31))
                address = chance.randrange(0, 0x800)
                if chance.random() < 0.15:
                    flags |= INDIRECT
                    address = chance.choice((0x2800, 0x2800, 0x2C00))
                    length = chance.choice((16, 32, 64, 0, 17))
                return address, length, flags, chance.randrange(
                    limit + (chance.random() < 0.1))

            descriptors = [descriptor(num) for _ in range(num)]
            tables = {where: [descriptor(4) for _ in range(4)] for where in (0x2800, 0x2C00)}
            for index, fields in enumerate(descriptors):
                ring.describe(index, *fields)
            for where, table in tables.items():
                bench.put(where, b"".join(struct.pack("<QIHH", *fields) for fields in table))
            outwards = chance.random() < 0.5
            head = chance.randrange(num + (chance.random() < 0.1))
            model = Model(descriptors, head, num, tables, may_indirect=may_indirect)
            # What moves is checked as it moves: a buffer beyond card RAM.
            error, moved, room = model.error, 0, 64
            for address, length, writable in model.parts:
                if writable != outwards and length and room:
                    if address + length > RAM_BYTES:
                        error = BAD_CARD_ADDRESS
                        break
                    room -= min(room, length)
                    moved = 64 - room

            ended = await chain(ctx, bench, flags=TO_HOST * outwards, head=head, length=64)

            assert ended.error == error
            assert ended.bytes == (0 if error else moved)
            codes.add(error)
            allowed = {a for address, length, _ in model.parts if length < 1 << 20
                       for a in range(address, address + length)}
            for segment in bench.segments:
                assert set(range(segment.card, segment.card + segment.bytes)) <= allowed
                assert segment.host + segment.bytes <= LINEAR + 64
            bench.segments.clear()
            await bench.reset(ctx, 0)
        assert (await bench.do(ctx, 0, COPY, length=8)).error == OK
    bench.run(story)


@pytest.mark.parametrize(("spoil", "error"), [
    (dict(used_id=0, length=0), BAD_LENGTH),
    (dict(head=8), BAD_DESCRIPTOR),
    (dict(head=0xFFFF), BAD_DESCRIPTOR),
    (dict(flags=LIST, host=0x2C00, entries=1), BAD_LIST),
])
def test_a_bad_command_ends_the_chain(spoil, error):
    bench = Bench(seed=62)

    async def story(ctx):
        ring = Ring(bench, 8)
        bench.put(0x2C00, bytes(16))
        head = ring.chain((0, 0x100, 64, WRITE))
        assert (await chain(ctx, bench, **({"head": head} | spoil))).error == error
        assert bench.segments == []
    bench.run(story)


@pytest.mark.parametrize("inside", [False, True])
def test_a_ring_in_host_memory_must_lie_in_a_window(inside):
    bench = Bench(seed=63)

    async def story(ctx):
        ring = Ring(bench, 8, flags=DESC_IN_HOST | BUFFERS_IN_HOST)
        head = ring.chain((5, BUFFERS, 64, 0))
        await bench.open_window(ctx, 9, BUFFERS, 1)
        if inside:
            await open_windows(ctx, bench)
        ended = await chain(ctx, bench, head=head, host=0x200)
        assert ended.error == (OK if inside else GUARD)
        assert any(s.host == HOST_RING + 80 for s in bench.segments) == inside
    bench.run(story)


def test_a_descriptor_that_cannot_be_read_ends_the_chain_with_the_readers_fault():
    bench = Bench(seed=64)

    async def story(ctx):
        ring = Ring(bench, 8, flags=DESC_IN_HOST | BUFFERS_IN_HOST)
        await open_windows(ctx, bench)
        bench.read_fault = lambda segment: TIMEOUT
        head = ring.chain((5, BUFFERS, 64, 0))
        assert (await chain(ctx, bench, head=head, host=0x200)).error == TIMEOUT
    bench.run(story)


@pytest.mark.parametrize("flags", [DESC_IN_HOST, DESC_IN_HOST | AVAIL_IN_HOST])
def test_a_table_on_the_host_cannot_hold_card_addresses(flags):
    bench = Bench(seed=65)

    async def story(ctx):
        Ring(bench, 8, flags=flags)
        assert (await chain(ctx, bench, head=0)).error == BAD_CONTEXT
    bench.run(story)


@paces
def test_a_chain_that_waits_for_the_host_lets_others_pass(stutters):
    bench = Bench(stutters, seed=66)

    async def story(ctx):
        ring = Ring(bench, 8, flags=DESC_IN_HOST | BUFFERS_IN_HOST)
        await open_windows(ctx, bench)
        await bench.open_window(ctx, 9, BUFFERS, 1)
        bench.holds_reads = True
        head = ring.chain((5, BUFFERS, 64, 0), (6, BUFFERS + 100, 10, 0))
        bench.submit(0, CHAIN, card=CONTEXT, length=100, host=0x200, head=head)
        for _ in range(60):
            await ctx.tick()
        for n in range(3):
            bench.submit(5, COPY, flags=TO_HOST, length=64, host=BUFFERS + n)
        for _ in range(200):
            await ctx.tick()
        assert [entry.channel for entry in bench.retired] == [5, 5, 5]
        bench.holds_reads = False
        assert (await bench.until_retired(ctx, 4)).bytes == 74
    bench.run(story)


@pytest.mark.parametrize("after", range(0, 60, 6))
@pytest.mark.parametrize("in_host", [False, True])
def test_a_chain_is_dropped_at_any_step(after, in_host):
    bench = Bench(True, seed=67)

    async def story(ctx):
        flags = (DESC_IN_HOST | BUFFERS_IN_HOST) * in_host
        ring = Ring(bench, 8, flags=flags)
        await open_windows(ctx, bench)
        await bench.open_window(ctx, 9, BUFFERS, 1)
        base = BUFFERS if in_host else 0x100
        head = ring.chain(*((n, base + 64 * n, 64, WRITE) for n in range(8)))
        fields = {"flags": TO_HOST * in_host, "head": head,
                  "host": 0x200 if in_host else LINEAR}
        bench.submit(0, CHAIN, card=CONTEXT, length=512, **fields)
        for _ in range(after):
            await ctx.tick()
        await bench.reset(ctx, 0)
        handed, count = len(bench.segments), len(bench.retired)
        for _ in range(60):
            await ctx.tick()
        assert (len(bench.segments), len(bench.retired)) == (handed, count)
        ended = await chain(ctx, bench, length=512, **fields)
        assert (ended.error, ended.bytes) == (OK, 512)
    bench.run(story)

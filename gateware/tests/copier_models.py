# SPDX-License-Identifier: BSD-2-Clause
"""Card RAM, host and link as the copier's tests see them: independent of the design's own tables.

Every model runs at two paces. Flowing never pauses; stuttering pauses at random, from the seed that
the test prints.
"""

import random
from collections import deque
from dataclasses import dataclass

from amaranth.hdl import Value
from amaranth.lib import data
from amaranth.sim import Simulator

MEMORY_READ, MEMORY_WRITE, COMPLETION, COMPLETION_DATA = 0, 1, 2, 3
SUCCESSFUL, UNSUPPORTED, ABORT = 0, 1, 4
OUR_ID = 0x0200
PAGE = 4096


class Pace:
    """When a model pauses."""

    def __init__(self, stutters, seed):
        print(f"pace: {'stuttering' if stutters else 'flowing'}, seed {seed}")
        self.random = random.Random(seed)
        self.stutters = stutters

    def __call__(self):
        """True where the model may go on in this cycle."""
        return not self.stutters or self.random.random() < 0.6


class Steadiness:
    """An offer on a stream stands, unchanged, until it is taken."""

    def __init__(self, name):
        self.name = name
        self.standing = None

    def __call__(self, valid, ready, payload):
        if self.standing is not None:
            assert valid, f"{self.name}: an offer was withdrawn"
            assert payload == self.standing, f"{self.name}: an offer changed"
        self.standing = payload if valid and not ready else None


def guard_byte(address):
    """What untouched memory holds."""
    return (address * 37 + (address >> 8) * 11 + 0x5A) & 0xFF


class CardRam:
    """Card RAM behind streamed line ports."""

    def __init__(self, *, width, size, pace):
        self.line_bytes = width // 8
        self.pace = pace
        self.bytes = bytearray(guard_byte(n) for n in range(size))
        self.reads = 0
        self.writes = 0

    def untouched_outside(self, start, length):
        """No byte but those of the range was written since the start of the test."""
        return all(self.bytes[n] == guard_byte(n) for n in range(len(self.bytes))
                   if not start <= n < start + length)

    def serve_reads(self, port):
        async def process(ctx):
            line = Value.cast(port.request.payload)
            steady = Steadiness("read of card RAM")
            waiting = deque()
            ctx.set(port.request.ready, 1)
            cycle = 0
            async for _, _, valid, ready, payload in ctx.tick().sample(
                    port.request.valid, port.request.ready, line):
                cycle += 1
                steady(valid, ready, payload)
                if valid and ready:
                    start = payload * self.line_bytes
                    self.reads += 1
                    delay = 1 if self.pace() else self.pace.random.randrange(2, 9)
                    waiting.append((cycle + delay, self.bytes[start:start + self.line_bytes]))
                answers = waiting and waiting[0][0] <= cycle
                ctx.set(port.response.valid, bool(answers))
                if answers:
                    ctx.set(port.response.payload, int.from_bytes(waiting.popleft()[1], "little"))
                ctx.set(port.request.ready, self.pace())
        return process

    def serve_writes(self, port):
        async def process(ctx):
            shape = port.request.payload.shape()
            raw = Value.cast(port.request.payload)
            steady = Steadiness("write to card RAM")
            ctx.set(port.request.ready, 1)
            async for _, _, valid, ready, payload in ctx.tick().sample(
                    port.request.valid, port.request.ready, raw):
                steady(valid, ready, payload)
                if valid and ready:
                    write = data.Const(shape, payload)
                    self.writes += 1
                    self.store(write.line, write.data, write.strobe)
                ctx.set(port.request.ready, self.pace())
        return process

    def serve_spans(self, port):
        """Writes of up to two neighbouring lines, which never wait."""
        async def process(ctx):
            async for _, _, valid, span in ctx.tick().sample(
                    port.request.valid, port.request.payload):
                if valid:
                    self.writes += 1
                    self.store(span.line, span.data, span.strobe)
                    if span.next_strobe:
                        self.store(span.line + 1, span.data, span.next_strobe)
        return process

    def store(self, line, content, strobe):
        for n in range(self.line_bytes):
            if strobe >> n & 1:
                self.bytes[line * self.line_bytes + n] = content >> 8 * n & 0xFF


@dataclass
class Tlp:
    """A request as it left the card."""

    kind: int
    address: int
    length_dw: int
    first_be: int
    last_be: int
    tag: int
    payload: bytes
    cycle: int

    @property
    def enabled(self):
        """Byte addresses that count."""
        found = []
        for dw in range(self.length_dw):
            enable = self.first_be if dw == 0 else (
                self.last_be if dw == self.length_dw - 1 else 0xF)
            found += [self.address + 4 * dw + lane for lane in range(4) if enable >> lane & 1]
        return found

    def check(self, limit):
        """Every rule of PCIe Base 4.0, 2.2.5 and 2.2.7, that a request of ours must obey."""
        assert self.address % 4 == 0
        assert 1 <= self.length_dw <= 1024
        assert self.address % PAGE + 4 * self.length_dw <= PAGE, "crosses 4 KiB"
        assert 4 * self.length_dw <= limit, "larger than MPS or MRRS"
        assert self.first_be != 0
        assert (self.last_be == 0) == (self.length_dw == 1)
        addresses = self.enabled
        assert addresses == list(range(addresses[0], addresses[-1] + 1))


class HostMemory:
    """Sparse host memory, filled with guard bytes."""

    def __init__(self):
        self.written = {}
        self.set = {}

    def __getitem__(self, address):
        return self.written.get(address, self.set.get(address, guard_byte(address)))

    def read(self, address, length):
        """Bytes from ``address`` on."""
        return bytes(self[address + n] for n in range(length))

    def fill(self, address, content):
        """Set bytes as the host itself does."""
        for n, byte in enumerate(content):
            self.written.pop(address + n, None)
            self.set[address + n] = byte

    def touched_outside(self, start, length):
        """Addresses beside the range that the card wrote."""
        return [address for address in self.written if not start <= address < start + length]


class Host:
    """Takes the card's requests and answers its reads.

    ``fault`` may be replaced: called with each read, it returns None or one of "unsupported",
    "abort", "poisoned", "silent", "alien requester", "wrong count", "wrong address", "too long".
    """

    def __init__(self, *, width, pace, mps=128, mrrs=512, latency=20):
        self.width = width
        self.beat_bytes = width // 8
        self.pace = pace
        self.mps = mps
        self.mrrs = mrrs
        self.latency = latency
        self.memory = HostMemory()
        self.writes = []
        self.reads = []
        self.beats = []            # cycles in which a write beat was accepted
        self.completions = []      # (due, completion) still to be sent
        self.outstanding_blocks = 0
        self.most_outstanding_blocks = 0
        self.fault = lambda tlp: None
        self.cycle = 0
        self.reorders = True

    def take_requests(self, port):
        async def process(ctx):
            shape = port.payload.shape()
            raw = Value.cast(port.payload)
            steady = Steadiness("TLP")
            ctx.set(port.ready, 1)
            beats = []
            async for _, _, valid, ready, payload in ctx.tick().sample(
                    port.valid, port.ready, raw):
                steady(valid, ready, payload)
                if valid and ready:
                    beat = data.Const(shape, payload)
                    assert bool(beat.first) == (not beats), "first is wrong"
                    beats.append(beat)
                    if beat.last:
                        self.finish(beats)
                        beats = []
                ctx.set(port.ready, self.pace())
        return process

    async def count_cycles(self, ctx):
        async for _ in ctx.tick():
            self.cycle += 1

    def finish(self, beats):
        header = beats[0].header
        assert all(beat.header.as_bits() == header.as_bits() for beat in beats)
        kind = int(header.kind.value)
        payload = b"".join(beat.data.to_bytes(self.beat_bytes, "little") for beat in beats)
        tlp = Tlp(kind, header.address, header.length_dw, header.first_be, header.last_be,
                  header.tag, payload, self.cycle)
        if kind == MEMORY_WRITE:
            tlp.check(self.mps)
            assert len(beats) == -(-4 * tlp.length_dw // self.beat_bytes)
            for address in tlp.enabled:
                self.memory.written[address] = payload[address - tlp.address]
            self.writes.append(tlp)
            self.beats += [self.cycle] * len(beats)
        else:
            assert kind == MEMORY_READ
            assert len(beats) == 1
            tlp.check(self.mrrs)
            self.reads.append(tlp)
            self.answer(tlp)

    def answer(self, tlp):
        wanted = tlp.enabled
        assert tlp.tag not in {entry["tag"] for _, entry in self.completions}, "tag in use"
        fault = self.fault(tlp)
        due = self.cycle + self.latency
        base = {"tag": tlp.tag, "requester": OUR_ID, "status": SUCCESSFUL, "poisoned": 0}
        blocks = wanted[-1] // 64 - wanted[0] // 64 + 1
        self.outstanding_blocks += blocks
        self.most_outstanding_blocks = max(self.most_outstanding_blocks, self.outstanding_blocks)
        if fault == "silent":
            return
        if fault in ("unsupported", "abort"):
            status = UNSUPPORTED if fault == "unsupported" else ABORT
            self.completions.append((due, base | {
                "status": status, "payload": b"", "byte_count": len(wanted),
                "lower_address": wanted[0] & 0x7F, "blocks": blocks}))
            return
        start, end = wanted[0], wanted[-1] + 1
        while start < end:
            # PCIe 2.3.1.1: a completion ends at a multiple of RCB, or with the request.
            boundary = (start // 64 + self.pace.random.choice((1, 1, 2, 4, 8))) * 64
            stop = min(end, boundary)
            first_dw = start & ~3
            payload = self.memory.read(first_dw, -(-(stop - first_dw) // 4) * 4)
            entry = base | {
                "payload": payload, "byte_count": end - start, "lower_address": start & 0x7F,
                "blocks": (stop - 1) // 64 - start // 64 + 1,
                "poisoned": int(fault == "poisoned")}
            if fault == "alien requester":
                entry["requester"] ^= 0x0100
            if fault == "wrong count":
                entry["byte_count"] += 4
            if fault == "wrong address":
                entry["lower_address"] ^= 0x40
            if fault == "too long":
                entry["payload"] += bytes(64)
            self.completions.append((due, entry))
            start = stop

    def send(self, completion):
        """Queue a completion of the test's own making."""
        self.completions.append((self.cycle, {
            "tag": 0, "requester": OUR_ID, "status": SUCCESSFUL, "poisoned": 0, "blocks": 0,
            "payload": b"", "byte_count": 4, "lower_address": 0} | completion))

    def next_completion(self):
        """Any tag's oldest completion that is due."""
        seen = set()
        choices = []
        for index, (due, entry) in enumerate(self.completions):
            if entry["tag"] not in seen and due <= self.cycle:
                choices.append(index)
            seen.add(entry["tag"])
        if not choices:
            return None
        index = self.pace.random.choice(choices) if self.reorders else choices[0]
        return self.completions.pop(index)[1]

    def give_completions(self, port):
        async def process(ctx):
            beats = deque()
            while True:
                if not beats:
                    completion = self.next_completion()
                    if completion:
                        beats.extend(self.beats_of(completion))
                        self.outstanding_blocks -= completion["blocks"]
                if beats and self.pace():
                    ctx.set(port.payload, beats.popleft())
                    ctx.set(port.valid, 1)
                else:
                    ctx.set(port.valid, 0)
                await ctx.tick()
        return process

    def beats_of(self, completion):
        payload = completion["payload"]
        header = {
            "kind": COMPLETION_DATA if payload else COMPLETION,
            "length_dw": len(payload) // 4,
            **{name: completion[name] for name in
               ("requester", "tag", "status", "poisoned", "byte_count", "lower_address")},
        }
        pieces = [payload[n:n + self.beat_bytes]
                  for n in range(0, len(payload), self.beat_bytes)] or [b""]
        for n, piece in enumerate(pieces):
            yield {"header": header, "bar": 7, "first": int(n == 0),
                   "last": int(n == len(pieces) - 1),
                   "data": int.from_bytes(piece, "little"),
                   "byte_enable": (1 << len(piece)) - 1}


def pattern(length, seed=1):
    """Bytes that repeat nowhere near."""
    return random.Random(seed).randbytes(length)


def simulate(component, testbench, *, background, deadline=200_000):
    """Run ``testbench`` to its end within ``deadline`` cycles."""
    simulator = Simulator(component)
    simulator.add_clock(8e-9)

    async def watchdog(ctx):
        for _ in range(deadline):
            await ctx.tick()
        raise AssertionError(f"not finished within {deadline} cycles")

    # The models run first in every cycle, so that the story sees what they did in it.
    for process in (*background, watchdog):
        simulator.add_testbench(process, background=True)
    simulator.add_testbench(testbench)
    simulator.run()


async def wait_for(ctx, signal, cycles=20_000):
    """Wait for ``signal`` at a clock edge; fails after ``cycles``."""
    for _ in range(cycles):
        sampled = await ctx.tick().sample(signal)
        if sampled[-1]:
            return
    raise AssertionError(f"{signal!r} did not come within {cycles} cycles")

# SPDX-License-Identifier: BSD-2-Clause
"""Host, link and card RAM around a reader: independent of the design's own tables.

The host answers reads in any legal way, from a printed seed, or as a test's fault says. On every
cycle the models demand what the link demands: steady offers, legal requests, no tag used twice at
once, no more outstanding than the hard block's receive buffer can hold.
"""

import random
from collections import deque

from amaranth.hdl import Value
from amaranth.lib import data
from amaranth.sim import Simulator
from vop.requester.reader import HostReader

OUR_ID = 0x0300
COMPLETER_ID = 0x0018
PAGE = 4096
RCB = 64
CREDIT_HEADERS, CREDIT_DATA = 36, 461
MEMORY_READ, COMPLETION, COMPLETION_DATA = 0, 2, 3
SUCCESSFUL, UNSUPPORTED, RETRY, ABORT = 0, 1, 2, 4
COUNTERS = (
    "completion_unsupported",
    "completion_aborted",
    "completion_retry",
    "poisoned_completion",
    "unexpected_completion",
    "completion_timeout",
)
TLP_OVERHEAD = 20  # bytes on a link for a TLP with a header of 3 DW


def guard_byte(address):
    """What card RAM holds where nothing was read to."""
    return (address * 37 + (address >> 8) * 11 + 0x5A) & 0xFF


def host_byte(address):
    """What host memory holds."""
    return (address * 73 + (address >> 6) * 151 + (address >> 13) * 29 + 0x35) & 0xFF


def host_bytes(address, length):
    """Host memory from ``address`` on."""
    return bytes(host_byte(address + n) for n in range(length))


class Read:
    """A memory read as it left the card."""

    def __init__(self, header, cycle):
        enabled = []
        for dw in range(header.length_dw):
            enable = (
                header.first_be
                if dw == 0
                else (header.last_be if dw == header.length_dw - 1 else 0xF)
            )
            enabled += [header.address + 4 * dw + n for n in range(4) if enable >> n & 1]
        assert header.address % 4 == 0
        assert (header.last_be == 0) == (header.length_dw == 1), "last byte enables are wrong"
        assert enabled == list(range(enabled[0], enabled[-1] + 1)), "bytes are missing"
        assert enabled[0] - header.address < 4, "the first DW is empty"
        assert header.address % PAGE + 4 * header.length_dw <= PAGE, "crosses 4 KiB"
        self.header = header
        self.tag = header.tag
        self.length_dw = header.length_dw
        self.address, self.bytes = enabled[0], len(enabled)
        self.next, self.left = self.address, self.bytes  # still to be delivered
        self.cycle = cycle

    def cost(self):
        """Headers and data credits that its completions take, at the worst."""
        headers = credits = 0
        at, end = self.next, self.next + self.left
        while at < end:
            stop = min(end, (at // RCB + 1) * RCB)
            headers += 1
            credits += ((stop + 3) // 4 - at // 4 + 3) // 4
            at = stop
        return headers, credits


class Host:
    """Takes reads and answers them.

    Parameters
    ----------
    size
        Bytes of a completion; None: anything legal, at random.
    latency
        Cycles from a read to its first completion; a function of the random source, or a number.
    throttle
        Bytes per cycle of the link; None: a beat in every cycle.
    stutter
        Offers and accepts pause at random.
    """

    def __init__(self, *, width, seed, mrrs=512, size=None, latency=20, throttle=None,
                 stutter=False, reorders=True):  # fmt: skip
        print(f"host: seed {seed}")
        self.random = random.Random(seed)
        self.beat_bytes = width // 8
        self.mrrs, self.size, self.latency = mrrs, size, latency
        self.throttle, self.stutter, self.reorders = throttle, stutter, reorders
        self.fault = lambda _read: None
        self.takes_reads = True
        self.reads = []
        self.open = {}  # tag: Read that is not answered to its end
        self.silent = {}  # tag: Read that stays without answer
        self.rest_cycles = 0  # for which such a tag must rest
        self.completions = []  # [due, completion] still to be sent, in order for each tag
        self.beats = deque()
        self.current = None
        self.wire = 0.0  # cycle from which on the link is free
        self.most_headers = 0
        self.cycle = 0
        self.busy_beats = 0

    def paces(self):
        return not self.stutter or self.random.random() < 0.6

    def take(self, header):
        assert int(header.kind.value) == MEMORY_READ
        read = Read(header, self.cycle)
        assert 4 * read.length_dw <= min(self.mrrs, 512), "larger than MRRS"
        assert read.tag not in self.open, f"tag {read.tag} is used twice"
        if read.tag in self.silent:
            rested = self.cycle - self.silent.pop(read.tag).cycle
            assert rested >= self.rest_cycles, f"tag {read.tag} rested for {rested} cycles only"
        self.reads.append(read)
        fault = self.fault(read)
        if fault == "silent":
            self.silent[read.tag] = read
        else:
            self.open[read.tag] = read
            self._answer(read, fault)
        resting = [read for read in self.silent.values()
                   if self.cycle - read.cycle < self.rest_cycles]  # fmt: skip
        costs = [entry.cost() for entry in (*self.open.values(), *resting)]
        headers, credits = (sum(column) for column in zip(*costs, strict=True)) if costs else (0, 0)
        self.most_headers = max(self.most_headers, headers)
        assert headers <= CREDIT_HEADERS, "the receive buffer overruns"
        assert credits <= CREDIT_DATA, "the receive buffer overruns"

    def _answer(self, read, fault):
        latency = self.latency(self.random) if callable(self.latency) else self.latency
        due = self.cycle + latency
        base = {"tag": read.tag, "requester": OUR_ID, "status": SUCCESSFUL, "poisoned": 0,
                "read": read, "bytes": 0, "ends": False}  # fmt: skip
        if fault in ("unsupported", "abort", "retry"):
            status = {"unsupported": UNSUPPORTED, "abort": ABORT, "retry": RETRY}[fault]
            self.completions.append((due, base | {
                "status": status, "payload": b"", "byte_count": read.bytes,
                "lower": read.address & 0x7F, "ends": True}))  # fmt: skip
            return
        at, end = read.address, read.address + read.bytes
        while at < end:
            stop = min(end, self._boundary(at))
            start = at & ~3
            entry = base | {
                "payload": host_bytes(start, -(-(stop - start) // 4) * 4), "bytes": stop - at,
                "byte_count": end - at, "lower": at & 0x7F, "ends": stop == end,
                "poisoned": int(fault == "poisoned")}  # fmt: skip
            self._spoil(entry, fault)
            self.completions.append((due, entry))
            if fault == "twice":
                self.completions.append((due, entry | {"read": None}))
            at = stop

    def _boundary(self, at):
        if self.size:
            return (at // self.size + 1) * self.size
        return (at // RCB + self.random.choice((1, 1, 2, 4, 8))) * RCB

    def _spoil(self, entry, fault):
        if fault == "alien requester":
            entry["requester"] ^= 0x0100
        if fault == "wrong count":
            entry["byte_count"] += 4
        if fault == "wrong address":
            entry["lower"] ^= 0x40
        if fault == "too long":
            entry["payload"] += bytes(68)
        if fault == "too short":
            entry["payload"] = entry["payload"][:-4]

    def send(self, **completion):
        """Send a completion of the test's own making."""
        self.completions.append((self.cycle, {
            "tag": 0, "requester": OUR_ID, "status": SUCCESSFUL, "poisoned": 0, "payload": b"",
            "byte_count": 4, "lower": 0, "read": None, "bytes": 0, "ends": False,
        } | completion))  # fmt: skip

    def _choose(self):
        seen, choices = set(), []
        for index, (due, entry) in enumerate(self.completions):
            if entry["tag"] not in seen and due <= self.cycle:
                choices.append(index)
                if not self.reorders:
                    break
            seen.add(entry["tag"])
        # One may overtake a few others, so that none waits for ever.
        return self.completions.pop(self.random.choice(choices[:4]))[1] if choices else None

    def next_beat(self):
        """The beat to offer in the coming cycle, or None."""
        if not self.beats:
            if self.throttle and self.wire > self.cycle:
                return None
            self.current = self._choose()
            if self.current is None:
                return None
            if self.throttle:
                cost = (len(self.current["payload"]) + TLP_OVERHEAD) / self.throttle
                # What the link could have sent in a part of this cycle is not lost.
                self.wire = max(self.wire, self.cycle - 1) + cost
            self.beats.extend(self._beats_of(self.current))
        if not self.paces():
            return None
        beat = self.beats.popleft()
        if not self.beats and self.current["read"]:
            self._deliver(self.current)
        return beat

    def _deliver(self, completion):
        read = completion["read"]
        read.next += completion["bytes"]
        read.left -= completion["bytes"]
        if completion["ends"]:
            del self.open[read.tag]

    def _beats_of(self, completion):
        payload = completion["payload"]
        header = {"kind": COMPLETION_DATA if payload else COMPLETION,
                  "length_dw": len(payload) // 4,
                  "completer": COMPLETER_ID,
                  "lower_address": completion["lower"],
                  **{name: completion[name] for name in
                     ("requester", "tag", "status", "poisoned", "byte_count")}}  # fmt: skip
        size = self.beat_bytes
        pieces = [payload[n : n + size] for n in range(0, len(payload), size)] or [b""]
        for n, piece in enumerate(pieces):
            yield {"header": header, "bar": 7, "first": int(n == 0),
                   "last": int(n == len(pieces) - 1), "data": int.from_bytes(piece, "little"),
                   "byte_enable": (1 << len(piece)) - 1}  # fmt: skip


class ReadBench:
    """A reader between a host and card RAM, and slots that are followed."""

    def __init__(self, *, width=128, seed, tags=32, timeout_cycles=1024, ram_bytes=1 << 14,
                 extended=False, **host):  # fmt: skip
        self.width = width
        self.reader = HostReader(
            card_bits=(ram_bytes - 1).bit_length(),
            width=width,
            tags=tags,
            timeout_cycles=timeout_cycles,
        )
        self.host = Host(width=width, seed=seed, **host)
        self.random = random.Random(seed + 1)
        self.extended = extended
        self.timeout_cycles = timeout_cycles
        self.host.rest_cycles = 5 * timeout_cycles
        self.ram = bytearray(guard_byte(n) for n in range(ram_bytes))
        self.counted = dict.fromkeys(COUNTERS, 0)
        self.faults = []  # (counter, header) of each pulse
        self.writes = 0
        self.closed = set()  # channels that `closed` has named

    async def _serve(self, ctx):
        """Everything around the reader, once a cycle."""
        reader, host = self.reader, self.host
        tlp_shape = reader.tlp.payload.shape()
        write_shape = reader.memory.request.payload.shape()
        offered = None
        ctx.set(reader.tlp.ready, 1)
        while True:
            beat = host.next_beat()
            ctx.set(reader.completions.valid, beat is not None)
            if beat is not None:
                host.busy_beats += 1
                ctx.set(reader.completions.payload, beat)
            (
                _,
                _,
                valid,
                ready,
                tlp,
                written,
                write,
                counted,
                header,
                closed,
            ) = await ctx.tick().sample(
                reader.tlp.valid,
                reader.tlp.ready,
                Value.cast(reader.tlp.payload),
                reader.memory.request.valid,
                Value.cast(reader.memory.request.payload),
                reader.counted,
                reader.fault_header,
                reader.closed,
            )
            host.cycle += 1
            if offered is not None:
                assert valid, "an offer was withdrawn"
                assert tlp == offered, "an offer changed"
            offered = tlp if valid and not ready else None
            if valid and ready:
                payload = data.Const(tlp_shape, tlp)
                assert payload.first
                assert payload.last
                host.take(payload.header)
            if written:
                self._write(data.Const(write_shape, write))
            for name in COUNTERS:
                if counted[name]:
                    self.counted[name] += 1
                    self.faults.append((name, header))
            self.closed |= {channel for channel in range(8) if closed >> channel & 1}
            ctx.set(reader.tlp.ready, host.takes_reads and host.paces())

    def _write(self, write):
        self.writes += 1
        size = self.width // 8
        for strobe, line in ((write.strobe, write.line), (write.next_strobe, write.line + 1)):
            for n in range(size):
                if strobe >> n & 1:
                    self.ram[line * size + n] = write.data >> 8 * n & 0xFF

    def configure(self, ctx, **fields):
        """Set the configuration; what is not named is as usual."""
        ctx.set(self.reader.config, {
            "bus_master": 1, "id": OUR_ID, "extended_tag": self.extended,
            "max_read_request": (self.host.mrrs // 128).bit_length() - 1} | fields)  # fmt: skip

    async def submit(self, ctx, host, card, length, slot=(0, 0), *, relaxed=0, no_snoop=0):
        """Hand over one segment."""
        segment = self.reader.segment
        channel, index = slot
        ctx.set(segment.payload, {
            "host_address": host, "card_address": card, "bytes": length, "relaxed": relaxed,
            "no_snoop": no_snoop, "slot": {"channel": channel, "index": index}})  # fmt: skip
        ctx.set(segment.valid, 1)
        for _ in range(20 * self.timeout_cycles):
            *_, ready = await ctx.tick().sample(segment.ready)
            if ready:
                ctx.set(segment.valid, 0)
                return
        raise AssertionError("a segment was not taken in time")

    def look(self, ctx, slot, port=0):
        """Busy and error of a slot, now."""
        watch = self.reader.watch[port]
        channel, index = slot
        ctx.set(watch.slot, {"channel": channel, "index": index})
        return ctx.get(watch.busy), ctx.get(watch.error)

    async def ended(self, ctx, slot=(0, 0)):
        """Wait until a slot is not busy, and give its error."""
        for _ in range(20 * self.timeout_cycles):
            busy, error = self.look(ctx, slot)
            if not busy:
                return error
            await ctx.tick()
        raise AssertionError(f"slot {slot} was busy for ever")

    async def forget(self, ctx, slot=(0, 0)):
        """Clear the error of a slot."""
        forget = self.reader.forget
        channel, index = slot
        ctx.set(forget.payload, {"channel": channel, "index": index})
        ctx.set(forget.valid, 1)
        for _ in range(100):
            *_, ready = await ctx.tick().sample(forget.ready)
            if ready:
                break
        ctx.set(forget.valid, 0)
        assert ready

    async def read(self, ctx, host, card, length, slot=(0, 0)):
        """Read any length in segments of 1024 host bytes, wait for the end, give the error."""
        at = 0
        while at < length:
            piece = min(length - at, 1024 - (host + at) % 1024)
            await self.submit(ctx, host + at, card + at, piece, slot)
            at += piece
        return await self.ended(ctx, slot)

    def holds(self, host, card, length):
        """These host bytes are in card RAM."""
        return self.ram[card : card + length] == host_bytes(host, length)

    def touched(self, card, length):
        """Some byte of card RAM there was written."""
        return any(self.ram[n] != guard_byte(n) for n in range(card, card + length))

    def untouched_outside(self, card, length):
        """No other byte of card RAM was written."""
        end = card + length
        return not self.touched(0, card) and not self.touched(end, len(self.ram) - end)

    async def passes_a_normal_transfer(self, ctx):
        """The reader works as if nothing had happened."""
        self.host.fault = lambda _read: None
        self.host.takes_reads = True
        self.configure(ctx)
        ctx.set(self.reader.mute, 0)
        for slot in ((0, 0), (7, 7)):
            await self.ended(ctx, slot)
            await self.forget(ctx, slot)
            assert await self.read(ctx, 0x7_0000_0FF3, 0x2003, 3000, slot) == 0
            assert self.holds(0x7_0000_0FF3, 0x2003, 3000)

    def run(self, story, deadline=400_000):
        """Run ``story`` to its end within ``deadline`` cycles."""
        simulator = Simulator(self.reader)
        simulator.add_clock(8e-9)

        async def testbench(ctx):
            self.configure(ctx)
            await story(ctx)

        async def watchdog(ctx):
            for _ in range(deadline):
                await ctx.tick()
            raise AssertionError(f"not finished within {deadline} cycles")

        # The models run first in every cycle, so that the story sees what they did in it.
        simulator.add_testbench(self._serve, background=True)
        simulator.add_testbench(watchdog, background=True)
        simulator.add_testbench(testbench)
        simulator.run()

# SPDX-License-Identifier: BSD-2-Clause
"""The endpoint on the pins of pcie_7x, between a host and a card that the tests play."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from axis_7x import Configuration, TxMonitor, drive_rx, pack_beats
from stream_driver import simulate
from tlp_codec import be_bytes
from vop.pcie.endpoint import Endpoint
from vop.shims.pcie_7x import Pcie7xShim

__all__ = ["OUR_ID", "RAM_BYTES", "EndpointBench", "check_answer"]

OUR_ID = 5 << 8 | 3 << 3
RAM_BYTES = 16384
ERROR_PINS = ("cfg_err_ur", "cfg_err_poisoned", "cfg_err_posted", "cfg_err_cpl_abort",
              "cfg_err_cpl_timeout", "cfg_err_cpl_unexpect")


class EndpointBench:
    """Powered up; ``memory`` and ``registers`` are the card's, kept as accepted, in order."""

    def __init__(self, pace, *, width=128):
        self.pace = pace
        self.width = width
        self.top = Module()
        self.top.submodules.shim = self.shim = Pcie7xShim(width)
        self.top.submodules.endpoint = self.endpoint = Endpoint(width, ram_bytes=RAM_BYTES)
        wiring.connect(self.top, self.shim.phy, self.endpoint.phy)
        self.pins = self.shim.pins
        self.monitor = TxMonitor(self.pins, pace)
        self.configuration = Configuration(self.pins)
        self.memory = bytearray(pace.rng.randbytes(RAM_BYTES))
        self.registers = bytearray(pace.rng.randbytes(65536))
        self.accesses = []               # ("read" or "write", address, strobe), as granted
        self.counts = {}
        self.errors = []                 # (names of the error pins, header) per cycle with one
        self.first_fault = None          # (kind, header DWs), as it stands at the end
        self.completions = []            # headers of those received
        self.lines_written = []          # cycle of each
        self.lines_read = 0
        self.held = set()                # "memory writes", "registers": none of these is taken

    async def send(self, ctx, requests, *, straddle=True):
        """Send ``(tlp, bar)`` pairs; return the cycles that it took."""
        beats = pack_beats(requests, straddle=straddle, rng=self.pace.rng,
                           width=self.width)
        return await drive_rx(ctx, self.pins, beats, self.pace)

    async def settle(self, ctx):
        """Wait until everything sent has had its effect."""
        calm = 0
        while calm < 8:
            *_, endpoint_idle, shim_idle = await ctx.tick().sample(
                self.endpoint.idle, self.shim.idle)
            calm = calm + 1 if endpoint_idle and shim_idle else 0

    def run(self, story, *, background=(), limit_cycles=50_000, **configuration):
        async def powered_up(ctx):
            self.configuration.set(ctx, **configuration)
            await ctx.tick().repeat(2)
            await story(ctx)

        simulate(self.top, powered_up, limit_cycles=limit_cycles, background=[
            self.monitor.run, self._memory_side, self._register_side, self._watch, *background])

    async def _memory_side(self, ctx):
        read, write = self.endpoint.memory_read, self.endpoint.memory_write
        answers = []                     # (cycle due, line)
        size = self.width // 8
        cycle = 0
        while True:
            ctx.set(write.request.ready, self.pace() and "memory writes" not in self.held)
            ctx.set(read.request.ready, self.pace())
            due = bool(answers) and answers[0][0] <= cycle and self.pace()
            ctx.set(read.response.valid, due)
            if due:
                ctx.set(read.response.payload, answers.pop(0)[1])
            _, _, reads, line, writes, request = await ctx.tick().sample(
                read.request.valid & read.request.ready, read.request.payload,
                write.request.valid & write.request.ready, write.request.payload)
            if reads:
                self.lines_read += 1
                at = size * line
                answers.append((cycle + 2, int.from_bytes(self.memory[at:at + size], "little")))
            if writes:
                self.lines_written.append(cycle)
                for byte in range(size):
                    if request.strobe >> byte & 1:
                        self.memory[size * request.line + byte] = request.data >> 8 * byte & 0xFF
            cycle += 1

    async def _register_side(self, ctx):
        bus = self.endpoint.registers
        late = 0                         # the answer of the cycle before
        while True:
            willing = self.pace() and "registers" not in self.held
            ctx.set(self.endpoint.registers_grant, willing)
            _, _, reads, writes, address, data, strobe = await ctx.tick().sample(
                bus.read, bus.write, bus.address, bus.write_data, bus.write_strobe)
            assert not (reads and writes)
            answer = 0
            if willing and (reads or writes):
                assert address % 4 == 0
                self.accesses.append(("read" if reads else "write", address,
                                      strobe if writes else None))
                answer = int.from_bytes(self.registers[address:address + 4], "little") * reads
            if willing and writes:
                for byte in range(4):
                    if strobe >> byte & 1:
                        self.registers[address + byte] = data >> 8 * byte & 0xFF
            ctx.set(bus.read_data, late)
            late = answer
    async def _watch(self, ctx):
        completions = self.endpoint.completions
        while True:
            _, _, completes, beat, counted, header, record, *pins = await ctx.tick().sample(
                completions.valid, completions.payload, self.endpoint.counted,
                self.pins.cfg_err_tlp_cpl_header, self.endpoint.first_fault,
                *(getattr(self.pins, name) for name in ERROR_PINS))
            if completes and beat.first:
                self.completions.append(beat.header)
            for name, _ in counted.shape():
                self.counts[name] = self.counts.get(name, 0) + getattr(counted, name)
            names = tuple(name for name, value in zip(ERROR_PINS, pins, strict=True) if value)
            if names:
                self.errors.append((names, header))
            self.first_fault = record.kind, list(record.header)


def check_answer(request, completions, *, mps):
    """Take the completions of one read off the list, check each, and return their bytes.

    The rules are those of Base 4.0, 2.2.9 and 2.3.1.1, worked out byte by byte.
    """
    enabled = be_bytes(request.first_be, request.last_be, request.length)
    wanted = [at for at, on in enumerate(enabled) if on] or [0]
    at, end = request.address + wanted[0], request.address + wanted[-1] + 1
    answer = b""
    while at < end:
        completion = completions.pop(0)
        assert completion.kind == "CplD"
        assert completion.status == 0
        assert (completion.tag, completion.requester, completion.completer) == (
            request.tag, request.requester, OUR_ID)
        assert (completion.traffic_class, completion.attr) == (request.traffic_class, request.attr)
        assert not completion.poisoned
        assert completion.byte_count == end - at
        assert completion.lower_address == at % 128
        assert len(completion.payload) <= mps
        stop = (at & ~3) + len(completion.payload)
        assert stop >= end or stop % 128 == 0, "a split lies at RCB"
        answer += completion.payload
        at = stop
    assert len(answer) == 4 * request.length
    return answer

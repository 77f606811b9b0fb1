# SPDX-License-Identifier: BSD-2-Clause
"""Stories that prove the models: a card in Python, written from the block's manual alone.

It decodes header words by itself, so that neither the library nor the gateware vouches for it.
"""

import cocotb
import pytest
from cocotb.queue import Queue
from cocotb.triggers import FallingEdge, ReadOnly, RisingEdge, Timer, with_timeout

from sim.harness.bench import story
from sim.models.completer import Fault
from sim.models.host import Refused

WINDOW_BYTES = 0x4_0000


def swapped(word):
    """Turn a payload DW between stream order and memory order."""
    return int.from_bytes(word.to_bytes(4, "big"), "little")


class PythonCard:
    """Answers BAR accesses from a byte array; sends what it is told to.

    It drives its pins behind the rising edge, as registers do.
    """

    def __init__(self, bench):
        self.bench, self.dut = bench, bench.dut
        self.memory = {0: bytearray(0x1_0000), 2: bytearray(WINDOW_BYTES)}
        self.completions = Queue()
        self.starts = []  # byte positions at which packets began
        self.outgoing = Queue()
        for pin in ("m_axis_rx_tready", "rx_np_ok", "tx_cfg_gnt"):
            getattr(self.dut, f"card_{pin}").value = 1
        for pin in ("s_axis_tx_tvalid", "cfg_interrupt", "s_axis_tx_tuser"):
            getattr(self.dut, f"card_{pin}").value = 0
        cocotb.start_soon(self._receive())
        cocotb.start_soon(self._transmit())

    @classmethod
    async def plugged(cls, bench):
        """Return a card that the host has enumerated."""
        card = cls(bench)
        await bench.enumerate()
        return card

    async def _receive(self):
        dut, words, hit = self.dut, None, 0
        while True:
            await FallingEdge(dut.clk)
            await ReadOnly()
            if not (dut.m_axis_rx_tvalid.value and dut.m_axis_rx_tready.value):
                continue
            data, user = int(dut.m_axis_rx_tdata.value), int(dut.m_axis_rx_tuser.value)
            sof, eof = user >> 10 & 31, user >> 17 & 31
            lanes = [data >> 32 * n & 0xFFFF_FFFF for n in range(4)]
            start = (sof & 15) // 4 if sof & 16 else None
            if words is not None:
                words += lanes[: (eof & 15) // 4 + 1 if eof & 16 else 4]
                if eof & 16:
                    self._handle(words, hit)
                    words = None
            if start is not None:
                assert words is None, "a packet began before the one before had ended"
                self.starts.append(sof & 15)
                hit = user >> 2 & 0x7F
                one_beat = eof & 16 and (eof & 15) // 4 > start
                words = lanes[start : (eof & 15) // 4 + 1 if one_beat else 4]
                if one_beat:
                    self._handle(words, hit)
                    words = None

    def _handle(self, words, hit):
        kind = words[0] >> 24
        if kind in (0x0A, 0x4A):
            self.completions.put_nowait(words)
            return
        wide = kind >> 5 & 1
        length = words[0] & 0x3FF or 1024
        address = words[2] if not wide else words[2] << 32 | words[3]
        bar = {0b1: 0, 0b1100: 2}[hit]
        memory = self.memory[bar]
        offset = (address & ~3) % len(memory)
        enables = [words[1] & 15] + [15] * (length - 2) + [words[1] >> 4 & 15] * (length > 1)
        if kind & 0x40:
            for n, (word, enable) in enumerate(zip(words[3 + wide :], enables, strict=True)):
                for byte, value in enumerate(word.to_bytes(4, "big")):
                    if enable >> byte & 1:
                        memory[offset + 4 * n + byte] = value
        else:
            self._answer(words, memory[offset : offset + 4 * length], enables)

    def _answer(self, words, data, enables):
        present = [
            4 * n + b for n, enable in enumerate(enables) for b in range(4) if enable >> b & 1
        ] or [0]
        count = present[-1] - present[0] + 1
        lower = words[-1] & 0x7C | present[0]
        dws = [int.from_bytes(data[n : n + 4], "big") for n in range(0, len(data), 4)]
        identity = 0x0100
        piece = 64 // 4 - (lower & 0x3C) // 4
        while dws:
            some, dws = dws[:piece], dws[piece:]
            self.send(
                [
                    0x4A00_0000 | len(some) | words[0] & 0x0070_3000,
                    identity << 16 | count & 0xFFF,
                    words[1] & 0xFFFF_FF00 | lower,
                    *some,
                ]
            )
            count -= 4 * len(some) - (lower & 3)
            lower, piece = lower + 4 * len(some) & 0x7C, 16

    def send(self, words):
        """Queue a packet."""
        self.outgoing.put_nowait(words)

    async def _transmit(self):
        dut = self.dut
        while True:
            words = await self.outgoing.get()
            await RisingEdge(dut.clk)
            for at in range(0, len(words), 4):
                some = words[at : at + 4]
                dut.card_s_axis_tx_tdata.value = sum(w << 32 * n for n, w in enumerate(some))
                dut.card_s_axis_tx_tkeep.value = (1 << 4 * len(some)) - 1
                dut.card_s_axis_tx_tlast.value = int(at + 4 >= len(words))
                dut.card_s_axis_tx_tvalid.value = 1
                ready = 0
                while not ready:
                    await FallingEdge(dut.clk)
                    await ReadOnly()
                    ready = dut.s_axis_tx_tready.value
                    await RisingEdge(dut.clk)
            dut.card_s_axis_tx_tvalid.value = 0

    async def raise_vector(self, vector):
        """Hold `cfg_interrupt` until the block has taken it."""
        dut = self.dut
        await RisingEdge(dut.clk)
        dut.card_cfg_interrupt_di.value = vector
        dut.card_cfg_interrupt.value = 1
        await RisingEdge(dut.cfg_interrupt_rdy)
        await RisingEdge(dut.clk)
        dut.card_cfg_interrupt.value = 0

    async def completion(self, timeout_ns=20_000):
        """Take the next completion."""
        return await with_timeout(self.completions.get(), timeout_ns, "ns")


def write_of(address, data, first=15, last=15, identity=0x0100):
    """Words of a memory write of whole DWs."""
    dws = [int.from_bytes(data[n : n + 4], "big") for n in range(0, len(data), 4)]
    header = [0x4000_0000 | len(dws), identity << 16 | (last if len(dws) > 1 else 0) << 4 | first]
    if address >> 32:
        return [header[0] | 0x2000_0000, header[1], address >> 32, address & 0xFFFF_FFFF, *dws]
    return [*header, address, *dws]


def read_of(address, length_dw, tag, identity=0x0100):
    """Words of a memory read of whole DWs."""
    last = 15 if length_dw > 1 else 0
    header = [length_dw & 0x3FF, identity << 16 | tag << 8 | last << 4 | 15]
    if address >> 32:
        return [header[0] | 0x2000_0000, header[1], address >> 32, address & 0xFFFF_FFFF]
    return [*header, address]


@story(enumerated=False)
async def the_host_finds_the_card_and_maps_its_bars(bench):
    await PythonCard.plugged(bench)
    host = bench.host

    assert host.card.vendor_id == 0x1D1D
    assert (host.card.bar_size[0], host.card.bar_size[2]) == (0x1_0000, WINDOW_BYTES)
    assert bench.dut.cfg_bus_number.value == 1
    assert bench.block.configuration.bus_master


@story(enumerated=False)
async def what_the_host_writes_it_reads_back(bench):
    await PythonCard.plugged(bench)
    data = bench.rng.randbytes(1000)

    await bench.host.write(2, 0x123, data)

    assert await bench.host.read(2, 0x123, 1000) == data


@story(enumerated=False)
async def packets_straddle_a_beat(bench):
    card = await PythonCard.plugged(bench)

    for n in range(40):
        await bench.host.write(0, 8 * n, bytes(8))
    await bench.rest()

    assert 8 in card.starts
    assert 0 in card.starts


@story(enumerated=False)
async def the_card_writes_and_reads_host_memory(bench):
    card = await PythonCard.plugged(bench)
    for high in (False, True):
        buffer = bench.host.memory.allocate(128, high=high)
        data = bench.rng.randbytes(128)
        card.send(write_of(buffer.address, data))
        card.send(read_of(buffer.address, 16, tag=3))
        words = await card.completion()
        assert b"".join(word.to_bytes(4, "big") for word in words[3:]) == data[:64]
        assert buffer.content == data


@story(enumerated=False)
async def a_message_arrives_behind_the_write_before_it(bench):
    card = await PythonCard.plugged(bench)
    await bench.host.enable_msi(5)
    buffer = bench.host.memory.allocate(4)
    card.send(write_of(buffer.address, b"data"))
    while not card.outgoing.empty() or bench.dut.s_axis_tx_tvalid.value:
        await Timer(8, "ns")

    await card.raise_vector(31)
    await bench.host.vector(31)

    assert buffer.content == b"data"
    assert bench.block.msis == 1


@story(enumerated=False)
async def a_card_that_breaks_the_rules_is_found_out(bench):
    card = await PythonCard.plugged(bench)
    buffer = bench.host.memory.allocate(8192)

    card.send(write_of(buffer.address + 4096 - 4, bytes(8)))
    card.send(write_of(buffer.address, bytes(256)))
    card.send(write_of(buffer.address, bytes(8), last=0))
    card.send(read_of(buffer.address, 1, tag=40, identity=0x0200))
    card.send(write_of(buffer.address, bytes(8))[:-1])
    card.send([0x4A00_0001, 0x0100_0004, 0x0000_0700, 0])
    await Timer(5_000, "ns")

    for text in (
        "4 KiB",
        "MPS",
        "several DW",
        "requester id must be ours",
        "packet must have",
        "must answer an open request",
    ):
        bench.expect_fault(text)
    bench.warnings.kept.clear()
    bench.block.buffer.clear()


@story(enumerated=False)
async def too_many_reads_overrun_the_completion_buffer(bench):
    card = await PythonCard.plugged(bench)
    bench.host.completer.latency_ns = 10_000
    buffer = bench.host.memory.allocate(4096)

    for tag in range(5):
        card.send(read_of(buffer.address + 512 * tag, 128, tag))
    await Timer(30_000, "ns")

    bench.expect_fault("completions of outstanding reads may need 40 headers")


@story(enumerated=False)
async def a_tag_used_twice_is_found_out(bench):
    card = await PythonCard.plugged(bench)
    bench.host.completer.latency_ns = 2_000
    buffer = bench.host.memory.allocate(64)

    card.send(read_of(buffer.address, 1, 5))
    card.send(read_of(buffer.address, 1, 5))
    await Timer(5_000, "ns")

    bench.expect_fault("tag 5 used again")


@story(enumerated=False)
async def bus_mastering_switched_off_stops_the_card(bench):
    card = await PythonCard.plugged(bench)
    buffer = bench.host.memory.allocate(64)
    before = buffer.content
    await bench.host.set_bus_master(False)
    await Timer(1_000, "ns")

    card.send(write_of(buffer.address, bytes(64)))
    await Timer(1_000, "ns")

    bench.expect_fault("sent while bus mastering is off")
    assert buffer.content == before


@story(enumerated=False)
async def hostile_completions_look_hostile(bench):
    card = await PythonCard.plugged(bench)
    host = bench.host
    buffer = host.memory.allocate(64)
    faults = (Fault.UNSUPPORTED, Fault.ABORT, Fault.POISON, Fault.NONE)
    host.completer.faults.extend((*faults, Fault.SILENCE))

    seen = []
    for tag in range(len(faults)):
        card.send(read_of(buffer.address, 1, tag))
        words = await card.completion()
        seen.append((words[1] >> 13 & 7, words[0] >> 14 & 1))
    card.send(read_of(buffer.address, 1, 9))
    await Timer(5_000, "ns")

    assert seen == [(1, 0), (4, 0), (0, 1), (0, 0)]
    assert card.completions.empty()
    bench.warnings.expected += ["UR status", "CA status", "oisoned TLP"]
    bench.warnings.kept[:] = [text for text in bench.warnings.kept if "TLP:" not in text]


@story(enumerated=False)
async def non_posted_requests_wait_while_the_card_holds_them(bench):
    await PythonCard.plugged(bench)
    bench.dut.card_rx_np_ok.value = 0
    reads = [cocotb.start_soon(bench.host.read(0, 0, 4)) for _ in range(4)]
    await Timer(2_000, "ns")
    passed = bench.block.to_card.tlps["memory_read"]
    await bench.host.write(0, 0, b"here")
    await Timer(1_000, "ns")
    written = bench.block.to_card.tlps["memory_write"]

    bench.dut.card_rx_np_ok.value = 1
    answers = [await with_timeout(read, 5_000, "ns") for read in reads]

    assert (passed, written) == (2, 1)
    assert answers[3] == b"here"


@story(enumerated=False)
async def a_read_that_nobody_answers_is_refused(bench):
    card = await PythonCard.plugged(bench)
    bench.dut.card_m_axis_rx_tready.value = 0
    with pytest.raises(Refused, match="no completion"):
        await bench.host.read(0, 0, 4)
    bench.dut.card_m_axis_rx_tready.value = 1
    assert card.completions.empty()


@story(enumerated=False)
async def a_function_level_reset_clears_configuration_and_tells_the_card(bench):
    await PythonCard.plugged(bench)
    seen = cocotb.start_soon(
        with_timeout(RisingEdge(bench.dut.cfg_received_func_lvl_rst), 20_000, "ns")
    )

    await bench.host.function_level_reset()

    await seen
    await bench.host.write(2, 64, b"back")
    assert await bench.host.read(2, 64, 4) == b"back"

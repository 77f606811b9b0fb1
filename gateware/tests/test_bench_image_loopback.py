# SPDX-License-Identifier: BSD-2-Clause
"""The small host of the bench image keeps what is written and answers what is read."""

import random

import pytest
from amaranth.sim import Simulator
from vop.bench_image.loopback import PAGE_BUS, LoopbackPhy
from vop.pcie.tlp import CompletionStatus, Kind
from vop.regs import GUARD

WIDTHS = (64, 128, 256)
LIMIT_CYCLES = 3000


def simulate(width, story):
    dut = LoopbackPhy(width)

    async def bounded(ctx):
        await story(ctx, Link(ctx, dut))

    simulator = Simulator(dut)
    simulator.add_clock(16e-9)
    simulator.add_testbench(bounded)
    simulator.run_until(LIMIT_CYCLES * 16e-9)
    assert not simulator.advance(), "the story must end"


class Link:
    """The card's end of the TLP contract, byte by byte."""

    def __init__(self, ctx, dut):
        self.ctx, self.dut, self.phy = ctx, dut, dut.phy
        self.size = len(dut.phy.tx.payload.data) // 8

    async def write(self, address, content):
        """Write bytes from any address on, as one TLP."""
        skipped = address % 4
        padded = bytes(skipped) + content
        length_dw = (len(padded) + 3) // 4
        first = 0xF << skipped & 0xF
        last = 0xF >> -len(padded) % 4
        if length_dw == 1:
            first, last = first & last, 0
        header = {"kind": Kind.MEMORY_WRITE, "address": address - skipped, "length_dw": length_dw,
                  "first_be": first, "last_be": last}
        for at in range(0, len(padded), self.size):
            await self._send({"header": header, "first": at == 0,
                              "last": at + self.size >= len(padded),
                              "data": int.from_bytes(padded[at:at + self.size], "little")})

    async def ask(self, address, length_dw=1, first_be=0xF, last_be=0, tag=7):
        await self._send({"header": {
            "kind": Kind.MEMORY_READ, "address": address, "length_dw": length_dw, "tag": tag,
            "first_be": first_be, "last_be": last_be}, "first": 1, "last": 1})

    async def _send(self, beat):
        self.ctx.set(self.phy.tx.payload, beat)
        self.ctx.set(self.phy.tx.valid, 1)
        taken = False
        while not taken:
            _, _, taken = await self.ctx.tick().sample(self.phy.tx.ready)
        self.ctx.set(self.phy.tx.valid, 0)

    async def answer(self):
        """Take one TLP: its header, BAR, and the bytes that count."""
        self.ctx.set(self.phy.rx.ready, 1)
        content, first = b"", True
        while True:
            _, _, valid, beat = await self.ctx.tick().sample(self.phy.rx.valid,
                                                             self.phy.rx.payload)
            if not valid:
                continue
            assert beat.first == first
            first = False
            enables = [beat.byte_enable >> at & 1 for at in range(self.size)]
            count = sum(enables)
            assert enables == [1] * count + [0] * (self.size - count)
            content += (beat.data & (1 << 8 * count) - 1).to_bytes(count, "little")
            if beat.last:
                self.ctx.set(self.phy.rx.ready, 0)
                return beat.header, beat.bar, content


@pytest.mark.parametrize("width", WIDTHS)
def test_it_opens_the_guards_window_for_its_page(width):
    async def story(ctx, link):
        header, bar, content = await link.answer()

        assert (header.kind, bar, header.address) == (Kind.MEMORY_WRITE, 0, GUARD.base)
        assert (header.length_dw, header.first_be, header.last_be) == (3, 0xF, 0xF)
        assert content == PAGE_BUS.to_bytes(8, "little") + (1).to_bytes(4, "little")

    simulate(width, story)


@pytest.mark.parametrize("width", WIDTHS)
def test_what_is_written_at_any_alignment_is_read_back(width):
    rng = random.Random(width)

    async def story(ctx, link):
        await link.answer()
        page = bytearray(256)
        await link.write(PAGE_BUS, bytes(page))
        for start, count in [(0, 4), (1, 1), (2, 5), (7, 30), (3, 66), (100, 128), (253, 3)]:
            content = rng.randbytes(count)
            await link.write(PAGE_BUS + start, content)
            page[start:start + count] = content
        for at, length_dw in [(0, 1), (4, 3), (0, 32), (128, 32), (8, 17)]:
            await link.ask(PAGE_BUS + at, length_dw, 0xF, 0xF if length_dw > 1 else 0, tag=at)
            header, _, content = await link.answer()
            assert (header.kind, header.status) == (Kind.COMPLETION_DATA,
                                                    CompletionStatus.SUCCESSFUL)
            assert (header.tag, header.length_dw) == (at, length_dw)
            assert (header.byte_count, header.lower_address) == (4 * length_dw, at & 0x7F)
            assert content == page[at:at + 4 * length_dw]

    simulate(width, story)


@pytest.mark.parametrize(("enables", "length_dw", "byte_count", "lower_address"), [
    ((0b0110, 0), 1, 2, 0x45),
    ((0b1000, 0b0001), 2, 2, 0x47),
    ((0b1110, 0b0111), 3, 10, 0x45),
    ((0b0000, 0), 1, 1, 0x44),           # 2.2.5: a read of nothing, to flush
])
def test_the_answer_counts_the_bytes_that_were_asked_for(enables, length_dw, byte_count,
                                                         lower_address):
    async def story(ctx, link):
        await link.answer()
        await link.ask(PAGE_BUS + 0xFC4, length_dw, *enables)
        header, _, content = await link.answer()

        assert (header.byte_count, header.lower_address) == (byte_count, lower_address)
        assert len(content) == 4 * length_dw

    simulate(64, story)


def test_outside_the_page_a_read_is_refused_and_a_write_dropped():
    async def story(ctx, link):
        await link.answer()
        await link.write(PAGE_BUS + 8, b"ours")
        await link.write(PAGE_BUS + 4096 + 8, b"lost")
        await link.write(PAGE_BUS + 8 - (1 << 32), b"lost")
        await link.ask(PAGE_BUS - 4096 + 8)
        header, _, content = await link.answer()
        assert (header.kind, header.status) == (Kind.COMPLETION, CompletionStatus.UNSUPPORTED)
        assert (header.length_dw, content) == (0, b"")

        await link.ask(PAGE_BUS + 8)
        _, _, content = await link.answer()
        assert content == b"ours"

    simulate(64, story)


def test_faults_are_of_reads_alone():
    async def story(ctx, link):
        await link.answer()
        ctx.set(link.dut.corrupt, 1)
        await link.write(PAGE_BUS, b"abcd")
        await link.ask(PAGE_BUS)
        assert (await link.answer())[2] == b"`bcd"

        ctx.set(link.dut.corrupt, 0)
        ctx.set(link.dut.mute, 1)
        await link.ask(PAGE_BUS, tag=1)
        for _ in range(50):
            assert not ctx.get(link.phy.rx.valid)
            await ctx.tick()
        ctx.set(link.dut.mute, 0)
        await link.ask(PAGE_BUS, tag=2)
        header, _, content = await link.answer()
        assert (header.tag, content) == (2, b"abcd")

    simulate(64, story)

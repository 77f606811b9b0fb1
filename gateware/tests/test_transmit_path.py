# SPDX-License-Identifier: BSD-2-Clause
"""Queued writes from the requester to the hard block's pins: no beat is left empty."""

import pytest
from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from axis_7x import Configuration, TxMonitor
from copier_models import CardRam, HostMemory
from copier_models import Pace as RamPace
from stream_driver import Pace, send, simulate
from tlp_codec import be_bytes
from vop.pcie.sender import Sender
from vop.requester.segment import WriteSegmentLayout
from vop.requester.writer import HostWriter
from vop.shims.pcie_7x import Pcie7xShim, PinsSignature
from vop.soc import memory_port

RAM_BITS = 14


class TransmitPath(wiring.Component):
    """Writer, sender and shim."""

    def __init__(self, width):
        self._width = width
        self.writer = HostWriter(card_bits=RAM_BITS, width=width)
        super().__init__({
            "segment": In(stream.Signature(WriteSegmentLayout(RAM_BITS))),
            "memory":  Out(memory_port.ReadSignature(
                RAM_BITS - (width // 8).bit_length() + 1, width)),
            "pins":    In(PinsSignature(width)),
            "drained": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.writer = writer = self.writer
        m.submodules.sender = sender = Sender(self._width)
        m.submodules.shim = shim = Pcie7xShim(self._width)
        wiring.connect(m, wiring.flipped(self.segment), writer.segment)
        wiring.connect(m, writer.memory, wiring.flipped(self.memory))
        wiring.connect(m, writer.tlp, sender.writes)
        wiring.connect(m, sender.tx, shim.phy.tx)
        wiring.connect(m, shim.pins, wiring.flipped(self.pins))
        m.d.comb += [
            writer.config.eq(shim.phy.config),
            sender.shallow.eq(shim.phy.tx_shallow),
            self.drained.eq(writer.idle & ~sender.tx.valid & shim.phy.tx_drained),
        ]
        return m


def send_segments(segments, width):
    """Send them as fast as they are taken, check every byte, and return what the pins saw."""
    dut = TransmitPath(width)
    pace = Pace("flowing", width)
    ram = CardRam(width=width, size=1 << RAM_BITS, pace=RamPace(False, width))
    monitor = TxMonitor(dut.pins, pace)

    async def drive(ctx):
        Configuration(dut.pins).set(ctx)
        await ctx.tick()
        await send(ctx, dut.segment, [
            {"host_address": host, "card_address": card, "bytes": length}
            for host, card, length in segments], pace)
        await ctx.tick().repeat(10)
        await ctx.tick().until(dut.drained)

    simulate(dut, drive, background=[ram.serve_reads(dut.memory), monitor.run])
    memory = HostMemory()
    for tlp in monitor.tlps:
        for at, enabled in enumerate(be_bytes(tlp.first_be, tlp.last_be, tlp.length)):
            if enabled:
                memory.written[tlp.address + at] = tlp.payload[at]
    assert memory.written == {host + n: ram.bytes[card + n]
                              for host, card, length in segments for n in range(length)}
    return monitor


@pytest.mark.parametrize("width", [64, 128])
@pytest.mark.parametrize("above_4_gib", [False, True])
@pytest.mark.parametrize(("host", "card"), [(0, 0), (3, 0), (1, 7), (0, 9), (64, 15)])
def test_long_writes_fill_every_beat_at_any_alignment(host, card, above_4_gib, width):
    base = 0x1_0000_0000 * above_4_gib + 0x2000 + host

    monitor = send_segments([(base + 1024 * n, 0x100 + card + 1024 * n, 1024)
                             for n in range(4)], width)

    assert monitor.gaps == 0
    assert len(monitor.tlps) == 32 + (host % 128 != 0)


@pytest.mark.parametrize("width", [64, 128])
@pytest.mark.parametrize("above_4_gib", [False, True])
def test_short_writes_that_are_not_adjacent_fill_every_beat(above_4_gib, width):
    base = 0x1_0000_0000 * above_4_gib + 0x2000
    header_dw = 3 + above_4_gib

    monitor = send_segments([(base + 256 * n, 0x100 + 64 * n, 64) for n in range(24)], width)

    assert monitor.gaps == 0
    assert len(monitor.tlps) == 24
    assert monitor.beats == 24 * -(-(header_dw + 16) // (width // 32))

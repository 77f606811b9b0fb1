# SPDX-License-Identifier: BSD-2-Clause
"""The host reads and writes the card at every width, alignment and byte enable."""

import pytest
from cocotbext.pcie.core.tlp import CplStatus

from sim.harness.bench import story
from sim.models.host import Refused

WIDTHS = (1, 2, 3, 4, 5, 7, 8, 12, 16, 17, 31, 64, 65, 127, 128, 300)


def merged(old, new, enables):
    """What memory holds after a write with byte enables."""
    return bytes(
        n if enables >> i & 1 else o for i, (o, n) in enumerate(zip(old, new, strict=True))
    )


@story()
async def card_ram_keeps_every_width_at_every_alignment(bench):
    shadow = bytearray(bench.rng.randbytes(2048))
    await bench.card.load(0x4000, bytes(shadow))

    for width in WIDTHS:
        for offset in range(0, 17):
            data = bench.rng.randbytes(width)
            await bench.card.load(0x4000 + 64 + offset, data)
            shadow[64 + offset : 64 + offset + width] = data
            assert await bench.card.dump(0x4000 + 64 + offset, width) == data

    assert await bench.card.dump(0x4000, 2048) == bytes(shadow)


@story()
async def card_ram_obeys_every_byte_enable_of_one_word(bench):
    for enables in range(16):
        old, new = bench.rng.randbytes(4), bench.rng.randbytes(4)
        await bench.card.load(0x100, old)

        await bench.host.write_enabled(2, 0x100, [int.from_bytes(new, "little")], enables)

        assert await bench.card.dump(0x100, 4) == merged(old, new, enables)


@story()
async def card_ram_obeys_first_and_last_byte_enables(bench):
    for first in (0b1111, 0b1110, 0b1100, 0b1000):
        for last in (0b1111, 0b0111, 0b0011, 0b0001):
            old, new = bench.rng.randbytes(20), bench.rng.randbytes(20)
            await bench.card.load(0x204, old)
            words = [int.from_bytes(new[n : n + 4], "little") for n in range(0, 20, 4)]

            await bench.host.write_enabled(2, 0x204, words, first, last)

            expected = merged(old, new, first | 0xFFF << 4 | last << 16)
            assert await bench.card.dump(0x204, 20) == expected


@story()
async def two_words_may_have_holes(bench):
    for enables in (0b0101_1010, 0b1001_0110, 0b0001_1000, 0b1010_0101):
        old, new = bench.rng.randbytes(8), bench.rng.randbytes(8)
        await bench.card.load(0x300, old)
        words = [int.from_bytes(new[n : n + 4], "little") for n in (0, 4)]

        await bench.host.write_enabled(2, 0x300, words, enables & 15, enables >> 4)

        assert await bench.card.dump(0x300, 8) == merged(old, new, enables)


@story()
async def a_register_obeys_every_byte_enable(bench):
    at = bench.card.address("copier.record_hi")
    for enables in range(16):
        await bench.card.set("copier.record_hi", 0x1122_3344)

        await bench.host.write_enabled(0, at, [0xAABB_CCDD], enables)

        expected = merged(bytes.fromhex("44332211"), bytes.fromhex("ddccbbaa"), enables)
        assert await bench.host.read(0, at, 4) == expected


@story()
async def a_register_is_read_at_every_width(bench):
    whole = await bench.host.read(0, 0, 32)

    for offset in range(8):
        for width in (1, 2, 3, 4, 8):
            part = await bench.host.read(0, offset, width)
            assert part == whole[offset : offset + width]


@story()
async def a_read_of_no_byte_is_completed(bench):
    completions = await bench.host.read_nothing(2, 0x80)

    assert [completion.status for completion in completions] == [CplStatus.SC]
    assert completions[0].length == 1


@story(mps_log2=2, rcb_bytes=128)
async def long_accesses_work_with_large_payloads(bench):
    data = bench.rng.randbytes(6000)

    await bench.card.load(0x1003, data)

    assert await bench.card.dump(0x1003, 6000) == data


@story()
async def a_register_command_sees_every_byte_written_before_it(bench):
    channel = await bench.card.channel()
    buffer = bench.host.memory.allocate(256)
    for value in range(8):
        await bench.card.load(0x600, bytes([value]) * 256)

        await channel.copy(buffer, 0x600, 256, to_host=True)

        assert buffer.content == bytes([value]) * 256


@story()
async def what_holds_nothing_reads_zero_and_drops_writes(bench):
    await bench.host.write(0, 0xFF00, b"gone")

    assert await bench.host.read(0, 0xFF00, 4) == bytes(4)
    assert await bench.card.get("stats.register_refused") == 1


@story()
async def a_read_outside_every_bar_is_refused(bench):
    bench.warnings.expected += ["UR status", "No BAR match"]

    with pytest.raises(Refused, match="UR"):
        await bench.host.read(0, 0x2_0000, 4)

    assert await bench.card.get("identity.magic") == 0x31504F56

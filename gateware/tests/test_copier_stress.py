# SPDX-License-Identifier: BSD-2-Clause
"""All channels at once, with a host that reorders, splits, and now and then fails."""

import pytest
from copier_bench import (
    CONTROL,
    COPY,
    ENABLE,
    FAILED,
    IDLE,
    RAM_BYTES,
    RESET_CHANNEL,
    TO_HOST,
    Bench,
)
from copier_models import pattern

OK, TIMEOUT, UNSUPPORTED, ABORTED_BY_HOST, POISONED = 0, 5, 6, 7, 8
CHANNELS = range(8)
SHARE = RAM_BYTES // len(CHANNELS)     # of card RAM, for each channel
FAULTS = {"silent": TIMEOUT, "unsupported": UNSUPPORTED, "abort": ABORTED_BY_HOST,
          "poisoned": POISONED}


def host_area(channel):
    return 0x4_0000_0000 + 0x1_0000 * channel


@pytest.mark.parametrize("seed", [60, 61])
@pytest.mark.parametrize("stutters", [False, True])
def test_channels_do_not_disturb_each_other_whatever_the_host_does(stutters, seed):
    bench = Bench(stutters, seed=seed, latency=40)
    rng = bench.pace.random
    expected_ram = bytearray(bench.ram.bytes)
    expected_host = {}
    faulty = {}      # channel: fault

    def fault(tlp):
        return faulty.get((tlp.address - host_area(0)) >> 16)

    def plan(channel):
        """A random copy within the channel's own areas; applies it to what is expected."""
        length = rng.choice((1, 3, 16, 64, 200, 700))
        card = channel * SHARE + rng.randrange(SHARE - length)
        host = host_area(channel) + rng.randrange(0x8000)
        to_host = rng.random() < 0.5
        if to_host and channel not in faulty:
            for n in range(length):
                expected_host[host + n] = expected_ram[card + n]
        elif channel not in faulty:
            content = bytes(expected_host.get(host + n, bench.host.memory[host + n])
                            for n in range(length))
            expected_ram[card:card + length] = content
        return {"flags": TO_HOST * to_host, "length": length, "host": host, "card": card}

    async def story(ctx):
        bench.host.fault = fault
        await bench.open_window(ctx, 0, host_area(0), 16 * len(CHANNELS))
        for channel in CHANNELS:
            await bench.enable(ctx, channel, entries_log2=0)  # no ring, so no failure's record
            bench.host.memory.fill(host_area(channel), pattern(0x200, seed=channel))

        for _ in range(3):
            for channel in CHANNELS:
                for _ in range(rng.randrange(4)):
                    await bench.submit(ctx, channel, COPY, **plan(channel))
            for channel in CHANNELS:
                assert await bench.finish(ctx, channel) == (IDLE, OK)
            victim = rng.choice(CHANNELS)
            faulty[victim], error = rng.choice(list(FAULTS.items()))
            await bench.submit(ctx, victim, COPY, length=100, host=host_area(victim),
                               card=victim * SHARE)
            for channel in CHANNELS:
                await bench.submit(ctx, channel, COPY, **plan(channel))
            for channel in CHANNELS:
                if channel == victim:
                    assert await bench.finish(ctx, channel) == (FAILED, error)
                else:
                    assert await bench.finish(ctx, channel) == (IDLE, OK)
            faulty.clear()
            await bench.write_channel(ctx, victim, CONTROL, ENABLE | RESET_CHANNEL)
            assert await bench.finish(ctx, victim) == (IDLE, OK)

        assert bench.ram.bytes == expected_ram
        assert bench.host.memory.written == expected_host
        assert bench.counted["command_failed"] == 3
    bench.run(story)

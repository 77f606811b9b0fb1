# SPDX-License-Identifier: BSD-2-Clause
"""A host that refuses, lies, poisons, or says nothing. The endpoint still works afterwards."""

import cocotb
import pytest
from cocotb.triggers import SimTimeoutError, Timer
from cocotbext.pcie.core.tlp import CplStatus, Tlp, TlpType
from vop.regs.copier import ChannelState, CommandError, Opcode

from sim.harness.bench import story
from sim.models.completer import Fault

TIMEOUT_NS = 60_000
REFUSALS = [
    (Fault.UNSUPPORTED, CommandError.UNSUPPORTED),
    (Fault.ABORT, CommandError.ABORTED_BY_HOST),
    (Fault.POISON, CommandError.POISONED),
    (Fault.HALF, CommandError.ABORTED_BY_HOST),
    (Fault.SILENCE, CommandError.TIMEOUT),
    (Fault.MISPLACED, CommandError.TIMEOUT),
]


def expect_complaints(bench):
    """Bridges on the way complain of what this host does on purpose."""
    bench.warnings.expected += ["UR status", "CA status", "poisoned TLP", "Poisoned TLP"]
    bench.warnings.expected += ["Bad status", "Invalid tag", "Lower address mismatch"]


async def still_works(bench):
    """A fresh channel moves bytes both ways, and registers answer."""
    await bench.rest()
    channel = await bench.card.channel(1)
    buffer = bench.host.memory.allocate(3000)
    record = await channel.copy(buffer, 0x8000, 3000, to_host=False)
    assert record.error is CommandError.OK
    assert await bench.card.dump(0x8000, 3000) == buffer.content
    assert await bench.card.get("identity.magic") == 0x31504F56


@cocotb.parametrize(case=REFUSALS)
@story()
async def a_refused_read_fails_its_command_and_stops_its_channel(bench, case):
    fault, error = case
    expect_complaints(bench)
    channel = await bench.card.channel()
    buffer = bench.host.memory.allocate(4096)
    bench.host.completer.faults.extend([Fault.NONE, fault])

    record = await channel.copy(buffer, 0x8000, 4096, to_host=False)

    assert record.error is error
    assert await channel.status() == (ChannelState.FAILED, error)
    assert await bench.card.get("stats.command_failed") == 1
    await still_works(bench)


@story()
async def poisoned_bytes_are_not_written(bench):
    expect_complaints(bench)
    channel = await bench.card.channel()
    buffer = bench.host.memory.allocate(64)
    bench.host.completer.split = "whole"
    bench.host.completer.faults.append(Fault.POISON)
    await bench.card.load(0x8000, bytes(64))

    record = await channel.copy(buffer, 0x8000, 64, to_host=False)
    await bench.rest()

    assert record.error is CommandError.POISONED
    assert await bench.card.dump(0x8000, 64) == bytes(64)


@story()
async def a_failed_channel_drops_what_it_holds_and_works_again_after_a_reset(bench):
    expect_complaints(bench)
    channel = await bench.card.channel()
    # When the first command fails, reads of the next may be under way, but not of the last.
    long = bench.host.memory.allocate(8192)
    short = bench.host.memory.allocate(256)
    bench.host.completer.faults.append(Fault.UNSUPPORTED)
    bench.host.completer.latency_ns = 3_000  # all are there when the first one fails
    await bench.card.load(0xA000, bytes(256))

    for _ in range(5):
        await channel.submit(Opcode.COPY, host=long.address, card=0x8000, length=8192)
    await channel.submit(Opcode.COPY, host=short.address, card=0xA000, length=256)
    assert (await channel.record()).error is CommandError.UNSUPPORTED
    with pytest.raises(SimTimeoutError):
        await channel.record(timeout_ns=10_000)
    assert await bench.card.dump(0xA000, 256) == bytes(256)

    await channel.open()
    assert (await channel.copy(short, 0xA000, 256, to_host=False)).error is CommandError.OK
    assert await bench.card.dump(0xA000, 256) == short.content


@story()
async def a_completion_that_comes_too_late_is_not_written(bench):
    expect_complaints(bench)
    channel = await bench.card.channel()
    buffer = bench.host.memory.allocate(64)
    bench.host.completer.late_ns = 2 * TIMEOUT_NS
    bench.host.completer.faults.append(Fault.LATE)
    await bench.card.load(0x8000, bytes(64))

    assert (await channel.copy(buffer, 0x8000, 64, to_host=False)).error is CommandError.TIMEOUT
    await Timer(2 * TIMEOUT_NS, "ns")

    assert await bench.card.dump(0x8000, 64) == bytes(64)
    assert await bench.card.get("stats.completion_timeout") == 1
    await still_works(bench)


@story()
async def a_completion_that_comes_twice_is_counted_and_dropped(bench):
    expect_complaints(bench)
    channel = await bench.card.channel()
    buffer = bench.host.memory.allocate(64)
    bench.host.completer.faults.append(Fault.TWICE)

    record = await channel.copy(buffer, 0x8000, 64, to_host=False)
    await bench.rest()

    assert record.error is CommandError.OK
    assert await bench.card.get("stats.unexpected_completion") >= 1
    assert bench.block.reported[:1] == ["cpl_unexpect"]
    await still_works(bench)


@story()
async def a_completion_out_of_the_blue_is_counted_and_dropped(bench):
    expect_complaints(bench)
    completion = Tlp()
    completion.fmt_type = TlpType.CPL_DATA
    completion.requester_id = bench.function.pcie_id
    completion.tag, completion.byte_count = 19, 16
    completion.set_data(bytes(16))

    bench.block.deliver(completion)
    await bench.rest()

    assert await bench.card.get("stats.unexpected_completion") == 1
    await still_works(bench)


@story()
async def memory_that_is_not_there_is_reported(bench):
    expect_complaints(bench)
    channel = await bench.card.channel()

    await channel.submit(Opcode.COPY, host=0x55_0000_0000, card=0x8000, length=64)

    assert (await channel.record()).error is CommandError.UNSUPPORTED
    await still_works(bench)


BAD_COMMANDS = [
    (dict(opcode=Opcode.NONE), CommandError.BAD_OPCODE),
    (dict(opcode=6), CommandError.BAD_OPCODE),
    (dict(opcode=15), CommandError.BAD_OPCODE),
    (dict(opcode=Opcode.CHAIN, length=0), CommandError.BAD_LENGTH),
    (dict(opcode=Opcode.COPY, length=0), CommandError.BAD_LENGTH),
    (dict(opcode=Opcode.COPY, length=(1 << 20) + 1), CommandError.BAD_LENGTH),
    (dict(opcode=Opcode.COPY, length=16, card=0x3_FFF8), CommandError.BAD_CARD_ADDRESS),
    (dict(opcode=Opcode.COPY, length=16, card=0xFFFF_FFF8), CommandError.BAD_CARD_ADDRESS),
    (dict(opcode=Opcode.PUBLISH, card=0x8020), CommandError.BAD_CARD_ADDRESS),
    (dict(opcode=Opcode.COMPLETE, card=0x4_0000), CommandError.BAD_CARD_ADDRESS),
]


@story()
async def every_bad_command_is_refused_by_name(bench):
    buffer = bench.host.memory.allocate(16)
    before = buffer.content

    for command, error in BAD_COMMANDS:
        channel = await bench.card.channel()
        host = buffer.address if command["opcode"] is Opcode.COPY else 0
        await channel.submit(**command, host=host)
        assert (await channel.record()).error is error, command

    assert buffer.content == before
    await still_works(bench)


@story()
async def a_command_while_bus_mastering_is_off_is_refused(bench):
    channel = await bench.card.channel()
    await bench.host.set_bus_master(False)
    await channel.submit(Opcode.COPY, host=bench.host.memory.LOW, card=0x8000, length=16)
    await Timer(5_000, "ns")

    assert await channel.status() == (ChannelState.FAILED, CommandError.BUS_MASTER_OFF)
    await bench.host.set_bus_master(True)
    await still_works(bench)


async def reported(bench):
    """Reports of the card once there is one; the block may hold it back for a while."""
    for _ in range(100):
        if bench.block.reported:
            break
        await Timer(200, "ns")
    return bench.block.reported


REQUESTS = [
    TlpType.IO_READ,
    TlpType.IO_WRITE,
    TlpType.MEM_READ_LOCKED,
    TlpType.FETCH_ADD,
    TlpType.SWAP,
    TlpType.CAS,
]


@cocotb.parametrize(kind=REQUESTS)
@story()
async def an_unsupported_request_is_answered_so(bench, kind):
    expect_complaints(bench)
    request = Tlp()
    request.fmt_type = kind
    request.address = bench.host.bar_address(0)
    request.first_be = 0xF
    request.length = 2 if kind is TlpType.CAS else 1
    if request.has_data():
        request.set_data(bytes(4 * request.length))

    completions = await bench.host.inject(request)

    assert [completion.status for completion in completions] == [CplStatus.UR]
    assert await bench.card.get("stats.unsupported_request") == 1
    assert await reported(bench) == ["ur"]
    await still_works(bench)


@cocotb.parametrize(bar=[0, 2])
@story(unless={"pcie_usplus": "the block drops poisoned requests; its model forgets the poison"})
async def a_poisoned_write_is_not_consumed(bench, bar):
    expect_complaints(bench)
    at = bench.card.address("copier.record_hi")
    await bench.host.write(bar, at, b"good")
    write = Tlp()
    wide = bench.host.bar_address(bar) >> 32
    write.fmt_type = TlpType.MEM_WRITE_64 if wide else TlpType.MEM_WRITE
    write.set_addr_be_data(bench.host.bar_address(bar) + at, b"evil")
    write.ep = True

    await bench.host.post(write)

    assert await bench.host.read(bar, at, 4) == b"good"
    assert await bench.card.get("stats.poisoned") == 1
    assert await reported(bench) == ["poisoned"]
    await still_works(bench)

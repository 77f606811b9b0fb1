# SPDX-License-Identifier: BSD-2-Clause
"""How latencies are distributed: alone, and while another channel keeps the link busy."""

import random
from collections import Counter

from vop.regs.copier import Opcode

from . import encode, rings
from .abi import Kind
from .copies import Reads, Writes, start
from .host import HostChannel
from .machine import Misbehaved
from .places import HOST_PAYLOAD, HOST_RECORDS, PAYLOAD, PAYLOAD_BYTES
from .session import Session, pattern

__all__ = ["BIN_CYCLES", "binned", "publish_cycles", "read_cycles"]

BIN_CYCLES = 8
_SIZE = 64
_COPIES = 400
_PUBLISHES = 100
_RECORD_PAGE_BYTES = 4096


def binned(cycles: list[int]) -> list[tuple[int, int]]:
    """Count by bins of eight cycles: start of the bin, how many."""
    return sorted(Counter(each // BIN_CYCLES * BIN_CYCLES for each in cycles).items())


def read_cycles(session: Session, busy: bool) -> list[int]:
    """Cycles of inline 64 B copies from the host, from submission to record; throttled.

    L = 500 ns and up to 1000 ns more at random. ``busy``: another channel reads 16 KiB at a time.
    """
    rng = random.Random(1)
    cycles = []
    with session.host() as host:
        machine = host.machine
        machine.poke(HOST_PAYLOAD, pattern(PAYLOAD_BYTES))
        channel = HostChannel(host, 0)
        channel.enable()
        load = Reads(16384, 1000) if busy else None
        other = start(host, 1, load) if load else None
        machine.settle()
        machine.behave(throttled=True, completion_bytes=128, latency_ns=500, jitter_ns=1000)
        if load and other:
            other.kick(load.count)
        for _ in range(_COPIES):
            machine.run(100 + rng.randrange(64))
            machine.forget()
            channel.submit(
                encode.command(
                    Opcode.COPY, "record",
                    bytes=_SIZE, host_address=HOST_PAYLOAD, card_address=PAYLOAD,
                )
            )  # fmt: skip
            channel.await_record()
            submitted = encode.address("copier.command_7", 0)
            began = next(e for e in machine.events(Kind.REGISTER) if e.address == submitted).cycle
            ended = [
                event.cycle
                for event in machine.events(Kind.WRITE)
                if HOST_RECORDS <= event.address < HOST_RECORDS + _RECORD_PAGE_BYTES
            ]
            cycles.append(ended[-1] - began)
        if other and other.take_record() is not None:
            raise Misbehaved("the other channel must stay busy to the end")
    return cycles


def publish_cycles(session: Session, busy: bool) -> list[int]:
    """Cycles of publishes of two descriptors, from kick to vector; throttled.

    ``busy``: another channel writes 64 KiB at a time.
    """
    cycles = []
    with session.host() as host:
        machine = host.machine
        queue, channel = rings.ready(host)
        load = Writes(65536, 60) if busy else None
        other = start(host, 1, load) if load else None
        machine.settle()
        if load and other:
            machine.behave(throttled=True)
            other.kick(load.count)
        for n in range(_PUBLISHES):
            queue.offer(2 * n % queue.num)
            kicked, vector = rings.publish(machine, queue, channel, settle=False)
            cycles.append(vector.cycle - kicked)
        if other and other.take_record() is not None:
            raise Misbehaved("the other channel must stay busy to the end")
    return cycles

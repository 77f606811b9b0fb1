# SPDX-License-Identifier: BSD-2-Clause
"""Cycles of single commands and of small ones in a row, on an unthrottled link."""

from vop.regs.copier import Opcode

from . import encode
from .abi import Kind
from .cpu import CardChannel, Cpu
from .host import HostChannel
from .machine import Misbehaved
from .places import HOST_PAYLOAD, PAYLOAD, PAYLOAD_BYTES
from .session import Session, pattern

__all__ = ["commands_in_a_row", "inline_copy"]

_SIZE = 64
_TRIES = 8
_IN_A_ROW = 512
_WARM = 64


def inline_copy(session: Session, to_host: bool) -> list[int]:
    """Cycles of an inline 64 B copy, once for each of eight phases against the card's own rhythm.

    They count from the register write that submits it: to the last beat of its TLP, or, host to
    card, of its completion record.
    """
    cycles = []
    with session.host() as host:
        machine = host.machine
        data = pattern(_SIZE)
        channel = HostChannel(host)
        channel.enable()
        host.load(PAYLOAD, data)
        machine.poke(HOST_PAYLOAD, data)
        for phase in range(_TRIES):
            machine.settle()
            machine.run(1 + phase)
            machine.forget()
            flags = ["to_host"] if to_host else ["record"]
            channel.submit(
                encode.command(
                    Opcode.COPY, *flags,
                    bytes=_SIZE, host_address=HOST_PAYLOAD, card_address=PAYLOAD,
                )
            )  # fmt: skip
            machine.run_until(lambda: machine.events(Kind.WRITE), Kind.WRITE)
            accepted = machine.events(Kind.REGISTER)[-1].cycle
            cycles.append(machine.events(Kind.WRITE)[-1].cycle - accepted)
            if not to_host:
                channel.take_record()
        machine.settle()
        if machine.peek(HOST_PAYLOAD, _SIZE) != data:
            raise Misbehaved("a copy must leave what it copies")
    return cycles


def commands_in_a_row(session: Session) -> float:
    """Cycles per 64 B copy from card to host: a ring of the card's CPU, a record each."""
    with session.host() as host:
        machine = host.machine
        host.open_guard()
        data = pattern(PAYLOAD_BYTES)
        host.load(PAYLOAD, data)
        channel = CardChannel(host, Cpu(host))
        channel.open_ring(
            [
                encode.command(
                    Opcode.COPY, "record", "to_host", bytes=_SIZE,
                    host_address=HOST_PAYLOAD + 2 * _SIZE * n, card_address=PAYLOAD + _SIZE * n,
                )
                for n in range(_IN_A_ROW)
            ]
        )  # fmt: skip
        channel.enable()
        machine.settle()
        machine.forget()
        channel.kick(_IN_A_ROW)
        machine.run_until(lambda: len(machine.events(Kind.WRITE)) >= _IN_A_ROW, Kind.WRITE)
        for n in range(_IN_A_ROW):
            copied = machine.peek(HOST_PAYLOAD + 2 * _SIZE * n, _SIZE)
            if copied != data[_SIZE * n :][:_SIZE]:
                raise Misbehaved(f"copy {n} must have arrived")
        ends = [event.cycle for event in machine.events(Kind.WRITE)]
        return (ends[-1] - ends[_WARM]) / (_IN_A_ROW - 1 - _WARM)

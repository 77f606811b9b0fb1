# SPDX-License-Identifier: BSD-2-Clause
"""Cycles and TLPs of the commands that work on virtqueues, on an unthrottled link."""

from vop.regs.card import INTERRUPT_LINES
from vop.regs.copier import VRING_FLAGS, Opcode

from sim.models.ring import Descriptor, Layout, avail_ring, table

from . import encode
from .abi import Event, Kind, Pins
from .cpu import CardChannel, Cpu
from .host import Host, HostChannel
from .machine import Machine, Misbehaved
from .places import HOST_MIRROR, HOST_PAYLOAD, HOST_PUSH, PAYLOAD, VRINGS
from .sequence import Line
from .session import Session, pattern

__all__ = [
    "SMALL_REQUESTS",
    "WAVEFORM_LEAD",
    "chain_read_overhead",
    "chain_write",
    "completes",
    "publish",
    "publish_waveform",
    "publishes",
    "ready",
    "requests",
]

_ENTRIES = 16
_SLOT_LOG2 = 6
_TRIES = 8
_LIMIT_CYCLES = 20_000
_LINE_BYTES = 64
_PAYLOAD_BYTES = 4096
#: Twice the period of the driver's records.
SMALL_REQUESTS = 10
#: Cycles of the waveform before its kick.
WAVEFORM_LEAD = 2


class _Queue:
    """A virtqueue in card RAM, its driver the card's, mirrored into host memory."""

    def __init__(self, host: Host, *flags: str, num: int = _ENTRIES):
        self._host, self.num = host, num
        self.layout = layout = Layout(VRINGS, num)
        self._descriptors: dict[int, Descriptor] = {}
        self._heads: list[int] = []
        host.load(layout.base, bytes(layout.end - layout.base))
        host.load(
            layout.context,
            encode.context(
                desc_card=layout.desc, avail_card=layout.avail, used_card=layout.used, num=num,
                flags=sum(VRING_FLAGS[flag] for flag in flags),
                desc_host=HOST_MIRROR, avail_host=HOST_MIRROR + 16 * num,
                vector=1, push_slot_log2=_SLOT_LOG2 if "push" in flags else 0,
                push_host=HOST_PUSH if "push" in flags else 0,
            ),
        )  # fmt: skip

    def describe(self, descriptors: dict[int, Descriptor]) -> None:
        """Lay descriptors down in the card's table."""
        self._descriptors |= descriptors
        self._host.load(self.layout.desc, table(self._descriptors, self.num))

    def offer(self, head: int) -> None:
        """Make a chain available, in card RAM only."""
        self._heads.append(head)
        slots = [0] * self.num
        for place, each in enumerate(self._heads):
            slots[place % self.num] = each
        self._host.load(self.layout.avail, avail_ring(slots, self.num, index=len(self._heads)))

    def mirrored_index(self) -> int:
        """Avail index as the host sees it."""
        return int.from_bytes(self._host.machine.peek(HOST_MIRROR + 16 * self.num + 2, 2), "little")


def _small_request(head: int) -> dict[int, Descriptor]:
    """A chain of two: 64 bytes to the device, 64 from it."""
    at = PAYLOAD + 2 * _LINE_BYTES * head
    return {
        head: Descriptor(at, _LINE_BYTES, next=head + 1),
        head + 1: Descriptor(at + _LINE_BYTES, _LINE_BYTES, writable=True),
    }


def ready(host: Host, *flags: str) -> tuple[_Queue, CardChannel]:
    """A queue of small requests, and the channel through which the CPU publishes them."""
    host.open_guard()
    host.load(PAYLOAD, pattern(_PAYLOAD_BYTES))
    queue = _Queue(host, *flags)
    for head in range(0, _ENTRIES, 2):
        queue.describe(_small_request(head))
    channel = CardChannel(host, Cpu(host))
    channel.enable()
    return queue, channel


def publish(
    machine: Machine, queue: _Queue, channel: CardChannel, *, settle: bool = True
) -> tuple[int, Event]:
    """Have the CPU publish; return the cycle of its kick, and the vector.

    ``settle``: only when the link has come to rest.
    """
    if settle:
        machine.settle()
    machine.forget()
    kicked = channel.submit(encode.command(Opcode.PUBLISH, card_address=queue.layout.context))
    machine.run_until(lambda: machine.events(Kind.MSI), Kind.MSI)
    return kicked, machine.events(Kind.MSI)[0]


def _used(machine: Machine) -> list[Event]:
    """Interrupts of the CPU that tell of used elements."""
    line = 1 << INTERRUPT_LINES["used"]
    return [event for event in machine.events(Kind.INTERRUPT) if event.value & line]


def publishes(session: Session) -> list[int]:
    """Cycles from each kick to its MSI: two descriptors, an idle engine."""
    cycles = []
    with session.host() as host:
        queue, channel = ready(host)
        for n in range(_TRIES):
            queue.offer(2 * n % _ENTRIES)
            kicked, vector = publish(host.machine, queue, channel)
            cycles.append(vector.cycle - kicked)
            if queue.mirrored_index() != n + 1:
                raise Misbehaved(f"avail index must be {n + 1}, not {queue.mirrored_index()}")
    return cycles


def publish_waveform(session: Session) -> dict[str, list[int]]:
    """Each pin in each cycle of one publish, from two cycles before its kick to its vector."""
    with session.host() as host:
        machine = host.machine
        queue, channel = ready(host)
        queue.offer(0)
        machine.settle()
        channel.order(encode.command(Opcode.PUBLISH, card_address=queue.layout.context))
        wanted = encode.address("copier.command_7", channel.number)
        cycles: list[Pins] = []
        while not (cycles and cycles[-1].interrupt_rdy):
            if len(cycles) > _LIMIT_CYCLES:
                raise Misbehaved(f"no vector came within {_LIMIT_CYCLES} cycles")
            machine.run(1)
            cycles.append(machine.pins())
        kick = max(
            n
            for n, pins in enumerate(cycles)
            if pins.register_write and pins.register_address == wanted
        )
        shown = cycles[kick - WAVEFORM_LEAD :]
        names = [field[0] for field in Pins._fields_]
        return {name: [getattr(pins, name) for pins in shown] for name in names}


def completes(session: Session) -> list[int]:
    """Cycles from the last beat of each 8-byte store of `complete` to the CPU's interrupt."""
    cycles = []
    with session.host() as host:
        machine = host.machine
        host.open_guard()
        queue = _Queue(host)
        Cpu(host)
        channel = HostChannel(host)
        channel.enable()
        for n in range(_TRIES):
            machine.settle()
            machine.run(400 + n)  # the CPU has cleared the interrupt, and is parked
            machine.forget()
            channel.complete(queue.layout.context, head=n, written_bytes=_LINE_BYTES)
            machine.run_until(lambda: _used(machine), Kind.INTERRUPT)
            stored = machine.events(Kind.HOST_STORE)[-1].cycle
            cycles.append(_used(machine)[0].cycle - stored)
    return cycles


def _line(event: Event) -> Line:
    """An event of the link as `sequence` wants it."""
    kind = Kind(event.kind)
    if kind is Kind.HOST_STORE:
        return "host", "memory_write", f"bar{event.value}", event.address, event.bytes
    who = "host" if kind is Kind.COMPLETION else "card"
    return who, _KINDS[kind], "", event.address, event.bytes


_KINDS = {
    Kind.COMPLETION: "completion_data",
    Kind.WRITE: "memory_write",
    Kind.READ: "memory_read",
    Kind.OTHER: "other",
    Kind.MSI: "msi",
}


def requests(session: Session) -> list[Line]:
    """Follow ten requests of 64 B out and replies of 64 B in, in the steady state: every TLP."""
    with session.host() as host:
        queue, channel = ready(host, "push")
        replies = HostChannel(host)
        replies.enable()
        lines: list[Line] = []
        for n in range(2 * SMALL_REQUESTS):
            lines += _exchange(host, queue, channel, replies, head=2 * n % _ENTRIES)
            if n + 1 == SMALL_REQUESTS:
                lines = []  # it was to warm up
        return lines


def _exchange(
    host: Host, queue: _Queue, channel: CardChannel, replies: HostChannel, *, head: int
) -> list[Line]:
    machine = host.machine
    queue.offer(head)
    publish(machine, queue, channel)
    pushed = machine.peek(HOST_PUSH + (head << _SLOT_LOG2), _LINE_BYTES)
    if pushed != pattern(_PAYLOAD_BYTES)[2 * head * _LINE_BYTES :][:_LINE_BYTES]:
        raise Misbehaved("the request must lie in its slot of the push area")
    machine.store(2, _small_request(head)[head + 1].address, pattern(_LINE_BYTES))
    replies.finish(queue.layout.context, head=head, written_bytes=_LINE_BYTES)
    machine.run_until(lambda: _used(machine), Kind.INTERRUPT)
    machine.settle()
    kinds = (Kind.WRITE, Kind.READ, Kind.OTHER, Kind.COMPLETION, Kind.MSI)
    card = machine.events(*kinds)
    # What rang the puppet and told it what to do stands for what the CPU decides itself.
    stores = [each for each in machine.events(Kind.HOST_STORE) if each.cycle > card[0].cycle]
    return [_line(each) for each in sorted([*card, *stores], key=lambda event: event.cycle)]


def chain_write(session: Session) -> float:
    """Cycles per descriptor of `chain`, card to host: chains of 16 times 64 B, queued."""
    chains, length = 64, 16
    with session.host() as host:
        machine = host.machine
        data = pattern(2 * _LINE_BYTES * 16 * length)
        host.open_guard()
        host.load(PAYLOAD, data)
        queue = _Queue(host, num=16 * length)
        # Buffers that are no neighbours: each needs a TLP of its own.
        queue.describe(
            {
                n: Descriptor(
                    PAYLOAD + 2 * _LINE_BYTES * n, _LINE_BYTES,
                    next=n + 1 if (n + 1) % length else None,
                )
                for n in range(16 * length)
            }
        )  # fmt: skip
        channel = HostChannel(host)
        channel.open_ring()
        channel.lay(
            [
                encode.command(
                    Opcode.CHAIN, "to_host", *(["record"] if n == chains - 1 else []),
                    bytes=_LINE_BYTES * length, card_address=queue.layout.context,
                    head=n % 16 * length, host_address=HOST_PAYLOAD + n * _LINE_BYTES * length,
                )
                for n in range(chains)
            ]
        )  # fmt: skip
        channel.enable()
        machine.settle()
        machine.forget()
        channel.kick(chains)
        moved = channel.await_record()
        if moved != _LINE_BYTES * length:
            raise Misbehaved(f"record must tell of {_LINE_BYTES * length} bytes, not {moved}")
        gathered = machine.peek(HOST_PAYLOAD, chains * length * _LINE_BYTES)
        expected = b"".join(
            data[2 * _LINE_BYTES * n :][:_LINE_BYTES] for n in range(16 * length)
        ) * (chains // 16)
        if gathered != expected:
            raise Misbehaved("the chains' bytes must arrive in order")
        ends = [e.cycle for e in machine.events(Kind.WRITE) if e.address >= HOST_PAYLOAD]
        warm = len(ends) // 4
        return (ends[-1] - ends[warm]) / (chains * length * (len(ends) - 1 - warm) / len(ends))


def chain_read_overhead(session: Session) -> int:
    """Cycles of one 4 KiB device-writable chain beyond the 256 beats of its payload.

    From the register write that submits the inline command to the last beat of its record.
    """
    size, beat_bytes = 4096, 16
    with session.host() as host:
        machine = host.machine
        data = pattern(size)
        host.open_guard()
        machine.poke(HOST_PAYLOAD, data)
        queue = _Queue(host)
        queue.describe({0: Descriptor(PAYLOAD, size, writable=True)})
        channel = HostChannel(host)
        channel.enable()
        machine.settle()
        machine.behave(throttled=False, completion_bytes=128)
        machine.forget()
        channel.submit(
            encode.command(
                Opcode.CHAIN, "record",
                bytes=size, card_address=queue.layout.context, host_address=HOST_PAYLOAD,
            )
        )  # fmt: skip
        moved = channel.await_record()
        if moved != size:
            raise Misbehaved(f"record must tell of {size} bytes, not {moved}")
        submitted = machine.events(Kind.REGISTER)[-1].cycle
        ended = machine.events(Kind.WRITE)[-1].cycle
        if channel.fetch(PAYLOAD, size, HOST_PAYLOAD + 2 * size) != data:
            raise Misbehaved("the chain's buffer must hold what was copied there")
        return ended - submitted - size // beat_bytes

# SPDX-License-Identifier: BSD-2-Clause
"""Throughput of `copy`: transfers that wait in a command ring in card RAM.

A figure begins where the first 4 KiB, or the first transfer if that is larger, have arrived, and
ends with the last byte: neither the first latency nor the ramp counts.
"""

from dataclasses import dataclass
from itertools import accumulate, product

from vop.regs.copier import Opcode

from . import encode
from .abi import Counters, Event, Kind
from .host import Host, HostChannel
from .machine import TICKS_PER_CYCLE, Misbehaved
from .places import HOST_PAYLOAD, HOST_PAYLOAD_BYTES, PAYLOAD, PAYLOAD_BYTES
from .session import Session, pattern

__all__ = [
    "Reads",
    "Writes",
    "both_ways",
    "link_ceiling",
    "read_run",
    "start",
    "worst_alignment",
    "write_run",
]

_WARM_BYTES = 4096
_HEADER_AND_FRAMING_BYTES = 20
#: Alignments that differ, in card RAM as on the link; transfers at each pair of them.
_LINE_BYTES = 16
_EACH_ALIGNMENT = 8


def link_ceiling(payload_bytes: int) -> float:
    """Bytes of payload in a cycle that the link carries, in TLPs of ``payload_bytes``."""
    return TICKS_PER_CYCLE * payload_bytes / (payload_bytes + _HEADER_AND_FRAMING_BYTES)


@dataclass(frozen=True)
class Writes:
    """Transfers from card to host; alignments are in bytes."""

    size: int
    count: int
    mps_log2: int = 0
    card_at: int = 0
    host_at: int = 0


@dataclass(frozen=True)
class Reads:
    """Transfers from host to card."""

    size: int = 4096
    count: int = 32  # as many as card RAM has room for: none overwrites another
    completion_bytes: int = 128
    latency_ns: int = 0
    jitter_ns: int = 0
    card_at: int = 0
    host_at: int = 0


class _Plan:
    """Where each transfer of a series lies: far enough apart that no two can be gathered."""

    def __init__(self, series: Writes | Reads):
        self.series = series
        self.to_host = isinstance(series, Writes)
        aligned = not (series.card_at or series.host_at)
        card_stride = series.size if aligned else series.size + 64
        host_stride = series.size if series.size >= 4096 and aligned else 2 * series.size
        self.card = [
            PAYLOAD + n % (PAYLOAD_BYTES // card_stride) * card_stride + series.card_at
            for n in range(series.count)
        ]
        self.host = [
            HOST_PAYLOAD + n % (HOST_PAYLOAD_BYTES // host_stride) * host_stride + series.host_at
            for n in range(series.count)
        ]

    def commands(self) -> list[bytes]:
        """The transfers; only the last one leaves a record."""
        flags = ["to_host"] if self.to_host else []
        last = self.series.count - 1
        return [
            encode.command(
                Opcode.COPY, *flags, *(["record"] if n == last else []),
                bytes=self.series.size, host_address=host, card_address=card,
            )
            for n, (card, host) in enumerate(zip(self.card, self.host, strict=True))
        ]  # fmt: skip


def start(host: Host, number: int, *series: Writes | Reads) -> HostChannel:
    """Open a channel with a command ring that holds ``series``; enabled, not kicked."""
    channel = HostChannel(host, number)
    channel.open_ring()
    for each in series:
        channel.lay(_Plan(each).commands())
    channel.enable()
    host.machine.settle()
    return channel


def _steady(times: list[int], sizes: list[int], warm_bytes: int) -> float:
    """Bytes per unit of time behind the first ``warm_bytes``."""
    arrived = list(accumulate(sizes))
    warm = sum(total < warm_bytes for total in arrived)
    if warm >= len(sizes) - 1:
        raise Misbehaved(f"{sum(sizes)} bytes came, too few for a figure")
    return (arrived[-1] - arrived[warm]) / (times[-1] - times[warm])


def _write_figure(events: list[Event], warm_bytes: int) -> float:
    payload = [event for event in events if event.address >= HOST_PAYLOAD]
    ends = [event.link_end for event in payload]
    return TICKS_PER_CYCLE * _steady(ends, [event.bytes for event in payload], warm_bytes)


def _read_figure(events: list[Event], warm_bytes: int) -> float:
    return _steady([event.cycle for event in events], [event.bytes for event in events], warm_bytes)


def write_run(session: Session, series: Writes) -> float:
    """Bytes per cycle from card to host, on a throttled link."""
    with session.host() as host:
        machine = host.machine
        data = pattern(PAYLOAD_BYTES)
        host.load(PAYLOAD, data)
        plan = _Plan(series)
        channel = start(host, 0, series)
        machine.behave(throttled=True, mps_log2=series.mps_log2)
        machine.forget()
        channel.kick(series.count)
        channel.await_record()
        for card, at in zip(plan.card, plan.host, strict=True):
            if machine.peek(at, series.size) != data[card - PAYLOAD :][: series.size]:
                raise Misbehaved(f"host memory at {at:#x} must hold what was copied there")
        return _write_figure(machine.events(Kind.WRITE), max(_WARM_BYTES, series.size))


def read_run(session: Session, series: Reads) -> tuple[float, Counters]:
    """Bytes per cycle from host to card, on a throttled link; and what was counted meanwhile."""
    with session.host() as host:
        machine = host.machine
        machine.poke(HOST_PAYLOAD, pattern(HOST_PAYLOAD_BYTES))
        plan = _Plan(series)
        channel = start(host, 0, series)
        machine.behave(
            throttled=True,
            completion_bytes=series.completion_bytes,
            latency_ns=series.latency_ns,
            jitter_ns=series.jitter_ns,
        )
        machine.forget()
        channel.kick(series.count)
        channel.await_record()
        figure = _read_figure(machine.events(Kind.COMPLETION), max(_WARM_BYTES, series.size))
        counters = machine.counters()
        _check_card(host, channel, plan)
        return figure, counters


def _check_card(host: Host, channel: HostChannel, plan: _Plan) -> None:
    """Compare the last transfers that card RAM still holds with what they were copied from."""
    machine, size = host.machine, plan.series.size
    machine.behave(throttled=False)
    scratch = HOST_PAYLOAD + HOST_PAYLOAD_BYTES - size
    still_there = dict(zip(plan.card, plan.host, strict=True))
    for card, source in list(still_there.items())[-4:]:
        expected = machine.peek(source, size)
        if channel.fetch(card, size, scratch) != expected:
            raise Misbehaved(f"card RAM at {card:#x} must hold what was copied there")


def both_ways(session: Session, writes: Writes, reads: Reads) -> tuple[float, Counters]:
    """Bytes per cycle of both directions at once, summed while both are at work."""
    with session.host() as host:
        machine = host.machine
        host.load(PAYLOAD, pattern(PAYLOAD_BYTES))
        out, back = start(host, 0, writes), start(host, 1, reads)
        machine.behave(
            throttled=True,
            mps_log2=writes.mps_log2,
            completion_bytes=reads.completion_bytes,
            latency_ns=reads.latency_ns,
        )
        machine.forget()
        out.kick(writes.count)
        back.kick(reads.count)
        out.await_record()
        back.await_record()
        sent = [event for event in machine.events(Kind.WRITE) if event.address >= HOST_PAYLOAD]
        return _overlap(sent, machine.events(Kind.COMPLETION)), machine.counters()


def _overlap(out: list[Event], back: list[Event]) -> float:
    """Bytes per cycle of both, from when both have brought 4 KiB until the first one ends."""
    series = [
        [(event.link_end / TICKS_PER_CYCLE, event.bytes) for event in out],
        [(float(event.cycle), event.bytes) for event in back],
    ]
    start = max(_reached(events, _WARM_BYTES) for events in series)
    end = min(events[-1][0] for events in series)
    rates = []
    for events in series:
        inside = [(time, size) for time, size in events if start <= time <= end]
        rates.append(sum(size for _, size in inside[1:]) / (inside[-1][0] - inside[0][0]))
    return sum(rates)


def _reached(events: list[tuple[float, int]], total: int) -> float:
    for time, size in events:
        total -= size
        if total <= 0:
            return time
    raise Misbehaved("both directions must bring 4 KiB")


def worst_alignment(session: Session, to_host: bool) -> tuple[float, Counters]:
    """Bytes per cycle of 4 KiB transfers at the worst alignment of source and destination.

    The counters are those of all alignments together.
    """
    figures, total = [], Counters()
    with session.host() as host:
        machine = host.machine
        host.load(PAYLOAD, pattern(PAYLOAD_BYTES))
        machine.poke(HOST_PAYLOAD, pattern(HOST_PAYLOAD_BYTES))
        channel = start(host, 0)
        for card_at, host_at in product(range(_LINE_BYTES), repeat=2):
            kind = Writes if to_host else Reads
            series = kind(size=4096, count=_EACH_ALIGNMENT, card_at=card_at, host_at=host_at)
            machine.behave(throttled=False)
            channel.lay(_Plan(series).commands())
            machine.settle()
            machine.behave(throttled=True, completion_bytes=128)
            machine.forget()
            channel.kick(series.count)
            channel.await_record()
            if to_host:
                figures.append(_write_figure(machine.events(Kind.WRITE), _WARM_BYTES))
            else:
                figures.append(_read_figure(machine.events(Kind.COMPLETION), _WARM_BYTES))
            counted = machine.counters()
            total.rx_stall_cycles += counted.rx_stall_cycles
            total.credit_overruns += counted.credit_overruns
        return min(figures), total

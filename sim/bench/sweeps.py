# SPDX-License-Identifier: BSD-2-Clause
"""What the plots show: throughput over sizes and latencies, latencies, one `publish`."""

from typing import Any

from . import copies, distributions, rings
from .copies import Reads, Writes
from .places import PAYLOAD_BYTES
from .session import Session

__all__ = ["LATENCIES_NS", "SIZES", "SWEEPS"]

SIZES = [64 << n for n in range(11)]
LATENCIES_NS = list(range(0, 4001, 250))

_WRITE_BYTES = 256 << 10
_MOST_COMMANDS = 1000


def _count(size: int, run_bytes: int) -> int:
    return min(_MOST_COMMANDS, run_bytes // size)


def _write_sizes(mps_log2: int, session: Session) -> list[list[float]]:
    points = []
    for size in SIZES:
        series = Writes(size, _count(size, _WRITE_BYTES), mps_log2)
        points.append([size, round(session.once(copies.write_run, series), 4)])
    return points


def _read_sizes(latency_ns: int, session: Session) -> list[list[float]]:
    points = []
    for size in SIZES:
        series = Reads(size, _count(size, PAYLOAD_BYTES), latency_ns=latency_ns)
        points.append([size, round(session.once(copies.read_run, series)[0], 4)])
    return points


def _read_latencies(completion_bytes: int, session: Session) -> list[list[float]]:
    points = []
    for latency_ns in LATENCIES_NS:
        series = Reads(completion_bytes=completion_bytes, latency_ns=latency_ns)
        points.append([latency_ns, round(session.once(copies.read_run, series)[0], 4)])
    return points


def _bins(cycles: list[int]) -> list[list[int]]:
    return [list(pair) for pair in distributions.binned(cycles)]


def _requests(session: Session) -> list[list[Any]]:
    return [list(line) for line in session.once(rings.requests)]


#: Name to what makes it, as plain JSON.
SWEEPS: dict[str, Any] = {
    "c2h_sizes_mps128": lambda session: _write_sizes(0, session),
    "c2h_sizes_mps256": lambda session: _write_sizes(1, session),
    "h2c_sizes_lat0": lambda session: _read_sizes(0, session),
    "h2c_sizes_lat1000": lambda session: _read_sizes(1000, session),
    "h2c_latencies_c64": lambda session: _read_latencies(64, session),
    "h2c_latencies_c128": lambda session: _read_latencies(128, session),
    "h2c_latencies_c256": lambda session: _read_latencies(256, session),
    "read_cycles_alone": lambda session: _bins(distributions.read_cycles(session, False)),
    "read_cycles_busy": lambda session: _bins(distributions.read_cycles(session, True)),
    "publish_cycles_alone": lambda session: _bins(distributions.publish_cycles(session, False)),
    "publish_cycles_busy": lambda session: _bins(distributions.publish_cycles(session, True)),
    "publish_waveform": rings.publish_waveform,
    "small_requests": _requests,
}

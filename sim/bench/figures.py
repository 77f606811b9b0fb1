# SPDX-License-Identifier: BSD-2-Clause
"""Every figure of docs/performance.md, drawn from the sweeps."""

from collections.abc import Callable
from math import log2
from typing import Any

from .charts import Series, histogram, line_chart
from .copies import link_ceiling
from .distributions import BIN_CYCLES
from .rings import WAVEFORM_LEAD
from .sweeps import LATENCIES_NS, SIZES
from .waveform import Bit, Row, waveform

__all__ = ["FIGURES", "drawn"]

_CYCLE_NS = 8
_CREDITS_BYTES = 36 * 64
_RATE_TICKS: list[tuple[float, str]] = [(n, str(n)) for n in range(0, 17, 2)]
_DW_BYTES = 4


def _size_text(size: int) -> str:
    return f"{size // 1024}K" if size >= 1024 else str(size)


def _size_chart(title: str, series: list[Series]) -> str:
    return line_chart(
        title, "bytes per transfer", "bytes per cycle of 8 ns", series, x_scale=log2,
        x_ticks=[(size, _size_text(size)) for size in SIZES], y_ticks=_RATE_TICKS,
    )  # fmt: skip


def _sizes(sweeps: dict[str, Any]) -> str:
    lines = []
    for name, sweep, packet in (
        ("card to host, MPS 128", "c2h_sizes_mps128", 128),
        ("card to host, MPS 256", "c2h_sizes_mps256", 256),
        ("host to card, L = 0", "h2c_sizes_lat0", 128),
        ("host to card, L = 1 us", "h2c_sizes_lat1000", 128),
    ):
        lines.append(Series(name, [tuple(point) for point in sweeps[sweep]]))
        if packet == 256 or name.endswith("0"):
            ceiling = [(size, link_ceiling(min(size, packet))) for size in SIZES]
            lines.append(Series(f"ceiling, {packet} B a TLP", ceiling, of=name))
    return _size_chart("Throughput against size", lines)


def _latencies(sweeps: dict[str, Any]) -> str:
    lines = []
    for size in (64, 128, 256):
        name = f"completions of {size} B"
        points = [tuple(point) for point in sweeps[f"h2c_latencies_c{size}"]]
        lines.append(Series(name, points))
        ceiling = []
        for latency_ns in LATENCIES_NS:
            credits = _CREDITS_BYTES * _CYCLE_NS / latency_ns if latency_ns else float("inf")
            ceiling.append((latency_ns, min(link_ceiling(size), credits)))
        lines.append(Series(f"ceiling, {size} B", ceiling, of=name))
    return line_chart(
        "Reads of 4 KiB against the host's latency", "latency L, ns", "bytes per cycle of 8 ns",
        lines, x_ticks=[(ns, str(ns)) for ns in range(0, 4001, 500)], y_ticks=_RATE_TICKS,
    )  # fmt: skip


def _ticks(highest: float, step_choices: tuple[int, ...]) -> list[tuple[float, str]]:
    """Ticks from 0 to beyond ``highest``: at most nine."""
    step = next(step for step in step_choices if highest / step <= 8)
    return [(n * step, str(n * step)) for n in range(int(highest // step) + 2)]


def _histogram(title: str, alone: list[list[int]], busy: list[list[int]]) -> str:
    series = [
        (name, [(start * _CYCLE_NS, count) for start, count in bins])
        for name, bins in (("alone", alone), ("beside a busy channel", busy))
    ]
    steps = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000)
    return histogram(
        title, "ns", f"commands in {BIN_CYCLES * _CYCLE_NS} ns", series,
        bin_width=BIN_CYCLES * _CYCLE_NS,
        x_ticks=_ticks(max(start for _, bins in series for start, _ in bins) + 64, steps),
        y_ticks=_ticks(max(count for _, bins in series for _, count in bins), steps),
    )  # fmt: skip


def _read_histogram(sweeps: dict[str, Any]) -> str:
    return _histogram(
        "Copies of 64 B from the host, L = 500 to 1500 ns: submission to record",
        sweeps["read_cycles_alone"], sweeps["read_cycles_busy"],
    )  # fmt: skip


def _publish_histogram(sweeps: dict[str, Any]) -> str:
    return _histogram(
        "Publishes of two descriptors: kick to MSI",
        sweeps["publish_cycles_alone"], sweeps["publish_cycles_busy"],
    )  # fmt: skip


def _packets(pins: dict[str, list[int]]) -> list[tuple[int, int, str]]:
    """What the card writes, as spans of cycles: how many bytes, in whole DWs."""
    spans, first, text = [], 0, ""
    beats = zip(*(pins[f"tx_{name}"] for name in ("valid", "ready", "first", "last", "dw0")),
                strict=True)  # fmt: skip
    for cycle, (valid, ready, begins, ends, dw0) in enumerate(beats):
        if not (valid and ready):
            continue
        if begins:
            first, text = cycle, str(_DW_BYTES * (dw0 & 0x3FF))
        if ends:
            spans.append((first, cycle + 1 - first, text))
    return spans


def _publish_waveform(sweeps: dict[str, Any]) -> str:
    pins = sweeps["publish_waveform"]
    last = [valid & last for valid, last in zip(pins["tx_valid"], pins["tx_last"], strict=True)]
    rows: list[Bit | Row] = [
        Bit("register write", pins["register_write"]),
        Bit("s_axis_tx_tvalid", pins["tx_valid"]),
        Bit("s_axis_tx_tready", pins["tx_ready"]),
        Bit("s_axis_tx_tlast", last),
        Row("bytes written", _packets(pins)),
        Bit("cfg_interrupt", pins["interrupt"]),
        Bit("cfg_interrupt_rdy", pins["interrupt_rdy"]),
    ]
    title = "One publish of two descriptors; cycles from the kick"
    return waveform(title, len(last), rows, zero=WAVEFORM_LEAD)


#: File name to (what it shows, what draws it, the sweeps that it needs).
FIGURES: dict[str, tuple[str, Callable[[dict[str, Any]], str], tuple[str, ...]]] = {
    "sizes.svg": (
        "Throughput against the size of a transfer",
        _sizes,
        ("c2h_sizes_mps128", "c2h_sizes_mps256", "h2c_sizes_lat0", "h2c_sizes_lat1000"),
    ),
    "latencies.svg": (
        "Throughput of reads against the host's latency",
        _latencies,
        ("h2c_latencies_c64", "h2c_latencies_c128", "h2c_latencies_c256"),
    ),
    "reads.svg": (
        "How long small reads take",
        _read_histogram,
        ("read_cycles_alone", "read_cycles_busy"),
    ),
    "publishes.svg": (
        "How long publishes take",
        _publish_histogram,
        ("publish_cycles_alone", "publish_cycles_busy"),
    ),
    "publish.svg": ("The pins during one publish", _publish_waveform, ("publish_waveform",)),
}


def drawn(sweeps: dict[str, Any]) -> dict[str, str]:
    """Return each figure whose sweeps could be measured: file name to content."""
    return {
        name: draw(sweeps)
        for name, (_, draw, needed) in FIGURES.items()
        if all(sweeps.get(sweep) is not None for sweep in needed)
    }

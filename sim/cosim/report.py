# SPDX-License-Identifier: BSD-2-Clause
"""What a demo run leaves behind: `report.json`, and the table that closes it."""

__all__ = ["MOUNTED", "FINISHED", "table", "traffic_between"]

# Values of the card's marker register.
MOUNTED, FINISHED = 1, 2

DIRECTIONS = ("to_host", "to_card")


def traffic_between(counters):
    """Traffic from the mount to the last command, and of the whole run, as plain data.

    Parameters
    ----------
    counters : dict
        What the bridge has written.

    Returns
    -------
    dict
        ``cycles``: clocks really simulated. ``leapt_cycles``: idle ones, leapt over. ``tlps``:
        by direction and kind. ``bytes``: carried by writes and completions, by direction.
        ``sizes``: by direction and kind, how many TLPs of how many bytes. ``inner_sizes``: the
        same of memory requests inside bulk transfers, first and last of each left out. ``msis``,
        ``mps``, ``mrrs``. ``host_mmio_reads``: reads of any BAR. All from mount to last command,
        and ``null`` if the card did not write its marker; ``whole_run`` has the same from power-on.
    """
    markers, end = counters["markers"], counters["end"]
    first, last = markers.get(str(MOUNTED)), markers.get(str(FINISHED))
    empty = {"cycles": 0, "leapt_cycles": 0, "msis": 0, "to_host": {}, "to_card": {}}
    whole = _difference(empty, end)
    measured = _difference(first, last) if first and last else dict.fromkeys(whole)
    return {**measured, "mps": end["mps"], "mrrs": end["mrrs"], "whole_run": whole}


def _difference(first, last):
    tlps, carried = {}, {}
    histograms = {"sizes": {}, "inner_sizes": {}}
    for direction in DIRECTIONS:
        before, after = first[direction], last[direction]
        for kind, count in after["tlps"].items():
            tlps[f"{direction}_{kind}"] = count - before.get("tlps", {}).get(kind, 0)
        for name, sizes in histograms.items():
            for kind, histogram in after[name].items():
                old = before.get(name, {}).get(kind, {})
                counts = {size: count - old.get(size, 0) for size, count in histogram.items()}
                sizes[f"{direction}_{kind}"] = {size: n for size, n in counts.items() if n}
        carried[direction] = sum(
            after["bytes"].get(kind, 0) - before.get("bytes", {}).get(kind, 0)
            for kind in ("memory_write", "completion_data")
        )
    return {
        "cycles": last["cycles"] - first["cycles"],
        "leapt_cycles": last["leapt_cycles"] - first["leapt_cycles"],
        "msis": last["msis"] - first["msis"],
        "tlps": tlps,
        "bytes": carried,
        **histograms,
        "host_mmio_reads": tlps.get("to_card_memory_read", 0),
    }


def table(traffic):
    """The closing table: one column from mount to last command, one for the whole run."""
    rows = [("", "mount to last command", "whole run")]
    columns = (traffic, traffic["whole_run"])

    def row(name, pick):
        rows.append((name, *(_text(pick(column)) if column["tlps"] is not None else "-"
                             for column in columns)))  # fmt: skip

    row("bytes, card to host", lambda column: column["bytes"]["to_host"])
    row("bytes, host to card", lambda column: column["bytes"]["to_card"])
    row("clock cycles simulated", lambda column: column["cycles"])
    row("clock cycles leapt, idle", lambda column: column["leapt_cycles"])
    for kind in sorted(traffic["whole_run"]["tlps"]):
        direction, _, name = kind.removeprefix("to_").partition("_")
        title = f"TLPs to {direction}, {name.replace('_', ' ')}"
        row(title, lambda column, kind=kind: column["tlps"].get(kind, 0))
    row("interrupts (MSI)", lambda column: column["msis"])
    row("reads of a BAR by the host", lambda column: column["host_mmio_reads"])
    lines = [f"  {name:<34}{measured:>22}{whole:>14}" for name, measured, whole in rows]
    lines.append(f"  MPS {traffic['mps']} bytes, MRRS {traffic['mrrs']} bytes")
    lines += _full_size(traffic)
    return "\n".join(lines)


def _full_size(traffic):
    """How many of the copier's requests have full size: of all, and of those that should."""
    lines = []
    limits = (("memory_write", "writes", "mps"), ("memory_read", "reads", "mrrs"))
    for kind, name, limit in limits:
        if not traffic["sizes"]:
            continue
        counts = []
        for histograms in (traffic["sizes"], traffic["inner_sizes"]):
            histogram = histograms.get(f"to_host_{kind}", {})
            full = histogram.get(str(traffic[limit]), 0)
            counts.append(f"{full} of {sum(histogram.values())}")
        lines.append(f"  {name} of {limit.upper()} bytes: {counts[0]}; inside bulk transfers, "
                     f"first and last left out: {counts[1]}")  # fmt: skip
    return lines


def _text(value):
    return f"{value:,}".replace(",", " ")

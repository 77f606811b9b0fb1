# SPDX-License-Identifier: BSD-2-Clause
"""Measure the card: `python -m sim.bench [KEY ...]`, or `make bench` for everything.

Without KEY: every key and every plot, build/bench.json and docs/performance.md are written, and the
run is compared with the record.
"""

import argparse
import json
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from . import record, report
from .keys import KEYS
from .machine import Misbehaved
from .session import Session
from .sweeps import SWEEPS

__all__ = ["main"]

_RESULTS = record.ROOT / "build" / "bench.json"


def _measure_key(session: Session, name: str) -> dict[str, Any]:
    """Figure of a key; its value is None where the card could not run the workload."""
    try:
        return KEYS[name].measure(session).as_json()
    except Misbehaved as reason:
        return {"value": None, "reason": str(reason)}


def _measure_sweep(session: Session, name: str) -> Any:
    try:
        return SWEEPS[name](session)
    except Misbehaved:
        return None


def _line(name: str, figure: dict[str, Any]) -> str:
    key = KEYS[name]
    verdict = record.verdict(name, figure)
    if figure["value"] is None:
        return f"{name:34} {verdict:4}  {figure['reason']}"
    ratio = f"{figure['ratio']:.4f} of {figure['ceiling']:.2f}" if "ratio" in figure else ""
    limits = f"must {key.must:<5g} aim {key.aim:<5g}"
    return f"{name:34} {verdict:4} {figure['value']:9.4g} {key.unit:8} {limits} {ratio}"


def _write(files: dict[Path, str]) -> None:
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _everything(session: Session, *, anew: bool, strict: bool) -> int:
    """Measure all there is; return the exit status."""
    keys = {}
    for name in KEYS:
        keys[name] = _measure_key(session, name)
        print(_line(name, keys[name]), flush=True)
    measured = {"keys": keys, "sweeps": {name: _measure_sweep(session, name) for name in SWEEPS}}
    results = {name: {k: v for k, v in f.items() if k != "reason"} for name, f in keys.items()}
    _write({_RESULTS: json.dumps(results, indent=1) + "\n", **report.documents(measured)})
    if anew:
        _write({record.RECORD: record.render(measured)})
    missed = [name for name in KEYS if record.verdict(name, keys[name]) == "MISS"]
    wrong = record.compare(json.loads(json.dumps(measured)), record.read())
    if missed:
        print(f"{len(missed)} of {len(KEYS)} keys miss what they must reach: {', '.join(missed)}")
    for line in wrong:
        print(line)
    if wrong:
        print("Look at each; `make bench RECORD=1` puts them on record.")
    return 1 if wrong or (strict and missed) else 0


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m sim.bench", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="exit status: 0 as on record; 1 otherwise, or --strict and a limit missed; "
               "2 bad arguments")  # fmt: skip
    parser.add_argument("keys", nargs="*", metavar="KEY", help="keys, or patterns like 'h2c_*'")
    parser.add_argument(
        "--vcd", type=Path, metavar="FILE", help="record all signals of the last run"
    )
    parser.add_argument("--record", action="store_true", help="put what is measured on record")
    parser.add_argument("--strict", action="store_true", help="fail if any limit is missed")
    options = parser.parse_args(arguments)
    wanted = [name for name in KEYS if any(fnmatch(name, word) for word in options.keys)]
    if options.keys and not wanted:
        parser.error(f"KEY must be one of {', '.join(KEYS)}")
    if wanted and options.record:
        parser.error("the record is of every key, not of some")
    session = Session(vcd=options.vcd)
    if not wanted:
        return _everything(session, anew=options.record, strict=options.strict)
    missed = 0
    for name in wanted:
        figure = _measure_key(session, name)
        print(_line(name, figure), flush=True)
        missed += record.verdict(name, figure) == "MISS"
    return 1 if options.strict and missed else 0


if __name__ == "__main__":
    sys.exit(main())

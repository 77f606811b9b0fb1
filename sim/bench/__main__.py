# SPDX-License-Identifier: BSD-2-Clause
"""Measure keys: `python -m sim.bench [KEY ...]`."""

import argparse
import sys
from fnmatch import fnmatch
from pathlib import Path

from .keys import KEYS
from .machine import Misbehaved
from .session import Session

__all__ = ["main"]


def _measure(session: Session, name: str) -> dict:
    """Figure of a key as JSON; its value is None where the card could not run the workload."""
    try:
        return KEYS[name].measure(session).as_json()
    except Misbehaved as reason:
        return {"value": None, "reason": str(reason)}


def _line(name: str, figure: dict) -> str:
    key = KEYS[name]
    if figure["value"] is None:
        return f"{name:34} -- {figure['reason']}"
    verdict = (
        "aim " if key.meets(figure, key.aim) else "pass" if key.meets(figure, key.must) else "MISS"
    )
    ratio = f"{figure['ratio']:7.4f} of {figure['ceiling']:.2f}" if "ratio" in figure else ""
    return (
        f"{name:34} {verdict} {figure['value']:9.4g} {key.unit:8} must {key.must:<5g} aim "
        f"{key.aim:<5g} {ratio}"
    )


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m sim.bench", description=__doc__)
    parser.add_argument("keys", nargs="*", metavar="KEY", help="keys, or patterns like 'h2c_*'")
    parser.add_argument("--vcd", type=Path, help="record the signals of the last machine")
    options = parser.parse_args(arguments)
    wanted = [
        name for name in KEYS if not options.keys or any(fnmatch(name, k) for k in options.keys)
    ]
    if not wanted:
        parser.error(f"KEY must be one of {', '.join(KEYS)}")
    session = Session(vcd=options.vcd)
    for name in wanted:
        print(_line(name, _measure(session, name)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

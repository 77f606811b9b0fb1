# SPDX-License-Identifier: BSD-2-Clause
"""Write what is generated from `vop.regs`, or check that it is current."""

import argparse
import sys
from pathlib import Path

from ..regs import REGISTER_MAP
from .outputs import REPAIR, difference, generate

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; the exit status is 0, or 1 if ``--check`` found a stale file."""
    parser = argparse.ArgumentParser(
        prog="python -m vop.regmap", description=__doc__,
        epilog="exit status: 0 all files written, or current; 1 a file is stale; 2 bad arguments")
    parser.add_argument("--check", action="store_true",
                        help="write nothing; print how each stale file differs")
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[3],
                        help="root of the repository (default: the one that holds this program)")
    options = parser.parse_args(arguments)
    if not options.root.is_dir():
        parser.error(f"Root must be a directory, not {str(options.root)!r}")

    stale = []
    for path, text in generate(REGISTER_MAP).items():
        diff = difference(options.root, path, text)
        if not diff:
            continue
        if options.check:
            stale.append(path)
            sys.stdout.write(diff)
            continue
        file = options.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        print(f"wrote {path}")
    if stale:
        print(f"stale: {', '.join(stale)}: {REPAIR}", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())

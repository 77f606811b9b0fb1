# SPDX-License-Identifier: BSD-2-Clause
"""Count the logic of the card, or of one component, for Xilinx 7-series.

Components are synthesised each on its own, so the sum is a few percent above what is placed:
`python -m vop.xc7.timing` has the numbers of the whole.
"""

import argparse
import ast
import importlib
import json
import sys
from dataclasses import asdict
from pathlib import Path

from ..build import write
from ..regs import CARD_ADDRESSES
from .design import ShimmedCard
from .netlist import NetlistError, count_modules, read_modules
from .tools import ToolError, synthesise

__all__ = ["main", "table"]

_TOP = "top"
_COLUMNS = {"luts": "LUT", "lutram": "LUTRAM", "ffs": "FF", "ramb36": "RAMB36", "ramb18": "RAMB18",
            "dsps": "DSP", "carries": "CARRY4"}
_NAME_WIDTH = 36


def table(totals, *, depth):
    """Lines of a table of ``totals``, a row for each path of at most ``depth`` names."""
    lines = [f"{'component':<{_NAME_WIDTH}}"
             + "".join(f"{title:>8}" for title in _COLUMNS.values())]
    for path, cells in totals.items():
        if len(path) <= depth and any(asdict(cells).values()):
            name = "  " * (len(path) - 1) + path[-1] if path else "whole"
            lines.append(f"{name:<{_NAME_WIDTH}}"
                         + "".join(f"{getattr(cells, column):>8}" for column in _COLUMNS))
    return lines


def _component(text, settings):
    """Make the component ``package.module:Class`` with ``name=value`` settings."""
    module, _, name = text.partition(":")
    try:
        parameters = {key: ast.literal_eval(value)
                      for key, value in (setting.split("=", 1) for setting in settings)}
        return getattr(importlib.import_module(module), name)(**parameters)
    except (ImportError, AttributeError, TypeError, ValueError, SyntaxError) as reason:
        raise argparse.ArgumentTypeError(f"Component must be package.module:Class with settings "
                                         f"that it takes, not {text!r}: {reason}") from None


def main(arguments=None):
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m vop.xc7.synth", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="exit status: 0 done; 1 a tool failed; 2 bad arguments")
    parser.add_argument("component", nargs="?", metavar="MODULE:CLASS",
                        help="a component of the package, as vop.soc.memory:CardMemory "
                        "(default: the card with its shim)")
    parser.add_argument("settings", nargs="*", metavar="NAME=VALUE",
                        help="parameters of the component, as Python writes them")
    parser.add_argument("--depth", type=int, default=3, metavar="N",
                        help="levels of the hierarchy in the table (default: %(default)s)")
    parser.add_argument("--output", type=Path, default=Path("build/synth.json"), metavar="FILE",
                        help="where to write the numbers (default: %(default)s)")
    parser.add_argument("--work", type=Path, default=Path("build/synth"), metavar="DIR",
                        help="folder of the tool's files (default: %(default)s)")
    options = parser.parse_args(arguments)

    try:
        component = (_component(options.component, options.settings) if options.component
                     else ShimmedCard(ram_bytes=CARD_ADDRESSES["default_ram_bytes"]))
    except argparse.ArgumentTypeError as reason:
        parser.error(str(reason))
    print("    writing Verilog", flush=True)
    try:
        sources = write(component, name=_TOP, folder=options.work)[:-1]
        netlist = synthesise(sources, top=_TOP, folder=options.work, flatten=False)
        totals = count_modules(read_modules(netlist, top=_TOP), top=_TOP)
    except (ToolError, NetlistError) as reason:
        print(f"synth: {reason}", file=sys.stderr)
        return 1
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps({
        ".".join(path) or "whole": asdict(cells) for path, cells in totals.items()}, indent=1)
        + "\n", encoding="utf-8")
    print("\n".join(table(totals, depth=options.depth)))
    print(f"numbers are in {options.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

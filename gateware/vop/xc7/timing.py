# SPDX-License-Identifier: BSD-2-Clause
"""Place and route the whole card for the NiteFury II's xc7a200t, and judge its speed and size.

The PCIe hard block is stubbed by registers, which are not counted. A lookup table of the chip that
serves as two smaller ones is one. The CPU has a clock of its own;
the tool does not look at paths between the two clocks, and the crossings do not need it to.
Hold times are not judged: the tool's model of them is not to be trusted.

A seed that the router goes in circles over is told of and fails the run; the numbers are those of
the others.
"""

import argparse
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ..build import write
from ..regs import CARD_ADDRESSES
from .design import CLOCKS, TimedCard, constraints
from .limits import LimitsError, read_limits
from .netlist import Cells, NetlistError, count_placed_tables, read_modules
from .report import ReportError, read_report
from .tools import DEVICE, ToolError, place_and_route, synthesise

__all__ = ["main", "stub_cells"]

_TOP = "timed"
_STUB = ".stub."
_LIMITS = Path(__file__).with_name("limits.toml")
_CLOCK = CLOCKS["pcie"]

#: A seed that can be routed is done after a third of it.
_ROUTE_LIMIT_S = 1500


def stub_cells(module):
    """Count the flip-flops and lookup tables of the stub in the flattened ``module``.

    Each of its registers keeps its name; a lookup table folds each bit that it takes, or half of
    one, as two of them may share one. Of those, only what is surely the stub's is counted.
    """
    def bits(register):
        return {bit for name, net in module["netnames"].items()
                if name.endswith(f"{_STUB}{register}") for bit in net["bits"]
                if isinstance(bit, int)}

    folded = bits("folded")
    return Cells(luts=len(folded) // 2, ffs=len(bits("driven") | bits("taken") | folded))


def _route(netlist, pins, options):
    """Route each seed: its report and its lookup tables, and why others could not be routed."""
    def route(seed):
        try:
            report, placed = place_and_route(
                netlist.resolve(), constraints=pins.resolve(), seed=seed, ask_mhz=options.ask,
                folder=options.work.resolve(), limit_s=_ROUTE_LIMIT_S)
        except ToolError as reason:
            print(f"    seed {seed}: {reason}", flush=True)
            return reason
        return read_report(report, clock=_CLOCK), count_placed_tables(placed)

    with ThreadPoolExecutor(options.jobs) as pool:
        results = dict(zip(options.seeds, pool.map(route, options.seeds), strict=True))
    unrouted = {seed: result for seed, result in results.items() if isinstance(result, ToolError)}
    if len(unrouted) == len(results):
        raise ToolError("no seed could be routed, for the reasons above: others may, --seeds")
    routed = {seed: result for seed, result in results.items() if seed not in unrouted}
    return ({seed: report for seed, (report, _tables) in routed.items()},
            {seed: count for seed, (_report, count) in routed.items()}, unrouted)


def _judge(reports, tables, stub, options):
    """Numbers of the worst seed, and what they miss."""
    fmax = min(report.fmax_mhz[_CLOCK] for report in reports.values())
    numbers = {
        "fmax_mhz": round(fmax, 2),
        "luts": max(tables.values()) - stub.luts,
        "ffs": max(report.ffs for report in reports.values()) - stub.ffs,
    }
    limits = read_limits(_LIMITS, options.limits)
    return numbers, limits, limits.misses(**numbers)


def _tell(reports, limits):
    for seed, report in sorted(reports.items()):
        clocks = ", ".join(f"{clock} {mhz:.1f} MHz"
                           for clock, mhz in sorted(report.fmax_mhz.items()))
        print(f"seed {seed}: {clocks}; slack of {_CLOCK} at {limits.fmax_mhz:g} MHz "
              f"{report.slack_ns(_CLOCK, limits.fmax_mhz):+.2f} ns")
    worst = min(reports.values(), key=lambda report: report.fmax_mhz[_CLOCK])
    print("\n".join(["critical path of the worst seed:", *(f"  {line}" for line in worst.path)]))
    print("in use: " + ", ".join(f"{count} {name}" for name, count in sorted(worst.used.items())))


def main(arguments=None):
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m vop.xc7.timing", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="exit status: 0 every limit is met; 1 one is missed, or a tool failed, for one "
        "seed or for all; "
        "2 bad arguments")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3], metavar="N",
                        help="seeds of the placer; the worst counts (default: 1 2 3)")
    parser.add_argument("--limits", choices=("must", "recorded"), default="must",
                        help=f"table of {_LIMITS.name} to judge by: what the card must reach, or "
                        "what it was seen to reach, which may only get better (default: must)")
    parser.add_argument("--ask", type=float, default=160, metavar="MHZ",
                        help="frequency to ask the router for, more than is needed "
                        "(default: %(default)g)")
    parser.add_argument("--ram-bytes", type=lambda text: int(text, 0),
                        default=CARD_ADDRESSES["default_ram_bytes"], metavar="N",
                        help="size of card RAM (default: %(default)#x)")
    parser.add_argument("--jobs", type=int, default=2, metavar="N",
                        help="seeds to run at once (default: %(default)s)")
    parser.add_argument("--output", type=Path, default=Path("build/timing.json"), metavar="FILE",
                        help="where to write the numbers (default: %(default)s)")
    parser.add_argument("--work", type=Path, default=Path("build/timing"), metavar="DIR",
                        help="folder of the tools' files (default: %(default)s)")
    options = parser.parse_args(arguments)

    try:
        print("    writing Verilog", flush=True)
        sources = write(TimedCard(ram_bytes=options.ram_bytes), name=_TOP, folder=options.work)
        pins = options.work / "pins.xdc"
        pins.write_text(constraints(), encoding="utf-8")
        netlist = synthesise(sources[:-1], top=_TOP, folder=options.work)
        stub = stub_cells(read_modules(netlist, top=_TOP)[_TOP])
        reports, tables, unrouted = _route(netlist, pins, options)
        numbers, limits, misses = _judge(reports, tables, stub, options)
    except ValueError as reason:
        parser.error(str(reason))
    except (ToolError, NetlistError, ReportError, LimitsError) as reason:
        print(f"timing: {reason}", file=sys.stderr)
        return 1

    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps({
        **numbers,
        "device": DEVICE,
        "ram_bytes": options.ram_bytes,
        "asked_mhz": options.ask,
        "stub": {"luts": stub.luts, "ffs": stub.ffs},
        "seeds": {str(seed): {"fmax_mhz": report.fmax_mhz, "luts": tables[seed],
                              "ffs": report.ffs, "critical_path": report.path}
                  for seed, report in reports.items()},
        "unrouted": {str(seed): str(reason) for seed, reason in unrouted.items()},
    }, indent=1) + "\n", encoding="utf-8")
    _tell(reports, limits)
    print(f"card: {numbers['fmax_mhz']} MHz, {numbers['luts']} lookup tables, {numbers['ffs']} "
          f"flip-flops as placed, without {stub.luts} and {stub.ffs} of the stub; "
          f"{options.output}")
    for miss in misses:
        print(f"timing: missed ({options.limits}): {miss}", file=sys.stderr)
    for seed in unrouted:
        print(f"timing: seed {seed} could not be routed, for the reason above", file=sys.stderr)
    return 1 if misses or unrouted else 0


if __name__ == "__main__":
    sys.exit(main())

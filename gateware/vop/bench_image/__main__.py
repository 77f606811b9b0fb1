# SPDX-License-Identifier: BSD-2-Clause
"""Make a board's bench image by open tools alone: Yosys, nextpnr and Project X-Ray.

The PCIe block is not in it: see docs/boards/nitefury2.md. What was made is read back and compared
frame by frame. Not tried on hardware.
"""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from ..build import content_id
from ..vivado.board import board_names, load_board
from ..vivado.project import TOP, write
from ..xc7.bitstream import differences, make_bitstream, read_bitstream
from ..xc7.fasm import FasmError, assemble
from ..xc7.netlist import NetlistError, count_placed_tables
from ..xc7.prjxray import Database, DatabaseError
from ..xc7.report import ReportError, read_report
from ..xc7.tools import DEVICE, DIE, ToolError, place_and_route, prjxray_database, synthesise
from .card import RAM_BYTES
from .result import ClockResult, Result, prose_of, table
from .top import CLOCKS_HZ, BenchTop

__all__ = ["first_routed", "main", "prepare"]

_FIRMWARE = Path("build/firmware/bench/bench.bin")
_SOURCES = (".v", ".xdc")

#: A route that is found is found in 5 minutes of a quiet machine. Others go in circles for ever, a
#: few hundred wires shared (seed 1, of the netlist on record): another seed of the placer may do.
_ROUTE_LIMIT_S = 600
_SEEDS = [2, 1, 3, 4]


def main(arguments=None):
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m vop.bench_image", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="exit status: 0 made, and every clock met; 1 a tool is missing or failed, or a "
        "clock is missed; 2 bad arguments")
    parser.add_argument("board", nargs="?", default="", help="name of a board")
    parser.add_argument("--output", type=Path, default=Path("build/boards"), metavar="DIR",
                        help="where to write, in <board>/open (default: %(default)s)")
    parser.add_argument("--firmware", type=Path, default=_FIRMWARE, metavar="FILE",
                        help="the bench firmware (default: %(default)s)")
    parser.add_argument("--seeds", type=int, nargs="+", default=_SEEDS, metavar="N",
                        help="seeds of the placer, the next if one cannot be routed or misses a "
                        f"clock (default: {' '.join(map(str, _SEEDS))})")
    parser.add_argument("--record", type=Path, default=None, metavar="FILE",
                        help="page to put the numbers into: docs/boards/utilisation.md")
    options = parser.parse_args(arguments)
    try:
        board = _open_board(options.board)
        firmware = options.firmware.read_bytes()
        if len(firmware) > RAM_BYTES:
            raise ValueError(f"Firmware must fit into {RAM_BYTES} bytes of card RAM, and has "
                             f"{len(firmware)}")
        if options.record is not None:
            prose = prose_of(options.record.read_text(encoding="utf-8"))
    except (ValueError, OSError) as reason:
        parser.error(str(reason))
    folder = (options.output / options.board / "open").resolve()
    try:
        result = _make(board, options.board, firmware, options.seeds, folder)
    except (ToolError, NetlistError, ReportError, DatabaseError, FasmError) as reason:
        print(f"bitstream: {reason}", file=sys.stderr)
        return 1
    (folder / "result.json").write_text(json.dumps(asdict(result), indent=1) + "\n",
                                        encoding="utf-8")
    print("\n".join(table(result)))
    if options.record is not None:
        options.record.write_text("\n".join([prose, *table(result), ""]), encoding="utf-8")
    print(folder / f"{TOP}.bit")
    return 0


def _part(board):
    return f"{board.platform.device}{board.platform.package}-{board.platform.speed}"


def _open_board(name):
    board = load_board(name)
    if _part(board) != DEVICE:
        able = ", ".join(name for name in board_names() if _part(load_board(name)) == DEVICE)
        raise ValueError(f"Open tools are set up for {DEVICE} ({able}), and {board.title} has "
                         f"{_part(board)}")
    return board


def prepare(board, **parameters):
    """Files for the open tools by name: Verilog and pins of the image of ``board``.

    ``parameters`` are those of :class:`BenchTop`.
    """
    plan = board.platform(toolchain="Xray").build(
        BenchTop(board, **parameters), name=TOP, do_build=False, emit_src=False)
    return {name: content for name, content in plan.files.items()
            if Path(name).suffix in _SOURCES and "debug" not in name}


def _make(board, name, firmware, seeds, folder):
    """Make the bitstream in ``folder``, read it back; returns the :class:`Result`."""
    print(f"    writing the bench image of {board.title} into {folder}", flush=True)
    build_id = content_id({"board": name, "firmware": firmware})
    bitstream = folder / f"{TOP}.bit"
    bitstream.unlink(missing_ok=True)  # that of another run must not be taken for this one's
    sources = write(prepare(board, firmware=firmware, build_id=build_id), folder)
    netlist = synthesise([path for path in sources if path.suffix == ".v"], top=TOP, folder=folder)

    result, routed = first_routed(board, netlist, seeds, folder)
    frames = assemble(routed.read_text(encoding="utf-8").splitlines(),
                      Database(prjxray_database(), DIE))
    make_bitstream(frames, bitstream)
    different = differences(frames.words, read_bitstream(bitstream))
    if different:
        bitstream.unlink()
        raise ToolError(f"{bitstream} reads back otherwise than it was made, in "
                        f"{len(different)} frames:\n" + "\n".join(different[:10]))
    print(f"    {frames.features} feature bits, {frames.silent} connections without any, "
          f"{len(frames.words)} frames: all read back", flush=True)
    return result


def first_routed(board, netlist, seeds, folder):
    """Result, and FASM, of the first of ``seeds`` that can be routed and meets the clocks.

    Raises
    ------
    ToolError
        If none does.
    """
    for seed in seeds:
        routed = folder / f"seed{seed}.fasm"
        try:
            report, placed = place_and_route(
                netlist, constraints=folder / f"{TOP}.xdc", seed=seed, folder=folder, fasm=routed,
                ask_mhz=max(CLOCKS_HZ.values()) / 1e6, limit_s=_ROUTE_LIMIT_S)
        except ToolError as reason:
            print(f"    seed {seed}: {reason}", flush=True)
            continue
        measured = read_report(report, clock=next(iter(CLOCKS_HZ)))
        result = Result(
            board=board.title, part=DEVICE, seed=seed, luts=count_placed_tables(placed),
            ffs=measured.ffs, used=measured.used, available=measured.available,
            clocks=[ClockResult(clock, hz / 1e6, measured.fmax_mhz[clock])
                    for clock, hz in CLOCKS_HZ.items()])
        missed = [f"{clock.name} must reach {clock.wanted_mhz:g} MHz, and reaches "
                  f"{clock.reached_mhz:.1f}" for clock in result.clocks if clock.slack_ns < 0]
        if not missed:
            return result, routed
        print(f"    seed {seed}: {'; '.join(missed)}", flush=True)
    raise ToolError(f"no seed of {', '.join(map(str, seeds))} can be routed at its clocks, for the "
                    "reasons above: others may, --seeds")


if __name__ == "__main__":
    sys.exit(main())

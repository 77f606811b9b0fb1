# SPDX-License-Identifier: BSD-2-Clause
"""Write a board's project for Vivado, and run Vivado on it."""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

from ..build import content_id
from ..regs import CARD_ADDRESSES
from .board import board_names, load_board
from .project import TOP, prepare, write

__all__ = ["main"]

_IMAGE = Path("build/firmware/baremetal/card.bin")


def main(arguments=None):
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m vop.vivado", description=__doc__,
        epilog="exit status: 0 done; 1 Vivado is missing or failed; 2 bad arguments")
    parser.add_argument("action", choices=("list", "project", "bitstream"),
                        help="list the boards; write a project; write one and run Vivado on it")
    parser.add_argument("board", nargs="?", default="", help="name of a board; project: or all")
    parser.add_argument("--output", type=Path, default=Path("build/boards"), metavar="DIR",
                        help="where to write, a folder for each board (default: %(default)s)")
    parser.add_argument("--firmware", default="auto", metavar="FILE",
                        help="image for card RAM, with which the CPU starts by itself; none: the "
                        f"host loads one; auto: {_IMAGE} where card RAM has the size that it is "
                        "linked for (default: auto)")
    parser.add_argument("--lanes", type=int, default=None, metavar="N",
                        help="use the first 1 or 2 lanes of a board that has more: slower, and "
                        "with one lane at half the clock (default: all)")
    options = parser.parse_args(arguments)

    if options.action == "list":
        for name in board_names():
            print(_line(name))
        return 0
    everything = options.action == "project" and options.board == "all"
    try:
        for name in board_names() if everything else [options.board]:
            folder = options.output / name
            _write_project(name, folder, options.firmware, options.lanes)
    except ValueError as reason:
        parser.error(str(reason))
    except OSError as reason:
        parser.error(f"Firmware must be a readable file, and the output a folder: {reason}")
    return 0 if options.action == "project" else _make_bitstream(folder)


def _line(name):
    board = load_board(name)
    part = f"{board.platform.device}{board.platform.package}-{board.platform.speed}"
    return (f"{name:<14} {board.title:<20} {part:<18} x{board.link.lanes} "
            f"Gen{board.link.generation}, {board.ram_bytes >> 10} KiB of card RAM")


def _write_project(name, folder, firmware, lanes):
    board = load_board(name)
    if lanes is not None:
        board = board.narrowed(lanes)
    parameters = {}
    image = _choose_image(board, firmware)
    if image is not None:
        parameters = {"firmware": image.read_bytes(), "cpu_run": 1}
    build_id = content_id({"board": name, "link": board.link, **parameters})
    paths = write(prepare(board, build_id=build_id, **parameters), folder)
    print(f"{name}: {len(paths)} files in {folder}, x{board.link.lanes} at "
          f"{board.link.clock_hz / 1e6:g} MHz, build id {build_id:08x}, firmware: "
          f"{image or 'none'}")


def _choose_image(board, firmware):
    if firmware == "none":
        return None
    if firmware != "auto":
        return Path(firmware)
    return _IMAGE if board.ram_bytes == CARD_ADDRESSES["default_ram_bytes"] else None


def _make_bitstream(folder):
    vivado = shutil.which("vivado")
    if vivado is None:
        print(f"bitstream: Vivado must be on the path, and no program `vivado` is. The project is "
              f"complete: copy {folder} to a machine that has Vivado, and run build_{TOP}.sh there",
              file=sys.stderr)
        return 1
    log = folder / f"{TOP}.log"
    status = subprocess.run([vivado, "-mode", "batch", "-nojournal", "-log", log.name,
                             "-source", f"{TOP}.tcl"], cwd=folder, check=False).returncode
    if status:
        print(f"bitstream: Vivado ended with status {status}: see {log}", file=sys.stderr)
        return 1
    bitstream = folder / f"{TOP}.bit"
    if not bitstream.is_file():
        print(f"bitstream: Vivado ended well, but left no {bitstream}: see {log}", file=sys.stderr)
        return 1
    print(bitstream)
    return 0


if __name__ == "__main__":
    sys.exit(main())

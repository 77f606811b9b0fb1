# SPDX-License-Identifier: BSD-2-Clause
"""Put a board's bitstream into its FPGA or its configuration flash, over JTAG, by openFPGALoader.

Not tried on hardware. Before anything is written the part at the end of the cable is asked who it
is: another board's bitstream is refused.
"""

import argparse
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from .vivado.board import load_board
from .vivado.project import TOP

__all__ = ["FlashError", "detect", "find_loader", "main"]

_IDCODE = re.compile(r"idcode\s+0x([0-9a-fA-F]+)")
_IDCODE_MASK = 0x0FFF_FFFF  # without the revision of the silicon
_LIMIT_S = 1800             # 32 MB of flash, slowly, and then read back
_DETECT_LIMIT_S = 60


class FlashError(Exception):
    """The board cannot be written. The text says why and what to do."""


def find_loader():
    """Path of openFPGALoader: one on PATH, else the one that setup installed beside Python."""
    found = shutil.which("openFPGALoader")
    beside = Path(sys.executable).with_name("openfpgaloader-cli")
    if found is None and not beside.exists():
        raise FlashError("openFPGALoader is not installed: run `make tools`")
    return found or str(beside)


def detect(loader, cable):
    """Ask for the IDCODE of the part at the end of ``cable``, without its revision."""
    said = _run([loader, "-c", cable, "--detect"], limit_s=_DETECT_LIMIT_S, failure=(
        f"no part answers by cable {cable}: is it plugged in, at both ends, the board powered, and "
        "may this user open it? CABLE= names another kind; `openFPGALoader --list-cables` lists "
        "them"))
    found = _IDCODE.search(said)
    if found is None:
        raise FlashError(f"openFPGALoader must tell an idcode, and said:\n{said.strip()}")
    return int(found[1], 16) & _IDCODE_MASK


def _run(words, *, limit_s, failure):
    try:
        ended = subprocess.run(words, capture_output=True, text=True, timeout=limit_s, check=False)
    except subprocess.TimeoutExpired:
        raise FlashError(f"{shlex.join(words)}: not done after {limit_s} s") from None
    said = ended.stdout + ended.stderr
    if ended.returncode:
        raise FlashError(f"{failure}\n{shlex.join(words)}: exit status {ended.returncode}\n"
                         f"{said.strip()}")
    return said


def _bitstream(folder, toolchain):
    """Path of the bitstream that ``toolchain`` made in the board's ``folder``."""
    return folder / "open" / f"{TOP}.bit" if toolchain == "open" else folder / f"{TOP}.bit"


def _missing(folder, toolchain):
    path = _bitstream(folder, toolchain)
    if toolchain == "open":
        return f"there is no {path}: `make bitstream TOOLCHAIN=open` makes it"
    also = ("; the bench image is there, which has no PCIe: TOOLCHAIN=open writes it"
            if _bitstream(folder, "open").is_file() else "")
    return f"there is no {path}: `make bitstream` makes it, where Vivado is{also}"


def _write(board, folder, toolchain, cable, words):
    if not _bitstream(folder, toolchain).is_file():
        raise FlashError(_missing(folder, toolchain))
    loader = find_loader()
    came = detect(loader, cable)
    if came != board.idcode:
        raise FlashError(f"the part must be an {board.platform.device} (IDCODE "
                         f"{board.idcode:#010x}) for {board.title}, but has {came:#010x}: is this "
                         "the right board?")
    _run([loader, *words], limit_s=_LIMIT_S, failure=f"{board.title} was not written")


def main(arguments=None):
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m vop.flash", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="exit status: 0 done; 1 no bitstream, no cable, the wrong part, or a tool failed; "
        "2 bad arguments")
    parser.add_argument("board", nargs="?", default="", help="name of a board")
    parser.add_argument("--persistent", action="store_true",
                        help="write the configuration flash and read it back (default: the FPGA, "
                        "until power goes)")
    parser.add_argument("--cable", default="", metavar="NAME",
                        help="kind of JTAG cable, as openFPGALoader has it (default: the board's)")
    parser.add_argument("--input", type=Path, default=Path("build/boards"), metavar="DIR",
                        help="where the boards' projects are (default: %(default)s)")
    parser.add_argument("--toolchain", choices=("vivado", "open"), default="vivado",
                        help="which bitstream: the card as Vivado made it, or the bench image, "
                        "which has no PCIe, of open tools (default: %(default)s)")
    parser.add_argument("--dry-run", action="store_true",
                        help="print the command that would write, and touch nothing")
    options = parser.parse_args(arguments)
    try:
        board = load_board(options.board)
        if options.persistent and options.toolchain == "open":
            raise ValueError("The bench image is for the FPGA alone: open tools set nothing of how "
                             "an FPGA reads its configuration flash")
    except ValueError as reason:
        parser.error(str(reason))
    folder = options.input / options.board
    bitstream = _bitstream(folder, options.toolchain)
    cable = options.cable or board.cable
    words = ["-c", cable, "--fpga-part", f"{board.platform.device}{board.platform.package}",
             *(["--write-flash", "--verify"] if options.persistent else ["--write-sram"]),
             str(bitstream)]
    if options.dry_run:
        print(shlex.join(["openFPGALoader", *words]))
        return 0
    try:
        _write(board, folder, options.toolchain, cable, words)
    except FlashError as reason:
        print(f"flash: {reason}", file=sys.stderr)
        return 1
    print(f"{board.title} has {bitstream}" + (
        "; it loads it when power comes" if options.persistent else ", until power goes"))
    return 0


if __name__ == "__main__":
    sys.exit(main())

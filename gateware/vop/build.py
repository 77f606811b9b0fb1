# SPDX-License-Identifier: BSD-2-Clause
"""Write the gateware of a board as Verilog, and the list of sources that a tool needs."""

import argparse
import hashlib
import sys
from pathlib import Path

from .boards.sim import SimCard
from .regs import CARD_ADDRESSES
from .verilog import convert

__all__ = ["BOARDS", "content_id", "main", "write"]

#: Board name to (component, name of the top module).
BOARDS = {"sim": (SimCard, "sim_card")}

_PACKAGE = Path(__file__).resolve().parent


def content_id(parameters):
    """First 32 bits of a hash over the package's sources and the parameters of the build."""
    digest = hashlib.sha256()
    for path in sorted(_PACKAGE.rglob("*.py")):
        digest.update(path.relative_to(_PACKAGE).as_posix().encode() + b"\0" + path.read_bytes())
    digest.update(repr(sorted(parameters.items())).encode())
    return int.from_bytes(digest.digest()[:4], "big")


def write(component, *, name, folder):
    """Write ``<name>.v``, copies of foreign Verilog, and ``sources.f``; return the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for source in getattr(component, "sources", ()):
        paths.append(folder / source.name)
        paths[-1].write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
    paths.append(folder / f"{name}.v")
    paths[-1].write_text(convert(component, name=name), encoding="utf-8")
    listing = folder / "sources.f"
    listing.write_text("".join(f"{path.name}\n" for path in paths), encoding="utf-8")
    return [*paths, listing]


def main(arguments=None):
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m vop.build", description=__doc__,
        epilog="exit status: 0 written; 2 bad arguments")
    parser.add_argument("board", choices=sorted(BOARDS), help="what to build for")
    parser.add_argument("--output", type=Path, default=None, metavar="DIR",
                        help="where to write (default: build/gateware/<board>)")
    parser.add_argument("--ram-bytes", type=lambda text: int(text, 0),
                        default=CARD_ADDRESSES["default_ram_bytes"], metavar="N",
                        help="size of card RAM, a power of two (default: %(default)#x)")
    parser.add_argument("--firmware", type=Path, default=None, metavar="FILE",
                        help="image to put into card RAM; the CPU then starts by itself")
    parser.add_argument("--cpu-variant", default="Lite", metavar="NAME",
                        help="variant of VexRiscv (default: %(default)s)")
    options = parser.parse_args(arguments)

    parameters = {"ram_bytes": options.ram_bytes, "cpu_variant": options.cpu_variant}
    if options.firmware is not None:
        try:
            parameters["firmware"] = options.firmware.read_bytes()
        except OSError as reason:
            parser.error(f"Firmware must be a readable file: {reason}")
        parameters["cpu_run"] = 1
    component, name = BOARDS[options.board]
    build_id = content_id(parameters)
    try:
        card = component(build_id=build_id, **parameters)
        folder = options.output or Path("build") / "gateware" / options.board
        paths = write(card, name=name, folder=folder)
    except ValueError as reason:
        parser.error(str(reason))
    print(f"build id {build_id:08x}")
    for path in paths:
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())

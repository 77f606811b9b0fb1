# SPDX-License-Identifier: BSD-2-Clause
"""A board's project, and what its Tcl asks of Vivado, as `vivado_standins.tcl` recorded it."""

import fcntl
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from vop.vivado.board import Board, load_board
from vop.vivado.project import prepare, write

IMAGE = bytes(range(1, 65))

_STANDINS = Path(__file__).with_name("vivado_standins.tcl")
_PORT = re.compile(r"^  (input|output|inout) (?:\[(\d+):0\] )?(\S+);$", re.MULTILINE)
_CELL = "inst/gt_top_i/pipe_wrapper_i/pipe_lane[{}].gt_wrapper_i/{}"
_CHANNELS = {"GTPE2_CHANNEL": "gtp_channel.gtpe2_channel_i",
             "GTXE2_CHANNEL": "gtx_channel.gtxe2_channel_i"}


@dataclass
class Project:
    """The directory of a project, and the board that it is for."""

    board: Board
    folder: Path

    @cached_property
    def verilog(self):
        return (self.folder / "top.v").read_text()

    def module(self, name):
        """Text of a module of the Verilog."""
        return re.search(rf"^module \\?{re.escape(name)} ?\(.*?^endmodule$", self.verilog,
                         re.MULTILINE | re.DOTALL)[0]

    def told(self, name):
        """What the card tells in block `identity`: a number that is constant in the Verilog."""
        identity = self.module("top.card.card.identity")
        return int(re.search(rf"^  assign {name} = 32'd(\d+);$", identity, re.MULTILINE)[1])

    @cached_property
    def ports(self):
        """Direction and number of bits of each port of the top; None for one that is no vector."""
        return {name: (direction, int(high) + 1 if high else None)
                for direction, high, name in _PORT.findall(self.module("top"))}

    @cached_property
    def bits(self):
        """Direction of each bit of the ports, by the name that Vivado has for it."""
        return {name if bits is None else f"{name}[{bit}]": direction
                for name, (direction, bits) in self.ports.items() for bit in range(bits or 1)}

    @cached_property
    def calls(self):
        """Commands that a run to the end gives to Vivado, each a list of words."""
        status, _said, calls = self.run()
        assert status == 0
        return calls

    def named(self, command):
        """Words of each call of a command."""
        return [words for name, *words in self.calls if name == command]

    @cached_property
    def properties(self):
        """Properties of the IP, without ``CONFIG.``."""
        (words,) = [words for words in self.named("set_property") if words[0] == "-dict"]
        pairs = re.findall(r"CONFIG\.(\S+)\s+(?:\{(.*?)\}|(\S+))", words[1])
        return {name: braced or plain for name, braced, plain in pairs}

    def run(self, *, pins=("pcie/block/user_clk_out", "cpu_clock/pll/CLKOUT0"), lanes=None,
            slack="setup 0.5 hold 0.1", refused="", environment=()):
        """Run the project's Tcl; return the exit status, what it said, and its calls."""
        site = self.board.transceivers[0]
        channel = _CHANNELS[site.rpartition("_")[0]]
        cells = [_CELL.format(lane, channel)
                 for lane in range(self.board.link.lanes if lanes is None else lanes)]
        scene = self.folder / "scene.tcl"
        scene.write_text(f"variable pins {{{' '.join(pins)}}}\n"
                         f"variable cells {{{' '.join(cells)}}}\n"
                         f"variable slack {{{slack}}}\nvariable refused {{{refused}}}\n")
        record = self.folder / "calls"
        tclsh = shutil.which("tclsh")
        assert tclsh is not None, "tclsh is not installed: run `make tools`"
        ended = subprocess.run([tclsh, _STANDINS, "top.tcl", record.name, scene.name],
                               cwd=self.folder, env=dict(environment), capture_output=True,
                               text=True, timeout=60, check=False)
        lines = record.read_text().split("\n")
        return (ended.returncode, ended.stdout + ended.stderr,
                [line.split("\x1f") for line in lines if line])


def copy_project(name, factory, *, lanes=None):
    """The project of a board, or of its first ``lanes`` lanes, in a folder of the caller's own.

    It takes ten seconds to write, so one of all workers of this run does it, and the others copy.
    ``factory`` is pytest's ``tmp_path_factory``.
    """
    base = factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "vivado-projects"
    shared.mkdir(exist_ok=True)
    board = load_board(name)
    if lanes is not None:
        name, board = f"{name}_x{lanes}", board.narrowed(lanes)
    folder = factory.mktemp(name) / "project"
    shutil.copytree(_write_once(name, board, shared), folder)
    return Project(board, folder)


def _write_once(name, board, shared):
    written = shared / name
    with open(shared / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not written.exists():
            files = prepare(board, firmware=IMAGE, cpu_run=1, build_id=0x600D_CAFE)
            write(files, shared / f"{name}.part")
            (shared / f"{name}.part").rename(written)
    return written

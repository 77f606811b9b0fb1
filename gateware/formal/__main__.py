# SPDX-License-Identifier: BSD-2-Clause
"""``python -m formal``: try every proof, and see every planted bug found.

Exit code 0: every proof holds, says something, and finds its bugs. 1: one does not. 2: usage.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from .proof import Plant, Proof
from .registry import all_proofs

_BUILD = Path("build/formal")


@dataclass(frozen=True)
class _Task:
    """One run of the solver: a proof, as it is or with a bug in it."""

    proof: Proof
    bug: Plant | None
    folder: Path

    def run(self) -> dict:
        """Try it in a process of its own; what came of it."""
        started = time.monotonic()
        ran = subprocess.run(
            [sys.executable, "-m", "formal.check", self.proof.name, str(self.folder)],
            input=json.dumps(asdict(self.bug)) if self.bug else "", text=True,
            capture_output=True)
        verdict = {"proof": self.proof.name, "bug": self.bug.bug if self.bug else None,
                   "depth": self.proof.depth, "seconds": round(time.monotonic() - started, 1)}
        if ran.returncode:
            return verdict | {"wrong": ran.stderr.strip().splitlines()[-1]}
        verdict |= json.loads(ran.stdout.splitlines()[-1])
        return verdict | {"wrong": self._judge(verdict)}

    def _judge(self, verdict: dict) -> str | None:
        """What is wrong with ``verdict``, or None."""
        if self.bug:
            return "the planted bug was not found" if verdict["holds"] else None
        if not verdict["holds"]:
            return f"an assertion fails in cycle {verdict['step']}: see {verdict['trace']}"
        if not verdict["covered"]:
            return "a cover is not reached: the proof says less than it seems to"
        if self.proof.inductive and not verdict["for_ever"]:
            return "the claim does not follow from itself by induction"
        return None


def _tasks(names: list[str]) -> list[_Task]:
    tasks = []
    for proof in all_proofs().values():
        if names and proof.name not in names:
            continue
        tasks.append(_Task(proof, None, _BUILD / proof.name))
        tasks += [_Task(proof, bug, _BUILD / f"{proof.name}-bug{number}")
                  for number, bug in enumerate(proof.plants)]
    return tasks


def _tell(result: dict) -> None:
    what = f"  bug: {result['bug']}" if result["bug"] else result["proof"]
    if result["wrong"]:
        outcome = f"FAILED: {result['wrong']}"
    elif result["bug"]:
        outcome = f"found in cycle {result['step']}"
    elif result["for_ever"]:
        outcome = "holds for ever"
    else:
        outcome = f"holds for {result['depth']} cycles"
    print(f"{what:<76} {result['seconds']:6.1f} s  {outcome}", flush=True)


def main() -> int:
    """Do what the command line says; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m formal", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="PROOF", help="only these; default: all")
    parser.add_argument("--list", action="store_true", help="say what is proved, and stop")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), metavar="N",
                        help="solvers at a time (default: one a core)")
    options = parser.parse_args()
    proofs = all_proofs()
    if unknown := set(options.names) - set(proofs):
        parser.error(f"no proof is called {', '.join(sorted(unknown))}; see --list")
    if options.list:
        for proof in proofs.values():
            print(f"{proof.name:<28} {proof.claim}")
        return 0

    with ThreadPoolExecutor(options.jobs) as pool:
        results = []
        for result in pool.map(_Task.run, _tasks(options.names)):
            _tell(result)
            results.append(result)
    _BUILD.mkdir(parents=True, exist_ok=True)
    (_BUILD.parent / "formal.json").write_text(json.dumps(results, indent=1) + "\n")
    failed = sum(1 for result in results if result["wrong"])
    held = sum(1 for result in results if not result["bug"])
    print(f"{held} proofs, {len(results) - held} planted bugs, {failed} wrong")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

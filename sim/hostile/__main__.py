# SPDX-License-Identifier: BSD-2-Clause
"""``python -m sim.hostile``: run hostile seeds against the card at its pins.

Exit code 0: every seed ended with a transfer that succeeded. 1: one did not. 2: usage.
"""

import argparse
import os
import re
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass

from sim.harness.simulate import simulate
from sim.harness.verdict import Red
from sim.test_stories import WIDTHS, card

#: Seeds of one simulator run: enough that its start costs little, few enough to show progress.
_BATCH = 25
_BLOCKS = {f"{block}-{width}": (block, width) for block in WIDTHS for width in WIDTHS[block]}
#: Block and width of the last ten of every forty seeds, and of the others.
_RARE, _USUAL = "pcie_usplus-128", "pcie_7x-128"


def _hush() -> None:
    """Keep what the simulator says of this process out of the way; its log has it, too."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)


@dataclass(frozen=True)
class _Batch:
    """Seeds of one simulator run, on one block and width."""

    where: str
    seeds: range

    def __str__(self) -> str:
        return f"seeds {self.seeds[0]} to {self.seeds[-1]} on {self.where}"


def _batches(seeds: range, where: str | None) -> list[_Batch]:
    """Share the seeds out; all of them go to ``where`` if that is given."""
    found = []
    first = seeds.start
    for seed in seeds:
        name = where or (_RARE if seed % 40 >= 30 else _USUAL)
        if found and found[-1].where == name and seed - first < _BATCH:
            found[-1] = _Batch(name, range(first, seed + 1))
        else:
            first = seed
            found.append(_Batch(name, range(seed, seed + 1)))
    return found


def _build(where: str) -> None:
    """Build a simulator, unless it is there."""
    card(*_BLOCKS[where])


def _run(batch: _Batch) -> str | None:
    """Run a batch; return what went wrong, or None."""
    block, width = _BLOCKS[batch.where]
    try:
        simulate(card(block, width), "sim.hostile.story_seeds", seed=1, block=block, width=width,
                 first=batch.seeds[0], count=len(batch.seeds))  # fmt: skip
    except Red as reason:
        return str(reason)
    return None


def _failed(wrong: str, batch: _Batch) -> list[int]:
    """Seeds that a verdict names; all of the batch if it names none."""
    verdict = wrong.splitlines()[0]
    return sorted({int(seed) for seed in re.findall(r"seed=(\d+)", verdict)}) or [*batch.seeds]


def main() -> int:
    """Do what the command line says; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m sim.hostile",
                                     description=__doc__.splitlines()[0])  # fmt: skip
    parser.add_argument("--seeds", type=int, default=50, metavar="N", help="how many (default: 50)")
    parser.add_argument("--base", type=int, default=0, metavar="B", help="the first (default: 0)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), metavar="N",
                        help="simulators at a time (default: one a core)")  # fmt: skip
    parser.add_argument("--block", choices=_BLOCKS,
                        help=f"default: {_RARE} for 10 seeds of 40, else {_USUAL}")  # fmt: skip
    options = parser.parse_args()
    if options.seeds < 1 or options.base < 0:
        parser.error("SEEDS must be 1 or more, and SEED_BASE 0 or more")
    last = options.base + options.seeds - 1
    print(f"seeds {options.base} to {last} (SEEDS={options.seeds} SEED_BASE={options.base})")

    seeds = range(options.base, last + 1)
    batches = _batches(seeds, options.block)
    failed = []
    with ProcessPoolExecutor(options.jobs, initializer=_hush) as pool:
        list(pool.map(_build, sorted({batch.where for batch in batches})))
        began = time.monotonic()
        runs = {pool.submit(_run, batch): batch for batch in batches}
        for number, run in enumerate(as_completed(runs), 1):
            batch, wrong = runs[run], run.result()
            if wrong:
                print(wrong, file=sys.stderr)
                failed += _failed(wrong, batch)
            print(f"[{time.monotonic() - began:6.0f} s] {number}/{len(batches)} "
                  f"{batch}: {'FAILED' if wrong else 'passed'}",
                  flush=True)  # fmt: skip
    for seed in sorted(failed):
        print(f"seed {seed} failed; replay: make test-hostile SEEDS=1 SEED_BASE={seed}"
              + (f" BLOCK={options.block}" if options.block else ""))  # fmt: skip
    print(f"{len(seeds)} seeds from {options.base}: "
          + (f"{len(failed)} failed" if failed else "all passed"))  # fmt: skip
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

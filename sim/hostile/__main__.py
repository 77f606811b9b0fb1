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
from functools import partial

from vop.boards.sim import SimCard

from sim.harness.build import Model, build
from sim.harness.simulate import simulate
from sim.harness.verdict import Red
from sim.test_stories import TIMEOUT_CYCLES

#: Seeds of one simulator run: enough that its start costs little, few enough to show progress.
_BATCH = 25


def _hush() -> None:
    """Keep what the simulator says of this process out of the way; its log has it, too."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)


def _run(model: Model, seeds: range) -> str | None:
    """Run a batch; return what went wrong, or None."""
    try:
        simulate(model, "sim.hostile.story_seeds", seed=1, first=seeds[0], count=len(seeds))
    except Red as reason:
        return str(reason)
    return None


def _failed(wrong: str, batch: range) -> list[int]:
    """Seeds that a verdict names; all of the batch if it names none."""
    verdict = wrong.splitlines()[0]
    return sorted({int(seed) for seed in re.findall(r"seed=(\d+)", verdict)}) or list(batch)


def main() -> int:
    """Do what the command line says; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m sim.hostile",
                                     description=__doc__.splitlines()[0])  # fmt: skip
    parser.add_argument("--seeds", type=int, default=50, metavar="N", help="how many (default: 50)")
    parser.add_argument("--base", type=int, default=0, metavar="B", help="the first (default: 0)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), metavar="N",
                        help="simulators at a time (default: one a core)")  # fmt: skip
    options = parser.parse_args()
    if options.seeds < 1 or options.base < 0:
        parser.error("SEEDS must be 1 or more, and SEED_BASE 0 or more")
    last = options.base + options.seeds - 1
    print(f"seeds {options.base} to {last} (SEEDS={options.seeds} SEED_BASE={options.base})")

    model = build(partial(SimCard, timeout_cycles=TIMEOUT_CYCLES), name="sim_card")
    seeds = range(options.base, last + 1)
    batches = [seeds[at : at + _BATCH] for at in range(0, len(seeds), _BATCH)]
    began, failed = time.monotonic(), []
    with ProcessPoolExecutor(options.jobs, initializer=_hush) as pool:
        runs = {pool.submit(_run, model, batch): batch for batch in batches}
        for number, run in enumerate(as_completed(runs), 1):
            batch, wrong = runs[run], run.result()
            if wrong:
                print(wrong, file=sys.stderr)
                failed += _failed(wrong, batch)
            print(f"[{time.monotonic() - began:6.0f} s] {number}/{len(batches)} "
                  f"seeds {batch[0]} to {batch[-1]}: {'FAILED' if wrong else 'passed'}",
                  flush=True)  # fmt: skip
    for seed in sorted(failed):
        print(f"seed {seed} failed; replay: make test-hostile SEEDS=1 SEED_BASE={seed}")
    print(f"{len(seeds)} seeds from {options.base}: "
          + (f"{len(failed)} failed" if failed else "all passed"))  # fmt: skip
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

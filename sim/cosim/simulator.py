# SPDX-License-Identifier: BSD-2-Clause
"""The simulator process: builds the card's model if need be, then serves one QEMU.

`python -m sim.cosim.simulator RUN` listens on `RUN/card.socket` and leaves `RUN/counters.json`.
Exit status: 0 if the run was clean, 1 if the card or the bridge met a fault.
"""

import argparse
import sys
from pathlib import Path

from sim.harness.simulate import simulate
from sim.harness.verdict import Red

__all__ = ["COUNTERS", "SOCKET", "main"]

SOCKET = "card.socket"
COUNTERS = "counters.json"


def main(words=None):
    """Run it; returns the exit status."""
    from vop.boards.sim import SimCard

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="directory of this run")
    parser.add_argument("--waves", action="store_true", help="leave waveforms")
    arguments = parser.parse_args(words)
    try:
        simulate(SimCard(), "sim.cosim.serve", name="card", waves=arguments.waves,
                 run=str(arguments.run.resolve()))  # fmt: skip
    except Red as reason:
        print(reason, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

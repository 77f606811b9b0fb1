# SPDX-License-Identifier: BSD-2-Clause
"""The simulator process: builds the card's model if need be, then serves one QEMU.

`python -m sim.cosim.simulator NAME DIRECTORY` listens on `DIRECTORY/card.socket`, and leaves there
`counters.json`, and `configuration.bin` and `tlps.json` at each change of the marker.
Exit status: 0 if the run was clean, 1 if the card or the bridge met a fault.
"""

import argparse
import os
import sys
from pathlib import Path

from sim.harness.simulate import simulate
from sim.harness.verdict import Red

__all__ = ["CONFIGURATION", "COUNTERS", "DIRECTORY", "DISTURBANCE", "MSIX", "SOCKET", "TLPS",
           "WAVES", "main"]  # fmt: skip

#: Environment variable that carries the directory into the simulator.
DIRECTORY = "VOP_COSIM_DIRECTORY"
#: Set in the simulator's environment: the card offers MSI-X.
MSIX = "VOP_COSIM_MSIX"

SOCKET = "card.socket"
COUNTERS = "counters.json"
#: The card's configuration space as it was when the marker changed last: 4096 bytes.
CONFIGURATION = "configuration.bin"
#: Faults that the test wants: see :mod:`sim.cosim.disturbance`.
DISTURBANCE = "disturbance"
#: TLPs since the change before, written likewise.
TLPS = "tlps.json"
#: Where the simulator puts waveforms, in the directory that it runs in.
WAVES = "dump.vcd"


def main(words=None):
    """Run it; returns the exit status."""
    from vop.boards.sim import SimCard

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", help="name of this run")
    parser.add_argument("directory", type=Path, help="of the socket and the results")
    parser.add_argument("--waves", action="store_true", help="leave waveforms")
    parser.add_argument("--msix", action="store_true", help="let the card offer MSI-X")
    arguments = parser.parse_args(words)
    os.environ[DIRECTORY] = str(arguments.directory.resolve())
    if arguments.msix:
        os.environ[MSIX] = "1"
    try:
        simulate(SimCard, "sim.cosim.serve", name="card", waves=arguments.waves,
                 run=arguments.name)  # fmt: skip
    except Red as reason:
        print(reason, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

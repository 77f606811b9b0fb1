# SPDX-License-Identifier: BSD-2-Clause
"""What the bridge counts, latched whenever the card writes its marker register."""

import json
from collections import Counter

from cocotb.utils import get_sim_time

from sim.models.pcie_7x import CLOCK_NS

__all__ = ["CONFIGURATION_BYTES", "Counters"]

CONFIGURATION_BYTES = 4096


class Counters:
    """Snapshots of the traffic between host and card.

    Parameters
    ----------
    block : :class:`~sim.models.pcie_7x.Pcie7x`
        Counts TLPs where they cross its pins.
    function : :class:`~sim.models.endpoint.CardFunction`
        Has the configuration space.
    configuration : path
        Where configuration space is written whenever the marker changes.
    """

    def __init__(self, block, function, configuration):
        self._block = block
        self._function = function
        self._configuration = configuration
        self.leapt_cycles = 0
        self.parked_s = 0.0
        self.markers = {}

    def snapshot(self):
        """All counters now, as plain data.

        ``cycles`` are clocks really simulated, ``leapt_cycles`` those by which mtime was set
        forward while the card was parked, ``parked_s`` the wall time of that.
        """
        block = self._block
        return {
            "cycles": int(get_sim_time("ns")) // CLOCK_NS,
            "leapt_cycles": self.leapt_cycles,
            "parked_s": round(self.parked_s, 3),
            "msis": block.msis,
            "mps": block.configuration.max_payload_bytes,
            "mrrs": block.configuration.max_read_request_bytes,
            "to_card": block.to_card.snapshot(),
            "to_host": block.to_host.snapshot(),
        }

    async def watch(self, marker):
        """Latch a snapshot each time the pin ``marker`` changes, under its new value. Endless."""
        while True:
            await marker.value_change
            if marker.value.is_resolvable:
                self.markers[int(marker.value)] = self.snapshot()
                registers = [await self._function.read_config_register(number)
                             for number in range(CONFIGURATION_BYTES // 4)]  # fmt: skip
                content = b"".join(value.to_bytes(4, "little") for value in registers)
                self._configuration.write_bytes(content)

    def write(self, path, faults):
        """Write everything to ``path``, for the runner; a fault that came often only once."""
        told = [text if count == 1 else f"{count} times: {text}"
                for text, count in Counter(faults).items()]  # fmt: skip
        content = {"markers": self.markers, "end": self.snapshot(), "faults": told}
        path.write_text(json.dumps(content, indent=1) + "\n")

# SPDX-License-Identifier: BSD-2-Clause
"""Faults of link and slot in a running co-simulation, below the driver, for its self-test to name.

A test writes words into the file `disturbance` of the run's directory (`Cosim.disturb`). The bridge
looks at it whenever the guest asks for something. Words:

    one-lane    the link's status says that one lane is left
    bit-flips   a bit flips in each payload of more than 32 bytes on its way to host memory
"""

from cocotbext.pcie.core.tlp import TlpType

__all__ = ["Disturbance"]

#: Records, used elements and messages stay whole: the driver itself must go on.
_LEAST_BYTES = 33
_WRITES = (TlpType.MEM_WRITE, TlpType.MEM_WRITE_64)


class Disturbance:
    """What is wrong at the moment.

    Parameters
    ----------
    path : :class:`pathlib.Path`
        The file. While there is none, nothing is wrong.
    function : :class:`~sim.models.endpoint.CardFunction`
        Its configuration space says what the link is.
    """

    def __init__(self, path, function):
        self._path = path
        self._express = function.pcie_cap
        self._lanes = function.pcie_cap.negotiated_link_width
        self._words = ()

    def look(self):
        """Take over what the file says now."""
        self._words = self._path.read_text().split() if self._path.exists() else ()
        self._express.negotiated_link_width = 1 if "one-lane" in self._words else self._lanes

    def spoil(self, tlp):
        """Do to ``tlp``, on its way to the host, what is wrong with the link."""
        is_long_write = tlp.fmt_type in _WRITES and len(tlp.data) >= _LEAST_BYTES
        if "bit-flips" in self._words and is_long_write:
            tlp.data[len(tlp.data) // 2] ^= 1

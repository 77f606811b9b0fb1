# SPDX-License-Identifier: BSD-2-Clause
"""TLPs between host and card from one mark to the next, for whoever wants to see them in order."""

import json
from collections import deque

from sim.models.traffic import kind_of

__all__ = ["TlpLog"]

KEPT = 4096


class TlpLog:
    """Follows everything that crosses the pins of a block; MSI included.

    An entry is a list: `host` or `card`; the TLP's kind as :func:`~sim.models.traffic.kind_of` has
    it, or `msi`; what a request of the host hits, `bar0` or `bar2`, else nothing; address, of a BAR
    the offset in it; bytes of a request, 0 of others.

    Parameters
    ----------
    block : :class:`~sim.models.pcie_7x.Pcie7x`
        Listened to from now on.
    bar_bytes : dict of :class:`int` to :class:`int`
        Size of each BAR, a power of two.
    """

    def __init__(self, block, bar_bytes):
        self._block, self._bar_bytes = block, bar_bytes
        self._entries = deque(maxlen=KEPT)
        self._deliver, self._send = block.deliver, block.upstream
        block.deliver, block.upstream = self._to_card, self._to_host

    def _to_card(self, tlp, bar=None):
        if tlp.is_completion():
            self._entries.append(["host", kind_of(tlp), "", 0, 0])
        else:
            size = tlp.get_be_byte_count()
            address = tlp.address + tlp.get_first_be_offset()
            target = "" if bar is None else f"bar{bar}"
            address %= self._bar_bytes.get(bar, 1 << 64)
            self._entries.append(["host", kind_of(tlp), target, address, size])
        self._deliver(tlp, bar)

    async def _to_host(self, tlp):
        if tlp.is_completion():
            self._entries.append(["card", kind_of(tlp), "", 0, 0])
        else:
            is_message = tlp.address == self._block.configuration.msi_address
            kind = "msi" if is_message else kind_of(tlp)
            address = tlp.address + tlp.get_first_be_offset()
            self._entries.append(["card", kind, "", address, tlp.get_be_byte_count()])
        await self._send(tlp)

    async def watch(self, marker, path):
        """Write the entries to ``path`` and begin anew, each time the pin ``marker`` changes.

        Endless. Of more than `KEPT` entries the first are lost.
        """
        while True:
            await marker.value_change
            fresh = path.with_suffix(".part")
            fresh.write_text(json.dumps(list(self._entries)))
            fresh.rename(path)
            self._entries.clear()

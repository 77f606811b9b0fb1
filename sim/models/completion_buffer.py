# SPDX-License-Identifier: BSD-2-Clause
"""The hard block's receive buffer for completions, which only its user can keep from overrunning.

Ref: PG054, "Receive buffer": an endpoint advertises infinite completion credits.
"""

from collections.abc import Callable

from cocotbext.pcie.core.tlp import CplStatus, Tlp

from .wire import bytes_asked, first_byte

__all__ = ["CompletionBuffer"]


class CompletionBuffer:
    """Follows outstanding reads, and complains when their completions might not fit.

    Each read reserves the worst case: one header for every RCB-sized piece it touches, and the
    data credits of those pieces. What a completion has delivered is released.

    ``headers`` and ``data`` are the capacities, in headers and in credits of 16 bytes; ``rcb`` is
    in bytes. ``complain`` takes a message.
    """

    def __init__(self, complain: Callable[[str], None], headers: int = 36, data: int = 461):
        self.headers, self.data = headers, data
        self.rcb = 64
        self.peak_headers = 0
        self._complain = complain
        self._reads: dict[int, tuple[int, int]] = {}  # tag: next byte address, bytes left

    def __len__(self) -> int:
        return len(self._reads)

    def __contains__(self, tag: int) -> bool:
        return tag in self._reads

    def _cost(self, address: int, left: int) -> tuple[int, int]:
        headers = data = 0
        end = address + left
        while address < end:
            stop = min(end, (address // self.rcb + 1) * self.rcb)
            headers += 1
            data += ((stop + 3) // 4 - address // 4 + 3) // 4
            address = stop
        return headers, data

    def reserve(self, tlp: Tlp) -> None:
        """Take a memory read that the card has sent."""
        if tlp.tag in self._reads:
            self._complain(f"tag {tlp.tag} used again while outstanding: {tlp!r}")
        self._reads[tlp.tag] = first_byte(tlp), bytes_asked(tlp)
        costs = [self._cost(*read) for read in self._reads.values()]
        headers, data = (sum(column) for column in zip(*costs, strict=True))
        self.peak_headers = max(self.peak_headers, headers)
        if headers > self.headers or data > self.data:
            self._complain(
                f"completions of outstanding reads may need {headers} headers and {data} data "
                f"credits, the receive buffer has {self.headers} and {self.data}"
            )

    def release(self, tlp: Tlp) -> None:
        """Take a completion whose header the card has received: its place is free again."""
        if tlp.tag not in self._reads:
            return
        address, left = self._reads[tlp.tag]
        carried = 4 * tlp.length - (address & 3)
        if tlp.status != CplStatus.SC or not tlp.has_data() or carried >= left:
            del self._reads[tlp.tag]
        else:
            self._reads[tlp.tag] = address + carried, left - carried

    def forget(self, tag: int) -> None:
        """Take note that no completion will come for ``tag``."""
        self._reads.pop(tag, None)

    def clear(self) -> None:
        """Forget every read: the function was reset."""
        self._reads.clear()

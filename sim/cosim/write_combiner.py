# SPDX-License-Identifier: BSD-2-Clause
"""The write-combining buffer between the guest's processor and the link.

QEMU hands on every store by itself. The driver maps card RAM write-combining, and a processor
gathers such stores into lines before they become TLPs.
"""

__all__ = ["LINE_BYTES", "WriteCombiner"]

#: What processors of today gather.
LINE_BYTES = 64


class WriteCombiner:
    """Gather stores that continue each other within a line.

    One line is open at a time. It leaves when a store does not continue it, when it is full, and
    when whoever keeps it says so: before anything that a processor's fences, uncached accesses or
    mere time would put behind it.
    """

    def __init__(self):
        self._offset = 0
        self._line = bytearray()

    def add(self, offset: int, data: bytes) -> list[tuple[int, bytes]]:
        """Take a store; return the writes that leave now, as offsets and bytes."""
        left = []
        while data:
            room = LINE_BYTES - offset % LINE_BYTES
            if self._line and offset != self._offset + len(self._line):
                left += self.flush()
            if not self._line:
                self._offset = offset
            self._line += data[:room]
            if len(data) >= room:
                left += self.flush()
            offset, data = offset + room, data[room:]
        return left

    def flush(self) -> list[tuple[int, bytes]]:
        """Return what was gathered, if anything was, and forget it."""
        left = [(self._offset, bytes(self._line))] if self._line else []
        self._line.clear()
        return left

# SPDX-License-Identifier: BSD-2-Clause
"""Guest memory as the card's DMA sees it: ranges of bus addresses, mapped from QEMU's memfd."""

import mmap
import os

__all__ = ["GuestMemory", "OutsideMemory"]


class OutsideMemory(Exception):
    """An access that no range holds, or a write to a range that may only be read."""


class GuestMemory:
    """The live table of DMA ranges. Firmware remaps ranges, so every access looks its range up."""

    def __init__(self):
        self._ranges = {}

    def map(self, address, size, offset, writable, descriptor):
        """Add the range of ``size`` bytes at bus address ``address``; takes over ``descriptor``."""
        protection = mmap.PROT_READ | (mmap.PROT_WRITE if writable else 0)
        try:
            view = mmap.mmap(descriptor, size, mmap.MAP_SHARED, protection, offset=offset)
        finally:
            os.close(descriptor)
        self._ranges[address] = (size, view, writable)

    def unmap(self, address):
        """Remove the range that starts at ``address``; returns whether there was one."""
        entry = self._ranges.pop(address, None)
        if entry is not None:
            entry[1].close()
        return entry is not None

    def unmap_all(self):
        """Remove every range."""
        for address in list(self._ranges):
            self.unmap(address)

    def read(self, address, length):
        """Bytes of guest memory; raises :class:`OutsideMemory`."""
        view, at = self._find(address, length, write=False)
        return bytes(view[at : at + length])

    def write(self, address, data):
        """Store ``data``; raises :class:`OutsideMemory`."""
        view, at = self._find(address, len(data), write=True)
        view[at : at + len(data)] = data

    def _find(self, address, length, write):
        for start, (size, view, writable) in self._ranges.items():
            if start <= address and address + length <= start + size:
                if write and not writable:
                    raise OutsideMemory(f"{address:#x}+{length:#x} is read-only")
                return view, address - start
        raise OutsideMemory(f"{address:#x}+{length:#x} is not guest memory")

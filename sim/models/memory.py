# SPDX-License-Identifier: BSD-2-Clause
"""Host memory, handed out as buffers between guard bytes."""

import random

from cocotb.triggers import Event

__all__ = ["Buffer", "HostMemory"]

GUARD_BYTES = 64


class HostMemory:
    """Two arenas of host memory: one below 4 GiB, one above, so that both header forms occur.

    An access outside them returns None or False. ``written`` is set by every write from the card.
    """

    LOW, HIGH = 0x1000_0000, 0x12_3400_0000
    ARENA_BYTES = 4 << 20

    def __init__(self, rng: random.Random):
        self._rng = rng
        self._arenas = {base: bytearray(self.ARENA_BYTES) for base in (self.LOW, self.HIGH)}
        self._free = {base: base + 4096 for base in self._arenas}
        self.buffers: list[Buffer] = []
        self.written = Event()

    def _find(self, address: int, length: int) -> tuple[bytearray, int] | None:
        for base, arena in self._arenas.items():
            if base <= address and address + length <= base + len(arena):
                return arena, address - base
        return None

    def read(self, address: int, length: int) -> bytes | None:
        """Return ``length`` bytes at bus address ``address``."""
        place = self._find(address, length)
        if place is None:
            return None
        arena, offset = place
        return bytes(arena[offset : offset + length])

    def write(self, address: int, data: bytes) -> bool:
        """Write ``data``; tell whether there was memory."""
        place = self._find(address, len(data))
        if place is None:
            return False
        arena, offset = place
        arena[offset : offset + len(data)] = data
        return True

    def allocate(
        self, length: int, *, align: int = 4096, offset: int = 0, high: bool = False
    ) -> "Buffer":
        """Return a buffer that starts ``offset`` bytes behind a multiple of ``align``.

        It is filled with random bytes, between guard bytes.
        """
        base = self.HIGH if high else self.LOW
        start = (self._free[base] + GUARD_BYTES + align - 1) // align * align + offset
        end = start + length + GUARD_BYTES
        if end > base + self.ARENA_BYTES:
            raise MemoryError(f"Host memory must hold {length} bytes more, but is full")
        self._free[base] = end
        buffer = Buffer(self, start, length, self._rng)
        self.buffers.append(buffer)
        return buffer


class Buffer:
    """A piece of host memory at bus address ``address``, ``length`` bytes long."""

    def __init__(self, memory: HostMemory, address: int, length: int, rng: random.Random):
        self._memory, self.address, self.length = memory, address, length
        self._guards = {
            address - GUARD_BYTES: rng.randbytes(GUARD_BYTES),
            address + length: rng.randbytes(GUARD_BYTES),
        }
        for place, guard in self._guards.items():
            memory.write(place, guard)
        self.fill(rng.randbytes(length))

    @property
    def content(self) -> bytes:
        """What it holds."""
        return self._memory.read(self.address, self.length) or b""

    def fill(self, data: bytes, at: int = 0) -> None:
        """Write ``data``, as the host, ``at`` bytes from its start."""
        if at + len(data) > self.length:
            raise ValueError(f"Data must end within {self.length} bytes, not at {at + len(data)}")
        self._memory.write(self.address + at, data)

    @property
    def is_untouched_around(self) -> bool:
        """Whether every guard byte still stands."""
        return all(self._memory.read(at, len(guard)) == guard for at, guard in self._guards.items())

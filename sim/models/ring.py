# SPDX-License-Identifier: BSD-2-Clause
"""A split virtqueue, encoded and decoded independently of design and firmware.

Ref: virtio 1.3, 2.7 (Split Virtqueues). Everything is little-endian.
"""

import struct
from dataclasses import dataclass

__all__ = [
    "Descriptor",
    "Layout",
    "avail_ring",
    "context",
    "read_avail",
    "read_table",
    "read_used",
    "table",
]

NEXT, WRITE, INDIRECT = 1, 2, 4
PAGE_BYTES = 4096
CONTEXT_BYTES = 64


@dataclass(frozen=True)
class Descriptor:
    """One descriptor: a buffer's address and length, and the index of the next one or None.

    ``indirect`` makes the buffer a table of descriptors.
    """

    address: int
    length: int
    writable: bool = False
    next: int | None = None
    indirect: bool = False


@dataclass(frozen=True)
class Layout:
    """Where the parts of a queue of ``num`` entries lie in card RAM, from ``base`` on."""

    base: int
    num: int

    @property
    def desc(self) -> int:
        """Descriptor table; 16-byte aligned."""
        return self.base

    @property
    def avail(self) -> int:
        """Avail ring, behind the table."""
        return self.base + 16 * self.num

    @property
    def used(self) -> int:
        """Used ring; page aligned."""
        return -(-(self.avail + 6 + 2 * self.num) // PAGE_BYTES) * PAGE_BYTES

    @property
    def context(self) -> int:
        """The copier's context, behind the used ring."""
        return self.used + -(-(6 + 8 * self.num) // 64) * 64

    @property
    def end(self) -> int:
        """First byte behind everything."""
        return self.context + CONTEXT_BYTES


def table(descriptors: dict[int, Descriptor], num: int) -> bytes:
    """Encode a descriptor table; entries that are not given are zero."""
    image = bytearray(16 * num)
    for index, descriptor in descriptors.items():
        flags = NEXT * (descriptor.next is not None) | WRITE * descriptor.writable
        flags |= INDIRECT * descriptor.indirect
        struct.pack_into(
            "<QIHH",
            image,
            16 * index,
            descriptor.address,
            descriptor.length,
            flags,
            descriptor.next or 0,
        )
    return bytes(image)


def read_table(image: bytes) -> list[Descriptor]:
    """Decode a descriptor table."""
    found = []
    for address, length, flags, follower in struct.iter_unpack("<QIHH", image):
        follows = follower if flags & NEXT else None
        found.append(
            Descriptor(address, length, bool(flags & WRITE), follows, bool(flags & INDIRECT))
        )
    return found


def avail_ring(
    heads: list[int], num: int, *, flags: int = 0, used_event: int = 0, index: int | None = None
) -> bytes:
    """Encode an avail ring that holds ``heads`` from slot 0, and its index."""
    slots = [*heads, *[0] * (num - len(heads))]
    index = len(heads) if index is None else index
    return struct.pack(f"<HH{num}HH", flags, index & 0xFFFF, *slots, used_event)


def read_avail(image: bytes, num: int) -> tuple[int, list[int]]:
    """Decode an avail ring: its index, its slots."""
    return struct.unpack_from("<H", image, 2)[0], list(struct.unpack_from(f"<{num}H", image, 4))


def read_used(image: bytes, num: int) -> tuple[int, list[tuple[int, int]]]:
    """Decode a used ring: its index, and (id, len) of each slot."""
    flat = struct.unpack_from(f"<{2 * num}I", image, 4)
    return struct.unpack_from("<H", image, 2)[0], list(zip(flat[::2], flat[1::2], strict=True))


def context(
    layout: Layout, *, desc_host: int, avail_host: int, vector: int, flags: int = 0
) -> bytes:
    """Encode the copier's context of a queue."""
    return struct.pack(
        "<IIIHHQQIHH24x",
        layout.desc,
        layout.avail,
        layout.used,
        layout.num,
        flags,
        desc_host,
        avail_host,
        vector,
        0,
        0,
    )

# SPDX-License-Identifier: BSD-2-Clause
"""A virtqueue in card RAM or host memory, as a driver keeps it: virtio 1.3, 2.7."""

import struct

CONTEXT = 0x3800
NEXT, WRITE, INDIRECT = 1, 2, 4
(EVENT_IDX, ALWAYS_NOTIFY, MAY_INDIRECT, SUPPRESS, PUSH, DESC_IN_HOST, AVAIL_IN_HOST, USED_IN_HOST,
 BUFFERS_IN_HOST) = (1 << n for n in range(9))

DESC, AVAIL, USED = 0x1000, 0x1804, 0x2004        # in card RAM
HOST_RING = 0x56_7000_0000                        # on the host: desc, avail, used, 4 KiB each
HOST_PUSH = 0x56_8000_0000


class Ring:
    """A split ring and its context. Addresses may be moved by ``overrides`` of the context."""

    def __init__(self, bench, num, *, start=0, flags=0, **overrides):
        self.bench = bench
        self.num = num
        self.flags = flags
        self.index = start
        self.fields = {
            "desc": DESC, "avail": AVAIL, "used": USED, "num": num, "flags": flags,
            "desc_host": HOST_RING, "avail_host": HOST_RING + 0x1000, "vector": 5,
            "push_log2": 8 if flags & PUSH else 0, "reserved": 0, "published": start,
            "used_idx": start, "used_host": HOST_RING + 0x2000,
            "push_host": HOST_PUSH if flags & PUSH else 0, "reserved_1": 0} | overrides
        bench.put(CONTEXT, struct.pack("<IIIHHQQBBHHHQQQ", *self.fields.values()))
        self.write("desc", 0, bytes(16 * num))
        self.write("avail", 0, bytes(6 + 2 * num))
        self.write("used", 0, bytes(6 + 8 * num))
        self.write("avail", 2, struct.pack("<H", start))

    def in_host(self, part):
        """Whether that part lies in host memory."""
        bit = {"desc": DESC_IN_HOST, "avail": AVAIL_IN_HOST, "used": USED_IN_HOST}[part]
        return bool(self.flags & bit)

    def write(self, part, offset, content):
        """What the driver (or the device) stores."""
        if self.in_host(part):
            self.bench.memory.fill(self.fields[f"{part}_host"] + offset, content)
        else:
            self.bench.put(self.fields[part] + offset, content)

    def read(self, part, offset, length):
        """What is there."""
        if self.in_host(part):
            return self.bench.memory.read(self.fields[f"{part}_host"] + offset, length)
        return self.bench.get(self.fields[part] + offset, length)

    def describe(self, index, address, length, flags, following=0):
        """Write a descriptor."""
        self.write("desc", 16 * index, struct.pack("<QIHH", address, length, flags, following))

    def chain(self, *parts):
        """Write a chain of (index, address, length, flags)."""
        for here, following in zip(parts, (*parts[1:], None), strict=True):
            index, address, length, flags = here
            self.describe(index, address, length, flags | (NEXT if following else 0),
                          following[0] if following else 0)
        return parts[0][0]

    def make_available(self, head):
        """Offer the chain that starts at ``head``."""
        self.write("avail", 4 + 2 * (self.index % self.num), struct.pack("<H", head))
        self.index = self.index + 1 & 0xFFFF
        self.write("avail", 2, struct.pack("<H", self.index))

    def offer(self, *indexes):
        """Offer a chain through ``indexes`` with contents of no importance."""
        self.make_available(self.chain(*((index, 0x100, 64 + index, 0) for index in indexes)))

    def table(self, *parts):
        """An indirect table of (address, length, flags), in order."""
        last = len(parts) - 1
        return b"".join(
            struct.pack("<QIHH", address, length, flags | NEXT * (n < last), n + 1)
            for n, (address, length, flags) in enumerate(parts))

    def word(self, part, offset):
        """Two bytes of a part."""
        return struct.unpack("<H", self.read(part, offset, 2))[0]

    def context(self, offset):
        """Two bytes of the context."""
        return struct.unpack("<H", self.bench.get(CONTEXT + offset, 2))[0]

    @property
    def published(self):
        """As the context says."""
        return self.context(36)

    @property
    def used_idx(self):
        """As the context says."""
        return self.context(38)

    def set_event(self, part, index):
        """used_event behind the avail ring, or avail_event behind the used ring."""
        offset = 4 + (2 if part == "avail" else 8) * self.num
        self.write(part, offset, struct.pack("<H", index))

    # What `publish` has mirrored, as the host sees it.

    def mirrored(self, index):
        """Whether the host has this descriptor."""
        return self.bench.memory.read(self.fields["desc_host"] + 16 * index, 16) == \
            self.bench.get(self.fields["desc"] + 16 * index, 16)

    def host_avail(self, offset, count=1):
        """Words of the host's avail ring."""
        raw = self.bench.memory.read(self.fields["avail_host"] + offset, 2 * count)
        return list(struct.unpack(f"<{count}H", raw))


async def open_windows(ctx, bench):
    """What a ring of these needs."""
    await bench.open_window(ctx, 1, HOST_RING, 3)
    await bench.open_window(ctx, 2, HOST_PUSH, 16)

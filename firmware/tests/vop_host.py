# SPDX-License-Identifier: BSD-2-Clause
"""A vop-host in the simulator: device page, handshakes, virtqueues, as the kernel module does it.

It reads its own memory only, moves payload with commands of a host-owned copier channel, and
decodes with numbers of its own.

Ref: docs/protocol.md; virtio 1.3, 2.7.
"""

import struct

from cocotb.triggers import Timer
from vop.regs.copier import CommandError, Opcode

MAGIC = 0xC0FFEE00
PAGE_BYTES = 4096
RING_BYTES = 8192
BOUNCE_BYTES = 1 << 17
DESC_F_NEXT, DESC_F_WRITE = 1, 2
POLL_NS = 1000
REMOVE = 1  # a value of CONFIG_CHANGE

# Offsets in the device control.
CONFIG_CHANGE, VDEV_RESET, GUEST_ACK, HOST_ACK, USED_UPDATED, H2C_DB = 8, 9, 10, 11, 12, 14


class Queue:
    """One virtqueue, from the device's end."""

    def __init__(self, host, num, cookie, window):
        self.host, self.num, self.window = host, num, window
        self.ring = host.bench.host.memory.allocate(RING_BYTES, high=True)
        self.ring.fill(bytes(RING_BYTES))
        info = PAGE_BYTES + 6 + 8 * num
        self.ring.fill(struct.pack("<I", cookie), info + 4)
        self.reset()

    def reset(self):
        self.used = 0
        self.seen = 0

    @property
    def context(self):
        return self.used + -(-(6 + 8 * self.num) // 64) * 64

    def heads(self):
        """Heads that are new in the mirrored avail ring."""
        image = self.ring.content[16 * self.num :]
        idx = struct.unpack_from("<H", image, 2)[0]
        while self.seen != idx:
            yield struct.unpack_from("<H", image, 4 + 2 * (self.seen % self.num))[0]
            self.seen = self.seen + 1 & 0xFFFF

    def parts(self, head):
        """Parts of a chain: (card address, bytes, writable)."""
        found = []
        while head is not None:
            address, length, flags, follower = struct.unpack_from(
                "<QIHH", self.ring.content, 16 * head
            )
            found.append((address, length, bool(flags & DESC_F_WRITE)))
            head = follower if flags & DESC_F_NEXT else None
        return found


class Device:
    """A virtio device in the page. ``serve(queue_index, request)`` returns a reply or None."""

    def __init__(self, host, offset, virtio_id, config, nums, serve, window):
        self.host, self.serve = host, serve
        self.queues = [
            Queue(host, num, MAGIC + virtio_id + index, window + index)
            for index, num in enumerate(nums)
        ]
        self.offset = offset
        head = struct.pack("<bBBB4x", 0, len(nums), 8, len(config))
        head += b"".join(
            struct.pack("<QQH6x", queue.ring.address, 0, queue.num) for queue in self.queues
        )
        head += struct.pack("<QQ", 1 << 32 | 1, 0) + config
        head += bytes(-len(head) % 8)
        self.ctrl = offset + len(head)
        ctrl = bytearray(16)
        ctrl[13], ctrl[14] = 2, 0xFF
        host.page.fill(head + bytes(ctrl), offset)
        host.page.fill(bytes([virtio_id]), offset)
        self.end = self.ctrl + 16
        self.waiting = [[] for _ in nums]

    def byte(self, member):
        return self.host.page.content[self.ctrl + member]

    def put(self, member, value):
        self.host.page.fill(bytes([value]), self.ctrl + member)

    async def ring(self):
        doorbell = self.byte(H2C_DB)
        await self.host.card.ring(0 if doorbell == 0xFF else doorbell)

    async def step(self):
        if self.byte(VDEV_RESET):
            self.put(VDEV_RESET, 0)
            for queue in self.queues:
                queue.reset()
            self.put(HOST_ACK, 1)
            await self.ring()
        if self.byte(USED_UPDATED):
            for index, queue in enumerate(self.queues):
                at = self.offset + 8 + 24 * index + 8
                queue.used = struct.unpack_from("<Q", self.host.page.content, at)[0]
                assert queue.used % PAGE_BYTES == 0
            self.put(USED_UPDATED, 0)
            await self.ring()
        for index, queue in enumerate(self.queues):
            if queue.used:
                for head in queue.heads():
                    await self._take(index, queue, head)

    async def _take(self, index, queue, head):
        parts = queue.parts(head)
        request = await self.host.gather([part for part in parts if not part[2]])
        reply = self.serve(index, request)
        if reply is None:
            self.waiting[index].append((head, parts))
        else:
            await self.host.finish(queue, head, parts, reply)

    async def say(self, index, data):
        """Fill the oldest waiting chain of a queue."""
        head, parts = self.waiting[index].pop(0)
        await self.host.finish(self.queues[index], head, parts, data)


class VopHost:
    """The page and the devices in it."""

    def __init__(self, bench):
        self.bench, self.card = bench, bench.card
        self.devices = []
        self.page = bench.host.memory.allocate(PAGE_BYTES, high=True)
        self.bounce = bench.host.memory.allocate(BOUNCE_BYTES)
        self.channel = None

    async def start(self, firmware):
        """Load ``firmware``, publish an empty page, let the CPU run."""
        self.page.fill(bytes(PAGE_BYTES))
        self.page.fill(struct.pack("<IbB", MAGIC, -1, 1))
        await self.card.open_window(0, self.page)
        self.channel = await self.card.channel(0)
        await self.card.set("link.device_page_lo", self.page.address & 0xFFFF_FFFF)
        await self.card.set("link.device_page_hi", self.page.address >> 32)
        await self.card.set("link.device_page_bytes", PAGE_BYTES)
        await self.card.start(firmware)

    async def add(self, virtio_id, config, nums, serve):
        """Add a device behind the others, and tell the card."""
        offset = self.devices[-1].end if self.devices else 24
        window = 1 + sum(len(device.queues) for device in self.devices)
        device = Device(self, offset, virtio_id, config, nums, serve, window)
        for queue in device.queues:
            await self.card.open_window(queue.window, queue.ring)
        self.devices.append(device)
        doorbell = self.page.content[4]
        if doorbell != 0xFF:
            await self.card.ring(doorbell)
        return device

    async def until(self, is_true, bound_ns=15_000_000):
        """Serve the card until something holds."""
        for _ in range(bound_ns // POLL_NS):
            for device in self.devices:
                await device.step()
            if is_true():
                return
            await Timer(POLL_NS, "ns")
        raise AssertionError(f"{is_true} must hold within {bound_ns} ns")

    async def gather(self, parts):
        at = 0
        for address, length, _ in parts:
            record = await self.channel.copy(self.bounce, address, length, to_host=True, at=at)
            assert record.error is CommandError.OK
            at += length
        return self.bounce.content[:at]

    async def finish(self, queue, head, parts, data):
        self.bounce.fill(data)
        at = 0
        for address, length, writable in parts:
            length = min(length, len(data) - at)
            if writable and length:
                record = await self.channel.copy(self.bounce, address, length, to_host=False, at=at)
                assert record.error is CommandError.OK
                at += length
        await self.channel.submit(
            Opcode.COMPLETE, card=queue.context, used_id=head, used_len=len(data)
        )
        record = await self.channel.record()
        assert record.error is CommandError.OK

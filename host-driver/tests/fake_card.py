# SPDX-License-Identifier: Apache-2.0
"""The card, played by a test: virtio drivers on the rings that `fake_driver.c` shares with us.

Layouts are decoded here by hand, from the VOP protocol, and not with vopd's headers: the two must
not share a mistake.
"""

import mmap
import os
import select
import socket
import struct
import time
from dataclasses import dataclass
from pathlib import Path

__all__ = ["FakeCard", "Device", "Used", "LATE_SECONDS", "eventually", "is_root"]

#: Bound of every wait on vopd.
LATE_SECONDS = 20

ENTRIES = 128
RING_BYTES = 8192
AVAIL = 16 * ENTRIES
INFO = 5126
RAM = 0x80000
SHARED_BYTES = 0x100000
DEVICE_RAM_BYTES = 0x28000
NEXT, WRITE = 1, 2
DRIVER_OK = 0x0F


def eventually(is_so):
    """Wait until `is_so()` is true, for what vopd does without telling the card."""
    deadline = time.monotonic() + LATE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, "late"
        time.sleep(0.01)


def is_root():
    """Return true if this process may start another user's."""
    return os.geteuid() == 0


@dataclass(frozen=True)
class Used:
    """A completed chain: its head, `used.len`, and the bytes of its writable part."""

    head: int
    length: int
    data: bytes


class FakeCard:
    """A folder that vopd takes for a device file, and the card behind it."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.path = folder / "card"
        (folder / "shared").write_bytes(bytes(SHARED_BYTES))
        with (folder / "shared").open("r+b") as file:
            self.memory = mmap.mmap(file.fileno(), SHARED_BYTES)
        self._listener = None
        self._devices = []
        self.plug()

    def close(self):
        """Let go of everything; vopd has ended."""
        self._listener.close()
        for device in self._devices:
            device.close()

    def plug(self):
        """Let vopd find the card."""
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listener.settimeout(LATE_SECONDS)
        self._listener.bind(str(self.path))
        self._listener.listen(8)

    def unplug(self, *devices):
        """Take the card away, with the devices that vopd has added."""
        self._listener.close()
        self.path.unlink()
        self.memory[0:4096] = bytes(4096)
        for device in devices:
            device.close()

    def device(self) -> "Device":
        """Wait until vopd adds a device."""
        connection, _ = self._listener.accept()
        connection.settimeout(LATE_SECONDS)
        ram = RAM + len(self._devices) % 3 * DEVICE_RAM_BYTES
        self._devices.append(Device(self, connection, ram))
        return self._devices[-1]


class Device:
    """The driver of one virtio device."""

    def __init__(self, card, connection, ram):
        self._memory = card.memory
        self._connection = connection
        self._ram = ram
        self.block = int(self._receive().removeprefix("add "))
        self.virtio_id, self.queues, features, config = self._memory[self.block : self.block + 4]
        at = self.block + 8 + 24 * self.queues
        self.features = int.from_bytes(self._memory[at : at + features], "little")
        self.config = self._memory[at + 2 * features : at + 2 * features + config]
        self._control = self.block + (8 + 24 * self.queues + 2 * features + config + 7) // 8 * 8
        self._ring = [
            struct.unpack_from("<Q", self._memory, self.block + 8 + 24 * queue)[0]
            for queue in range(self.queues)
        ]
        self._seen = []

    def _receive(self):
        return self._connection.recv(64).decode()

    def close(self):
        """Break the connection: the card is gone."""
        self._connection.close()

    def is_removed(self):
        """Wait for vopd's next message; true if it is the end of the device."""
        return self._receive() == ""

    def start(self):
        """Bring the driver up: DRIVER_OK, rings empty."""
        for queue in range(self.queues):
            ring = self._ring[queue]
            self._memory[ring : ring + AVAIL + 6 + 2 * ENTRIES] = bytes(AVAIL + 6 + 2 * ENTRIES)
            self._memory[ring + INFO : ring + INFO + 2] = bytes(2)
            used_card = self._ram - RAM + 4096 * queue
            self._memory[RAM + used_card : RAM + used_card + 4096] = bytes(4096)
            struct.pack_into("<Q", self._memory, self.block + 8 + 24 * queue + 8, used_card)
        self._seen = [0] * self.queues
        self._next_buffer = self._ram + 4096 * self.queues
        self._memory[self.block + 4] = DRIVER_OK
        self.ring()
        return self

    def reset(self):
        """Take the driver down, and tell vopd."""
        self._memory[self._control + 9] = 1
        self._memory[self.block + 4] = 0
        self.ring()

    def ring(self):
        """Interrupt the host; like MSIs, interrupts that it has not taken yet merge."""
        _, can_send, _ = select.select([], [self._connection], [], 0)
        if can_send:
            self._connection.send(b"!")

    def _allocate(self, count):
        end = self._ram + DEVICE_RAM_BYTES
        if self._next_buffer + count > end:
            self._next_buffer = self._ram + 4096 * self.queues
        assert self._next_buffer + count <= end, "the fake card's RAM is too small for this test"
        self._next_buffer += count
        return self._next_buffer - count

    def write_descriptor(self, queue, index, buffer, count, flags, following=0):
        """Write one descriptor, whatever it means."""
        struct.pack_into(
            "<QIHH",
            self._memory,
            self._ring[queue] + 16 * index,
            max(buffer - RAM, 0),
            count,
            flags,
            following,
        )

    def publish(self, queue, head, ahead=1):
        """Offer `head` to the host; `ahead` is by how much the index grows."""
        avail = self._ring[queue] + AVAIL
        (index,) = struct.unpack_from("<H", self._memory, avail + 2)
        struct.pack_into("<H", self._memory, avail + 4 + 2 * (index % ENTRIES), head)
        struct.pack_into("<H", self._memory, avail + 2, (index + ahead) & 0xFFFF)
        self.ring()

    def offer(self, queue, readable=b"", writable=0, head=0, pieces=1):
        """Offer a chain of up to `pieces` readable descriptors and one writable one."""
        parts = []
        step = max(1, -(-len(readable) // pieces))
        for at in range(0, len(readable), step):
            part = readable[at : at + step]
            buffer = self._allocate(len(part))
            self._memory[buffer : buffer + len(part)] = part
            parts.append((buffer, len(part), 0))
        self._reply = self._allocate(writable)
        if writable:
            parts.append((self._reply, writable, WRITE))
        for number, (buffer, count, flags) in enumerate(parts):
            more = NEXT if number + 1 < len(parts) else 0
            self.write_descriptor(
                queue, head + number, buffer, count, flags | more, head + number + 1
            )
        self.publish(queue, head)

    def used(self, queue) -> Used:
        """Wait for the next completed chain of a queue."""
        message = self._receive()
        assert message == f"used {queue}", f"used of queue {queue} expected, not {message!r}"
        (used_card,) = struct.unpack_from("<Q", self._memory, self.block + 8 + 24 * queue + 8)
        entry = RAM + used_card + 4 + 8 * (self._seen[queue] % ENTRIES)
        head, length = struct.unpack_from("<II", self._memory, entry)
        self._seen[queue] += 1
        return Used(head, length, self._memory[self._reply : self._reply + length])

    def request(self, readable, writable=65536, pieces=1) -> bytes:
        """Send one request on queue 0, and return its reply."""
        self.offer(0, readable, writable, pieces=pieces)
        return self.used(0).data

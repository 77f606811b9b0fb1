# SPDX-License-Identifier: BSD-2-Clause
"""A card in plain Python behind QEMU's `vfio-user-pci`: registers, a copier, and `model_driver`.

It stands in for the simulated RTL where only the kernel module is under test, and it misbehaves on
demand, which the RTL never does. The file `behaviour` in the given directory says how; it is read
at each event. Words in it:

    other-major   identity tells another layout major
    dead          every register reads all ones
    refuse        the firmware refuses the device page
    trap          the firmware traps at the next event
    deaf          the virtio driver answers no handshake
    asleep        the firmware never comes up
    lose-record   the next copier command ends without a record, once
    fail-command  the next copier command ends with an error, once
    loop          the next chain loops, once
    fail-used     the next used element that comes in one store fails, once
    plain         the gateware has neither `push` nor `single_store`
    little-ram    64 KiB of card RAM

Faults for the self-test to name, of the link, of the function, of doorbells, vectors and copier:

    one-lane, slow-link     the link came up with less than both ends can
    other-device            another PCI device id
    other-magic             identity is another's
    bad-bars                BAR0 of 4096 bytes and no BAR2, seen when QEMU connects
    dead-doorbell           doorbell 5 does not ring
    stuck-doorbell          doorbell 9 is pending from the start
    lasting-doorbell        doorbell 11 cannot be taken
    dead-vector             vector 7 is never raised
    astray-vector           vector 6 is raised for 4
    late-vector             vector 3 is raised long after vector 0 was raised in its place
    doubled-vectors         vector 0 is raised some time after each other, too
    corrupt-to-card         a bit flips in the last byte of what goes to card address 3 modulo 8
    corrupt-to-host         the same of what goes to host address 5 modulo 8
    long-to-host            a copy to the host is a byte longer
    lost-to-host            a copy of more than 61 bytes to the host ends without a record
    failed-to-card          a copy to the card ends with an error
    endless-reset           a reset of the channel never ends
    empty-reset             a reset of the channel does not clear what it counts

Registers and layouts have declarations of their own in here, so that module and model cannot share
a mistake. Ref: docs/registers.md, docs/protocol.md.
"""

import itertools
import struct
import sys
import threading
from pathlib import Path

from model_driver import BOOT_STATE, VirtioDriver

from sim.cosim.simulator import SOCKET
from sim.cosim.vfio_user import Command, Region, VfioUserServer

RAM_BYTES = 0x4_0000
BAR0_BYTES = 0x1_0000
VECTORS_LOG2 = 5
QUEUE_DEPTH = 8

CPU = 0x110
H2C_SET, H2C_PENDING = 0x200, 0x204
COMMAND_0, COMMAND_7, CONTROL, STATUS, SEQUENCE = 0x1000, 0x101C, 0x1020, 0x1024, 0x1028
RECORD_LO, RECORD_CONFIG, COMPLETE_ID, COMPLETE_LEN = 0x102C, 0x1034, 0x1050, 0x1054
PUSH_AND_SINGLE_STORE = 1 << 5 | 1 << 8
IDENTITY = struct.pack(
    "<8I", 0x31504F56, 1 << 16 | 1, 0b111, 0xC0DE, RAM_BYTES,
    8 | 4 << 8 | QUEUE_DEPTH << 16 | 16 << 24, 125_000_000, 0)  # fmt: skip

LINK_STATUS = 0x72
GTS_2_5, GTS_5, X1, X4 = 1, 2, 1 << 4, 4 << 4

# Far beyond what the driver waits for messages that are on their way already.
LATE_S = 0.5

COPY, COMPLETE = 1, 3
ERROR_UNSUPPORTED = 6


def config_space():
    """PCI header, PCI Express and MSI capabilities: BAR0 32-bit, BAR2 64-bit prefetchable."""
    space = bytearray(4096)
    struct.pack_into("<HHHH", space, 0, 0x1D1D, 0x2F2F, 0, 0x0010)
    space[0x08:0x0C] = bytes([1, 0x00, 0x80, 0x08])
    struct.pack_into("<I", space, 0x18, 0x0C)
    struct.pack_into("<HH", space, 0x2C, 0x1D1D, 1)
    space[0x34] = 0x60
    struct.pack_into("<BBHI", space, 0x60, 0x10, 0x40, 0x0002, 0x8000)
    struct.pack_into("<IHH", space, 0x6C, X4 | GTS_5, 0, X4 | GTS_5)
    struct.pack_into("<BBH", space, 0x40, 0x05, 0x00, 0x0080 | VECTORS_LOG2 << 1)
    return space


class HostMemory:
    """Host memory, page by page, as an IOMMU may map every page by itself."""

    def __init__(self, ranges):
        self._ranges = ranges

    def read(self, bus, count):
        return b"".join(self._ranges.read(start, end - start) for start, end in _pages(bus, count))

    def write(self, bus, data):
        for start, end in _pages(bus, len(data)):
            self._ranges.write(start, data[start - bus : end - bus])


def _pages(bus, count):
    edges = [bus, *range((bus | 4095) + 1, bus + count, 4096), bus + count]
    return itertools.pairwise(edges)


class Card:
    """Registers, RAM and the copier's channel 0, which executes a command when it is written."""

    def __init__(self, server, behaviour):
        self.memory = HostMemory(server.memory)
        self.server = server
        self.behaviour = behaviour
        self.space = config_space()
        self.late_vectors = []
        self.ram = bytearray(RAM_BYTES)
        self.registers = bytearray(BAR0_BYTES)
        self.position = self.sequence = self.failed = 0
        self.is_resetting = False
        self.driver = None
        self.doorbells = 0

    def wants(self, word, once=False):
        """Whether the behaviour holds ``word``, which ``once`` removes."""
        words = self.behaviour.read_text().split() if self.behaviour.exists() else []
        if word not in words:
            return False
        if once:
            words.remove(word)
            self.behaviour.write_text(" ".join(words))
        return True

    def raise_vector(self, vector):
        if vector and self.wants("doubled-vectors"):
            self.late_vectors.append(0)
        if vector == 4 and self.wants("astray-vector"):
            vector = 6
        if vector == 3 and self.wants("late-vector"):
            threading.Timer(LATE_S, self.server.raise_vector, [vector]).start()
            vector = 0
        if not (vector == 7 and self.wants("dead-vector")):
            self.server.raise_vector(vector)

    def read_config(self, offset, length):
        space = bytearray(self.space)
        if self.wants("one-lane"):
            struct.pack_into("<H", space, LINK_STATUS, X1 | GTS_5)
        if self.wants("slow-link"):
            struct.pack_into("<H", space, LINK_STATUS, X4 | GTS_2_5)
        if self.wants("other-device"):
            space[2:4] = b"\x24\x70"
        return bytes(space[offset : offset + length])

    def word(self, offset):
        return struct.unpack_from("<I", self.registers, offset)[0]

    def read(self, offset, length):
        # A message is in front of the answer, as on the link.
        while self.late_vectors:
            self.server.raise_vector(self.late_vectors.pop())
        if self.wants("dead"):
            return b"\xff" * length
        identity = bytearray(IDENTITY)
        if self.wants("other-magic"):
            identity[0:4] = b"none"
        if self.wants("other-major"):
            struct.pack_into("<I", identity, 4, 7 << 16 | 3)
        if not self.wants("plain"):
            identity[8:12] = struct.pack("<I", 0b111 | PUSH_AND_SINGLE_STORE)
        if self.wants("little-ram"):
            identity[16:20] = struct.pack("<I", 0x1_0000)
        self.registers[: len(identity)] = identity
        struct.pack_into("<I", self.registers, SEQUENCE, self.sequence)
        is_busy = self.failed or self.is_resetting
        struct.pack_into("<I", self.registers, STATUS, 2 if is_busy else 0)
        stuck = 1 << 9 if self.wants("stuck-doorbell") else 0
        struct.pack_into("<I", self.registers, H2C_PENDING, self.doorbells | stuck)
        return bytes(self.registers[offset : offset + length])

    def write(self, offset, data):
        was_running = self.word(CPU)
        self.registers[offset : offset + len(data)] = data
        last = offset + len(data) - 4
        if last == COMMAND_7:
            self.execute()
        elif last == COMPLETE_LEN:
            self.execute_used()
        elif last == CONTROL and self.word(CONTROL) & 2:
            self.reset()
        elif last == H2C_SET:
            dead = 1 << 5 if self.wants("dead-doorbell") else 0
            self.doorbells |= self.word(H2C_SET) & ~dead
        elif last == CPU:
            if not self.word(CPU):
                self.driver = None
                struct.pack_into("<I", self.registers, BOOT_STATE, 0)
            elif not was_running:
                self.driver = VirtioDriver(self).run()
        self.step()

    def step(self):
        """Let the virtio driver go on until it waits for the host."""
        if self.driver is not None:
            self.doorbells &= 1 << 11 if self.wants("lasting-doorbell") else 0
            next(self.driver, None)

    def reset(self):
        self.failed = 0
        self.is_resetting = self.wants("endless-reset")
        if not self.wants("empty-reset"):
            self.position = self.sequence = 0

    def execute(self):
        if self.failed:
            return
        control, count, bus, card, _, head, length = struct.unpack_from(
            "<IIQIIII", self.registers, COMMAND_0)  # fmt: skip
        to_host, to_card = (control & 0x4F == COPY | direction for direction in (0x40, 0))
        if self.wants("lose-record", once=True) or (
            to_host and count > 61 and self.wants("lost-to-host")
        ):
            self.failed = 1
            return
        self.sequence += 1
        fails = self.wants("fail-command", once=True) or (to_card and self.wants("failed-to-card"))
        error = ERROR_UNSUPPORTED if fails else 0
        if error:
            self.failed = 1
        elif to_host:
            count += self.wants("long-to-host")
            moved = bytearray(self.ram[card : card + count])
            moved[-1] ^= bus % 8 == 5 and self.wants("corrupt-to-host")
            self.memory.write(bus, bytes(moved))
        elif to_card:
            moved = bytearray(self.memory.read(bus, count))
            moved[-1] ^= card % 8 == 3 and self.wants("corrupt-to-card")
            self.ram[card : card + count] = moved
        elif control & 0xF == COMPLETE:
            self.complete(card, head, length)
        if control & 0x10 or error:
            self.record(control, count, error)

    def execute_used(self):
        """Execute a `complete` that came in one store; it has a record only if it fails."""
        if self.failed:
            return
        self.sequence += 1
        word, length = struct.unpack_from("<II", self.registers, COMPLETE_ID)
        if self.wants("fail-used", once=True):
            self.failed = 1
            self.record(0, 0, ERROR_UNSUPPORTED)
        else:
            self.complete((word >> 16) * 64, word & 0xFFFF, length)

    def complete(self, context, head, length):
        used, num = struct.unpack_from("<IH", self.ram, context + 8)
        index = struct.unpack_from("<H", self.ram, context + 38)[0]
        struct.pack_into("<II", self.ram, used + 4 + 8 * (index % num), head, length)
        struct.pack_into("<H", self.ram, used + 2, (index + 1) & 0xFFFF)
        struct.pack_into("<H", self.ram, context + 38, (index + 1) & 0xFFFF)

    def record(self, control, count, error):
        config = self.word(RECORD_CONFIG)
        entries = 1 << (config & 0xF)
        phase = 1 ^ self.position // entries & 1
        base = struct.unpack_from("<Q", self.registers, RECORD_LO)[0]
        self.memory.write(
            base + 16 * (self.position % entries),
            struct.pack("<IIII", control >> 16 | error << 16 | phase << 31, count,
                        self.sequence, 0))  # fmt: skip
        self.position += 1
        if control & 0x20 or error:
            self.raise_vector(config >> 8 & 0x1F)


def main(directory, socket_directory):
    regions = {Region.BAR0: BAR0_BYTES, Region.BAR2: RAM_BYTES, Region.CONFIG: 4096}
    server = VfioUserServer(
        Path(socket_directory) / SOCKET, region_bytes=regions, vectors=1 << VECTORS_LOG2
    )
    card = Card(server, Path(directory) / "behaviour")
    if card.wants("bad-bars"):
        regions[Region.BAR0] = 4096
        del regions[Region.BAR2]
    if not server.accept(60):
        sys.exit("QEMU did not come")
    try:
        while True:
            request = server.receive()
            if request is None:
                continue
            data = b""
            store = {Region.BAR2: card.ram, Region.CONFIG: card.space}.get(request.region)
            end = request.offset + request.length
            if request.command == Command.REGION_READ and request.region == Region.BAR2:
                data = bytes(store[request.offset : end])
            elif request.command == Command.REGION_READ and request.region == Region.CONFIG:
                data = card.read_config(request.offset, request.length)
            elif request.command == Command.REGION_READ:
                data = card.read(request.offset, request.length)
            elif request.command == Command.REGION_WRITE and store is not None:
                store[request.offset : end] = request.data
            elif request.command == Command.REGION_WRITE:
                card.write(request.offset, request.data)
            server.reply(request, data)
    except EOFError:
        server.close()


if __name__ == "__main__":
    main(*sys.argv[1:])

# SPDX-License-Identifier: BSD-2-Clause
"""A card in plain Python behind QEMU's `vfio-user-pci`: registers, a copier, and a virtio driver.

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

Registers and layouts have declarations of their own in here, so that module and model cannot share
a mistake. Ref: docs/registers.md, docs/protocol.md.
"""

import itertools
import struct
import sys
from pathlib import Path

from sim.cosim.simulator import SOCKET
from sim.cosim.vfio_user import Command, Region, VfioUserServer

RAM_BYTES = 0x4_0000
BAR0_BYTES = 0x1_0000
VECTORS_LOG2 = 5
QUEUE_DEPTH = 8

PAGE_LO, PAGE_BYTES, CPU, BOOT_STATE = 0x100, 0x108, 0x110, 0x114
H2C_SET, H2C_PENDING = 0x200, 0x204
HOST_PROTOCOL = 0x120
COMMAND_0, COMMAND_7, CONTROL, STATUS, SEQUENCE = 0x1000, 0x101C, 0x1020, 0x1024, 0x1028
RECORD_LO, RECORD_CONFIG, COMPLETE_ID, COMPLETE_LEN = 0x102C, 0x1034, 0x1050, 0x1054
PUSH_AND_SINGLE_STORE = 1 << 5 | 1 << 8
IDENTITY = struct.pack(
    "<8I", 0x31504F56, 1 << 16 | 1, 0b111, 0xC0DE, RAM_BYTES,
    8 | 4 << 8 | QUEUE_DEPTH << 16 | 16 << 24, 125_000_000, 0)  # fmt: skip

READY, REFUSED, CRASHED = 2, 3, 4
COPY, COMPLETE = 1, 3
ERROR_UNSUPPORTED = 6
NEXT, WRITE = 1, 2
# Ends of the device control's bytes, from its start.
CONFIG_CHANGE, VDEV_RESET, GUEST_ACK, HOST_ACK, UPDATED, C2H_DB, H2C_DB = range(8, 15)


def config_space():
    """PCI header, PCI Express and MSI capabilities: BAR0 32-bit, BAR2 64-bit prefetchable."""
    space = bytearray(4096)
    struct.pack_into("<HHHH", space, 0, 0x1D1D, 0x2F2F, 0, 0x0010)
    space[0x08:0x0C] = bytes([1, 0x00, 0x80, 0x08])
    struct.pack_into("<I", space, 0x18, 0x0C)
    struct.pack_into("<HH", space, 0x2C, 0x1D1D, 1)
    space[0x34] = 0x60
    struct.pack_into("<BBHI", space, 0x60, 0x10, 0x40, 0x0002, 0x8000)
    struct.pack_into("<IHH", space, 0x6C, 0x0011, 0, 0x0011)
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
        self.raise_vector = server.raise_vector
        self.behaviour = behaviour
        self.ram = bytearray(RAM_BYTES)
        self.registers = bytearray(BAR0_BYTES)
        self.position = self.sequence = self.failed = 0
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

    def word(self, offset):
        return struct.unpack_from("<I", self.registers, offset)[0]

    def read(self, offset, length):
        if self.wants("dead"):
            return b"\xff" * length
        identity = bytearray(IDENTITY)
        if self.wants("other-major"):
            struct.pack_into("<I", identity, 4, 7 << 16 | 3)
        if not self.wants("plain"):
            identity[8:12] = struct.pack("<I", 0b111 | PUSH_AND_SINGLE_STORE)
        self.registers[: len(identity)] = identity
        struct.pack_into("<I", self.registers, SEQUENCE, self.sequence)
        struct.pack_into("<I", self.registers, STATUS, 2 if self.failed else 0)
        struct.pack_into("<I", self.registers, H2C_PENDING, self.doorbells)
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
            self.position = self.sequence = self.failed = 0
        elif last == H2C_SET:
            dead = 1 << 5 if self.wants("dead-doorbell") else 0
            self.doorbells |= self.word(H2C_SET) & ~dead
        elif last == H2C_PENDING:
            self.doorbells &= ~self.word(H2C_PENDING)
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
            self.doorbells = 0
            next(self.driver, None)

    def execute(self):
        if self.failed:
            return
        control, count, bus, card, _, head, length = struct.unpack_from(
            "<IIQIIII", self.registers, COMMAND_0)  # fmt: skip
        if self.wants("lose-record", once=True):
            self.failed = 1
            return
        self.sequence += 1
        error = ERROR_UNSUPPORTED if self.wants("fail-command", once=True) else 0
        if error:
            self.failed = 1
        elif control & 0xF == COPY and control & 0x40:
            moved = bytearray(self.ram[card : card + count])
            if self.wants("corrupt-to-host"):
                moved[-1] ^= 1
            self.memory.write(bus, bytes(moved))
        elif control & 0xF == COPY:
            self.ram[card : card + count] = self.memory.read(bus, count)
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


class Block:
    """A descriptor block in the device page."""

    def __init__(self, card, page, offset):
        self.card = card
        self.start = page + offset
        head = card.memory.read(self.start, 8)
        self.type = struct.unpack("b", head[:1])[0]
        self.queues, self.feature_bytes, self.config_bytes = head[1:4]
        body = 8 + 24 * self.queues + 2 * self.feature_bytes + self.config_bytes
        self.control = self.start + (body + 7) // 8 * 8
        self.bytes = self.control + 16 - self.start

    def get(self, member):
        return self.card.memory.read(self.control + member, 1)[0]

    def put(self, member, value):
        self.card.memory.write(self.control + member, bytes([value & 0xFF]))

    def ring(self):
        self.card.raise_vector(self.get(C2H_DB))

    def set_status(self, status):
        self.card.memory.write(self.start + 4, bytes([status]))
        self.ring()


class VirtioDriver:
    """Drives every device that appears: sends chains, and checks that the answer is their echo.

    A chain's readable part is 4 bytes of length and that many bytes; its writable part must come
    back with every byte inverted. Chains of growing length follow each other for ever.
    """

    LENGTHS = (1, 5, 4096, 4097, 50_000, 70_000)
    USED, DATA = 0x8000, 0x1_0000

    def __init__(self, card):
        self.card = card
        self.page = struct.unpack_from("<Q", card.registers, PAGE_LO)[0]
        self.devices = {}

    def run(self):
        """Generator: goes on whenever the host has written a register."""
        card = self.card
        if card.wants("asleep"):
            return
        if card.wants("refuse"):
            struct.pack_into("<II", card.registers, BOOT_STATE, REFUSED, 0x55)
            return
        card.memory.write(self.page + 4, b"\0")
        struct.pack_into("<I", card.registers, BOOT_STATE, READY)
        card.raise_vector(0)
        while card.word(PAGE_BYTES):
            if card.wants("trap", once=True):
                # mepc and mcause, then the doorbell that tells of it.
                struct.pack_into("<II", card.registers, BOOT_STATE, CRASHED, 0x1234 << 8 | 5)
                card.memory.write(self.page + 4, b"\xff")
                card.raise_vector(0)
                return
            if not card.wants("deaf"):
                self.scan()
                for device in list(self.devices.values()):
                    next(device, None)
            yield

    def scan(self):
        offset = 24
        while True:
            block = Block(self.card, self.page, offset)
            if block.type == 0:
                return
            if block.type < 0:
                self.devices.pop(offset, None)
            elif offset not in self.devices:
                self.devices[offset] = self.drive(block)
            elif block.get(CONFIG_CHANGE) and not block.get(GUEST_ACK):
                if block.get(CONFIG_CHANGE) == 1:
                    block.put(H2C_DB, -1)
                    self.devices[offset] = iter(())
                block.put(GUEST_ACK, 1)
                block.ring()
            offset += block.bytes

    def drive(self, block):
        card = self.card
        block.put(H2C_DB, 1)
        block.put(HOST_ACK, 0)
        block.put(VDEV_RESET, 1)
        block.ring()
        while not block.get(HOST_ACK):
            yield
        for status in (0, 1, 3, 11):
            block.set_status(status)
        features = block.start + 8 + 24 * block.queues
        offered = card.memory.read(features, block.feature_bytes)
        card.memory.write(features + block.feature_bytes, offered)
        ring, _, num = struct.unpack("<QQH6x", card.memory.read(block.start + 8, 24))
        context = self.USED + (6 + 8 * num + 63) // 64 * 64
        card.ram[self.USED : context + 64] = bytes(context + 64 - self.USED)
        struct.pack_into("<IHH", card.ram, context + 8, self.USED, num, 0)
        card.memory.write(ring, bytes(16 * num + 6 + 2 * num))
        card.memory.write(block.start + 16, struct.pack("<Q", self.USED))
        self.push_log2 = 0 if card.wants("plain") else card.word(HOST_PROTOCOL) >> 8 & 0xFF
        card.memory.write(block.start + 26, bytes([1 if self.push_log2 else 0]))
        block.put(UPDATED, 1)
        block.ring()
        while block.get(UPDATED):
            yield
        block.set_status(15)
        sent = 0
        while True:
            yield from self.echo(block, ring, num, sent)
            sent += 1

    def echo(self, block, ring, num, sent):
        card = self.card
        length = self.LENGTHS[sent % len(self.LENGTHS)]
        payload = bytes((sent + n) * 7 & 0xFF for n in range(length))
        request = struct.pack("<I", length) + payload
        answer = self.DATA + len(request) + 3
        card.ram[self.DATA : self.DATA + len(request)] = request
        if self.push_log2:
            # What was pushed must not be asked for again: it is not there any more.
            pushed = request[: 1 << self.push_log2]
            area = (((16 * num + 6 + 2 * num + 4095) & ~4095) + 6 + 8 * num + 16 + 4095) & ~4095
            card.memory.write(ring + area, pushed)
            card.ram[self.DATA : self.DATA + len(pushed)] = b"\xee" * len(pushed)
        card.ram[answer : answer + length + 8] = b"\xa5" * (length + 8)
        split = len(request) // 3 + 1
        half = length // 2
        chain = [
            (self.DATA, split, NEXT, 1),
            (self.DATA + split, len(request) - split, NEXT, 2),
            (answer, half, NEXT | WRITE, 3),
            (answer + half, length - half, WRITE, 0),
        ]
        if card.wants("loop", once=True):
            chain[1] = (*chain[1][:2], NEXT, 0)
        for index, descriptor in enumerate(chain):
            card.memory.write(ring + 16 * index, struct.pack("<QIHH", *descriptor))
        avail = ring + 16 * num
        card.memory.write(avail + 4 + 2 * (sent % num), struct.pack("<H", 0))
        card.memory.write(avail + 2, struct.pack("<H", (sent + 1) & 0xFFFF))
        block.ring()
        while struct.unpack_from("<H", card.ram, self.USED + 2)[0] != (sent + 1) & 0xFFFF:
            yield
        head, written = struct.unpack_from("<II", card.ram, self.USED + 4 + 8 * (sent % num))
        inverted = bytes(byte ^ 0xFF for byte in payload)
        found = bytes(card.ram[answer : answer + length])
        guard = bytes(card.ram[answer + length : answer + length + 8])
        if (head, written, found, guard) != (0, length, inverted, b"\xa5" * 8):
            print(f"echo {sent}: head {head}, {written} bytes of {length}, "
                  f"{'same' if found == inverted else 'other'} bytes", flush=True)  # fmt: skip
            sys.exit(1)
        print(f"echo {sent}: {length} bytes", flush=True)


def main(directory, socket_directory):
    server = VfioUserServer(
        Path(socket_directory) / SOCKET,
        region_bytes={Region.BAR0: BAR0_BYTES, Region.BAR2: RAM_BYTES, Region.CONFIG: 4096},
        vectors=1 << VECTORS_LOG2,
    )
    card = Card(server, Path(directory) / "behaviour")
    space = config_space()
    if not server.accept(60):
        sys.exit("QEMU did not come")
    try:
        while True:
            request = server.receive()
            if request is None:
                continue
            data = b""
            store = {Region.BAR2: card.ram, Region.CONFIG: space}.get(request.region)
            end = request.offset + request.length
            if request.command == Command.REGION_READ:
                data = (card.read(request.offset, request.length) if store is None
                        else bytes(store[request.offset : end]))  # fmt: skip
            elif request.command == Command.REGION_WRITE and store is not None:
                store[request.offset : end] = request.data
            elif request.command == Command.REGION_WRITE:
                card.write(request.offset, request.data)
            server.reply(request, data)
    except EOFError:
        server.close()


if __name__ == "__main__":
    main(*sys.argv[1:])

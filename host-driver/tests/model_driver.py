# SPDX-License-Identifier: BSD-2-Clause
"""The firmware of the model card: it boots, and drives every virtio device with echoes.

Layouts have declarations of their own in here, so that module and model cannot share a mistake.
Ref: docs/registers.md, docs/protocol.md.
"""

import struct
import sys

__all__ = ["BOOT_STATE", "VirtioDriver"]

PAGE_LO, PAGE_BYTES, BOOT_STATE = 0x100, 0x108, 0x114
HOST_PROTOCOL = 0x120
READY, REFUSED, CRASHED = 2, 3, 4
NEXT, WRITE = 1, 2
# Ends of the device control's bytes, from its start.
CONFIG_CHANGE, VDEV_RESET, GUEST_ACK, HOST_ACK, UPDATED, C2H_DB, H2C_DB = range(8, 15)


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

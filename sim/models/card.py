# SPDX-License-Identifier: BSD-2-Clause
"""The card as the host's driver works it: registers by name, card RAM, copier commands."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cocotb
from cocotb.triggers import Lock, Timer, with_timeout
from vop.regs import REGISTER_MAP
from vop.regs.copier import CommandError, Opcode

from .host import Host
from .memory import Buffer

__all__ = ["CardDriver", "Channel", "Record", "command"]

_BLOCKS = {block.name: block for block in REGISTER_MAP.blocks}
_COMMAND_BYTES = 32
_RECORD_BYTES = 16
RECORDS_LOG2 = 4
RECORD_TIMEOUT_NS = 2_000_000
#: Block `stats` visits each of its counters within 64 cycles.
COUNTER_LAG_NS = 64 * 8


@dataclass(frozen=True)
class Record:
    """A completion record, decoded: error code, bytes moved, sequence and the command's tag."""

    tag: int
    error: CommandError
    bytes: int
    sequence: int


def command(
    opcode: int,
    *,
    host: int = 0,
    card: int = 0,
    length: int = 0,
    to_host: bool = False,
    interrupt: bool = False,
    head: int = 0,
    entries: int = 0,
    used_id: int = 0,
    used_len: int = 0,
    tag: int = 0,
) -> tuple[int, ...]:
    """Return the eight words of a command that asks for a record.

    With ``entries``, ``host`` is the card address of a list of so many.
    """
    control = opcode | 1 << 4 | interrupt << 5 | to_host << 6 | bool(entries) << 7 | tag << 16
    low, high = host & 0xFFFF_FFFF, host >> 32
    return control, length, low, high, card, head | entries << 16, used_id, used_len


class CardDriver:
    """Registers (BAR0), card RAM (BAR2) and copier channels, from the host's side."""

    def __init__(self, host: Host):
        self.host = host
        self._commanding = Lock()

    # Registers, as "block.register".

    @staticmethod
    def address(name: str, index: int = 0) -> int:
        """Offset in BAR0 of a register called ``block.register``."""
        block, register = name.split(".")
        return _BLOCKS[block].address(register, index)

    async def get(self, name: str, index: int = 0) -> int:
        """Read a register."""
        if name.startswith("stats."):  # a counter takes a while to show
            await Timer(COUNTER_LAG_NS, "ns")
        return int.from_bytes(await self.host.read(0, self.address(name, index), 4), "little")

    async def set(self, name: str, value: int, index: int = 0) -> None:
        """Write a register; returns when the write is queued."""
        await self.host.write(0, self.address(name, index), value.to_bytes(4, "little"))

    async def field(self, name: str, field: str, index: int = 0) -> int:
        """Read one field of a register."""
        block, register = name.split(".")
        for candidate in _BLOCKS[block].register(register).fields:
            if candidate.name == field:
                value = await self.get(name, index)
                return value >> candidate.lsb & (1 << candidate.width) - 1
        raise KeyError(f"Register {name!r} has no field {field!r}")

    async def becomes(self, name: str, value: int, timeout_ns: int = 1_000_000) -> None:
        """Wait until a register reads ``value``."""

        async def poll() -> None:
            while await self.get(name) != value:
                await Timer(500, "ns")

        await with_timeout(poll(), timeout_ns, "ns")

    # Card RAM.

    async def load(self, card_address: int, data: bytes) -> None:
        """Write card RAM through BAR2."""
        await self.host.write(2, card_address, data)

    async def dump(self, card_address: int, length: int) -> bytes:
        """Read card RAM through BAR2."""
        return await self.host.read(2, card_address, length)

    # Link, guard, doorbells.

    async def start(self, firmware: bytes) -> None:
        """Hold the CPU, load ``firmware`` through BAR2, read its last word back, let it run."""
        await self.set("link.cpu", 0)
        padded = firmware + bytes(-len(firmware) % 4)
        await self.load(0, padded)
        assert await self.dump(len(padded) - 4, 4) == padded[-4:]
        await self.set("link.cpu", 1)

    async def open_window(self, index: int, buffer: Buffer) -> None:
        """Let the card's CPU and rings name the pages of ``buffer``."""
        first = buffer.address & ~0xFFF
        pages = (buffer.address + buffer.length - first + 0xFFF) // 0x1000
        await self.set("guard.base_lo", first & 0xFFFF_FFFF, index)
        await self.set("guard.base_hi", first >> 32, index)
        await self.set("guard.pages", pages, index)

    async def ring(self, doorbell: int) -> None:
        """Ring a doorbell of the card."""
        await self.set("doorbell.h2c_set", 1 << doorbell)

    async def route_vector(self, vector: int, *, masked: bool = False) -> None:
        """Write a vector's entry of the MSI-X table."""
        host = self.host
        await self.set("msix.address_lo", host.MSIX_ADDRESS + 4 * vector, vector)
        await self.set("msix.address_hi", 0, vector)
        await self.set("msix.data", host.MSIX_DATA + vector, vector)
        await self.set("msix.control", int(masked), vector)

    async def command(self, number: int, words: Sequence[int]) -> None:
        """Write a command's eight words into a channel's registers, as the driver does.

        One command at a time: the stores of two would make a third that nobody meant.
        """
        data = b"".join(word.to_bytes(4, "little") for word in words)
        base = self.address("copier.command_0", number)
        async with self._commanding:
            for at in range(0, _COMMAND_BYTES, 8):
                await self.host.write(0, base + at, data[at : at + 8])

    async def channel(self, number: int = 0, vector: int = 1) -> "Channel":
        """Reset a host-owned channel, give it a record ring, enable it."""
        channel = Channel(self, number)
        await channel.open(vector)
        return channel


class Channel:
    """A host-owned copier channel. At most `queue_depth` commands are under way."""

    def __init__(self, card: CardDriver, number: int):
        self._card, self.number = card, number
        self._next_tag = 0
        self._taken = 0
        self._ring: Any = None

    async def open(self, vector: int = 1) -> None:
        """Set the channel up from scratch; it forgets every failure."""
        card, number = self._card, self.number
        self._ring = card.host.memory.allocate(_RECORD_BYTES << RECORDS_LOG2, align=64)
        self._ring.fill(bytes(self._ring.length))
        self._next_tag = self._taken = 0
        await card.set("copier.control", 2, number)
        await card.set("copier.record_lo", self._ring.address & 0xFFFF_FFFF, number)
        await card.set("copier.record_hi", self._ring.address >> 32, number)
        await card.set("copier.record_config", RECORDS_LOG2 | vector << 8, number)
        await card.set("copier.control", 1, number)

    async def submit(self, opcode: int, **fields: Any) -> int:
        """Write a command of these ``fields``, as of `command`, into the channel's registers.

        Returns the tag that it was given.
        """
        tag = self._next_tag
        self._next_tag = tag + 1 & 0xFFFF
        words = command(opcode, tag=tag, **fields)
        await self._card.command(self.number, words)
        return tag

    async def record(self, timeout_ns: int = RECORD_TIMEOUT_NS) -> Record:
        """Wait for the next completion record in host memory, and take it."""
        memory = self._card.host.memory
        entries = 1 << RECORDS_LOG2
        phase = 1 - (self._taken // entries & 1)
        at = self._ring.address + self._taken % entries * _RECORD_BYTES

        async def wait() -> bytes:
            while True:
                data = memory.read(at, _RECORD_BYTES) or bytes(_RECORD_BYTES)
                if data[3] >> 7 == phase:
                    return data
                memory.written.clear()
                await memory.written.wait()

        data = await with_timeout(cocotb.start_soon(wait()), timeout_ns, "ns")
        self._taken += 1
        word = [int.from_bytes(data[n : n + 4], "little") for n in range(0, _RECORD_BYTES, 4)]
        reserved = word[0] >> 24 & 0x7F | word[3]
        assert reserved == 0, f"Reserved bits of a record must be 0, not {data.hex()}"
        return Record(word[0] & 0xFFFF, CommandError(word[0] >> 16 & 0xFF), word[1], word[2])

    async def copy(
        self, buffer: Buffer, card_address: int, length: int, *, to_host: bool, at: int = 0
    ) -> Record:
        """Run one `copy` between ``buffer`` (from byte ``at``) and card RAM; return its record."""
        tag = await self.submit(
            Opcode.COPY, host=buffer.address + at, card=card_address, length=length, to_host=to_host
        )
        record = await self.record()
        assert record.tag == tag, f"Record must carry tag {tag}, not {record.tag}"
        return record

    async def status(self) -> tuple[int, CommandError]:
        """State and error of the channel, by register."""
        value = await self._card.get("copier.status", self.number)
        return value & 3, CommandError(value >> 16 & 0xFF)

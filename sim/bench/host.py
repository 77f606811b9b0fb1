# SPDX-License-Identifier: BSD-2-Clause
"""What the host's driver can do: store to registers and card RAM, look into its own memory."""

from vop.regs.copier import COMMAND, COPIER_LIMITS, RECORD, RECORD_BITS, Opcode

from . import encode
from .abi import HOST_BASE, HOST_BYTES, Kind
from .machine import Machine, Misbehaved
from .places import HOST_RECORDS, HOST_RECORDS_LOG2, RING_LOG2, RINGS

__all__ = ["Host", "HostChannel"]

_PAGE_BYTES = 4096
_LINE_BYTES = 64
_DEPTH = COPIER_LIMITS["queue_depth"]
#: Stores of the kernel's `writeq`.
_QUAD_BYTES = 8


class Host:
    """The host's driver, at work on ``machine``."""

    def __init__(self, machine: Machine):
        self.machine = machine

    def set(self, register: str, value: int, index: int = 0) -> None:
        """Write a register."""
        self.machine.store(0, encode.address(register, index), value.to_bytes(4, "little"))

    def load(self, card_address: int, data: bytes) -> None:
        """Write card RAM through BAR2, a write-combining line at a time."""
        at = 0
        while at < len(data):
            size = _LINE_BYTES - (card_address + at) % _LINE_BYTES
            self.machine.store(2, card_address + at, data[at : at + size])
            at += size

    def open_guard(self) -> None:
        """Let the card's CPU and the rings name all host memory."""
        self.set("guard.base_lo", HOST_BASE)
        self.set("guard.base_hi", 0)
        self.set("guard.pages", HOST_BYTES // _PAGE_BYTES)


class HostChannel:
    """A host-owned copier channel: ``number`` is 0 to 3."""

    def __init__(self, host: Host, number: int = 0):
        self._host, self.number = host, number
        self._tail = self._ended = self._unknown = 0
        self._records = HOST_RECORDS + _PAGE_BYTES * number
        host.machine.poke(self._records, bytes(_PAGE_BYTES))
        host.set("copier.control", 2, number)
        host.set("copier.record_lo", self._records, number)
        host.set("copier.record_hi", 0, number)
        host.set("copier.record_config", HOST_RECORDS_LOG2 | 1 << 8, number)

    def enable(self) -> None:
        """Let the channel start commands."""
        self._host.set("copier.control", 1, self.number)

    def submit(self, command: bytes) -> None:
        """Write an inline command, in four stores."""
        base = encode.address("copier.command_0", self.number)
        for at in range(0, COMMAND.size, _QUAD_BYTES):
            self._host.machine.store(0, base + at, command[at : at + _QUAD_BYTES])

    def complete(self, context: int, head: int, written_bytes: int) -> None:
        """Write a used element, in one store."""
        value = head | context // 64 << 16 | written_bytes << 32
        self._host.machine.store(
            0, encode.address("copier.complete_id", self.number), value.to_bytes(8, "little")
        )

    def finish(self, context: int, head: int, written_bytes: int) -> None:
        """Write a used element that nobody waits for, as the driver does.

        Up to half of what the channel holds may end without the host's knowing; the next one leaves
        a record, which tells of all before it.
        """
        while self.take_record() is not None:
            self._unknown = 0
        self._unknown += 1
        if self._unknown <= _DEPTH // 2:
            self.complete(context, head, written_bytes)
            return
        self.submit(
            encode.command(
                Opcode.COMPLETE, "record",
                card_address=context, used_id=head, used_len=written_bytes,
            )
        )  # fmt: skip

    def open_ring(self) -> None:
        """Give the channel a command ring in card RAM."""
        self._host.set("copier.ring_base", RINGS[self.number], self.number)
        self._host.set("copier.ring_config", RING_LOG2, self.number)

    def lay(self, commands: list[bytes]) -> None:
        """Lay commands down in the ring, behind those that were kicked."""
        for n, command in enumerate(commands):
            slot = (self._tail + n) % (1 << RING_LOG2)
            self._host.load(RINGS[self.number] + slot * COMMAND.size, command)

    def kick(self, commands: int) -> None:
        """Have so many more commands of the ring run."""
        self._tail += commands
        self._host.set("copier.ring_tail", self._tail, self.number)

    def take_record(self) -> int | None:
        """Take a completion record that has come; return the bytes it tells of.

        Raises
        ------
        Misbehaved
            If the command has failed.
        """
        slot = self._records + self._ended % (1 << HOST_RECORDS_LOG2) * RECORD.size
        data = self._host.machine.peek(slot, RECORD.size)
        control = int.from_bytes(data[:4], "little")
        phase = 1 - (self._ended >> HOST_RECORDS_LOG2 & 1)
        if control >> RECORD_BITS["phase_lsb"] != phase:
            return None
        error = control >> RECORD_BITS["error_lsb"] & 0xFF
        if error:
            raise Misbehaved(f"channel {self.number}: command {self._ended} ended with {error}")
        self._ended += 1
        return int.from_bytes(data[4:8], "little")

    def await_record(self) -> int:
        """Run until a record comes; return the bytes it tells of."""
        found: list[int] = []

        def has_come() -> bool:
            value = self.take_record()
            if value is not None:
                found.append(value)
            return value is not None

        self._host.machine.run_until(has_come, Kind.WRITE, Kind.COMPLETION)
        return found[0]

    def fetch(self, card_address: int, length: int, to: int) -> bytes:
        """Have the card copy ``length`` bytes of its RAM to host memory at ``to``."""
        self.submit(
            encode.command(
                Opcode.COPY, "record", "to_host",
                bytes=length, host_address=to, card_address=card_address,
            )
        )  # fmt: skip
        self.await_record()
        return self._host.machine.peek(to, length)

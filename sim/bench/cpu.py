# SPDX-License-Identifier: BSD-2-Clause
"""What the card's CPU can do: it runs the stories' puppet, which stores what it is told to store.

The CPU fetches and executes every store itself; the host only lays the orders down in card RAM and
rings. Between orders it is parked, with every interrupt line enabled.
"""

from vop.regs.copier import RECORD

from sim.models.puppet import DOORBELL, MAILBOX, program

from . import encode
from .abi import Kind
from .host import Host
from .machine import Misbehaved
from .places import CARD_RECORDS, CARD_RECORDS_LOG2, RING_LOG2, RINGS

__all__ = ["CardChannel", "Cpu"]

_REGISTERS = 0xF000_0000
#: The puppet boots, and parks, well within this.
_BOOT_CYCLES = 4000
#: Cycles that an order takes, at most; it is over when the CPU is parked again.
_ORDER_CYCLES = 400
_ORDERS = 32


class Cpu:
    """The card's CPU, booted by the host."""

    def __init__(self, host: Host):
        self._host = host
        host.set("link.cpu", 0)
        host.load(0, program())
        host.set("link.cpu", 1)
        host.machine.settle()
        host.machine.run(_BOOT_CYCLES)

    def order(self, *stores: tuple[int, int]) -> None:
        """Have the CPU make these stores: address, value. Returns when they are under way."""
        if len(stores) > _ORDERS:
            raise ValueError(f"Orders must be at most {_ORDERS}, not {len(stores)}")
        words = [word for pair in stores for word in pair]
        host = self._host
        host.load(MAILBOX + 8, b"".join(word.to_bytes(4, "little") for word in words))
        host.load(MAILBOX, len(stores).to_bytes(4, "little"))
        host.set("doorbell.h2c_set", 1 << DOORBELL)

    def obey(self, *stores: tuple[int, int]) -> None:
        """Have the CPU make these stores, and park again; the link must be idle otherwise."""
        self._host.machine.settle()
        self.order(*stores)
        self._host.machine.run(_ORDER_CYCLES + 60 * len(stores))


def _words(command: bytes) -> list[tuple[str, int]]:
    """Registers of an inline command, and what goes there."""
    return [
        (f"command_{n}", int.from_bytes(command[4 * n : 4 * n + 4], "little"))
        for n in range(len(command) // 4)
    ]


class CardChannel:
    """A card-owned copier channel, its records in card RAM."""

    def __init__(self, host: Host, cpu: Cpu, number: int = 4):
        self._host, self._cpu, self.number = host, cpu, number
        self._tail = 0
        host.load(CARD_RECORDS, bytes(RECORD.size << CARD_RECORDS_LOG2))
        cpu.obey(
            self._store("control", 2),
            self._store("record_lo", CARD_RECORDS),
            self._store("record_config", CARD_RECORDS_LOG2),
        )

    def _store(self, register: str, value: int) -> tuple[int, int]:
        return _REGISTERS + encode.address(f"copier.{register}", self.number), value

    def enable(self) -> None:
        """Let the channel start commands."""
        self._cpu.obey(self._store("control", 1))

    def open_ring(self, commands: list[bytes]) -> None:
        """Give the channel a command ring in card RAM that holds ``commands``."""
        self._host.load(RINGS[self.number], b"".join(commands))
        self._cpu.obey(
            self._store("ring_base", RINGS[self.number]), self._store("ring_config", RING_LOG2)
        )

    def kick(self, commands: int) -> int:
        """Have the CPU offer so many more commands; return the cycle of its store."""
        self._tail += commands
        return self._submit(("ring_tail", self._tail))

    def submit(self, command: bytes) -> int:
        """Have the CPU write an inline command; return the cycle of its last store."""
        return self._submit(*_words(command))

    def order(self, command: bytes) -> None:
        """Have the CPU write an inline command; do not wait for it."""
        self._cpu.order(*(self._store(*store) for store in _words(command)))

    def _submit(self, *stores: tuple[str, int]) -> int:
        machine = self._host.machine
        self._cpu.order(*(self._store(*store) for store in stores))
        wanted = self._store(*stores[-1])[0] - _REGISTERS
        for _ in range(1 + len(stores)):
            if not machine.run(_ORDER_CYCLES, Kind.REGISTER):
                break
            last = machine.events(Kind.REGISTER)[-1]
            if last.address == wanted and last.by_card:
                return last.cycle
        raise Misbehaved(f"the CPU must write {stores[-1][0]} when it is told to")

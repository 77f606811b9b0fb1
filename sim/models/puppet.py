# SPDX-License-Identifier: BSD-2-Clause
"""Firmware that does what the host asks: a story can let the card's CPU touch anything.

The program is some 40 instructions, assembled here, so that stories need no compiler. It parks in
`intc.wait`; a doorbell makes it carry out a list of orders from a mailbox in card RAM.

    mailbox + 0     number of orders; the puppet clears it when they are done
    mailbox + 8     orders: address, value           stores value at address
                            address + 1, target      loads from address, stores at target

Ref: The RISC-V Instruction Set Manual, volume I, chapter 2 (RV32I).
"""

from cocotb.triggers import Timer, with_timeout
from vop.regs.card import CARD_ADDRESSES
from vop.regs.link import BootState

from .card import CardDriver

__all__ = ["MAILBOX", "Puppet", "program"]

MAILBOX = 0x7000
#: Where the puppet gathers the interrupt lines that it sees when it wakes.
PENDING = MAILBOX - 4
DOORBELL = 7
ORDER_TIMEOUT_NS = 500_000

_ZERO, _T0, _T1, _T2, _S0, _S1, _A0, _T3, _T4, _T5, _T6 = 0, 5, 6, 7, 8, 9, 10, 28, 29, 30, 31


def _lui(rd: int, value: int) -> int:
    return value & 0xFFFFF000 | rd << 7 | 0x37


def _addi(rd: int, rs: int, value: int) -> int:
    return (value & 0xFFF) << 20 | rs << 15 | rd << 7 | 0x13


def _andi(rd: int, rs: int, value: int) -> int:
    return (value & 0xFFF) << 20 | rs << 15 | 7 << 12 | rd << 7 | 0x13


def _or(rd: int, rs1: int, rs2: int) -> int:
    return rs2 << 20 | rs1 << 15 | 6 << 12 | rd << 7 | 0x33


def _lw(rd: int, offset: int, rs: int) -> int:
    return (offset & 0xFFF) << 20 | rs << 15 | 2 << 12 | rd << 7 | 0x03


def _sw(rs2: int, offset: int, rs1: int) -> int:
    return (offset >> 5 & 0x7F) << 25 | rs2 << 20 | rs1 << 15 | 2 << 12 | (offset & 31) << 7 | 0x23


def _branch(kind: int, rs1: int, rs2: int, offset: int) -> int:
    return (
        (offset >> 12 & 1) << 31
        | (offset >> 5 & 0x3F) << 25
        | rs2 << 20
        | rs1 << 15
        | kind << 12
        | (offset >> 1 & 0xF) << 8
        | (offset >> 11 & 1) << 7
        | 0x63
    )


def _beq(rs1: int, rs2: int, offset: int) -> int:
    return _branch(0, rs1, rs2, offset)


def _bne(rs1: int, rs2: int, offset: int) -> int:
    return _branch(1, rs1, rs2, offset)


def program() -> bytes:
    """Return the puppet's image, to be loaded at card address 0."""
    at = CardDriver.address
    registers = CARD_ADDRESSES["registers"]
    intc = registers + at("intc.pending")
    prologue = [
        _lui(_A0, MAILBOX),
        _lui(_S0, registers),
        _lui(_S1, intc),
        _sw(_ZERO, 0, _A0),
        _sw(_ZERO, PENDING - MAILBOX, _A0),
        _addi(_T0, _ZERO, -1),
        _sw(_T0, at("doorbell.h2c_enable"), _S0),
        _sw(_T0, 4, _S1),  # intc.enable
        _addi(_T1, _ZERO, BootState.READY),
        _sw(_T1, at("link.boot_state"), _S0),
    ]
    store = [
        _sw(_T6, 0, _T5),
    ]
    load = [
        _lw(_T2, -1, _T5),
        _sw(_T2, 0, _T6),
    ]
    order = [
        _lw(_T5, 0, _T4),
        _lw(_T6, 4, _T4),
        _andi(_T2, _T5, 1),
        _bne(_T2, _ZERO, 4 * (len(store) + 2)),
        *store,
        _beq(_ZERO, _ZERO, 4 * (len(load) + 1)),
        *load,
        _addi(_T4, _T4, 8),
        _addi(_T3, _T3, -1),
    ]
    orders = [*order, _bne(_T3, _ZERO, -4 * len(order))]
    wait = [
        _lw(_T0, 12, _S1),  # intc.wait
        _lw(_T0, 0, _S1),  # intc.pending
        _lw(_T1, PENDING - MAILBOX, _A0),
        _or(_T0, _T0, _T1),
        _sw(_T0, PENDING - MAILBOX, _A0),
        _addi(_T0, _ZERO, -1),
        _sw(_T0, 8, _S1),  # intc.clear
        _lw(_T1, at("doorbell.h2c_pending"), _S0),
        _sw(_T1, at("doorbell.h2c_pending"), _S0),
        _lw(_T3, 0, _A0),
        _addi(_T4, _A0, 8),
    ]
    again = [_beq(_T3, _ZERO, -4 * len(wait)), *orders, _sw(_ZERO, 0, _A0)]
    loop = [*wait, *again]
    code = [*prologue, *loop, _beq(_ZERO, _ZERO, -4 * len(loop))]
    return b"".join(word.to_bytes(4, "little") for word in code)


class Puppet:
    """The card's CPU, doing the host's bidding."""

    def __init__(self, card: CardDriver):
        self._card = card

    @classmethod
    async def started(cls, card: CardDriver) -> "Puppet":
        """Return a puppet that has booted."""
        await card.start(program())
        await card.becomes("link.boot_state", BootState.READY)
        return cls(card)

    async def obey(self, *orders: tuple[int, int]) -> None:
        """Have orders carried out; return when they are done."""
        words = [word for order in orders for word in order]
        card = self._card
        await card.load(MAILBOX + 8, b"".join(word.to_bytes(4, "little") for word in words))
        await card.load(MAILBOX, len(orders).to_bytes(4, "little"))
        await card.ring(DOORBELL)

        async def poll() -> None:
            while await card.dump(MAILBOX, 4) != bytes(4):
                await Timer(500, "ns")

        await with_timeout(poll(), ORDER_TIMEOUT_NS, "ns")

    async def set(self, name: str, value: int, index: int = 0) -> None:
        """Write a register, as the card."""
        await self.obey((self.address(name, index), value))

    async def get(self, name: str, index: int = 0) -> int:
        """Read a register, as the card."""
        await self.obey((self.address(name, index) + 1, MAILBOX + 4))
        return int.from_bytes(await self._card.dump(MAILBOX + 4, 4), "little")

    async def lines(self) -> int:
        """Interrupt lines that the CPU has seen high since it was last asked."""
        await self.obey((PENDING + 1, MAILBOX + 4), (PENDING, 0))
        return int.from_bytes(await self._card.dump(MAILBOX + 4, 4), "little")

    def address(self, name: str, index: int = 0) -> int:
        """CPU address of a register called ``block.register``."""
        return CARD_ADDRESSES["registers"] + self._card.address(name, index)

# SPDX-License-Identifier: BSD-2-Clause
"""Fetch a vring context from card RAM and refuse one that contradicts itself."""

from amaranth import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..regs.copier import VRING_CONTEXT, VRING_FLAGS, CommandError
from .block import BLOCK_BYTES, AccessLayout
from .command import ContextLayout

__all__ = ["ContextLoader"]

_BLOCKS = VRING_CONTEXT.size // BLOCK_BYTES
_KNOWN_FLAGS = sum(value for _name, value, _doc in VRING_FLAGS.values)


class ContextLoader(wiring.Component):
    """Load the context of a virtqueue.

    All three parts of the ring must lie in card RAM, each with the alignment that virtio asks for.

    Specification
    -------------
    virtio 1.3, 2.7 (Split Virtqueues: sizes and alignments).

    Parameters
    ----------
    ram_bytes : :class:`int`
        Size of card RAM.
    card_bits : :class:`int`
        Bits of a card address.

    Members
    -------
    start : ``In(1)``
        Strobe: load the context at ``address``.
    address : ``In(32)``
        Stable from ``start`` to ``result``.
    result : ``Out(stream.Signature(8, always_ready=True))``
        ``CommandError``: OK, BAD_CARD_ADDRESS or BAD_CONTEXT.
    context : ``Out(ContextLayout)``
        Valid from ``result`` with OK to the next ``start``.
    access, answer
        Towards :class:`~vop.copier.block.BlockAccess`.
    """

    def __init__(self, *, ram_bytes, card_bits):
        self._ram_bytes = ram_bytes
        super().__init__({
            "start":   In(1),
            "address": In(32),
            "result":  Out(stream.Signature(8, always_ready=True)),
            "context": Out(ContextLayout),
            "access":  Out(stream.Signature(AccessLayout(card_bits))),
            "answer":  In(stream.Signature(8 * BLOCK_BYTES, always_ready=True)),
        })

    def elaborate(self, platform):
        m = Module()
        context = self.context
        index = Signal(range(_BLOCKS))
        faults = Signal(12)

        def outside(address, size):
            return address + size > self._ram_bytes

        m.d.comb += [
            self.access.payload.address.eq(self.address + index * BLOCK_BYTES),
            faults.eq(Cat(
                context.num < 2,
                (context.num & (context.num - 1)) != 0,
                (context.flags & ~_KNOWN_FLAGS) != 0,
                context.vector >= 32,
                context.desc_card[:4] != 0,
                context.avail_card[:2] != 0,
                context.used_card[:2] != 0,
                context.desc_host[:4] != 0,
                context.avail_host[0],
                outside(context.desc_card, context.num << 4),
                outside(context.avail_card, (context.num << 1) + 6),
                outside(context.used_card, (context.num << 3) + 6),
            )),
        ]
        with m.FSM():
            with m.State("IDLE"):
                m.d.sync += index.eq(0)
                with m.If(self.start):
                    m.next = "CHECK_ADDRESS"
            with m.State("CHECK_ADDRESS"):
                with m.If((self.address[:6] != 0) | outside(self.address, VRING_CONTEXT.size)):
                    m.d.comb += [
                        self.result.valid.eq(1),
                        self.result.payload.eq(CommandError.BAD_CARD_ADDRESS),
                    ]
                    m.next = "IDLE"
                with m.Else():
                    m.next = "ASK"
            with m.State("ASK"):
                m.d.comb += self.access.valid.eq(1)
                with m.If(self.access.ready):
                    m.next = "STORE"
            with m.State("STORE"):
                with m.If(self.answer.valid):
                    m.d.sync += [
                        context.eq(Cat(Cat(context)[8 * BLOCK_BYTES:], self.answer.payload)),
                        index.eq(index + 1),
                    ]
                    m.next = "ASK"
                    with m.If(index == _BLOCKS - 1):
                        m.next = "CHECK"
            with m.State("CHECK"):
                m.d.comb += self.result.valid.eq(1)
                with m.If(faults != 0):
                    m.d.comb += self.result.payload.eq(CommandError.BAD_CONTEXT)
                m.next = "IDLE"
        return m

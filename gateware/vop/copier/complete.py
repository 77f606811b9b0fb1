# SPDX-License-Identifier: BSD-2-Clause
"""Command `complete`: one used element, the used index, and the CPU's interrupt."""

from amaranth import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..regs.copier import VRING_CONTEXT, VRING_FLAGS, CommandError
from .block import BLOCK_BYTES, AccessLayout, AccessSteps
from .chain import AVAIL_RING
from .command import ContextLayout, JobLayout, OutcomeLayout

__all__ = ["Complete"]

# Offsets within the used ring (virtio 1.3, 2.7.8).
_USED_INDEX = 2
_USED_RING = 4


class Complete(wiring.Component):
    """Publish a used element to the driver on the card.

    The element is written before the index, and the index before the driver's wish for an
    interrupt is read: whichever side is later sees what the other did.

    Specification
    -------------
    virtio 1.3, 2.7.7 (Used Buffer Notification Suppression), 2.7.8 (The Virtqueue Used Ring).

    Parameters
    ----------
    card_bits : :class:`int`
        Bits of a card address.

    Members
    -------
    start : ``In(1)``
        Strobe: begin ``job``.
    job : ``In(JobLayout)``, context : ``In(ContextLayout)``
        The command and its checked context. Stable from ``start`` to ``outcome``.
    outcome : ``Out(stream.Signature(OutcomeLayout, always_ready=True))``
        How it ended: OK, or BAD_DESCRIPTOR for a head beyond the ring.
    access, answer
        Towards :class:`~vop.copier.block.BlockAccess`.
    interrupt : ``Out(1)``
        One-cycle pulse: the driver wants to know.
    """

    def __init__(self, *, card_bits):
        super().__init__({
            "start":     In(1),
            "job":       In(JobLayout),
            "context":   In(ContextLayout),
            "outcome":   Out(stream.Signature(OutcomeLayout, always_ready=True)),
            "access":    Out(stream.Signature(AccessLayout(card_bits))),
            "answer":    In(stream.Signature(8 * BLOCK_BYTES, always_ready=True)),
            "interrupt": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        command = self.job.command
        context = self.context
        slot = Signal(16)
        element = Signal(32)
        following = Signal(16)
        m.d.comb += [
            slot.eq(context.used_idx & (context.num - 1)),
            element.eq(context.used_card + _USED_RING + (slot << 3)),
            following.eq(context.used_idx + 1),
        ]

        step = AccessSteps(m, self.access, self.answer)

        with m.FSM():
            with m.State("IDLE"):
                with m.If(self.start):
                    m.next = "CHECK_HEAD"
            with m.State("CHECK_HEAD"):
                m.next = "WRITE_ID"
                with m.If(command.used_id >= context.num):
                    m.d.comb += [
                        self.outcome.valid.eq(1),
                        self.outcome.payload.error.eq(CommandError.BAD_DESCRIPTOR),
                    ]
                    m.next = "IDLE"
            # The element is only 4-byte aligned: its halves may lie in different blocks.
            with m.State("WRITE_ID"):
                with step(element, size=4, data=command.used_id):
                    m.next = "WRITE_LENGTH"
            with m.State("WRITE_LENGTH"):
                with step(element + 4, size=4, data=command.used_len):
                    m.next = "WRITE_INDEX"
            with m.State("WRITE_INDEX"):
                with step(context.used_card + _USED_INDEX, size=2, data=following):
                    m.next = "WRITE_BACK"
            with m.State("WRITE_BACK"):
                with step(command.card_address + VRING_CONTEXT.member("used_idx").offset,
                          size=2, data=following):
                    m.next = "READ_FLAGS"
                    with m.If(context.flags & VRING_FLAGS["event_idx"]):
                        m.next = "READ_EVENT"
            with m.State("READ_FLAGS"):
                with step(context.avail_card):
                    # VRING_AVAIL_F_NO_INTERRUPT
                    m.d.comb += self.interrupt.eq(~self.answer.payload[0])
                    m.next = "TELL"
            with m.State("READ_EVENT"):
                with step(context.avail_card + AVAIL_RING + (context.num << 1)):
                    # vring_need_event() for a step of one.
                    m.d.comb += self.interrupt.eq(self.answer.payload[:16] == context.used_idx)
                    m.next = "TELL"
            with m.State("TELL"):
                m.d.comb += self.outcome.valid.eq(1)
                m.next = "IDLE"
        return m

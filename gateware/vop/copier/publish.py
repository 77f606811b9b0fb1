# SPDX-License-Identifier: BSD-2-Clause
"""Command `publish`: mirror what the driver offered since last time into the host's ring."""

from amaranth import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..dma.writer import WriteTransferLayout
from ..regs.copier import VRING_CONTEXT, VRING_FLAGS, CommandError
from .block import BLOCK_BYTES, AccessLayout, AccessSteps
from .chain import AVAIL_RING, DESCRIPTOR_LOG2, RunLayout
from .command import ContextLayout, JobLayout, OutcomeLayout
from .guard import QuestionLayout

__all__ = ["Publish"]

# Offset of the index in the avail ring (virtio 1.3, 2.7.6).
_AVAIL_INDEX = 2

_MAX_TRANSFERS = 7


class Publish(wiring.Component):
    """Post new descriptors, then avail entries, then the avail index, then raise the vector.

    Everything leaves through one ordered stream, so the host never sees an index ahead of what it
    covers. Where the walk of the chains meets a fault, the avail index stays as it was. Descriptors
    that are neighbours go in one transfer, as do avail entries.

    Specification
    -------------
    virtio 1.3, 2.7.13 (Supplying Buffers to The Device).

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
        How it ended; ``bytes`` is the number of avail entries published.
    question, allowed
        Towards :class:`~vop.copier.guard.Guard`: both host parts of the ring are asked for.
    walk : ``Out(1)``, target : ``Out(16)``, run, walked
        Towards :class:`~vop.copier.chain.ChainWalker`, which walks the entries from the context's
        ``published`` to ``target``.
    access, answer
        Towards :class:`~vop.copier.block.BlockAccess`.
    write : ``Out(stream.Signature(WriteTransferLayout))``, write_done, write_dropped : ``In(1)``
        Towards :class:`~vop.dma.writer.HostWriter`.
    vector : ``Out(stream.Signature(5))``
        Towards :class:`~vop.copier.announcer.Announcer`.
    """

    def __init__(self, *, card_bits):
        super().__init__({
            "start":         In(1),
            "job":           In(JobLayout),
            "context":       In(ContextLayout),
            "outcome":       Out(stream.Signature(OutcomeLayout, always_ready=True)),
            "question":      Out(stream.Signature(QuestionLayout)),
            "allowed":       In(stream.Signature(1, always_ready=True)),
            "walk":          Out(1),
            "target":        Out(16),
            "run":           In(stream.Signature(RunLayout)),
            "walked":        In(stream.Signature(8, always_ready=True)),
            "access":        Out(stream.Signature(AccessLayout(card_bits))),
            "answer":        In(stream.Signature(8 * BLOCK_BYTES, always_ready=True)),
            "write":         Out(stream.Signature(WriteTransferLayout(card_bits))),
            "write_done":    In(1),
            "write_dropped": In(1),
            "vector":        Out(stream.Signature(5)),
        })

    def elaborate(self, platform):
        m = Module()
        context = self.context
        write = self.write.payload

        target = self.target      # the driver's avail index
        fresh = Signal(17)        # entries to publish
        cursor = Signal(16)       # next avail entry to post
        left = Signal(17)         # entries still to post
        slot = Signal(16)
        to_end = Signal(17)       # entries from there to the ring's end
        size = Signal(17)
        error = Signal(8)
        m.d.comb += [
            slot.eq(cursor & (context.num - 1)),
            to_end.eq(context.num - slot),
            size.eq(Mux(left > to_end, to_end, left)),
        ]

        # Transfers are queued while the walk goes on.
        pending = Signal(range(_MAX_TRANSFERS + 1))
        lost = Signal()
        sent = Signal()
        m.d.comb += sent.eq(self.write.valid & self.write.ready)
        m.d.sync += pending.eq(pending + sent - (self.write_done & (pending != 0)))
        with m.If(self.write_done & self.write_dropped):
            m.d.sync += lost.eq(1)
        offers = pending != _MAX_TRANSFERS

        step = AccessSteps(m, self.access, self.answer)
        asked = Signal()

        def ask(address, size, then):
            m.d.comb += [
                self.question.payload.host_address.eq(address),
                self.question.payload.bytes.eq(size),
                self.question.valid.eq(~asked),
            ]
            with m.If(self.question.ready & self.question.valid):
                m.d.sync += asked.eq(1)
            with m.If(self.allowed.valid):
                m.d.sync += asked.eq(0)
                m.next = then
                with m.If(~self.allowed.payload):
                    fail(CommandError.GUARD)

        def fail(code):
            m.d.sync += error.eq(code)
            m.next = "AWAIT_WRITES"

        def post(*, host, card=0, size, data=None):
            m.d.comb += [
                write.host_address.eq(host),
                write.card_address.eq(card),
                write.bytes.eq(size),
                write.immediate.eq(data is not None),
                write.data.eq(0 if data is None else data),
                self.write.valid.eq(offers),
            ]
            return m.If(sent)

        with m.FSM():
            with m.State("IDLE"):
                m.d.sync += [error.eq(CommandError.OK), lost.eq(0), fresh.eq(0)]
                with m.If(self.start):
                    m.next = "ASK_DESCRIPTORS"
            with m.State("ASK_DESCRIPTORS"):
                ask(context.desc_host, context.num << DESCRIPTOR_LOG2, "ASK_AVAIL")
            with m.State("ASK_AVAIL"):
                ask(context.avail_host, (context.num << 1) + AVAIL_RING, "READ_INDEX")
            with m.State("READ_INDEX"):
                with step(context.avail_card + _AVAIL_INDEX):
                    m.d.sync += [
                        target.eq(self.answer.payload[:16]),
                        fresh.eq((self.answer.payload[:16] - context.published)[:16]),
                    ]
                    m.next = "COUNT"
            with m.State("COUNT"):
                m.d.sync += [cursor.eq(context.published), left.eq(fresh)]
                with m.If(fresh > context.num):
                    fail(CommandError.BAD_AVAIL)
                with m.Elif(fresh != 0):
                    m.d.comb += self.walk.eq(1)
                    m.next = "POST_DESCRIPTORS"
                with m.Elif(context.flags & VRING_FLAGS["always_notify"]):
                    m.next = "RAISE"
                with m.Else():
                    m.next = "TELL"
            with m.State("POST_DESCRIPTORS"):
                offset = self.run.payload.first << DESCRIPTOR_LOG2
                with m.If(self.run.valid):
                    with post(host=context.desc_host + offset, card=context.desc_card + offset,
                              size=self.run.payload.count << DESCRIPTOR_LOG2):
                        m.d.comb += self.run.ready.eq(1)
                with m.If(self.walked.valid):
                    m.next = "POST_ENTRIES"
                    with m.If(self.walked.payload != CommandError.OK):
                        fail(self.walked.payload)
            # In two runs where they wrap round the ring's end.
            with m.State("POST_ENTRIES"):
                with post(host=context.avail_host + AVAIL_RING + (slot << 1),
                          card=context.avail_card + AVAIL_RING + (slot << 1),
                          size=size << 1):
                    m.d.sync += [cursor.eq(cursor + size), left.eq(left - size)]
                    with m.If(left == size):
                        m.next = "POST_INDEX"
            with m.State("POST_INDEX"):
                # The writer drops what is queued behind a loss; a known one is not followed up.
                with m.If(lost):
                    m.next = "AWAIT_WRITES"
                with m.Else():
                    with post(host=context.avail_host + _AVAIL_INDEX, size=2, data=target):
                        m.next = "AWAIT_WRITES"

            with m.State("AWAIT_WRITES"):
                with m.If(pending == 0):
                    m.next = "WRITE_BACK"
                    with m.If(error != CommandError.OK):
                        m.next = "TELL"
                    with m.Elif(lost):
                        m.d.sync += error.eq(CommandError.BUS_MASTER_OFF)
                        m.next = "TELL"
            with m.State("WRITE_BACK"):
                with step(self.job.command.card_address + VRING_CONTEXT.member("published").offset,
                          size=2, data=target):
                    m.next = "RAISE"
            with m.State("RAISE"):
                m.d.comb += [
                    self.vector.valid.eq(1),
                    self.vector.payload.eq(context.vector),
                ]
                with m.If(self.vector.ready):
                    m.next = "TELL"
            with m.State("TELL"):
                m.d.comb += [
                    self.outcome.valid.eq(1),
                    self.outcome.payload.error.eq(error),
                ]
                with m.If(error == CommandError.OK):
                    m.d.comb += self.outcome.payload.bytes.eq(fresh)
                m.next = "IDLE"
        return m

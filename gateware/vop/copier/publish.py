# SPDX-License-Identifier: BSD-2-Clause
"""Command `publish`: mirror what the driver offered since last time into the host's ring."""

from amaranth import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..dma.writer import WriteTransferLayout
from ..regs.copier import VRING_CONTEXT, VRING_FLAGS, CommandError
from .block import BLOCK_BYTES, AccessLayout
from .command import ContextLayout, JobLayout, OutcomeLayout
from .guard import QuestionLayout

__all__ = ["Publish"]

# Offsets within the rings (virtio 1.3, 2.7.5 and 2.7.6).
_DESCRIPTOR_LOG2 = 4
_AVAIL_INDEX = 2
_AVAIL_RING = 4

# Bits of a descriptor's flags, and where flags and next lie in it (virtio 1.3, 2.7.5).
_FLAGS_LSB = 96
_NEXT_LSB = 112
_NEXT = 0
_INDIRECT = 2

_MAX_TRANSFERS = 7


class Publish(wiring.Component):
    """Post new descriptors, then avail entries, then the avail index, then raise the vector.

    Everything leaves through one ordered stream, so the host never sees an index ahead of what it
    covers. Each chain is walked in card RAM before anything of it counts: an index beyond the
    ring, a loop or an indirect descriptor ends the command, and the avail index stays as it was.
    Neighbouring descriptors go in one transfer, as do neighbouring avail entries.

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
    cancel : ``In(1)``
        Level: end soon, publish nothing more.
    outcome : ``Out(stream.Signature(OutcomeLayout, always_ready=True))``
        How it ended; ``bytes`` is the number of avail entries published.
    question, allowed
        Towards :class:`~vop.copier.guard.Guard`: both host parts of the ring are asked for.
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
            "cancel":        In(1),
            "outcome":       Out(stream.Signature(OutcomeLayout, always_ready=True)),
            "question":      Out(stream.Signature(QuestionLayout)),
            "allowed":       In(stream.Signature(1, always_ready=True)),
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
        access = self.access.payload
        write = self.write.payload

        target = Signal(16)       # the driver's avail index
        cursor = Signal(16)       # avail entry under way
        fresh = Signal(17)        # entries to publish
        descriptor = Signal(16)   # descriptor under way
        walked = Signal(17)       # descriptors of all new chains so far
        run = Signal(16)          # first descriptor of a run of neighbours
        run_length = Signal(17)
        error = Signal(8)
        mask = context.num - 1
        slot = Signal(16)
        m.d.comb += slot.eq(cursor & mask)

        # Transfers are queued while the walk goes on.
        pending = Signal(range(_MAX_TRANSFERS + 1))
        lost = Signal()
        sent = Signal()
        m.d.comb += sent.eq(self.write.valid & self.write.ready)
        m.d.sync += pending.eq(pending + sent - (self.write_done & (pending != 0)))
        with m.If(self.write_done & self.write_dropped):
            m.d.sync += lost.eq(1)
        offers = pending != _MAX_TRANSFERS

        asked = Signal()

        def step(address, *, size=0, data=0):
            m.d.comb += [
                access.write.eq(size != 0),
                access.address.eq(address),
                access.bytes.eq(size),
                access.data.eq(data),
                self.access.valid.eq(~asked),
            ]
            with m.If(self.access.ready & self.access.valid):
                m.d.sync += asked.eq(1)
            with m.If(self.answer.valid):
                m.d.sync += asked.eq(0)
            return m.If(self.answer.valid)

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
                m.d.sync += [error.eq(CommandError.OK), lost.eq(0), fresh.eq(0), walked.eq(0),
                             run_length.eq(0), cursor.eq(context.published)]
                with m.If(self.start):
                    m.next = "ASK_DESCRIPTORS"
            with m.State("ASK_DESCRIPTORS"):
                ask(context.desc_host, context.num << _DESCRIPTOR_LOG2, "ASK_AVAIL")
            with m.State("ASK_AVAIL"):
                ask(context.avail_host, (context.num << 1) + _AVAIL_RING, "READ_INDEX")
            with m.State("READ_INDEX"):
                with step(context.avail_card + _AVAIL_INDEX):
                    m.d.sync += [
                        target.eq(self.answer.payload[:16]),
                        fresh.eq((self.answer.payload[:16] - context.published)[:16]),
                    ]
                    m.next = "COUNT"
            with m.State("COUNT"):
                m.next = "READ_HEAD"
                with m.If(fresh > context.num):
                    m.d.sync += fresh.eq(0)
                    fail(CommandError.BAD_AVAIL)
                with m.Elif(fresh == 0):
                    m.next = "RAISE"
                    with m.If((context.flags & VRING_FLAGS["always_notify"]) == 0):
                        m.next = "TELL"

            # Walk: one avail entry after another, one descriptor after another.
            with m.State("READ_HEAD"):
                with step(context.avail_card + _AVAIL_RING + (slot << 1)):
                    m.d.sync += descriptor.eq(self.answer.payload[:16])
                    m.next = "CHECK_DESCRIPTOR"
            with m.State("CHECK_DESCRIPTOR"):
                m.next = "READ_DESCRIPTOR"
                with m.If(self.cancel):
                    fail(CommandError.RESET)
                with m.Elif(descriptor >= context.num):
                    fail(CommandError.BAD_DESCRIPTOR)
                with m.Elif(walked == context.num):
                    # More descriptors than the ring has: one must have come up twice.
                    fail(CommandError.LOOP)
                with m.Elif((run_length != 0) & (descriptor != run + run_length)):
                    m.next = "POST_RUN"
            with m.State("POST_RUN"):
                with post(host=context.desc_host + (run << _DESCRIPTOR_LOG2),
                          card=context.desc_card + (run << _DESCRIPTOR_LOG2),
                          size=run_length << _DESCRIPTOR_LOG2):
                    m.d.sync += run_length.eq(0)
                    m.next = "READ_DESCRIPTOR"
                    with m.If(cursor == target):
                        m.next = "POST_ENTRIES"
            with m.State("READ_DESCRIPTOR"):
                with step(context.desc_card + (descriptor << _DESCRIPTOR_LOG2)):
                    flags = self.answer.payload[_FLAGS_LSB:_NEXT_LSB]
                    with m.If(run_length == 0):
                        m.d.sync += run.eq(descriptor)
                    m.d.sync += [
                        run_length.eq(run_length + 1),
                        walked.eq(walked + 1),
                        descriptor.eq(self.answer.payload[_NEXT_LSB:]),
                    ]
                    with m.If(flags[_INDIRECT]):
                        fail(CommandError.BAD_DESCRIPTOR)
                    with m.Elif(flags[_NEXT]):
                        m.next = "CHECK_DESCRIPTOR"
                    with m.Else():
                        m.d.sync += cursor.eq(cursor + 1)
                        m.next = "READ_HEAD"
                        with m.If((cursor + 1)[:16] == target):
                            m.next = "POST_RUN"

            # The new avail entries, in two runs where they wrap round the ring's end.
            with m.State("POST_ENTRIES"):
                m.d.sync += [cursor.eq(context.published), run_length.eq(fresh)]
                m.next = "POST_ENTRY_RUN"
            with m.State("POST_ENTRY_RUN"):
                to_end = Signal(17)
                size = Signal(17)
                m.d.comb += [to_end.eq(context.num - slot), size.eq(run_length)]
                with m.If(run_length > to_end):
                    m.d.comb += size.eq(to_end)
                with post(host=context.avail_host + _AVAIL_RING + (slot << 1),
                          card=context.avail_card + _AVAIL_RING + (slot << 1),
                          size=size << 1):
                    m.d.sync += [cursor.eq(cursor + size), run_length.eq(run_length - size)]
                    with m.If(run_length == size):
                        m.next = "POST_INDEX"
            with m.State("POST_INDEX"):
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

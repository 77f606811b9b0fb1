# SPDX-License-Identifier: BSD-2-Clause
"""Host memory to card RAM: memory reads, many in flight, completions in any order."""

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from ..pcie.phy import ConfigLayout
from ..pcie.tlp import HeaderLayout, RxBeatLayout, TxBeatLayout
from ..soc.memory_span import SpanSignature
from .aging import TagAging
from .check import CompletionChecker, ReadCountedLayout
from .credits import BLOCK_LOG2, MAX_BLOCKS, CreditCounter, credit_blocks
from .digest import CompletionDigest
from .issue import ReadIssuer
from .patience import Patience
from .place import LinePlacer
from .segment import CHANNELS, SLOTS, ReadSegmentLayout, SlotLayout
from .slots import SlotBook, WatchSignature
from .sweep import Sweep
from .table import ReadTable

__all__ = ["HostReader"]


class HostReader(wiring.Component):
    """Read segments of all channels from host memory into card RAM, many reads in flight.

    Segments are cut into reads in the order in which they come; what follows goes on for each tag
    by itself. A read that fails or does not come in time leaves an error with its slot, and the
    others go on. The tag and the credits of one that timed out are not used again until its
    completions have come after all, or :data:`~vop.requester.aging.QUARANTINE_TIMEOUTS` timeouts
    more have passed.

    Where it costs no speed, a read waits until it can be whole: see
    :class:`~vop.requester.patience.Patience`.

    After reset it is not ready for as many cycles as there are tags, 64 at least.

    Parameters
    ----------
    card_bits : :class:`int`
        Bits of a card address.
    width : :class:`int`
        Bits of a card RAM line and of a beat: 64, 128 or 256.
    tags : :class:`int`
        Tags in use where the host allows extended tags, else 32 of them: 32, 64, 128 or 256.
    credit_headers, credit_data : :class:`int`
        Completions that the receive buffer of the hard block holds, in headers and in units of 16
        bytes.
    timeout_cycles : :class:`int`
        Completion timeout, in cycles: 16 for each tag at least.

    Members
    -------
    config : ``In(ConfigLayout)``
        MRRS, our id, bus mastering, extended tags.
    segment : ``In(stream.Signature(ReadSegmentLayout(card_bits)))``
        What to read. Its card addresses lie in card RAM.
    mute : ``In(CHANNELS)``
        Level: segments of the channel that have not left as reads are dropped, and what comes for
        those that have. Their slots end as ever: at the latest a timeout after all that was
        accepted before them has left.
    watch : ``In(WatchSignature()).array(2)``
        Looks at slots: whether they are busy, and their first error.
    closed : ``Out(CHANNELS)``
        One-cycle pulse: some slot of that channel may have become not busy.
    forget : ``In(stream.Signature(SlotLayout))``
        Clears the error of a slot that is not busy.
    sparing : ``In(1)``
        Level: writes want the link, too. A read that the credits cut short has 256 bytes at least,
        as each takes as much of the link as 20 bytes of a write.
    waiting : ``Out(1)``
        A read wants to leave, now or as soon as there are credits.
    idle : ``Out(1)``
        No segment is held, and no completion may come: reads that timed out have rested.
    memory : ``Out(SpanSignature)``
        Card RAM.
    completions : ``In(stream.Signature(RxBeatLayout(width), always_ready=True))``
        From the link, whole TLPs. In gaps between them, of which a link has one in five cycles at
        least, reads are checked for their age.
    tlp : ``Out(stream.Signature(TxBeatLayout(width)))``
        Memory reads.
    counted : ``Out(ReadCountedLayout)``
        Pulses for the counters, at most one each cycle.
    fault_header : ``Out(HeaderLayout)``
        Of the completion that a pulse is for; of a timeout only the tag. Valid with the pulse.
    """

    def __init__(self, *, card_bits, width, timeout_cycles, tags=32, credit_headers=36,
                 credit_data=461):
        self._card_bits = card_bits
        self._width = width
        self._timeout_cycles = timeout_cycles
        self._tags = tags
        self._blocks = credit_blocks(credit_headers, credit_data)
        line_bits = card_bits - ((width // 8).bit_length() - 1)
        super().__init__({
            "config":       In(ConfigLayout),
            "segment":      In(stream.Signature(ReadSegmentLayout(card_bits))),
            "mute":         In(CHANNELS),
            "watch":        In(WatchSignature()).array(2),
            "closed":       Out(CHANNELS),
            "forget":       In(stream.Signature(SlotLayout)),
            "sparing":      In(1),
            "waiting":      Out(1),
            "idle":         Out(1),
            "memory":       Out(SpanSignature(line_bits, width)),
            "completions":  In(stream.Signature(RxBeatLayout(width), always_ready=True)),
            "tlp":          Out(stream.Signature(TxBeatLayout(width))),
            "counted":      Out(ReadCountedLayout),
            "fault_header": Out(HeaderLayout),
        })

    def elaborate(self, platform):
        m = Module()
        shape = {"card_bits": self._card_bits, "width": self._width}
        m.submodules.sweep = sweep = Sweep(depth=max(self._tags, CHANNELS * SLOTS))
        m.submodules.credits = credits = CreditCounter(blocks=self._blocks)
        # A whole read waits until the others have this many bytes still to come.
        others = (self._blocks - MAX_BLOCKS) << BLOCK_LOG2
        m.submodules.patience = patience = Patience(
            latency_cycles=max(1, others // (self._width // 8)))
        m.submodules.table = table = ReadTable(card_bits=self._card_bits, tags=self._tags)
        m.submodules.aging = aging = TagAging(
            tags=self._tags, timeout_cycles=self._timeout_cycles)
        m.submodules.slots = slots = SlotBook()
        m.submodules.issuer = issuer = ReadIssuer(**shape, free_shape=credits.free.shape())
        m.submodules.digest = digest = CompletionDigest(width=self._width, tags=self._tags)
        m.submodules.checker = checker = CompletionChecker(**shape, tags=self._tags)
        m.submodules.placer = placer = LinePlacer(**shape)

        m.d.comb += [
            digest.id.eq(self.config.id),
            checker.valid.eq(digest.valid & ~sweep.active),
            checker.digest.eq(digest.digest),
            checker.data.eq(digest.data),
            checker.within.eq(digest.within),
            checker.mute.eq(self.mute),
            checker.aging_due.eq(aging.due & ~sweep.active),
            checker.aging_tag.eq(aging.tag),
            checker.late.eq(aging.late),
            checker.rested.eq(aging.rested),
            aging.look.eq(checker.aging_look),
            aging.sent.eq(issuer.take_tag),
            aging.sent_tag.eq(issuer.next_tag),
            aging.offered.eq(issuer.hold_tag),
            table.tag.eq(checker.tag),
            checker.entry.eq(table.entry),
            table.may_update.eq(checker.may_update),
            table.update.eq(checker.update),
            table.update_tag.eq(checker.update_tag),
            table.update_entry.eq(checker.update_entry),
            table.clear.eq(sweep.active),
            table.clear_tag.eq(sweep.address),
            table.extended.eq(self.config.extended_tag),
            table.open.eq(issuer.open),
            table.open_entry.eq(issuer.open_entry),
            table.take.eq(issuer.take_tag),
            table.hold.eq(issuer.hold_tag),
            issuer.next_tag.eq(table.next_tag),
            issuer.next_free.eq(table.next_free),
            issuer.blocked.eq(checker.may_update),
            issuer.bus_master.eq(self.config.bus_master),
            issuer.max_read_request.eq(self.config.max_read_request),
            issuer.patient.eq(patience.patient),
            issuer.sparing.eq(self.sparing),
            patience.waiting.eq(issuer.waiting),
            patience.idle.eq(credits.idle),
            patience.comes.eq(self.completions.valid),
            issuer.mute.eq(self.mute),
            issuer.free.eq(credits.free),
            credits.take.eq(issuer.take),
            credits.give.eq(checker.give),
            slots.clear.eq(sweep.active),
            slots.clear_slot.eq(sweep.address),
            slots.begin.eq(issuer.begin),
            slots.begin_slot.eq(issuer.begin_slot),
            self.closed.eq(slots.closed),
            self.waiting.eq(issuer.waiting),
            self.idle.eq(~issuer.waiting & credits.idle & ~checker.busy),
            self.counted.eq(checker.counted),
            self.fault_header.eq(checker.fault_header),
            # The segments wait for the memories to be cleared.
            issuer.segment.valid.eq(self.segment.valid & ~sweep.active),
            issuer.segment.payload.eq(self.segment.payload),
            self.segment.ready.eq(issuer.segment.ready & ~sweep.active),
        ]
        connect(m, checker.end, slots.end)
        connect(m, issuer.drop, slots.drop)
        connect(m, flipped(self.forget), slots.forget)
        connect(m, flipped(self.watch[0]), slots.watch[0])
        connect(m, flipped(self.watch[1]), slots.watch[1])
        connect(m, flipped(self.completions), digest.completions)
        connect(m, checker.placement, placer.placement)
        connect(m, placer.memory, flipped(self.memory))
        connect(m, issuer.tlp, flipped(self.tlp))
        return m

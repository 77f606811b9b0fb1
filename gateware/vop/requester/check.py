# SPDX-License-Identifier: BSD-2-Clause
"""Completions against the table of outstanding reads: the edge where host data enters."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..pcie.tlp import CompletionStatus, HeaderLayout
from ..regs.copier import CommandError
from .credits import MAX_BLOCKS, blocks_of
from .digest import DigestLayout
from .place import PlacementLayout
from .segment import CHANNELS
from .slots import EndLayout
from .table import ReadEntryLayout

__all__ = ["ReadCountedLayout", "CompletionChecker"]

#: One-cycle pulses, named like the counters of block `stats`.
ReadCountedLayout = data.StructLayout({
    "completion_unsupported": 1,   # a completion of ours with status Unsupported Request
    "completion_aborted":     1,   # ... with status Completer Abort
    "completion_retry":       1,   # ... with status Configuration Request Retry, or a reserved one
    "poisoned_completion":    1,   # an expected completion with poisoned data
    "unexpected_completion":  1,   # a completion that nothing expects
    "completion_timeout":     1,   # a read whose completions did not come in time
})


class CompletionChecker(wiring.Component):
    """Let through what was asked for, name what failed, drop the rest.

    A completion is *expected* if its tag is open, it echoes our id, and its byte count, lower
    address and length are what the tag expects next. The tag's entry comes along with the first
    beat, advances with each beat, and goes back to the table with the last. In the gaps between
    completions, tags are looked at for their age.

    Data of an expired read, of a muted channel or of a poisoned completion is checked and dropped.

    Specification
    -------------
    PCIe Base 4.0, 2.3.2 (completion handling), 2.8 (completion timeout).

    Parameters
    ----------
    card_bits : :class:`int`
        Bits of a card address.
    width : :class:`int`
        Bits of a beat.
    tags : :class:`int`
        Tags that we use.

    Members
    -------
    valid, within : ``In(1)``, digest : ``In(DigestLayout(width))``, data : ``In(width)``
        Beats, as of :class:`~vop.requester.digest.CompletionDigest`.
    mute : ``In(CHANNELS)``
        Channels whose data is dropped.
    aging_due : ``In(1)``, aging_tag : ``In(8)``, aging_look : ``Out(1)``, late, rested : ``In(1)``
        Of :class:`~vop.requester.aging.TagAging`.
    tag : ``Out(8)``, entry : ``In(ReadEntryLayout(card_bits))``
        Look-up in the table.
    update : ``Out(1)``, update_tag : ``Out(8)``, update_entry : ``Out(ReadEntryLayout(card_bits))``
        Write to the table.
    may_update : ``Out(1)``
        High in every cycle in which ``update`` is. From a flip-flop.
    give : ``Out(range(MAX_BLOCKS + 1))``
        Blocks of completion credits that are free from now on: for each completion when its last
        beat has come, in time or late; for those that have not come when the read fails, or has
        rested after it expired.
    placement : ``Out(stream.Signature(PlacementLayout(card_bits, width), always_ready=True))``
        Bytes for card RAM.
    end : ``Out(stream.Signature(EndLayout, always_ready=True))``
        A read has closed, or has failed, or both: in the cycle in which its last byte is written.
    busy : ``Out(1)``
        Something is in here.
    counted : ``Out(ReadCountedLayout)``
        Pulses for the counters, at most one each cycle.
    fault_header : ``Out(HeaderLayout)``
        Of the completion that a pulse is for; of a timeout only the tag. Valid with the pulse.
    """

    def __init__(self, *, card_bits, width, tags):
        self._card_bits = card_bits
        self._width = width
        self._tag_bits = (tags - 1).bit_length()
        entry = ReadEntryLayout(card_bits)
        placement = PlacementLayout(card_bits, width)
        super().__init__({
            "valid":        In(1),
            "digest":       In(DigestLayout(width)),
            "data":         In(width),
            "within":       In(1),
            "mute":         In(CHANNELS),
            "aging_due":    In(1),
            "aging_tag":    In(8),
            "aging_look":   Out(1),
            "late":         In(1),
            "rested":       In(1),
            "tag":          Out(8),
            "entry":        In(entry),
            "update":       Out(1),
            "update_tag":   Out(8),
            "update_entry": Out(entry),
            "may_update":   Out(1),
            "give":         Out(range(MAX_BLOCKS + 1)),
            "placement":    Out(stream.Signature(placement, always_ready=True)),
            "end":          Out(stream.Signature(EndLayout, always_ready=True)),
            "busy":         Out(1),
            "counted":      Out(ReadCountedLayout),
            "fault_header": Out(HeaderLayout),
        })

    def elaborate(self, platform):
        m = Module()
        beat = Signal(DigestLayout(self._width))
        valid = Signal()
        looked = Signal()                  # no beat, but a look at a tag's age
        late = Signal()                    # what it says of the tag
        rested = Signal()
        entry = Signal(ReadEntryLayout(self._card_bits))
        payload = Signal(self._width)

        expected = Signal()                # this beat's completion
        expects = Signal()                 # that of the beat before
        failed = Signal()
        ends = Signal()                    # the beat brings the last byte of its read
        expires = Signal()
        rests = Signal()                   # an expired read has been waited for long enough
        closes = Signal()
        m.d.comb += [
            expected.eq(valid & Mux(
                beat.first,
                entry.open & beat.ours & beat.good & (beat.header.byte_count == entry.bytes)
                & (beat.header.lower_address == entry.lower),
                expects)),
            failed.eq(valid & beat.first & entry.open & beat.ours
                      & (beat.header.status != CompletionStatus.SUCCESSFUL)),
            ends.eq(entry.bytes <= beat.bytes),
            expires.eq(looked & entry.open & ~entry.expired & late),
            rests.eq(looked & entry.open & entry.expired & late & rested),
            closes.eq((expected & beat.last & ends) | failed | rests),
            self.update.eq((expected & beat.last) | closes | expires),
            self.update_tag.eq(beat.header.tag),
            self.update_entry.open.eq(~closes),
            self.update_entry.expired.eq(entry.expired | expires),
            self.update_entry.slot.eq(entry.slot),
            self.busy.eq(valid | self.valid | self.within | self.end.valid),
        ]
        with m.If(valid):
            m.d.sync += expects.eq(expected)

        # A look brings no bytes; what an unexpected beat leaves here is not used.
        m.d.comb += [
            self.update_entry.card_address.eq(entry.card_address + beat.bytes),
            self.update_entry.lower.eq(entry.lower + beat.bytes),
            self.update_entry.bytes.eq(entry.bytes - beat.bytes),
        ]

        m.d.sync += [late.eq(self.late), rested.eq(self.rested)]
        self._bring_entry(m, valid, looked, beat, entry, payload)
        self._give_credits(m, valid, beat, entry, expected, expects, failed | rests)
        self._tell(m, valid, beat, entry, expected, failed, expires, closes)

        placement = self.placement.payload
        m.d.comb += [
            self.placement.valid.eq(expected & ~entry.expired & ~beat.header.poisoned
                                    & ~self.mute.bit_select(entry.slot.channel, 1)),
            placement.card_address.eq(entry.card_address),
            placement.offset.eq(entry.lower),
            placement.bytes.eq(beat.bytes),
            placement.wanted.eq(entry.bytes),
            placement.data.eq(payload),
        ]
        return m

    def _bring_entry(self, m, valid, looked, beat, entry, payload):
        """Load the registers that the checks look at.

        The first beat of a completion, or a look, brings its entry: from the table, or from here
        where the beat before changes it only now. Other beats go on with the one that is here.
        """
        own_tag = beat.header.tag[:self._tag_bits]
        looks = Signal()
        brings = Signal()
        again = Signal()                   # the tag is that of the beat before
        m.d.comb += [
            looks.eq(~self.valid & ~self.within & self.aging_due),
            self.aging_look.eq(looks),
            self.tag.eq(Mux(self.valid, self.digest.header.tag, self.aging_tag)),
            brings.eq((self.valid & self.digest.first) | looks),
            # A tag beyond ours may pass for one of ours here: it is not expected in any case.
            again.eq(Mux(self.valid, self.digest.header.tag[:self._tag_bits] == own_tag,
                         self.aging_tag[:self._tag_bits] == own_tag)),
        ]
        m.d.sync += [
            valid.eq(self.valid),
            looked.eq(looks),
            beat.first.eq(self.digest.first),
            beat.last.eq(self.digest.last),
            beat.bytes.eq(Mux(self.valid, self.digest.bytes, 0)),
            payload.eq(self.data),
            entry.eq(self.update_entry),
        ]
        with m.If(brings):
            m.d.sync += [
                beat.eq(self.digest),
                beat.header.tag.eq(self.tag),
                beat.bytes.eq(Mux(looks, 0, self.digest.bytes)),
            ]
            with m.If(~(self.update & again)):
                m.d.sync += entry.eq(self.entry)
        # An entry that is closed in this cycle may still be taken for one that is open.
        m.d.sync += self.may_update.eq(
            (looks & self.entry.open & self.late)
            | (self.valid & (self.digest.last | (
                self.digest.first
                & (self.digest.header.status != CompletionStatus.SUCCESSFUL)))))

    def _give_credits(self, m, valid, beat, entry, expected, expects, abandons):
        """Give back at the last beat itself, where what it belongs to has been checked before."""
        early = Signal()
        given = Signal()
        later = Signal.like(self.give)
        m.d.comb += [
            early.eq(self.valid & self.digest.last & ~self.digest.first
                     & ~(valid & beat.first) & expects),
            self.give.eq(Mux(early, beat.blocks, later)),
        ]
        m.d.sync += [given.eq(early), later.eq(0)]
        with m.If(abandons):
            m.d.sync += later.eq(blocks_of(entry.lower, entry.bytes))
        with m.Elif(expected & beat.last & ~given):
            m.d.sync += later.eq(beat.blocks)

    def _tell(self, m, valid, beat, entry, expected, failed, expires, closes):
        """Pulses for the counters; the end of a read when its data is in the placer's register."""
        status = beat.header.status
        poisoned = Signal()
        end = self.end.payload
        counted = self.counted
        m.d.comb += [
            poisoned.eq(expected & beat.first & beat.header.poisoned),
            counted.poisoned_completion.eq(poisoned),
            counted.completion_timeout.eq(expires),
            counted.unexpected_completion.eq(valid & beat.first & ~expected & ~failed),
            self.fault_header.eq(beat.header),
        ]
        m.d.sync += [
            self.end.valid.eq(~entry.expired & (closes | expires | poisoned)),
            end.slot.eq(entry.slot),
            end.closes.eq(closes | expires),
            end.error.eq(CommandError.OK),
        ]
        with m.If(poisoned):
            m.d.sync += end.error.eq(CommandError.POISONED)
        with m.Elif(expires):
            m.d.sync += end.error.eq(CommandError.TIMEOUT)
        with m.Elif(failed):
            # Any other status of a memory read counts as Unsupported Request (2.3.2).
            m.d.sync += end.error.eq(Mux(status == CompletionStatus.ABORT,
                                         CommandError.ABORTED_BY_HOST, CommandError.UNSUPPORTED))
        with m.If(failed):
            with m.Switch(status):
                with m.Case(CompletionStatus.UNSUPPORTED):
                    m.d.comb += counted.completion_unsupported.eq(1)
                with m.Case(CompletionStatus.ABORT):
                    m.d.comb += counted.completion_aborted.eq(1)
                with m.Default():
                    m.d.comb += counted.completion_retry.eq(1)

# SPDX-License-Identifier: BSD-2-Clause
"""Completions against the table of outstanding reads: the edge where host data enters."""

from amaranth import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..pcie.tlp import CompletionStatus, Kind, RxBeatLayout
from ..regs.copier import CommandError
from .requests import TAGS, RequestLayout

__all__ = ["PlacementLayout", "CompletionChecker"]


def PlacementLayout(card_bits, width):
    """Bytes of one beat, and where in card RAM they go."""
    return data.StructLayout({
        "card_address": card_bits,               # of the first byte that counts
        "offset":       2,                       # bytes of the beat before it
        "bytes":        range(width // 8 + 1),   # that count
        "data":         width,
    })


class CompletionChecker(wiring.Component):
    """Let through what was asked for, name what failed, drop the rest.

    A completion is *expected* if its tag is open, it echoes our id, and its byte count, lower
    address and length are what the tag expects next. One that does not end its request must end at
    a read completion boundary, so that no host sends more completions than the credits cover.

    Specification
    -------------
    PCIe Base 4.0, 2.2.9 (completion rules), 2.3.1.1 (read completion boundary), 2.3.2 (handling).

    Parameters
    ----------
    card_bits : :class:`int`
        Bits of a card address.
    width : :class:`int`
        Bits of a beat.

    Members
    -------
    completions : ``In(stream.Signature(RxBeatLayout(width), always_ready=True))``
        From the link.
    id : ``In(16)``
        Our BDF.
    tag, is_open, is_abandoned, request, advance, advanced, close
        Towards :class:`~vop.dma.requests.RequestTable`.
    placement : ``Out(stream.Signature(PlacementLayout(card_bits, width), always_ready=True))``
        Bytes for card RAM.
    busy : ``Out(1)``
        A completion that is let through has not passed whole.
    fault : ``Out(1)``, fault_error : ``Out(CommandError)``
        One-cycle pulse: a read that was not abandoned has failed.
    failed, poisoned, unexpected : ``Out(1)``
        One-cycle pulses for the counters: a completion with another status than Successful, one
        that is poisoned, one that was dropped because nothing expects it.
    """

    def __init__(self, *, card_bits, width):
        self._card_bits = card_bits
        self._width = width
        placement = PlacementLayout(card_bits, width)
        super().__init__({
            "completions":  In(stream.Signature(RxBeatLayout(width), always_ready=True)),
            "id":           In(16),
            "tag":          Out(range(TAGS)),
            "is_open":      In(1),
            "is_abandoned": In(1),
            "request":      In(RequestLayout(card_bits)),
            "advance":      Out(1),
            "advanced":     Out(RequestLayout(card_bits)),
            "close":        Out(1),
            "placement":    Out(stream.Signature(placement, always_ready=True)),
            "busy":         Out(1),
            "fault":        Out(1),
            "fault_error":  Out(8),
            "failed":       Out(1),
            "poisoned":     Out(1),
            "unexpected":   Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        beat_bytes = self._width // 8

        # One register, so that the checks below have a whole cycle.
        beat = Signal(RxBeatLayout(self._width))
        valid = Signal()
        m.d.sync += [beat.eq(self.completions.payload), valid.eq(self.completions.valid)]

        header = beat.header
        offset = header.lower_address[:2]
        carried = Signal(range(4096 + 1))        # bytes of this completion that count
        matches = Signal()
        ends = Signal()
        expected_data = Signal()
        expected_failure = Signal()
        starts = Signal()

        m.d.comb += [
            starts.eq(valid & beat.first),
            self.tag.eq(header.tag),
            matches.eq(self.is_open & (header.tag < TAGS) & (header.requester == self.id)),
            ends.eq((header.length_dw << 2) - offset >= self.request.bytes),
            carried.eq(Mux(ends, self.request.bytes, (header.length_dw << 2) - offset)),
            expected_data.eq(
                matches & (header.kind == Kind.COMPLETION_DATA)
                & (header.status == CompletionStatus.SUCCESSFUL)
                & (header.byte_count == self.request.bytes)
                & (header.lower_address == self.request.lower)
                & Mux(ends,
                      header.length_dw == (offset + self.request.bytes + 3) >> 2,
                      (header.length_dw != 0)
                      & ((header.lower_address[2:6] + header.length_dw)[:4] == 0))),
            expected_failure.eq(matches & (header.status != CompletionStatus.SUCCESSFUL)),
            self.advance.eq(starts & expected_data & ~ends),
            self.advanced.card_address.eq(self.request.card_address + carried),
            self.advanced.lower.eq(self.request.lower + carried),
            self.advanced.bytes.eq(self.request.bytes - carried),
            self.close.eq(starts & ((expected_data & ends) | expected_failure)),
            self.failed.eq(starts & expected_failure),
            self.poisoned.eq(starts & expected_data & header.poisoned),
            self.unexpected.eq(starts & ~expected_data & ~expected_failure),
            self.fault.eq((self.failed | self.poisoned) & ~self.is_abandoned),
        ]
        with m.If(self.poisoned):
            m.d.comb += self.fault_error.eq(CommandError.POISONED)
        with m.Elif(header.status == CompletionStatus.ABORT):
            m.d.comb += self.fault_error.eq(CommandError.ABORTED_BY_HOST)
        with m.Else():
            # Any other status of a memory read counts as Unsupported Request (2.3.2).
            m.d.comb += self.fault_error.eq(CommandError.UNSUPPORTED)

        # Beats of a completion that was let through.
        placing = Signal()                       # beats of it are still to come
        next_address = Signal(self._card_bits)
        left = Signal(range(4096 + 1))           # bytes of it that are still to come
        place = Signal()
        here = Signal.like(left)
        skip = Signal(2)
        placement = self.placement.payload
        m.d.comb += [
            place.eq(Mux(beat.first,
                         expected_data & ~header.poisoned & ~self.is_abandoned, placing)),
            here.eq(Mux(beat.first, carried, left)),
            skip.eq(Mux(beat.first, offset, 0)),
            placement.card_address.eq(
                Mux(beat.first, self.request.card_address, next_address)),
            placement.offset.eq(skip),
            placement.bytes.eq(Mux(here < beat_bytes - skip, here, beat_bytes - skip)),
            placement.data.eq(beat.data),
            self.placement.valid.eq(valid & place),
            self.busy.eq((valid & place) | placing),
        ]
        with m.If(valid):
            m.d.sync += [
                placing.eq(place & ~beat.last),
                next_address.eq(placement.card_address + placement.bytes),
                left.eq(here - placement.bytes),
            ]
        return m

# SPDX-License-Identifier: BSD-2-Clause
"""The reader as a whole: its tags and its completion credits, whatever a host answers."""

from functools import partial
from unittest.mock import patch

from amaranth.hdl import Assert, Assume, Const, Cover, Fragment, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import Out
from vop.pcie.tlp import CompletionStatus, Kind
from vop.requester.aging import TagAging
from vop.requester.patience import Patience
from vop.requester.reader import HostReader

from ..proof import Harness, Plant, Proof

__all__ = ["PROOFS"]

_WIDTH = 64
_TAGS = 2
_CREDIT_HEADERS = 8
_CREDIT_DATA = 32   # units of 16 bytes


class AnyAge(wiring.Component):
    """In the place of ``TagAging``: a read that has left may be late, and rested, at any time."""

    def __init__(self, harness, *, tags, timeout_cycles):
        self._harness = harness
        replaced = TagAging(tags=tags, timeout_cycles=timeout_cycles)
        super().__init__(dict(replaced.signature.members))

    def elaborate(self, platform):
        m = Module()
        has_left = Signal()
        m.d.comb += [
            has_left.eq(~self.offered | (self.sent_tag != self.tag)),
            self.due.eq(self._harness.any(1, "due")),
            self.tag.eq(self._harness.any(self.tag.shape(), "due_tag")),
            self.late.eq(has_left & self._harness.any(1, "late")),
            self.rested.eq(self._harness.any(1, "rested")),
        ]
        return m


class AnyPatience(wiring.Component):
    """In the place of ``Patience``: reads may wait or not, in any cycle."""

    def __init__(self, harness, *, latency_cycles):
        self._harness = harness
        super().__init__(dict(Patience(latency_cycles=latency_cycles).signature.members))

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.patient.eq(self._harness.any(1, "patient"))
        return m


class NoSweep(wiring.Component):
    """In the place of ``Sweep``: the proof begins when the memories have been cleared."""

    active: Out(1)

    def __init__(self, *, depth):
        super().__init__()
        self.address = Const(0, range(depth))

    def elaborate(self, platform):
        return Module()


class Reads(Harness):
    """A reader of two tags, any segments, and a host that answers what it likes, in whole TLPs.

    For each tag the harness keeps, in the words of the specification, what a read still waits for.

    Parameters
    ----------
    longest : int
        Bytes of the longest segment.
    credits : bool
        Claim that the receive buffer has room for all that is asked for; else that a tag is used
        for one read at a time.
    """

    def __init__(self, *, longest, credits):
        super().__init__()
        self._longest = longest
        self._credits = credits

    def elaborate(self, platform):
        m = Module()
        dut = HostReader(card_bits=8, width=_WIDTH, tags=_TAGS, timeout_cycles=64,
                         credit_headers=_CREDIT_HEADERS, credit_data=_CREDIT_DATA)
        ages = []

        def any_age(*, tags, timeout_cycles):
            ages.append(AnyAge(self, tags=tags, timeout_cycles=timeout_cycles))
            return ages[-1]

        with patch.multiple("vop.requester.reader", Sweep=NoSweep, TagAging=any_age,
                            Patience=partial(AnyPatience, self)):
            m.submodules.dut = Fragment.get(dut, platform)
        age, = ages

        segment = dut.segment.payload
        m.d.comb += [
            dut.config.eq(self.any(dut.config.shape(), "config")),
            dut.config.id.eq(self.fixed(m, 16, "id")),
            dut.mute.eq(self.any(8, "mute")),
            dut.sparing.eq(self.any(1, "sparing")),
            dut.segment.valid.eq(self.any(1, "segment_valid")),
            dut.segment.payload.eq(self.any(segment.shape(), "segment")),
            Assume((segment.bytes != 0) & (segment.bytes <= self._longest)),
            dut.tlp.ready.eq(self.any(1, "tlp_ready")),
        ]
        self._completions(m, dut)
        self.keeps(m, dut.tlp, "tlp")

        offered = Signal()
        m.d.sync += offered.eq(dut.tlp.valid & ~dut.tlp.ready)
        headers = Signal(range(_TAGS * 8 + 1))   # that may still come
        needs = []
        for tag in range(_TAGS):
            waits, blocks = self._tag(m, dut, age, tag, dut.tlp.valid & ~offered)
            needs.append(Mux(waits, blocks, 0))
        m.d.comb += headers.eq(sum(needs))
        if self._credits:
            m.d.comb += [
                # A block of 64 bytes is one completion at most, of four units of data.
                Assert(headers <= _CREDIT_HEADERS),
                Assert(headers * 4 <= _CREDIT_DATA),
                Cover((headers == _CREDIT_HEADERS) & (needs[0] != 0) & (needs[1] != 0)),
            ]
        return m

    def _completions(self, m, dut):
        """Any completions, but whole ones."""
        beat, valid = dut.completions.payload, dut.completions.valid
        header = beat.header
        lanes = _WIDTH // 32
        within = Signal()
        left_dw = Signal(11)         # payload in this beat and behind it
        behind_dw = Signal(11)
        before = Signal(header.shape())
        m.d.comb += [
            valid.eq(self.any(1, "completion_valid")),
            beat.eq(self.any(beat.shape(), "completion")),
            left_dw.eq(Mux(beat.first, header.length_dw, behind_dw)),
            Assume((header.kind == Kind.COMPLETION) | (header.kind == Kind.COMPLETION_DATA)),
            Assume((header.kind == Kind.COMPLETION_DATA) == (header.length_dw != 0)),
            Assume(header.length_dw <= 1024),
            Assume(beat.first == ~within),
            Assume(~within | (header.as_value() == before.as_value())),
            Assume(beat.last == (left_dw <= lanes)),
        ]
        for lane in range(lanes):
            m.d.comb += Assume(beat.byte_enable[4 * lane:4 * lane + 4]
                               == Mux(left_dw > lane, 0xF, 0))
        with m.If(valid):
            m.d.sync += [within.eq(~beat.last), before.eq(header),
                         behind_dw.eq(left_dw - lanes)]

    def _tag(self, m, dut, age, tag, offers):
        """What the read of ``tag`` waits for, and that no other is offered until then."""
        held = Signal(data.StructLayout({
            "waits":   1,
            "expired": 1,
            "left":    10,   # bytes
            "lower":   7,    # low bits of the address of the next
        }), name=f"held{tag}")
        read = dut.tlp.payload.header
        first_be, last_be = read.first_be, Mux(read.length_dw == 1, read.first_be, read.last_be)
        low = Mux(first_be[0], 0, Mux(first_be[1], 1, Mux(first_be[2], 2, 3)))
        high = Mux(last_be[3], 0, Mux(last_be[2], 1, Mux(last_be[1], 2, 3)))
        mine = Signal(name=f"mine{tag}")
        now = Signal(held.shape(), name=f"now{tag}")
        blocks = Signal(4, name=f"blocks{tag}")
        m.d.comb += [
            mine.eq(offers & (read.tag == tag)),
            now.eq(held),
            blocks.eq((now.lower[:6] + now.left + 63) >> 6),
        ]
        with m.If(mine):
            if not self._credits:
                m.d.comb += Assert(~held.waits)
            m.d.comb += [
                now.waits.eq(1),
                now.expired.eq(0),
                now.left.eq((read.length_dw << 2) - low - high),
                now.lower.eq(read.address[:7] + low),
            ]

        # Base 4.0, 2.3.2: what ends a read, if its completions do.
        beat, answer = dut.completions.payload, dut.completions.payload.header
        ours, failed, expected, whole = (Signal(name=f"{name}{tag}") for name in (
            "ours", "failed", "expected", "whole"))
        asked, asked_before = (Signal(name=f"{name}{tag}") for name in (
            "asked", "asked_before"))              # before the completion began
        brings = Signal(12, name=f"brings{tag}")   # bytes
        is_late, has_rested, late, rested = (Signal(name=f"{name}{tag}") for name in (
            "is_late", "has_rested", "late", "rested"))   # as told of it in the cycle before; now
        m.d.comb += [
            asked.eq(Mux(beat.first, now.waits, asked_before)),
            ours.eq(dut.completions.valid & asked & now.waits & (answer.tag == tag)
                    & (answer.requester == dut.config.id)),
            failed.eq(ours & beat.first & (answer.status != CompletionStatus.SUCCESSFUL)),
            brings.eq((answer.length_dw << 2) - answer.lower_address[:2]),
            whole.eq(brings >= now.left),
            expected.eq(ours & beat.last & (answer.kind == Kind.COMPLETION_DATA)
                        & (answer.status == CompletionStatus.SUCCESSFUL)
                        & (answer.byte_count == now.left) & (answer.lower_address == now.lower)
                        & Mux(whole, brings - now.left < 4, (now.lower + brings)[:6] == 0)),
            late.eq(is_late & now.waits),
            rested.eq(late & now.expired & has_rested),
        ]
        m.d.sync += [
            is_late.eq(age.look & (age.tag == tag) & age.late),
            has_rested.eq(age.rested),
            held.eq(now),
            asked_before.eq(asked),
        ]
        with m.If(failed | (expected & whole) | rested):
            m.d.sync += held.waits.eq(0)
        with m.Elif(expected):
            m.d.sync += [held.left.eq(now.left - brings), held.lower.eq(now.lower + brings)]
        with m.If(late):
            m.d.sync += held.expired.eq(1)

        # Each way to end comes about, and the tag is used again.
        if tag == 0 and not self._credits:
            for number, event in enumerate((expected & whole & ~now.expired, failed, rested)):
                ended = Signal(name=f"ended{number}")
                with m.If(event):
                    m.d.sync += ended.eq(1)
                m.d.comb += Cover(mine & ended)
        return now.waits, blocks


PROOFS = (
    Proof("reads-tags", "No tag is used again before its last byte has come, or its rest is over.",
          lambda: Reads(longest=16, credits=False), 11, (
              Plant("a read ends with any beat", "vop.requester.check",
                    "ends.eq(entry.bytes <= beat.bytes)", "ends.eq(1)"),
              Plant("a tag is free again as soon as it is late", "vop.requester.check",
                    "(looked & entry.open & entry.expired & late & rested)",
                    "(looked & entry.open & entry.expired & late)"),
              Plant("a tag is handed out although it is open", "vop.requester.table",
                    "self.next_free.eq(~read_taken.data & allowed)", "self.next_free.eq(allowed)"),
          )),
    Proof("reads-credits", "No read asks for more than the receive buffer has room for.",
          lambda: Reads(longest=1024, credits=True), 9, (
              Plant("a read takes one block less than it touches", "vop.requester.issue",
                    "Mux(self.open, read.take, 0)", "Mux(self.open, read.take - 1, 0)"),
              Plant("a read that is late gives its credits back at once", "vop.requester.check",
                    "expects, failed | rests)", "expects, failed | expires)"),
              Plant("a completion gives back all that its read has left", "vop.requester.check",
                    "m.d.sync += later.eq(beat.blocks)",
                    "m.d.sync += later.eq(blocks_of(entry.lower, entry.bytes))"),
          )),
)

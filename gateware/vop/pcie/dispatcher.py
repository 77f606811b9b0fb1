# SPDX-License-Identifier: BSD-2-Clause
"""What becomes of a request: a write, a read, a refusal, or nothing."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, enum, stream, wiring
from amaranth.lib.wiring import In, Out

from ..bar.decoder import BarDecoder, Window
from .receiver import PostedBeatLayout
from .tlp import HeaderLayout, Kind, RxBeatLayout

__all__ = ["AnswerLayout", "Refusal", "RequestDispatcher"]


class Refusal(enum.Enum, shape=2):
    """Why a request was not carried out."""

    NONE        = 0
    UNSUPPORTED = 1  #: non-posted: answered with Unsupported Request
    DROPPED     = 2  #: posted, or of no known kind: dropped
    POISONED    = 3  #: a posted write whose data are declared bad: dropped


#: A non-posted request to be answered.
AnswerLayout = data.StructLayout({
    "header":    HeaderLayout,
    "window":    Window,  # where the data are; NONE: a DW of zero if supported, no data if not
    "address":   32,      # byte offset in the window
    "supported": 1,
})


class RequestDispatcher(wiring.Component):
    """Send each request where it belongs: posted ones in order, non-posted ones behind them.

    A non-posted request starts when every posted one that came before it is done: the windows
    accept the last beat of a write once it is. Posted requests never wait for non-posted ones.

    Specification
    -------------
    PCIe Base 4.0, 2.3.1 (Request Handling Rules), 2.7.2.2 (Rules For Use of Data Poisoning),
    2.4.1 (Transaction Ordering Rules), 2.2.5 (zero-length reads).

    Parameters
    ----------
    width : :class:`int`
        Payload bits per beat.
    register_bytes, memory_bytes : :class:`int`
        Sizes of BAR0 and of card RAM, in bytes.

    Members
    -------
    posted : ``In(stream.Signature(PostedBeatLayout(width)))``
        Posted requests and fences.
    nonposted : ``In(stream.Signature(RxBeatLayout(width)))``
        Non-posted requests, a fence on ``posted`` for each.
    register_writes, memory_writes : ``Out(stream.Signature(RxBeatLayout(width)))``
        Memory writes that lie in the window.
    answers : ``Out(stream.Signature(AnswerLayout))``
        Non-posted requests, supported or not.
    refusal : ``Out(Refusal)``
        Valid for the cycle in which a request is refused; ``NONE`` otherwise. At most one is.
    refused : ``Out(HeaderLayout)``
        The refused request. Valid with ``refusal``.
    """

    #: More than the receiver can queue.
    _MOST_FENCES = 255

    def __init__(self, width, *, register_bytes, memory_bytes):
        self._width = width
        self._register_bytes = register_bytes
        self._memory_bytes = memory_bytes
        super().__init__({
            "posted":          In(stream.Signature(PostedBeatLayout(width))),
            "nonposted":       In(stream.Signature(RxBeatLayout(width))),
            "register_writes": Out(stream.Signature(RxBeatLayout(width))),
            "memory_writes":   Out(stream.Signature(RxBeatLayout(width))),
            "answers":         Out(stream.Signature(AnswerLayout)),
            "refusal":         Out(Refusal),
            "refused":         Out(HeaderLayout),
        })

    def elaborate(self, platform):
        m = Module()
        fences = Signal(range(self._MOST_FENCES + 1))    # passed, and their requests not started
        passed = Signal()
        started = Signal()
        m.d.sync += fences.eq(fences + passed - started)
        dropped = self._add_posted(m, passed)
        self._add_nonposted(m, fences != 0, started, dropped)
        return m

    def _add_decoder(self, m, name, beat):
        decoder = BarDecoder(register_bytes=self._register_bytes, memory_bytes=self._memory_bytes)
        m.submodules[name] = decoder
        m.d.comb += [decoder.header.eq(beat.header), decoder.bar.eq(beat.bar)]
        return decoder

    def _add_posted(self, m, passed):
        """Carry out posted requests; return whether one is refused in this cycle."""
        posted, beat = self.posted, self.posted.payload.beat
        decoder = self._add_decoder(m, "posted_decoder", beat)
        refusal = Signal(Refusal)
        refuses = Signal()
        m.d.comb += [
            self.register_writes.payload.eq(beat),
            self.memory_writes.payload.eq(beat),
        ]
        with m.If(posted.payload.fence):
            m.d.comb += [posted.ready.eq(1), passed.eq(posted.valid)]
        with m.Elif(beat.header.kind != Kind.MEMORY_WRITE):
            m.d.comb += [posted.ready.eq(1), refusal.eq(Refusal.DROPPED)]
        with m.Elif(beat.header.poisoned):
            m.d.comb += [posted.ready.eq(1), refusal.eq(Refusal.POISONED)]
        with m.Elif(decoder.window == Window.REGISTERS):
            m.d.comb += [
                self.register_writes.valid.eq(posted.valid),
                posted.ready.eq(self.register_writes.ready),
            ]
        with m.Elif(decoder.window == Window.MEMORY):
            m.d.comb += [
                self.memory_writes.valid.eq(posted.valid),
                posted.ready.eq(self.memory_writes.ready),
            ]
        with m.Else():
            m.d.comb += [posted.ready.eq(1), refusal.eq(Refusal.DROPPED)]
        m.d.comb += refuses.eq(posted.valid & beat.last & (refusal != Refusal.NONE))
        with m.If(refuses):
            m.d.comb += [self.refusal.eq(refusal), self.refused.eq(beat.header)]
        return refuses

    def _add_nonposted(self, m, may_start, started, dropped):
        """Have non-posted requests answered; a refusal lets one of a posted request go first."""
        nonposted, beat = self.nonposted, self.nonposted.payload
        decoder = self._add_decoder(m, "nonposted_decoder", beat)
        answers = self.answers
        zero_length = (beat.header.length_dw == 1) & (beat.header.first_be == 0)
        supported = answers.payload.supported
        m.d.comb += [
            answers.payload.header.eq(beat.header),
            answers.payload.address.eq(decoder.address),
            supported.eq((beat.header.kind == Kind.MEMORY_READ) & (decoder.window != Window.NONE)),
            answers.valid.eq(nonposted.valid & beat.last & may_start & (supported | ~dropped)),
            started.eq(answers.valid & answers.ready),
            nonposted.ready.eq(started | ~beat.last),
        ]
        with m.If(supported & ~zero_length):
            m.d.comb += answers.payload.window.eq(decoder.window)
        with m.If(started & ~supported):
            m.d.comb += [self.refusal.eq(Refusal.UNSUPPORTED), self.refused.eq(beat.header)]

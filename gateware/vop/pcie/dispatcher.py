# SPDX-License-Identifier: BSD-2-Clause
"""What becomes of a request: a write, a read, a refusal, or nothing."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, enum, stream, wiring
from amaranth.lib.wiring import In, Out

from ..bar.decoder import BarDecoder, Window
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
    """Send each request where it belongs, in order.

    A request is accepted when what it asks for can no longer be passed by a later one: the windows
    accept the last beat of a write once it is done, and the answer of a read is accepted once all
    of it has been asked for.

    Specification
    -------------
    PCIe Base 4.0, 2.3.1 (Request Handling Rules), 2.7.2.2 (Rules For Use of Data Poisoning),
    2.2.5 (zero-length reads).

    Parameters
    ----------
    width : :class:`int`
        Payload bits per beat.
    register_bytes, memory_bytes : :class:`int`
        Sizes of BAR0 and of card RAM, in bytes.

    Members
    -------
    requests : ``In(stream.Signature(RxBeatLayout(width)))``
        Every TLP that is no completion.
    register_writes, memory_writes : ``Out(stream.Signature(RxBeatLayout(width)))``
        Memory writes that lie in the window.
    answers : ``Out(stream.Signature(AnswerLayout))``
        Non-posted requests, supported or not.
    refusal : ``Out(Refusal)``
        Valid for the cycle in which the last beat of a refused request is accepted, with its header
        on ``requests``; ``NONE`` otherwise.
    """

    def __init__(self, width, *, register_bytes, memory_bytes):
        self._width = width
        self._register_bytes = register_bytes
        self._memory_bytes = memory_bytes
        super().__init__({
            "requests":        In(stream.Signature(RxBeatLayout(width))),
            "register_writes": Out(stream.Signature(RxBeatLayout(width))),
            "memory_writes":   Out(stream.Signature(RxBeatLayout(width))),
            "answers":         Out(stream.Signature(AnswerLayout)),
            "refusal":         Out(Refusal),
        })

    def elaborate(self, platform):
        m = Module()
        requests = self.requests
        beat, header = requests.payload, requests.payload.header

        m.submodules.decoder = decoder = BarDecoder(register_bytes=self._register_bytes,
                                                    memory_bytes=self._memory_bytes)
        zero_length = Signal()
        refusal = Signal(Refusal)
        m.d.comb += [
            decoder.header.eq(header),
            decoder.bar.eq(beat.bar),
            zero_length.eq((header.length_dw == 1) & (header.first_be == 0)),
            self.register_writes.payload.eq(beat),
            self.memory_writes.payload.eq(beat),
            self.answers.payload.header.eq(header),
            self.answers.payload.address.eq(decoder.address),
        ]

        with m.Switch(header.kind):
            with m.Case(Kind.MEMORY_WRITE):
                with m.If(header.poisoned):
                    m.d.comb += [refusal.eq(Refusal.POISONED), requests.ready.eq(1)]
                with m.Elif(decoder.window == Window.REGISTERS):
                    m.d.comb += [
                        self.register_writes.valid.eq(requests.valid),
                        requests.ready.eq(self.register_writes.ready),
                    ]
                with m.Elif(decoder.window == Window.MEMORY):
                    m.d.comb += [
                        self.memory_writes.valid.eq(requests.valid),
                        requests.ready.eq(self.memory_writes.ready),
                    ]
                with m.Else():
                    m.d.comb += [refusal.eq(Refusal.DROPPED), requests.ready.eq(1)]
            with m.Case(Kind.MEMORY_READ, Kind.LOCKED_READ, Kind.IO_READ, Kind.IO_WRITE,
                        Kind.CONFIG_READ, Kind.CONFIG_WRITE, Kind.ATOMIC):
                m.d.comb += [
                    self.answers.payload.supported.eq((header.kind == Kind.MEMORY_READ)
                                                      & (decoder.window != Window.NONE)),
                    self.answers.valid.eq(requests.valid & beat.last),
                    requests.ready.eq(self.answers.ready | ~beat.last),
                ]
                with m.If(~self.answers.payload.supported):
                    m.d.comb += refusal.eq(Refusal.UNSUPPORTED)
                with m.Elif(~zero_length):
                    m.d.comb += self.answers.payload.window.eq(decoder.window)
            with m.Default():
                m.d.comb += [refusal.eq(Refusal.DROPPED), requests.ready.eq(1)]

        with m.If(requests.valid & requests.ready & beat.last):
            m.d.comb += self.refusal.eq(refusal)
        return m

# SPDX-License-Identifier: BSD-2-Clause
"""From a non-posted request to its completions: split, fetched, sent."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..bar.decoder import Window
from ..bar.window import ReadBeatLayout, ReadCommandLayout
from .dispatcher import AnswerLayout
from .tlp import CompletionStatus, HeaderLayout, Kind, TxBeatLayout

__all__ = ["CompletionLayout", "CompletionSplitter", "CompletionBuilder"]

#: A completion to be sent, and where its payload comes from.
CompletionLayout = data.StructLayout({
    "header": HeaderLayout,
    "window": Window,        # NONE: no payload, or a DW of zero
})


class CompletionSplitter(wiring.Component):
    """Split the answer to a request into completions.

    A completion ends at the last byte or at a multiple of MPS. MPS is a multiple of 128 bytes,
    which is the RCB of an endpoint.

    Specification
    -------------
    PCIe Base 4.0, 2.3.1.1 (Data Return for Read Requests), 2.2.9 (Completion Rules).

    Members
    -------
    answers : ``In(stream.Signature(AnswerLayout))``
        Requests. Accepted once every read that the answer needs has been accepted.
    max_payload : ``In(3)``
        MPS = 128 << n bytes.
    completions : ``Out(stream.Signature(CompletionLayout))``
        Headers, ahead of their reads.
    register_reads, memory_reads : ``Out(stream.Signature(ReadCommandLayout))``
        Reads, one for each completion with a window.
    """

    answers:        In(stream.Signature(AnswerLayout))
    max_payload:    In(3)
    completions:    Out(stream.Signature(CompletionLayout))
    register_reads: Out(stream.Signature(ReadCommandLayout))
    memory_reads:   Out(stream.Signature(ReadCommandLayout))

    def elaborate(self, platform):
        m = Module()
        answer, request = self.answers.payload, self.answers.payload.header

        # 2.2.9, tables 2-37 to 2-39: bytes between the first and the last enabled one.
        first_byte = Signal(2)               # lowest enabled byte of the first DW
        behind_bytes = Signal(2)             # bytes of the last DW behind its highest enabled one
        last_be = Signal(4)
        m.d.comb += last_be.eq(Mux(request.length_dw == 1, request.first_be, request.last_be))
        for byte in reversed(range(1, 4)):
            with m.If(request.first_be[:byte + 1] == 1 << byte):
                m.d.comb += first_byte.eq(byte)
            with m.If(last_be[3 - byte:] == 1):
                m.d.comb += behind_bytes.eq(byte)
        total_bytes = Signal(13)
        m.d.comb += total_bytes.eq((request.length_dw << 2) - first_byte - behind_bytes)
        with m.If((request.length_dw == 1) & (request.first_be == 0)):
            m.d.comb += total_bytes.eq(1)    # 2.2.5: a zero-length read

        done_dw = Signal(11)                 # of the answer
        remaining_bytes = Signal(13)
        started = Signal()
        address_dw = Signal(30)
        left_dw = Signal(11)                 # of the answer, this completion included
        room_dw = Signal(11)                 # up to the next multiple of MPS
        length_dw = Signal(11)
        mps_dw = Signal(11)
        last = Signal()
        m.d.comb += [
            mps_dw.eq(32 << self.max_payload),
            address_dw.eq(answer.address[2:] + done_dw),
            left_dw.eq(request.length_dw - done_dw),
            room_dw.eq(mps_dw - (address_dw[:10] & (mps_dw - 1)[:10])),
            last.eq(left_dw <= room_dw),
            length_dw.eq(Mux(last, left_dw, room_dw)),
        ]

        reads_memory = Signal()
        header = self.completions.payload.header
        m.d.comb += [
            reads_memory.eq((request.kind == Kind.MEMORY_READ)
                            | (request.kind == Kind.LOCKED_READ)),
            self.completions.payload.window.eq(answer.window),
            header.kind.eq(Kind.COMPLETION_DATA),
            header.traffic_class.eq(request.traffic_class),
            header.no_snoop.eq(request.no_snoop),
            header.relaxed.eq(request.relaxed),
            header.requester.eq(request.requester),
            header.tag.eq(request.tag),
            header.length_dw.eq(length_dw),
            header.status.eq(CompletionStatus.SUCCESSFUL),
            header.byte_count.eq(Mux(started, remaining_bytes, total_bytes)),
            header.lower_address.eq(Cat(Mux(started, 0, first_byte),
                                        (request.address[2:7] + done_dw)[:5])),
        ]
        with m.If(~answer.supported):
            m.d.comb += [
                header.kind.eq(Kind.COMPLETION),
                header.length_dw.eq(0),
                header.status.eq(CompletionStatus.UNSUPPORTED),
                # 2.2.9: 4 and 0 but for memory reads, where both describe the request.
                header.byte_count.eq(Mux(reads_memory, total_bytes, 4)),
            ]
            with m.If(~reads_memory):
                m.d.comb += header.lower_address.eq(0)

        command = Signal(ReadCommandLayout)
        fetched = Signal()
        m.d.comb += [
            command.address.eq(Cat(0, 0, address_dw)),
            command.length_dw.eq(length_dw),
            self.register_reads.payload.eq(command),
            self.memory_reads.payload.eq(command),
        ]
        with m.FSM():
            with m.State("SEND_COMPLETION"):
                m.d.comb += self.completions.valid.eq(self.answers.valid)
                with m.If(self.completions.valid & self.completions.ready):
                    with m.If(answer.window == Window.NONE):
                        m.d.comb += self.answers.ready.eq(1)
                    with m.Else():
                        m.next = "FETCH"
            with m.State("FETCH"):
                m.d.comb += [
                    self.register_reads.valid.eq(answer.window == Window.REGISTERS),
                    self.memory_reads.valid.eq(answer.window == Window.MEMORY),
                    fetched.eq((self.register_reads.valid & self.register_reads.ready)
                               | (self.memory_reads.valid & self.memory_reads.ready)),
                    self.answers.ready.eq(fetched & last),
                ]
                with m.If(fetched):
                    m.d.sync += [
                        started.eq(~last),
                        done_dw.eq(Mux(last, 0, done_dw + length_dw)),
                        remaining_bytes.eq(header.byte_count - (length_dw << 2)
                                           + Mux(started, 0, first_byte)),
                    ]
                    m.next = "SEND_COMPLETION"
        return m


class CompletionBuilder(wiring.Component):
    """Join the headers of completions with their payload.

    Parameters
    ----------
    width : :class:`int`
        Payload bits per beat.

    Members
    -------
    completions : ``In(stream.Signature(CompletionLayout))``
        Headers.
    register_data, memory_data : ``In(stream.Signature(ReadBeatLayout(width)))``
        Payload.
    tx : ``Out(stream.Signature(TxBeatLayout(width)))``
        Completions, in the order of their headers.
    """

    def __init__(self, width):
        self._width = width
        super().__init__({
            "completions":   In(stream.Signature(CompletionLayout)),
            "register_data": In(stream.Signature(ReadBeatLayout(width))),
            "memory_data":   In(stream.Signature(ReadBeatLayout(width))),
            "tx":            Out(stream.Signature(TxBeatLayout(width))),
        })

    def elaborate(self, platform):
        m = Module()
        started = Signal()
        tx, completions = self.tx, self.completions
        m.d.comb += [
            tx.payload.header.eq(completions.payload.header),
            tx.payload.first.eq(~started),
            completions.ready.eq(tx.ready & tx.valid & tx.payload.last),
        ]
        with m.Switch(completions.payload.window):
            with m.Case(Window.NONE):
                m.d.comb += [tx.payload.last.eq(1), tx.valid.eq(completions.valid)]
            for window, source in ((Window.REGISTERS, self.register_data),
                                   (Window.MEMORY, self.memory_data)):
                with m.Case(window):
                    m.d.comb += [
                        tx.payload.data.eq(source.payload.data),
                        tx.payload.last.eq(source.payload.last),
                        tx.valid.eq(completions.valid & source.valid),
                        source.ready.eq(completions.valid & tx.ready),
                    ]
        with m.If(tx.valid & tx.ready):
            m.d.sync += started.eq(~tx.payload.last)
        return m

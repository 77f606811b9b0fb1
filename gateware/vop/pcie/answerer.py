# SPDX-License-Identifier: BSD-2-Clause
"""From a non-posted request to its completions: split, fetched, sent."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from ..bar.line_fetcher import FetchLayout
from .receiver import NonpostedLayout
from .tlp import CompletionStatus, Kind, TxBeatLayout

__all__ = ["CompletionLayout", "CompletionSplitter", "CompletionBuilder"]

#: A completion to be sent.
CompletionLayout = data.StructLayout({
    "has_data":      1,
    "is_empty":      1,   # nothing was asked for: its one DW of data may be anything
    "locked":        1,
    "status":        CompletionStatus,
    "traffic_class": 3,
    "no_snoop":      1,
    "relaxed":       1,
    "requester":     16,
    "tag":           8,
    "length_dw":     11,
    "byte_count":    13,
    "lower_address": 7,   # also the lane of the first DW in its line
    "last_beat":     9,   # number of its last beat of payload, from 0
    "spreads":       1,   # that beat has DWs of two lines
})


class CompletionSplitter(wiring.Component):
    """Split the answer to a request into completions.

    A completion ends at the last byte or at a multiple of MPS. MPS is a multiple of 128 bytes,
    which is the RCB of an endpoint.

    Specification
    -------------
    PCIe Base 4.0, 2.3.1.1 (Data Return for Read Requests), 2.2.9 (Completion Rules), 2.2.5
    (zero-length reads).

    Parameters
    ----------
    width : :class:`int`
        Payload bits per beat.
    offset_bits : :class:`int`
        Bits of an offset in a window, in DW.

    Members
    -------
    requests : ``In(stream.Signature(NonpostedLayout(offset_bits)))``
        Requests. Taken with their last completion.
    may_start : ``In(1)``, started : ``Out(1)``
        No request is begun while ``may_start`` is low; ``started`` pulses when one is.
    max_payload : ``In(3)``
        MPS = 128 << n bytes.
    completions : ``Out(stream.Signature(CompletionLayout))``
        Headers; each with its job, if it has one.
    jobs : ``Out(stream.Signature(FetchLayout(offset_bits)))``
        What to fetch, for each completion that has data and is not empty.
    idle : ``Out(1)``
        High while no request is under way.
    """

    def __init__(self, width, *, offset_bits):
        self._lane_bits = ceil_log2(width // 32)
        self._offset_bits = offset_bits
        super().__init__({
            "requests":    In(stream.Signature(NonpostedLayout(offset_bits))),
            "may_start":   In(1),
            "started":     Out(1),
            "max_payload": In(3),
            "completions": Out(stream.Signature(CompletionLayout)),
            "jobs":        Out(stream.Signature(FetchLayout(offset_bits))),
            "idle":        Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        request = self.requests.payload

        # 2.2.9, tables 2-37 to 2-39: bytes between the first and the last enabled one.
        first_byte = Signal(2)               # lowest enabled byte of the first DW
        behind_bytes = Signal(2)             # bytes of the last DW behind its highest enabled one
        last_be = Signal(4)
        is_empty = Signal()
        m.d.comb += [
            last_be.eq(Mux(request.length_dw == 1, request.first_be, request.last_be)),
            is_empty.eq((request.length_dw == 1) & (request.first_be == 0)),
        ]
        for byte in reversed(range(1, 4)):
            with m.If(request.first_be[:byte + 1] == 1 << byte):
                m.d.comb += first_byte.eq(byte)
            with m.If(last_be[3 - byte:] == 1):
                m.d.comb += behind_bytes.eq(byte)
        with m.If(is_empty):                 # 2.2.5: it counts as one byte
            m.d.comb += behind_bytes.eq(3)

        # Of the answer, this completion included.
        at_dw = Signal(self._offset_bits)
        left_dw = Signal(11)
        low = Signal(2)                      # byte in its first DW
        byte_count = Signal(13)
        unread = Signal(3)                   # bytes that are not enabled, to be taken off it

        # 32 DW << n = MPS. The offset is that of the address, as BARs are aligned to their size.
        mps_mask = Signal(10)
        room_dw = Signal(11)                 # up to the next multiple of MPS
        length_dw = Signal(11)
        is_last = Signal()
        m.d.comb += [
            mps_mask.eq((32 << self.max_payload) - 1),
            room_dw.eq((~at_dw[:10] & mps_mask) + 1),
        ]

        final_dw = Signal(10)
        header, job = self.completions.payload, self.jobs.payload
        m.d.comb += [
            *(getattr(header, name).eq(getattr(request, name))
              for name in ("locked", "traffic_class", "no_snoop", "relaxed", "requester", "tag")),
            header.has_data.eq(~request.refused),
            header.is_empty.eq(is_empty),
            header.length_dw.eq(length_dw),
            header.byte_count.eq(byte_count),
            header.lower_address.eq(Cat(low, at_dw[:5])),
            final_dw.eq(length_dw - 1),
            header.last_beat.eq(final_dw[self._lane_bits:]),
            header.spreads.eq(final_dw[:self._lane_bits] + at_dw[:self._lane_bits]
                              >= 1 << self._lane_bits),
            job.is_memory.eq(request.is_memory),
            job.offset_dw.eq(at_dw),
            job.length_dw.eq(length_dw),
        ]
        with m.If(request.refused):
            m.d.comb += [
                header.length_dw.eq(0),
                header.last_beat.eq(0),
                header.status.eq(Mux(request.abort, CompletionStatus.ABORT,
                                     CompletionStatus.UNSUPPORTED)),
            ]
            # 2.2.9: 4 and 0 but for memory reads, where both describe the request.
            with m.If(~request.is_read):
                m.d.comb += [header.byte_count.eq(4), header.lower_address.eq(0)]

        fetches = Signal()
        sent = Signal()
        with m.FSM() as fsm:
            m.d.comb += self.idle.eq(fsm.ongoing("START") & ~self.requests.valid)
            with m.State("START"):
                m.d.sync += [
                    at_dw.eq(request.offset_dw),
                    left_dw.eq(request.length_dw),
                    low.eq(first_byte),
                    unread.eq(first_byte + behind_bytes),
                    byte_count.eq(request.length_dw << 2),
                ]
                with m.If(self.requests.valid & self.may_start):
                    m.d.comb += self.started.eq(1)
                    m.next = "PLAN"

            with m.State("PLAN"):
                m.d.sync += [
                    unread.eq(0),
                    byte_count.eq(byte_count - unread),
                    fetches.eq(header.has_data & ~is_empty),
                    is_last.eq((left_dw <= room_dw) | request.refused),
                    length_dw.eq(Mux(left_dw <= room_dw, left_dw, room_dw)),
                ]
                m.next = "SEND"

            with m.State("SEND"):
                m.d.comb += [
                    self.completions.valid.eq(self.jobs.ready | ~fetches),
                    self.jobs.valid.eq(self.completions.ready & fetches),
                    sent.eq(self.completions.valid & self.completions.ready),
                    self.requests.ready.eq(sent & is_last),
                ]
                with m.If(sent):
                    m.d.sync += [
                        at_dw.eq(at_dw + length_dw),
                        left_dw.eq(left_dw - length_dw),
                        byte_count.eq(byte_count - (length_dw << 2) + low),
                        low.eq(0),
                    ]
                    m.next = "PLAN"
                    with m.If(is_last):
                        m.next = "START"
        return m


class CompletionBuilder(wiring.Component):
    """Join the headers of completions with their payload, shifted to lane 0.

    Completions follow one another without a pause, but for one cycle before a payload that does
    not start at a line.

    Parameters
    ----------
    width : :class:`int`
        Payload bits per beat.

    Members
    -------
    completions : ``In(stream.Signature(CompletionLayout))``
        Headers.
    lines : ``In(stream.Signature(width))``
        The lines that hold the payload.
    tx : ``Out(stream.Signature(TxBeatLayout(width)))``
        Completions, in the order of their headers.
    idle : ``Out(1)``
        High while none is held.
    """

    def __init__(self, width):
        self._width = width
        super().__init__({
            "completions": In(stream.Signature(CompletionLayout)),
            "lines":       In(stream.Signature(width)),
            "tx":          Out(stream.Signature(TxBeatLayout(width))),
            "idle":        Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        width, lanes = self._width, self._width // 32
        tx, lines = self.tx, self.lines
        header = tx.payload.header

        # The completion under way, and how many of its beats come behind this one.
        completion = Signal(CompletionLayout)
        held = Signal()
        left = Signal(9)
        is_last = Signal()
        m.d.comb += [
            self.completions.ready.eq(~held | (tx.valid & tx.ready & is_last)),
            self.idle.eq(~held),
        ]
        with m.If(self.completions.ready):
            m.d.sync += [
                held.eq(self.completions.valid),
                completion.eq(self.completions.payload),
                left.eq(self.completions.payload.last_beat),
                is_last.eq(self.completions.payload.last_beat == 0),
            ]
        with m.Elif(tx.valid & tx.ready):
            m.d.sync += [left.eq(left - 1), is_last.eq(left == 1)]

        m.d.comb += [
            header.kind.eq(Mux(completion.has_data, Kind.COMPLETION_DATA,
                               Mux(completion.locked, Kind.COMPLETION_LOCK, Kind.COMPLETION))),
            *(getattr(header, name).eq(getattr(completion, name))
              for name in ("traffic_class", "no_snoop", "relaxed", "length_dw", "requester", "tag",
                           "status", "byte_count", "lower_address")),
        ]

        lane = completion.lower_address[2:2 + ceil_log2(lanes)]
        started = Signal()
        previous = Signal(width)             # the line before, where the payload starts within one
        has_previous = Signal()
        needs_line = Signal()
        without_lines = Signal()
        m.d.comb += [
            without_lines.eq(~completion.has_data | completion.is_empty),
            # Above lane 0, the beat takes from the line at hand only what the one before lacks.
            needs_line.eq((lane == 0) | ~is_last | completion.spreads),
            tx.payload.first.eq(~started),
            tx.payload.last.eq(is_last),
        ]
        with m.If(lane == 0):
            m.d.comb += tx.payload.data.eq(lines.payload)
        for amount in range(1, lanes):
            with m.If(lane == amount):
                m.d.comb += tx.payload.data.eq(Cat(previous, lines.payload)[32 * amount:][:width])
        with m.If(without_lines):
            m.d.comb += tx.valid.eq(held)
        with m.Elif((lane != 0) & ~has_previous):
            m.d.comb += lines.ready.eq(held)
            m.d.sync += [
                has_previous.eq(held & lines.valid),
                previous.eq(lines.payload),
            ]
        with m.Else():
            m.d.comb += [
                tx.valid.eq(held & (lines.valid | ~needs_line)),
                lines.ready.eq(held & tx.ready & needs_line),
            ]
        with m.If(tx.valid & tx.ready):
            m.d.sync += [
                started.eq(~is_last),
                previous.eq(lines.payload),
            ]
            with m.If(is_last):
                m.d.sync += has_previous.eq(0)
        return m

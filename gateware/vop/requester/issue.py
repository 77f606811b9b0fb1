# SPDX-License-Identifier: BSD-2-Clause
"""Segments to memory reads, as tags and completion credits allow."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, fifo, stream, wiring
from amaranth.lib.wiring import In, Out

from ..pcie.tlp import Kind, TxBeatLayout
from ..regs.copier import CommandError
from .credits import MAX_BLOCKS, blocks_of
from .cut import SEGMENT_BLOCKS, ReadCut
from .segment import CHANNELS, ReadSegmentLayout, SlotLayout
from .slots import EndLayout
from .table import ReadEntryLayout

__all__ = ["ReadIssuer"]

_QUEUE_DEPTH = 4


class ReadIssuer(wiring.Component):
    """Cut each segment into reads, one every three cycles, and send them.

    A read is chosen (how much, which tag), opened in the table, and offered on ``tlp`` from that
    cycle on. Nothing is chosen for a muted channel or without bus mastering: what is left of the
    segment is dropped, and its slot told so. An offer stands whatever happens.

    Parameters
    ----------
    card_bits : :class:`int`
        Bits of a card address.
    width : :class:`int`
        Bits of a beat.
    free_shape : shape-like
        Shape of ``free``.

    Members
    -------
    patient, sparing : ``In(1)``
        See :class:`~vop.requester.cut.ReadCut`.
    bus_master : ``In(1)``, max_read_request : ``In(3)``
        As in the configuration.
    mute : ``In(CHANNELS)``
        Channels whose segments are dropped.
    segment : ``In(stream.Signature(ReadSegmentLayout(card_bits)))``
        What to read.
    begin : ``Out(1)``, begin_slot : ``Out(SlotLayout)``
        Strobe: that slot has one more thing to wait for, a read or a segment not yet cut to its
        last read.
    drop : ``Out(stream.Signature(EndLayout))``
        A segment was dropped: that slot has one thing less to wait for.
    free : ``In(free_shape)``
        Blocks for which there are completion credits.
    take : ``Out(range(MAX_BLOCKS + 1))``
        Blocks taken in this cycle.
    next_tag : ``In(8)``, next_free : ``In(1)``, hold_tag, take_tag : ``Out(1)``
        Of the table. ``take_tag`` is high in the cycle in which the read of ``next_tag`` is
        accepted on ``tlp``.
    blocked : ``In(1)``
        Nothing can be opened in this cycle.
    open : ``Out(1)``, open_entry : ``Out(ReadEntryLayout(card_bits))``
        Strobe: the read of ``next_tag`` is outstanding from now on.
    tlp : ``Out(stream.Signature(TxBeatLayout(width)))``
        Memory reads.
    waiting : ``Out(1)``
        A segment is not yet cut to its end, or a read is on offer.
    """

    def __init__(self, *, card_bits, width, free_shape):
        self._card_bits = card_bits
        self._free_shape = free_shape
        super().__init__({
            "bus_master":       In(1),
            "max_read_request": In(3),
            "patient":          In(1),
            "sparing":          In(1),
            "mute":             In(CHANNELS),
            "segment":          In(stream.Signature(ReadSegmentLayout(card_bits))),
            "begin":            Out(1),
            "begin_slot":       Out(SlotLayout),
            "drop":             Out(stream.Signature(EndLayout)),
            "free":             In(free_shape),
            "take":             Out(range(MAX_BLOCKS + 1)),
            "next_tag":         In(8),
            "next_free":        In(1),
            "hold_tag":         Out(1),
            "take_tag":         Out(1),
            "blocked":          In(1),
            "open":             Out(1),
            "open_entry":       Out(ReadEntryLayout(card_bits)),
            "tlp":              Out(stream.Signature(TxBeatLayout(width))),
            "waiting":          Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        shape = ReadSegmentLayout(self._card_bits)
        m.submodules.queue = queue = fifo.SyncFIFO(width=shape.size, depth=_QUEUE_DEPTH)
        m.submodules.cut = cut = ReadCut(self._free_shape)

        head = Signal(shape)                       # what is left of the oldest segment
        blocks = Signal(range(SEGMENT_BLOCKS + 1)) # that it touches
        read = Signal(data.StructLayout({
            "last":      1,
            "size":      cut.size.shape(),
            "take":      cut.take.shape(),
            "length_dw": 8,
            "first_be":  4,
            "last_be":   4,
        }))
        incoming = Signal(shape)
        load = Signal()
        step = Signal()
        opening = Signal()
        offering = Signal()
        muted = self.mute.bit_select(head.slot.channel, 1)
        sent = self.tlp.valid & self.tlp.ready

        m.d.comb += [
            cut.host_low.eq(head.host_address),
            cut.bytes.eq(head.bytes),
            cut.blocks.eq(blocks),
            cut.free.eq(self.free),
            cut.max_read_request.eq(self.max_read_request),
            cut.patient.eq(self.patient),
            cut.sparing.eq(self.sparing),
            # A new segment and an opened read would both need ``begin``.
            self.segment.ready.eq(queue.w_rdy & ~opening),
            queue.w_data.eq(Value.cast(self.segment.payload)),
            queue.w_en.eq(self.segment.valid & self.segment.ready & ~(load & ~queue.r_rdy)),
            queue.r_en.eq(load),
            Value.cast(incoming).eq(
                Mux(queue.r_rdy, queue.r_data, Value.cast(self.segment.payload))),
            self.begin.eq(Mux(opening, self.open & ~read.last,
                              self.segment.valid & self.segment.ready)),
            self.begin_slot.eq(Mux(opening, head.slot, self.segment.payload.slot)),
            self.open.eq(opening & ~self.blocked),
            self.open_entry.open.eq(1),
            self.open_entry.card_address.eq(head.card_address),
            self.open_entry.lower.eq(head.host_address),
            self.open_entry.bytes.eq(read.size),
            self.open_entry.slot.eq(head.slot),
            self.take.eq(Mux(self.open, read.take, 0)),
            self.tlp.valid.eq(self.open | offering),
            self.hold_tag.eq(opening | offering),
            self.take_tag.eq(sent),
            self.drop.payload.slot.eq(head.slot),
            self.drop.payload.closes.eq(1),
            self.drop.payload.error.eq(
                Mux(self.bus_master, CommandError.OK, CommandError.BUS_MASTER_OFF)),
            self.waiting.eq(~load | queue.r_rdy),
        ]
        self._drive_header(m, head, read)

        with m.FSM():
            with m.State("LOAD"):
                m.d.comb += load.eq(1)
                with m.If(queue.r_rdy | (self.segment.valid & self.segment.ready)):
                    m.next = "CHOOSE"
            with m.State("CHOOSE"):
                m.d.sync += [
                    read.last.eq(cut.last),
                    read.size.eq(cut.size),
                    read.take.eq(cut.take),
                    read.length_dw.eq(cut.length_dw),
                    read.first_be.eq(cut.first_be),
                    read.last_be.eq(cut.last_be),
                ]
                with m.If(muted | ~self.bus_master):
                    m.d.comb += self.drop.valid.eq(1)
                    with m.If(self.drop.ready):
                        m.d.sync += read.size.eq(0)
                        m.next = "LOAD"
                with m.Elif(cut.fits & self.next_free):
                    m.next = "OPEN"
            with m.State("OPEN"):
                m.d.comb += opening.eq(1)
                with m.If(sent):
                    m.next = "STEP"
                    with m.If(read.last):
                        m.d.sync += read.size.eq(0)
                        m.next = "LOAD"
                with m.Elif(self.open):
                    m.next = "OFFER"
            with m.State("OFFER"):
                m.d.comb += offering.eq(1)
                with m.If(sent):
                    m.next = "STEP"
                    with m.If(read.last):
                        m.d.sync += read.size.eq(0)
                        m.next = "LOAD"
            with m.State("STEP"):
                m.d.comb += step.eq(1)
                m.next = "CHOOSE"

        # One adder each: what is loaded advances by nothing, as `size` is zero then.
        base = Signal(shape)
        m.d.comb += base.eq(head)
        with m.If(load):
            m.d.comb += base.eq(incoming)
        with m.If(load | step):
            m.d.sync += [
                head.eq(base),
                head.host_address.eq(base.host_address + read.size),
                head.card_address.eq(base.card_address + read.size),
                head.bytes.eq(base.bytes - read.size),
                blocks.eq(Mux(load, blocks_of(incoming.host_address, incoming.bytes),
                              blocks - read.take)),
            ]
        return m

    def _drive_header(self, m, head, read):
        payload = self.tlp.payload
        m.d.comb += [
            payload.first.eq(1),
            payload.last.eq(1),
            payload.header.kind.eq(Kind.MEMORY_READ),
            payload.header.no_snoop.eq(head.no_snoop),
            payload.header.relaxed.eq(head.relaxed),
            payload.header.length_dw.eq(read.length_dw),
            payload.header.tag.eq(self.next_tag),
            payload.header.first_be.eq(read.first_be),
            payload.header.last_be.eq(read.last_be),
            payload.header.address.eq(Cat(Const(0, 2), head.host_address[2:])),
        ]

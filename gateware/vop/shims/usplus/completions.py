# SPDX-License-Identifier: BSD-2-Clause
"""Completions to the block's CC stream: framed, and behind the writes that they must not pass."""

from amaranth.hdl import C, Cat, Module, Mux, Signal
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from ...pcie.tlp import CompletionStatus, Kind, TxBeatLayout
from ...stream import Queue
from .decode import RequestLayout, RequestType
from .encode import completion_descriptor
from .frame import DescriptorFramer, PacketBeatLayout
from .order import COUNT_BITS
from .receive import KeptRequestLayout

__all__ = ["CompletionSender", "RefusalKeeper"]

_DESCRIPTOR_DW = 3
_WAITING_BEATS = 64
_WAITING_TLPS = 16
#: Behind the descriptor of a completion with an error: byte enables and descriptor of the request.
_REQUEST_DW = 5


class RefusalKeeper(wiring.Component):
    """Remember non-posted requests until one is refused.

    The block logs the header of a refused request for the host (AER), and wants it back with the
    completion: PG213, "Completions with Error Status". A request is found again by the low bits of
    its tag; if another has taken its place, all zeros are logged.

    Members
    -------
    kept_request : ``In(KeptRequestLayout)``, kept : ``In(1)``
        A request, and that it comes in this cycle.
    tag : ``In(8)``, requester : ``In(16)``
        Whose request is looked for.
    found : ``Out(KeptRequestLayout)``
        The request, or zeros.
    """

    kept_request: In(KeptRequestLayout)
    kept:         In(1)
    tag:          In(8)
    requester:    In(16)
    found:        Out(KeptRequestLayout)

    _INDEX_BITS = 6

    def elaborate(self, platform):
        m = Module()
        m.submodules.storage = storage = memory.Memory(
            shape=KeptRequestLayout, depth=1 << self._INDEX_BITS, init=[])
        write, read = storage.write_port(), storage.read_port(domain="comb")
        incoming = data.View(RequestLayout, self.kept_request.descriptor)
        request = data.View(RequestLayout, read.data.descriptor)
        m.d.comb += [
            write.addr.eq(incoming.tag),
            write.data.eq(self.kept_request),
            write.en.eq(self.kept),
            read.addr.eq(self.tag),
        ]
        with m.If((request.tag == self.tag) & (request.requester == self.requester)):
            m.d.comb += self.found.eq(read.data)
        return m


class CompletionSender(wiring.Component):
    """Frame completions, and let each go when every write before it has come through.

    Writes go on meanwhile: what waits, waits here.

    Parameters
    ----------
    width : :class:`int`
        Payload bits per beat: 128 or 256.

    Members
    -------
    i : ``In(stream.Signature(TxBeatLayout(width)))``
        Completions, in order with the writes that ``latest`` counts.
    id : ``In(16)``
        Our BDF.
    kept_request : ``In(KeptRequestLayout)``, kept : ``In(1)``
        See `RefusalKeeper`.
    latest, passed : ``In(COUNT_BITS)``
        See `WriteOrder`.
    o : ``Out(stream.Signature(PacketBeatLayout(width, 0)))``
        Packets for CC.
    idle : ``Out(1)``
        High while no completion is held.
    """

    def __init__(self, width):
        self._width = width
        super().__init__({
            "i":            In(stream.Signature(TxBeatLayout(width))),
            "id":           In(16),
            "kept_request": In(KeptRequestLayout),
            "kept":         In(1),
            "latest":       In(COUNT_BITS),
            "passed":       In(COUNT_BITS),
            "o":            Out(stream.Signature(PacketBeatLayout(width, 0))),
            "idle":         Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        i, o = self.i, self.o
        header = i.payload.header
        m.submodules.framer = framer = DescriptorFramer(
            self._width, dwords=_DESCRIPTOR_DW, user_shape=0)
        m.submodules.waiting = waiting = Queue(PacketBeatLayout(self._width, 0),
                                               depth=_WAITING_BEATS)
        m.submodules.marks = marks = Queue(COUNT_BITS, depth=_WAITING_TLPS)
        m.submodules.keeper = keeper = RefusalKeeper()

        # A refusal carries its request as if that were payload.
        is_refusal = Signal()
        is_locked = Signal()
        on_second = Signal()                 # of two beats of it
        needs_second = self._width < 32 * _REQUEST_DW
        request = Signal(2 * self._width)
        m.d.comb += [
            keeper.kept_request.eq(self.kept_request),
            keeper.kept.eq(self.kept),
            keeper.tag.eq(header.tag),
            keeper.requester.eq(header.requester),
            request.eq(Cat(keeper.found.enables, C(0, 24), keeper.found.descriptor)),
            is_refusal.eq((header.kind != Kind.COMPLETION_DATA)
                          & (header.status != CompletionStatus.SUCCESSFUL)),
            # Base 4.0, 2.2.9: a locked read is answered by CplLk.
            is_locked.eq(is_refusal & (data.View(RequestLayout, keeper.found.descriptor).type
                                       == RequestType.LOCKED_READ)),
            framer.i.payload.descriptor.eq(completion_descriptor(
                header, completer=self.id, locked=is_locked)),
            framer.i.payload.payload_dw.eq(
                Mux(is_refusal, _REQUEST_DW,
                    Mux(header.kind == Kind.COMPLETION_DATA, header.length_dw, 0))),
            framer.i.payload.data.eq(Mux(
                is_refusal, request.word_select(on_second, self._width), i.payload.data)),
            framer.i.valid.eq(i.valid),
            i.ready.eq(framer.i.ready & ~(is_refusal & needs_second & ~on_second)),
        ]
        if needs_second:
            with m.If(framer.i.valid & framer.i.ready):
                m.d.sync += on_second.eq(is_refusal & ~on_second)

        # Each completion waits in `waiting`, and the number of the last write before it in `marks`.
        first = framer.o.payload.first
        m.d.comb += [
            waiting.i.payload.eq(framer.o.payload),
            waiting.i.valid.eq(framer.o.valid & (~first | marks.i.ready)),
            marks.i.payload.eq(self.latest),
            marks.i.valid.eq(framer.o.valid & first & waiting.i.ready),
            framer.o.ready.eq(waiting.i.ready & (~first | marks.i.ready)),
        ]
        ahead = Signal(COUNT_BITS)
        released = Signal(range(_WAITING_BEATS + 1))     # completions that may go
        sent = Signal()
        m.d.comb += [
            ahead.eq(self.passed - marks.o.payload),
            marks.o.ready.eq(~ahead[-1]),
            o.payload.eq(waiting.o.payload),
            o.valid.eq(waiting.o.valid & (released != 0)),
            waiting.o.ready.eq(o.ready & (released != 0)),
            sent.eq(o.valid & o.ready & o.payload.last),
            self.idle.eq(~framer.busy & (waiting.level == 0)),
        ]
        m.d.sync += released.eq(released + (marks.o.valid & marks.o.ready) - sent)
        return m

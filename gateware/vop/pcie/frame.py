# SPDX-License-Identifier: BSD-2-Clause
"""From typed beats to a TLP as the block takes it: header first, payload close behind."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..errors import check_width
from .align import swap_bytes
from .encode import HeaderEncoder
from .tlp import Kind, TxBeatLayout

__all__ = ["FramedBeatLayout", "PayloadFramer"]


def FramedBeatLayout(width):
    """One beat of a TLP as it is on the link."""
    return data.StructLayout({
        "last":     1,
        "poisoned": 1,                 # the same on every beat of the TLP
        "keep":     width // 32,       # DWs present, from lane 0 up; all but in the last beat
        "data":     width,             # byte 0 of each DW in bits 31:24
    })


class PayloadFramer(wiring.Component):
    """Encode the header, and shift the payload behind it.

    A TLP leaves in as few beats as it has DWs for, and the next one starts in the next cycle. What
    the DWs say never decides whether a beat is taken, so ``i.ready`` comes early.

    Parameters
    ----------
    width : :class:`int`
        Payload bits per beat: 64 or 128. A header takes two beats of 64.

    Members
    -------
    i : ``In(stream.Signature(TxBeatLayout(width)))``
        Typed TLPs.
    o : ``Out(stream.Signature(FramedBeatLayout(width)))``
        The same as DWs.
    id : ``In(16)``
        Our BDF: requester id of requests, completer id of completions.
    may_start : ``In(1)``
        Low: no TLP is begun. One that has begun goes on.
    bus_master : ``In(1)``
        Low: a memory request is taken whole and dropped, as PCI demands (Base 4.0, 7.5.1.1.3).
    dropped : ``Out(1)``
        One-cycle pulse: a memory request was dropped.
    busy : ``Out(1)``
        High in the midst of a TLP.

    Raises
    ------
    ValueError
        If ``width`` is neither 64 nor 128.
    """

    def __init__(self, width=128):
        check_width("the payload framer", width, (64, 128))
        self._width = width
        super().__init__({
            "i":          In(stream.Signature(TxBeatLayout(width))),
            "o":          Out(stream.Signature(FramedBeatLayout(width))),
            "id":         In(16),
            "may_start":  In(1),
            "bus_master": In(1),
            "dropped":    Out(1),
            "busy":       Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        width, lanes = self._width, self._width // 32
        i, o = self.i, self.o
        header = i.payload.header

        m.submodules.encoder = encoder = HeaderEncoder()
        is_memory = Signal()
        m.d.comb += [
            is_memory.eq((header.kind == Kind.MEMORY_READ) | (header.kind == Kind.MEMORY_WRITE)),
            encoder.header.eq(header),
            encoder.header.completer.eq(self.id),
        ]
        with m.If(~encoder.is_completion):
            m.d.comb += encoder.header.requester.eq(self.id)

        # Each beat of payload is held for one cycle: behind a header of three DWs, its lowest DW
        # goes with the beat before; behind one of four it goes as it is.
        payload = Signal(width)              # in link order
        held = Signal(width)
        full = (1 << lanes) - 1
        m.d.comb += payload.eq(swap_bytes(i.payload.data))

        # What the header says of the TLP: valid with it, then kept.
        rest_dw = Signal(range(lanes))       # payload in the last beat behind the header; 0: all
        flushes = Signal()                   # that beat goes when all payload has come
        m.d.comb += [
            rest_dw.eq(header.length_dw - ~encoder.four_dw),
            flushes.eq(encoder.has_payload & (encoder.four_dw | (rest_dw != 0))),
        ]
        poisoned = Signal()
        three_dw = Signal()
        last_keep = Signal(lanes)
        has_rest = Signal()

        in_payload = Signal()                # the header has gone
        header_data = Signal(width)
        header_end = Cat(encoder.dwords[2],
                         Mux(encoder.four_dw, encoder.dwords[3], payload[:32]))
        refused = Signal()
        begins = Signal()                    # neither a hold nor a refusal keeps the header back
        m.d.comb += [
            refused.eq(is_memory & ~self.bus_master),
            begins.eq(self.may_start & ~refused),
            o.payload.data.eq(Mux(in_payload, Mux(three_dw, Cat(held[32:], payload[:32]), held),
                                  header_data)),
            o.payload.poisoned.eq(Mux(in_payload, poisoned, header.poisoned)),
        ]

        def drop_if_refused():
            """In the first state: nothing of the TLP is sent."""
            with m.If(i.valid & refused):
                m.d.comb += self.dropped.eq(1)
                m.next = "DROP"

        begin = "SEND_HEADER" if width == 128 else "SEND_START"
        with m.FSM(init=begin) as fsm:
            m.d.comb += self.busy.eq(~fsm.ongoing(begin))

            if width == 64:
                with m.State("SEND_START"):
                    m.d.comb += [
                        header_data.eq(Cat(encoder.dwords[0], encoder.dwords[1])),
                        o.payload.keep.eq(full),
                        o.valid.eq(i.valid & begins),
                    ]
                    drop_if_refused()
                    with m.If(o.valid & o.ready):
                        m.next = "SEND_HEADER"

            with m.State("SEND_HEADER"):
                m.d.comb += [
                    header_data.eq(header_end),
                    o.payload.last.eq(i.payload.last & ~flushes),
                    o.payload.keep.eq(Mux(encoder.four_dw | encoder.has_payload, full, full >> 1)),
                    o.valid.eq(i.valid),
                    i.ready.eq(o.ready),
                ]
                if width == 128:
                    m.d.comb += [
                        header_data.eq(Cat(encoder.dwords[0], encoder.dwords[1], header_end)),
                        o.valid.eq(i.valid & begins),
                        i.ready.eq(o.ready & begins),
                    ]
                    drop_if_refused()
                with m.If(o.valid & o.ready):
                    m.d.sync += [
                        in_payload.eq(~o.payload.last),
                        poisoned.eq(header.poisoned),
                        three_dw.eq(~encoder.four_dw),
                        last_keep.eq(Mux(rest_dw == 0, full, (1 << rest_dw) - 1)),
                        has_rest.eq(flushes),
                        held.eq(payload),
                    ]
                    with m.If(~i.payload.last):
                        m.next = "SEND_PAYLOAD"
                    with m.Elif(flushes):
                        m.next = "SEND_REST"
                    with m.Else():
                        m.next = begin

            with m.State("SEND_PAYLOAD"):
                m.d.comb += [
                    o.payload.last.eq(i.payload.last & ~has_rest),
                    o.payload.keep.eq(full),
                    o.valid.eq(i.valid),
                    i.ready.eq(o.ready),
                ]
                with m.If(i.valid & o.ready):
                    m.d.sync += held.eq(payload)
                    with m.If(i.payload.last & has_rest):
                        m.next = "SEND_REST"
                    with m.Elif(i.payload.last):
                        m.d.sync += in_payload.eq(0)
                        m.next = begin

            with m.State("SEND_REST"):
                m.d.comb += [
                    o.payload.last.eq(1),
                    o.payload.keep.eq(last_keep),
                    o.valid.eq(1),
                ]
                with m.If(o.ready):
                    m.d.sync += in_payload.eq(0)
                    m.next = begin

            with m.State("DROP"):
                m.d.comb += i.ready.eq(1)
                with m.If(i.valid & i.payload.last):
                    m.next = begin
        return m

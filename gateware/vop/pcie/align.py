# SPDX-License-Identifier: BSD-2-Clause
"""From a TLP as the block delivers it, header first, to typed beats with the payload in lane 0."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..errors import check_width
from .decode import HeaderDecoder
from .tlp import HeaderLayout, Kind, RxBeatLayout

__all__ = ["PacketBeatLayout", "PayloadAligner", "swap_bytes"]


def PacketBeatLayout(width):
    """One beat of a TLP as it is on the link: header DWs, then payload DWs without a gap."""
    return data.StructLayout({
        "last": 1,
        "bar":  3,      # as in RxBeatLayout; valid in the first beat
        "data": width,  # DW 0 of the header in bits 31:0 of the first beat; byte 0 in bits 31:24
    })


def swap_bytes(dwords):
    """``dwords`` with the bytes of each DW reversed: from link order to memory order, or back."""
    return Cat(Cat(dwords[at + 24:at + 32], dwords[at + 16:at + 24],
                   dwords[at + 8:at + 16], dwords[at:at + 8])
               for at in range(0, len(dwords), 32))


class PayloadAligner(wiring.Component):
    """Decode the header, and shift the payload behind it to lane 0.

    It takes a beat in every cycle, but for one more cycle behind a TLP whose payload needs as many
    beats as the TLP itself. What follows the payload that the header promises (a TLP digest) is
    dropped. A TLP that ends before its payload does is ended as it stands: hard blocks refuse such
    TLPs as malformed, and the next one must not suffer.

    Parameters
    ----------
    width : :class:`int`
        Payload bits per beat: 64 or 128. A header takes two beats of 64.

    Members
    -------
    i : ``In(stream.Signature(PacketBeatLayout(width)))``
        TLPs as they are on the link.
    o : ``Out(stream.Signature(RxBeatLayout(width)))``
        The same, typed; bytes in memory order.
    idle : ``Out(1)``
        High but in the midst of a TLP.

    Raises
    ------
    ValueError
        If ``width`` is neither 64 nor 128.
    """

    def __init__(self, width=128):
        check_width("the payload aligner", width, (64, 128))
        self._width = width
        super().__init__({
            "i":    In(stream.Signature(PacketBeatLayout(width))),
            "o":    Out(stream.Signature(RxBeatLayout(width))),
            "idle": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        width, lanes = self._width, self._width // 32
        i, o = self.i, self.o
        in_lower_lanes, in_top_lane = i.payload.data[:width - 32], i.payload.data[width - 32:]

        m.submodules.decoder = decoder = HeaderDecoder()
        header = Signal(HeaderLayout)        # of the TLP under way
        bar = Signal(3)
        three_dw = Signal()
        remaining_dw = Signal(11)            # payload not yet sent
        carry = Signal(32)                   # last DW of the beat before
        start = Signal(128 - width)          # header DWs of the beat before

        beat_header = Signal(HeaderLayout)
        beat_remaining_dw = Signal(11)
        m.d.comb += [
            Cat(decoder.dwords).eq(Cat(start, i.payload.data)),
            beat_header.eq(header),
            beat_remaining_dw.eq(remaining_dw),
            o.payload.header.eq(beat_header),
            o.payload.bar.eq(bar),
        ]

        link_data = Signal(width)
        # Three header DWs leave one payload DW in the last beat of the header.
        first_dw = Mux(decoder.four_dw, 0, 1)
        begin = "RECEIVE_HEADER" if width == 128 else "RECEIVE_START"
        with m.FSM(init=begin) as fsm:
            m.d.comb += self.idle.eq(fsm.ongoing(begin))

            if width == 64:
                with m.State("RECEIVE_START"):
                    m.d.comb += i.ready.eq(1)
                    with m.If(i.valid):
                        m.d.sync += [start.eq(i.payload.data), bar.eq(i.payload.bar)]
                        with m.If(~i.payload.last):
                            m.next = "RECEIVE_HEADER"

            with m.State("RECEIVE_HEADER"):
                fits = Signal()
                m.d.comb += [
                    fits.eq((decoder.payload_dw <= first_dw) | i.payload.last),
                    beat_header.eq(decoder.header),
                    beat_remaining_dw.eq(decoder.payload_dw),
                    link_data.eq(in_top_lane),
                    o.payload.first.eq(1),
                    o.payload.last.eq(1),
                    o.valid.eq(i.valid & fits),
                    i.ready.eq(~fits | o.ready),
                ]
                if width == 128:
                    m.d.comb += o.payload.bar.eq(i.payload.bar)
                    m.d.sync += bar.eq(i.payload.bar)
                with m.If(i.valid & i.ready):
                    m.d.sync += [
                        header.eq(decoder.header),
                        three_dw.eq(~decoder.four_dw),
                        remaining_dw.eq(decoder.payload_dw),
                        carry.eq(in_top_lane),
                    ]
                    with m.If(~fits):
                        m.next = "RECEIVE_PAYLOAD"
                    with m.Elif(i.payload.last):
                        m.next = begin
                    with m.Else():
                        m.next = "SKIP_DIGEST"

            first = Signal()
            m.d.comb += first.eq(remaining_dw == header.length_dw)

            with m.State("RECEIVE_PAYLOAD"):
                enough = Signal()
                overflows = Signal()
                m.d.comb += [
                    enough.eq(remaining_dw <= lanes),
                    overflows.eq(three_dw & i.payload.last & (remaining_dw == lanes + 1)),
                    link_data.eq(Mux(three_dw, Cat(carry, in_lower_lanes), i.payload.data)),
                    o.payload.first.eq(first),
                    o.payload.last.eq(enough | (i.payload.last & ~overflows)),
                    o.valid.eq(i.valid),
                    i.ready.eq(o.ready),
                ]
                with m.If(i.valid & o.ready):
                    m.d.sync += [
                        remaining_dw.eq(remaining_dw - lanes),
                        carry.eq(in_top_lane),
                    ]
                    with m.If(overflows):
                        m.next = "FLUSH_CARRY"
                    with m.Elif(i.payload.last):
                        m.next = begin
                    with m.Elif(enough):
                        m.next = "SKIP_DIGEST"

            with m.State("FLUSH_CARRY"):
                m.d.comb += [
                    link_data.eq(carry),
                    o.payload.last.eq(1),
                    o.valid.eq(1),
                ]
                with m.If(o.ready):
                    m.next = begin

            with m.State("SKIP_DIGEST"):
                m.d.comb += i.ready.eq(1)
                with m.If(i.valid & i.payload.last):
                    m.next = begin

        m.d.comb += o.payload.data.eq(swap_bytes(link_data))

        # Base 4.0, 2.2.5: of a request of one DW, first_be counts alone.
        is_completion = beat_header.kind == Kind.COMPLETION_DATA
        for lane in range(lanes):
            enable = o.payload.byte_enable[4 * lane:4 * lane + 4]
            with m.If(beat_remaining_dw > lane):
                m.d.comb += enable.eq(0b1111)
                with m.If(~is_completion):
                    if lane == 0:
                        with m.If(o.payload.first):
                            m.d.comb += enable.eq(beat_header.first_be)
                        with m.Elif(beat_remaining_dw == 1):
                            m.d.comb += enable.eq(beat_header.last_be)
                    else:
                        with m.If(beat_remaining_dw == lane + 1):
                            m.d.comb += enable.eq(beat_header.last_be)
        return m

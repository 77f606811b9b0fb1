# SPDX-License-Identifier: BSD-2-Clause
"""From a TLP as the block delivers it, header first, to typed beats with the payload in lane 0."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..errors import check_width
from ..stream import Stage
from .decode import HeaderDecoder, KindDecoder
from .tlp import Kind, RawHeaderLayout, RxBeatLayout

__all__ = ["PacketBeatLayout", "PayloadAligner", "PayloadShifter", "ShiftedBeatLayout",
           "swap_bytes"]


def PacketBeatLayout(width):
    """One beat of a TLP as it is on the link: header DWs, then payload DWs without a gap."""
    return data.StructLayout({
        "last": 1,
        "bar":  3,      # as in RxBeatLayout; valid in the first beat
        "data": width,  # DW 0 of the header in bits 31:0 of the first beat; byte 0 in bits 31:24
    })


def ShiftedBeatLayout(width):
    """One beat of payload, and the header as it is on the link."""
    return data.StructLayout({
        "raw":      RawHeaderLayout,         # the same on every beat of the TLP
        "kind":     Kind,                    # likewise
        "bar":      3,                       # as in RxBeatLayout
        "first":    1,
        "last":     1,
        "present":  range(width // 32 + 1),  # DWs of payload in this beat
        "ends":     1,                       # the last of them is the last one of the payload
        "data":     width,                   # byte 0 of each DW in bits 31:24
    })


def swap_bytes(dwords):
    """``dwords`` with the bytes of each DW reversed: from link order to memory order, or back."""
    return Cat(Cat(dwords[at + 24:at + 32], dwords[at + 16:at + 24],
                   dwords[at + 8:at + 16], dwords[at:at + 8])
               for at in range(0, len(dwords), 32))


class PayloadShifter(wiring.Component):
    """Part header and payload, and shift the payload to lane 0.

    It takes a beat in every cycle, but for one more cycle where a TLP that needs as many beats for
    its payload as in all is followed by one of a single beat. What follows the payload that the
    header promises (a TLP digest) is dropped. A TLP that ends before its payload does is ended as
    it stands: hard blocks refuse such TLPs as malformed, and the next one must not suffer.

    Parameters
    ----------
    width : :class:`int`
        Payload bits per beat: 64 or 128. A header takes two beats of 64.

    Members
    -------
    i : ``In(stream.Signature(PacketBeatLayout(width)))``
        TLPs as they are on the link.
    o : ``Out(stream.Signature(ShiftedBeatLayout(width)))``
        Their headers and payload.
    idle : ``Out(1)``
        High but in the midst of a TLP.
    """

    def __init__(self, width):
        self._width = width
        super().__init__({
            "i":    In(stream.Signature(PacketBeatLayout(width))),
            "o":    Out(stream.Signature(ShiftedBeatLayout(width))),
            "idle": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        width, lanes = self._width, self._width // 32
        i, o = self.i, self.o
        in_lower_lanes, in_top_lane = i.payload.data[:width - 32], i.payload.data[width - 32:]

        raw = Signal(128)                    # header of the TLP under way
        kind = Signal(Kind)
        bar = Signal(3)
        three_dw = Signal()
        remaining_dw = Signal(11)            # payload not yet sent
        carry = Signal(32)                   # last DW of the beat before
        first = Signal()                     # no beat of it has been sent

        m.d.comb += [
            o.payload.raw.eq(raw),
            o.payload.kind.eq(kind),
            o.payload.bar.eq(bar),
            o.payload.first.eq(first),
            o.payload.present.eq(Mux(remaining_dw < lanes, remaining_dw, lanes)),
            o.payload.ends.eq(remaining_dw <= lanes),
        ]
        begin = "RECEIVE_HEADER" if width == 128 else "RECEIVE_START"

        # The beat in which the header ends. Three header DWs leave one payload DW in it.
        header = Signal(128)
        has_four_dw = Signal()
        payload_dw = Signal(11)
        fits = Signal()                      # nothing of the TLP comes behind this beat
        m.submodules.kind = kind_decoder = KindDecoder()
        m.d.comb += [
            header.eq(Cat(raw[:128 - width], i.payload.data)),
            kind_decoder.fmt_type.eq(header[24:32]),
            has_four_dw.eq(header[29]),
            # Base 4.0, table 2-4: a Length of 0 means 1024.
            payload_dw.eq(Mux(header[30], Cat(header[:10], header[:10] == 0), 0)),
            fits.eq((payload_dw == 0) | (~has_four_dw & (payload_dw == 1)) | i.payload.last),
        ]

        def receive_header():
            """Take the end of a header; nothing is sent here unless the whole TLP fits."""
            m.d.sync += [
                kind.eq(kind_decoder.kind),
                raw.eq(Cat(header[:96], Mux(has_four_dw, header[96:], 0))),
                three_dw.eq(~has_four_dw),
                remaining_dw.eq(payload_dw),
                carry.eq(in_top_lane),
                first.eq(1),
            ]
            if width == 128:
                m.d.sync += bar.eq(i.payload.bar)
            with m.If(~fits):
                m.next = "RECEIVE_PAYLOAD"
            with m.Elif(i.payload.last):
                m.next = begin
            with m.Else():
                m.next = "SKIP_DIGEST"

        def receive_start():
            m.d.sync += [raw[:64].eq(i.payload.data), bar.eq(i.payload.bar)]
            with m.If(~i.payload.last):
                m.next = "RECEIVE_HEADER"

        with m.FSM(init=begin) as fsm:
            m.d.comb += self.idle.eq(fsm.ongoing(begin))

            if width == 64:
                with m.State("RECEIVE_START"):
                    m.d.comb += i.ready.eq(1)
                    with m.If(i.valid):
                        receive_start()

            with m.State("RECEIVE_HEADER"):
                m.d.comb += [
                    o.payload.raw.eq(Cat(header[:96], Mux(has_four_dw, header[96:], 0))),
                    o.payload.kind.eq(kind_decoder.kind),
                    o.payload.first.eq(1),
                    o.payload.last.eq(1),
                    o.payload.present.eq((payload_dw != 0) & ~has_four_dw),
                    o.payload.ends.eq(payload_dw == 1),
                    o.payload.data.eq(in_top_lane),
                    o.valid.eq(i.valid & fits),
                    i.ready.eq(~fits | o.ready),
                ]
                if width == 128:
                    m.d.comb += o.payload.bar.eq(i.payload.bar)
                with m.If(i.valid & i.ready):
                    receive_header()

            with m.State("RECEIVE_PAYLOAD"):
                overflows = Signal()
                m.d.comb += [
                    overflows.eq(three_dw & i.payload.last & (remaining_dw == lanes + 1)),
                    o.payload.data.eq(Mux(three_dw, Cat(carry, in_lower_lanes), i.payload.data)),
                    o.payload.last.eq(o.payload.ends | (i.payload.last & ~overflows)),
                    o.valid.eq(i.valid),
                    i.ready.eq(o.ready),
                ]
                with m.If(i.valid & o.ready):
                    m.d.sync += [
                        remaining_dw.eq(remaining_dw - lanes),
                        carry.eq(in_top_lane),
                        first.eq(0),
                    ]
                    with m.If(overflows):
                        m.next = "FLUSH_CARRY"
                    with m.Elif(i.payload.last):
                        m.next = begin
                    with m.Elif(o.payload.ends):
                        m.next = "SKIP_DIGEST"

            with m.State("FLUSH_CARRY"):
                m.d.comb += [
                    o.payload.data.eq(carry),
                    o.payload.last.eq(1),
                    o.valid.eq(1),
                ]
                with m.If(o.ready):
                    # A header sends nothing, so it can be taken in the same cycle.
                    m.next = begin
                    with m.If(i.valid):
                        if width == 64:
                            m.d.comb += i.ready.eq(1)
                            receive_start()
                        else:
                            with m.If(~fits):
                                m.d.comb += i.ready.eq(1)
                                receive_header()

            with m.State("SKIP_DIGEST"):
                m.d.comb += i.ready.eq(1)
                with m.If(i.valid & i.payload.last):
                    m.next = begin
        return m


class PayloadAligner(wiring.Component):
    """Type TLPs: header decoded, payload in lane 0 and in memory order, byte enables beside it.

    The header is kept as it is on the link, and decoded behind the last register.

    Parameters
    ----------
    width : :class:`int`
        Payload bits per beat: 64 or 128.

    Members
    -------
    i : ``In(stream.Signature(PacketBeatLayout(width)))``
        TLPs as they are on the link.
    o : ``Out(stream.Signature(RxBeatLayout(width)))``
        The same, typed.
    idle : ``Out(1)``
        High while no TLP is held.

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
        lanes = self._width // 32
        m.submodules.shifter = shifter = PayloadShifter(self._width)
        m.submodules.output = output = Stage(ShiftedBeatLayout(self._width))
        m.submodules.decoder = decoder = HeaderDecoder()
        wiring.connect(m, wiring.flipped(self.i), shifter.i)
        wiring.connect(m, shifter.o, output.i)

        beat, o = output.o.payload, self.o
        header = decoder.header
        m.d.comb += [
            decoder.kind.eq(beat.kind),
            decoder.dwords.eq(beat.raw),
            o.payload.header.eq(header),
            o.payload.raw.eq(beat.raw),
            o.payload.bar.eq(beat.bar),
            o.payload.first.eq(beat.first),
            o.payload.last.eq(beat.last),
            o.payload.data.eq(swap_bytes(beat.data)),
            o.valid.eq(output.o.valid),
            output.o.ready.eq(o.ready),
            self.idle.eq(shifter.idle & ~output.o.valid),
        ]

        # Base 4.0, 2.2.5: of a request of one DW, first_be counts alone.
        is_completion = header.kind == Kind.COMPLETION_DATA
        for lane in range(lanes):
            enable = o.payload.byte_enable[4 * lane:4 * lane + 4]
            with m.If(beat.present > lane):
                m.d.comb += enable.eq(0b1111)
                with m.If(~is_completion):
                    with m.If(beat.ends & (beat.present == lane + 1)):
                        m.d.comb += enable.eq(header.last_be)
                    if lane == 0:
                        with m.If(beat.first):
                            m.d.comb += enable.eq(header.first_be)
        return m

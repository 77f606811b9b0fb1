# SPDX-License-Identifier: BSD-2-Clause
"""From a descriptor and payload beats to a packet as the block takes it."""

from amaranth.hdl import C, Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from ...errors import check_width

__all__ = ["DescribedPayloadLayout", "DescriptorFramer", "PacketBeatLayout"]


def DescribedPayloadLayout(width, *, dwords, user_shape):
    """One beat of payload; all but ``data`` are the same on every beat of the packet."""
    return data.StructLayout({
        "descriptor": 32 * dwords,
        "payload_dw": 11,           # DWs behind the descriptor: 0 to 1024
        "user":       user_shape,
        "data":       width,
    })


def PacketBeatLayout(width, user_shape):
    """One beat of a packet."""
    return data.StructLayout({
        "first": 1,
        "last":  1,
        "keep":  width // 32,       # DWs present, from lane 0 up; all but in the last beat
        "user":  user_shape,        # zero but in the first beat
        "data":  width,
    })


class DescriptorFramer(wiring.Component):
    """Put the descriptor in front of the payload, which moves up by as many DWs.

    A packet leaves in as few beats as it has DWs for, and the next one starts in the next cycle.

    Parameters
    ----------
    width : :class:`int`
        Payload bits per beat: 128 or 256.
    dwords : :class:`int`
        DWs of the descriptor: 3 or 4.
    user_shape : shape-like
        What goes beside the first beat.

    Members
    -------
    i : ``In(stream.Signature(DescribedPayloadLayout(width, ...)))``
        Payload, as many beats as ``payload_dw`` needs; one where it is 0.
    o : ``Out(stream.Signature(PacketBeatLayout(width, user_shape)))``
        Packets.
    busy : ``Out(1)``
        High in the midst of a packet.
    """

    def __init__(self, width, *, dwords, user_shape):
        check_width("the descriptor framer", width, (128, 256))
        self._width = width
        self._dwords = dwords
        layout = DescribedPayloadLayout(width, dwords=dwords, user_shape=user_shape)
        super().__init__({
            "i":    In(stream.Signature(layout)),
            "o":    Out(stream.Signature(PacketBeatLayout(width, user_shape))),
            "busy": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        i, o = self.i, self.o
        lanes, head = self._width // 32, self._dwords
        spare = lanes - head                       # payload DWs beside the descriptor
        lower, upper = i.payload.data[:32 * spare], i.payload.data[32 * spare:]
        full = (1 << lanes) - 1

        carry = Signal(32 * head)                  # upper DWs of the payload beat before
        remaining_dw = Signal(11)                  # payload not yet sent
        rest_keep = Mux(remaining_dw < lanes, (1 << remaining_dw[:ceil_log2(lanes)]) - 1, full)
        shifted = Cat(carry, lower) if spare else i.payload.data

        with m.FSM() as fsm:
            m.d.comb += self.busy.eq(~fsm.ongoing("SEND_DESCRIPTOR"))

            with m.State("SEND_DESCRIPTOR"):
                ends = Signal()
                behind_dw = Signal(11)             # payload that does not fit
                m.d.comb += [
                    ends.eq(i.payload.payload_dw <= spare),
                    behind_dw.eq(i.payload.payload_dw - spare),
                    o.payload.data.eq(Cat(i.payload.descriptor, lower)),
                    o.payload.user.eq(i.payload.user),
                    o.payload.first.eq(1),
                    o.payload.last.eq(ends),
                    o.payload.keep.eq(Mux(
                        ends, Cat(C((1 << head) - 1, head),
                                  ((1 << i.payload.payload_dw[:3]) - 1)[:spare]),
                        full)),
                    o.valid.eq(i.valid),
                    i.ready.eq(o.ready & (ends | (spare > 0))),
                ]
                with m.If(i.valid & o.ready & ~ends):
                    m.d.sync += [carry.eq(upper), remaining_dw.eq(behind_dw)]
                    if spare:
                        with m.If(behind_dw <= head):
                            m.next = "FLUSH_CARRY"
                        with m.Else():
                            m.next = "SEND_PAYLOAD"
                    else:
                        m.next = "SEND_PAYLOAD"

            with m.State("SEND_PAYLOAD"):
                m.d.comb += [
                    o.payload.data.eq(shifted),
                    o.payload.last.eq(remaining_dw <= lanes),
                    o.payload.keep.eq(rest_keep),
                    o.valid.eq(i.valid),
                    i.ready.eq(o.ready),
                ]
                with m.If(i.valid & o.ready):
                    m.d.sync += [carry.eq(upper), remaining_dw.eq(remaining_dw - lanes)]
                    with m.If(o.payload.last):
                        m.next = "SEND_DESCRIPTOR"
                    if spare:
                        with m.Elif(remaining_dw <= lanes + head):
                            m.next = "FLUSH_CARRY"

            if spare:
                with m.State("FLUSH_CARRY"):
                    m.d.comb += [
                        o.payload.data.eq(carry),
                        o.payload.last.eq(1),
                        o.payload.keep.eq(rest_keep),
                        o.valid.eq(1),
                    ]
                    with m.If(o.ready):
                        m.next = "SEND_DESCRIPTOR"
        return m

# SPDX-License-Identifier: BSD-2-Clause
"""From a descriptor and what follows it to typed beats with the payload in lane 0."""

from amaranth.hdl import C, Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...errors import check_width
from ...pcie.tlp import HeaderLayout, RxBeatLayout

__all__ = ["DescribedBeatLayout", "DescriptorAligner"]


def DescribedBeatLayout(width):
    """One beat of a packet whose first DWs are a descriptor; payload follows without a gap."""
    return data.StructLayout({
        "last":    1,
        "enables": 8,             # first_be and last_be of a request; valid in the first beat
        "be":      width // 8,    # of the payload bytes of this beat
        "data":    width,         # memory order
    })


class DescriptorAligner(wiring.Component):
    """Decode the descriptor, and shift the payload behind it to lane 0.

    The shift is the same for every packet. A packet that ends before its payload does is ended as
    it stands; what follows the payload is dropped.

    Parameters
    ----------
    width : :class:`int`
        Payload bits per beat: 128 or 256.
    decoder : component
        Has ``dwords``, the number of DWs of the descriptor, and the ports ``descriptor``,
        ``enables``, ``header``, ``bar`` and ``payload_dw``.

    Members
    -------
    i : ``In(stream.Signature(DescribedBeatLayout(width)))``
        Packets of the block.
    o : ``Out(stream.Signature(RxBeatLayout(width)))``
        The same, typed.
    begins : ``Out(1)``
        High in the cycle in which the descriptor in ``i`` is taken.
    idle : ``Out(1)``
        High but in the midst of a packet.
    """

    def __init__(self, width, decoder):
        check_width("the descriptor aligner", width, (128, 256))
        self._width = width
        self._decoder = decoder
        super().__init__({
            "i":      In(stream.Signature(DescribedBeatLayout(width))),
            "o":      Out(stream.Signature(RxBeatLayout(width))),
            "begins": Out(1),
            "idle":   Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        i, o = self.i, self.o
        lanes = self._width // 32
        head = self._decoder.dwords
        spare = lanes - head                 # payload DWs beside the descriptor

        m.submodules.decoder = decoder = self._decoder
        m.d.comb += [
            decoder.descriptor.eq(i.payload.data),
            decoder.enables.eq(i.payload.enables),
        ]
        header = Signal(HeaderLayout)        # of the packet under way
        bar = Signal(3)
        remaining_dw = Signal(11)            # payload not yet passed on
        carry = Signal(36 * spare)           # upper lanes of the beat before, with their enables

        def lane(n):
            return Cat(i.payload.data[32 * n:32 * n + 32], i.payload.be[4 * n:4 * n + 4])

        lower, upper = Cat(lane(n) for n in range(head)), Cat(lane(n) for n in range(head, lanes))
        shifted = Signal(36 * lanes)
        shown_dw = Signal(11)                # of them, what is left to show in this beat and later
        m.d.comb += [
            shifted.eq(Cat(carry, lower)),
            shown_dw.eq(remaining_dw),
            o.payload.header.eq(header),
            o.payload.bar.eq(bar),
        ]
        with m.FSM() as fsm:
            m.d.comb += self.idle.eq(fsm.ongoing("TAKE_DESCRIPTOR"))

            with m.State("TAKE_DESCRIPTOR"):
                fits = Signal()
                m.d.comb += [
                    fits.eq((decoder.payload_dw <= spare) | i.payload.last),
                    shifted.eq(Cat(upper, C(0, 36 * head))),
                    shown_dw.eq(decoder.payload_dw),
                    o.payload.header.eq(decoder.header),
                    o.payload.bar.eq(decoder.bar),
                    o.payload.first.eq(1),
                    o.payload.last.eq(1),
                    o.valid.eq(i.valid & fits),
                    i.ready.eq(~fits | o.ready),
                    self.begins.eq(i.valid & i.ready),
                ]
                with m.If(self.begins):
                    m.d.sync += [
                        header.eq(decoder.header),
                        bar.eq(decoder.bar),
                        remaining_dw.eq(decoder.payload_dw),
                        carry.eq(upper),
                    ]
                    with m.If(~fits):
                        m.next = "TAKE_PAYLOAD"
                    with m.Elif(~i.payload.last):
                        m.next = "SKIP_REST"

            first = Signal()
            m.d.comb += first.eq(remaining_dw == header.length_dw)

            with m.State("TAKE_PAYLOAD"):
                enough = Signal()
                overflows = Signal()
                m.d.comb += [
                    enough.eq(remaining_dw <= lanes),
                    overflows.eq(i.payload.last & ~enough & (spare > 0)),
                    o.payload.first.eq(first),
                    o.payload.last.eq(enough | (i.payload.last & ~overflows)),
                    o.valid.eq(i.valid),
                    i.ready.eq(o.ready),
                ]
                with m.If(i.valid & o.ready):
                    m.d.sync += [remaining_dw.eq(remaining_dw - lanes), carry.eq(upper)]
                    with m.If(overflows):
                        m.next = "FLUSH_CARRY"
                    with m.Elif(i.payload.last):
                        m.next = "TAKE_DESCRIPTOR"
                    with m.Elif(enough):
                        m.next = "SKIP_REST"

            with m.State("FLUSH_CARRY"):
                m.d.comb += [o.payload.last.eq(1), o.valid.eq(1)]
                with m.If(o.ready):
                    m.next = "TAKE_DESCRIPTOR"

            with m.State("SKIP_REST"):
                m.d.comb += i.ready.eq(1)
                with m.If(i.valid & i.payload.last):
                    m.next = "TAKE_DESCRIPTOR"

        for n in range(lanes):
            cell = shifted[36 * n:36 * n + 36]
            m.d.comb += [
                o.payload.data[32 * n:32 * n + 32].eq(cell[:32]),
                o.payload.byte_enable[4 * n:4 * n + 4].eq(Mux(shown_dw > n, cell[32:], 0)),
            ]
        return m

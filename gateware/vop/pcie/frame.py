# SPDX-License-Identifier: BSD-2-Clause
"""From typed beats to a TLP as the block takes it: header first, payload close behind."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

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

    A TLP leaves in as few beats as it has DWs for, and the next one starts in the next cycle.

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
        is_completion = Signal()
        is_memory = Signal()
        m.d.comb += [
            is_completion.eq((header.kind == Kind.COMPLETION)
                             | (header.kind == Kind.COMPLETION_DATA)
                             | (header.kind == Kind.COMPLETION_LOCK)),
            is_memory.eq((header.kind == Kind.MEMORY_READ) | (header.kind == Kind.MEMORY_WRITE)),
            encoder.header.eq(header),
        ]
        with m.If(is_completion):
            m.d.comb += encoder.header.completer.eq(self.id)
        with m.Else():
            m.d.comb += encoder.header.requester.eq(self.id)

        payload = Signal(width)              # in link order
        carry = Signal(width - 32)           # upper lanes of the beat before
        poisoned = Signal()
        three_dw = Signal()
        remaining_dw = Signal(11)            # payload not yet sent
        m.d.comb += [
            payload.eq(swap_bytes(i.payload.data)),
            o.payload.poisoned.eq(poisoned),
        ]

        # The beat that holds the end of the header.
        ends = Signal()                      # it holds the whole rest of the TLP
        takes = Signal()                     # the payload's first beat goes with it
        behind_dw = Signal(11)               # payload that does not fit it
        dwords = encoder.dwords
        header_end = Cat(dwords[2], Mux(encoder.four_dw, dwords[3], payload[:32]))
        m.d.comb += [
            takes.eq(~encoder.four_dw | (encoder.payload_dw == 0)),
            behind_dw.eq(encoder.payload_dw - (~encoder.four_dw & (encoder.payload_dw != 0))),
            ends.eq(behind_dw == 0),
        ]
        full = (1 << lanes) - 1
        rest_keep = Mux(remaining_dw < lanes, (1 << remaining_dw[:ceil_log2(lanes)]) - 1, full)
        header_keep = Mux(encoder.four_dw | (encoder.payload_dw != 0), full, full >> 1)

        refused = Signal()
        m.d.comb += refused.eq(is_memory & ~self.bus_master)
        begin = "SEND_HEADER" if width == 128 else "SEND_START"
        with m.FSM(init=begin) as fsm:
            m.d.comb += self.busy.eq(~fsm.ongoing(begin))

            if width == 64:
                with m.State("SEND_START"):
                    m.d.comb += [
                        o.payload.data.eq(Cat(dwords[0], dwords[1])),
                        o.payload.poisoned.eq(header.poisoned),
                        o.payload.keep.eq(full),
                    ]
                    with m.If(refused):
                        self._drop(m)
                    with m.Elif(self.may_start):
                        m.d.comb += o.valid.eq(i.valid)
                        m.d.sync += poisoned.eq(header.poisoned)
                        with m.If(i.valid & o.ready):
                            m.next = "SEND_HEADER"

            with m.State("SEND_HEADER"):
                m.d.comb += [
                    o.payload.last.eq(ends),
                    o.payload.keep.eq(header_keep),
                ]
                if width == 128:
                    m.d.comb += [
                        o.payload.data.eq(Cat(dwords[0], dwords[1], header_end)),
                        o.payload.poisoned.eq(header.poisoned),
                    ]
                    m.d.sync += poisoned.eq(header.poisoned)
                    with m.If(refused):
                        self._drop(m)
                    with m.Elif(self.may_start):
                        m.d.comb += [o.valid.eq(i.valid), i.ready.eq(o.ready & takes)]
                else:
                    m.d.comb += [
                        o.payload.data.eq(header_end),
                        o.valid.eq(i.valid),
                        i.ready.eq(o.ready & takes),
                    ]
                with m.If(o.valid & o.ready):
                    m.d.sync += [
                        three_dw.eq(~encoder.four_dw),
                        remaining_dw.eq(behind_dw),
                        carry.eq(payload[32:]),
                    ]
                    with m.If(ends):
                        m.next = begin
                    with m.Elif(~encoder.four_dw & (behind_dw < lanes)):
                        m.next = "FLUSH_CARRY"
                    with m.Else():
                        m.next = "SEND_PAYLOAD"

            with m.State("SEND_PAYLOAD"):
                m.d.comb += [
                    o.payload.data.eq(Mux(three_dw, Cat(carry, payload[:32]), payload)),
                    o.payload.last.eq(remaining_dw <= lanes),
                    o.payload.keep.eq(rest_keep),
                    o.valid.eq(i.valid),
                    i.ready.eq(o.ready),
                ]
                with m.If(i.valid & o.ready):
                    m.d.sync += [
                        remaining_dw.eq(remaining_dw - lanes),
                        carry.eq(payload[32:]),
                    ]
                    with m.If(o.payload.last):
                        m.next = begin
                    with m.Elif(three_dw & (remaining_dw < 2 * lanes)):
                        m.next = "FLUSH_CARRY"

            with m.State("FLUSH_CARRY"):
                m.d.comb += [
                    o.payload.data.eq(carry),
                    o.payload.keep.eq(rest_keep),
                    o.payload.last.eq(1),
                    o.valid.eq(1),
                ]
                with m.If(o.ready):
                    m.next = begin

            with m.State("DROP"):
                m.d.comb += i.ready.eq(1)
                with m.If(i.valid & i.payload.last):
                    m.next = begin

        return m

    def _drop(self, m):
        """Take a TLP whole, and send nothing."""
        m.d.comb += self.i.ready.eq(1)
        with m.If(self.i.valid):
            m.d.comb += self.dropped.eq(1)
            with m.If(~self.i.payload.last):
                m.next = "DROP"

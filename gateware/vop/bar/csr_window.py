# SPDX-License-Identifier: BSD-2-Clause
"""TLPs to register accesses: BAR0."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .. import csr
from ..pcie.tlp import RxBeatLayout
from .window import ReadBeatLayout, ReadCommandLayout

__all__ = ["CsrWindow"]


class CsrWindow(wiring.Component):
    """Carry out writes and reads of registers, DW by DW, lowest address first.

    A beat of a write is accepted in the cycle of its last access, a read when its last DW has been
    read, so what is accepted has happened. A DW of which no byte is enabled is not accessed. Writes
    go on while an answer waits to be taken.

    Parameters
    ----------
    width : :class:`int`
        Payload bits per beat.
    address_bits : :class:`int`
        Width of a byte address in the window.

    Members
    -------
    writes : ``In(stream.Signature(RxBeatLayout(width)))``
        Memory writes that lie in the window.
    reads : ``In(stream.Signature(ReadCommandLayout))``
        Reads that lie in the window.
    data : ``Out(stream.Signature(ReadBeatLayout(width)))``
        Answers, in the order of the reads.
    registers : ``Out(csr.Signature(address_bits))``
        The register bus.
    registers_grant : ``In(1)``
        High in a cycle in which ``registers`` has the bus: the access happens now.
    """

    def __init__(self, width, *, address_bits=16):
        self._width = width
        self._address_bits = address_bits
        super().__init__({
            "writes":          In(stream.Signature(RxBeatLayout(width))),
            "reads":           In(stream.Signature(ReadCommandLayout)),
            "data":            Out(stream.Signature(ReadBeatLayout(width))),
            "registers":       Out(csr.Signature(address_bits)),
            "registers_grant": In(1),
        })

    def elaborate(self, platform):
        m = Module()
        width, lanes = self._width, self._width // 32
        writes, reads, bus = self.writes, self.reads, self.registers

        lane = Signal(range(lanes))                  # of the beat of a write
        next_dw = Signal(self._address_bits - 2)     # first of the next beat of a write
        may_write = Signal()
        reading = Signal()                           # a read is under way
        read_lane = Signal(range(lanes))
        read_dw = Signal.like(next_dw)
        remaining_dw = Signal(11)                    # of the read
        answer = Signal(width)

        beat_dw = Signal.like(next_dw)
        enable = writes.payload.byte_enable
        above = Signal()                             # lanes above this one are to be written
        m.d.comb += [
            beat_dw.eq(Mux(writes.payload.first, writes.payload.header.address[2:], next_dw)),
            bus.write_data.eq(writes.payload.data.word_select(lane, 32)),
            bus.write_strobe.eq(enable.word_select(lane, 4)),
            above.eq((enable >> (4 * lane)) >> 4 != 0),
            self.data.payload.data.eq(answer),
            self.data.payload.last.eq(remaining_dw == 0),
        ]

        done = Signal()                              # no access of a write waits for its grant
        m.d.comb += [
            bus.address.eq(Cat(0, 0, (beat_dw + lane)[:len(beat_dw)])),
            bus.write.eq(may_write & writes.valid & (bus.write_strobe != 0)),
            done.eq(~bus.write | self.registers_grant),
            writes.ready.eq(may_write & done & ~above),
        ]
        with m.If(writes.valid & writes.ready):
            m.d.sync += [lane.eq(0), next_dw.eq(beat_dw + lanes)]
        with m.Elif(writes.valid & may_write & done):
            m.d.sync += lane.eq(lane + 1)

        with m.FSM():
            with m.State("ACCEPT"):
                m.d.comb += may_write.eq(1)
                with m.If(done & (reading | reads.valid)):
                    m.d.sync += [reading.eq(1), read_lane.eq(0)]
                    with m.If(~reading):
                        m.d.sync += [
                            remaining_dw.eq(reads.payload.length_dw),
                            read_dw.eq(reads.payload.address[2:]),
                        ]
                    m.next = "READ"

            with m.State("READ"):
                m.d.comb += [
                    bus.address.eq(Cat(0, 0, read_dw)),
                    bus.read.eq(1),
                ]
                with m.If(self.registers_grant):
                    m.d.sync += [
                        read_dw.eq(read_dw + 1),
                        remaining_dw.eq(remaining_dw - 1),
                    ]
                    m.next = "CAPTURE"

            with m.State("CAPTURE"):
                m.d.sync += [
                    answer.word_select(read_lane, 32).eq(bus.read_data),
                    read_lane.eq(read_lane + 1),
                ]
                m.next = "READ"
                with m.If(remaining_dw == 0):
                    m.d.comb += reads.ready.eq(1)
                    m.d.sync += reading.eq(0)
                    m.next = "ANSWER"
                with m.Elif(read_lane == lanes - 1):
                    m.next = "ANSWER"

            with m.State("ANSWER"):
                m.d.comb += [may_write.eq(1), self.data.valid.eq(1)]
                with m.If(self.data.ready):
                    m.next = "ACCEPT"
        return m

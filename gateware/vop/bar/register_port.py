# SPDX-License-Identifier: BSD-2-Clause
"""The host's way to the registers: BAR0, DW by DW."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from .. import csr
from .window import WindowBeatLayout

__all__ = ["RegisterPort"]


class RegisterPort(wiring.Component):
    """Carry out writes and reads of registers, one DW at a time, from a register.

    The DWs of a write go lowest address first; one of which no byte is enabled is not accessed.
    While both a write and a read wait, they take turns.

    Parameters
    ----------
    width : :class:`int`
        Payload bits per beat.
    address_bits : :class:`int`
        Width of a byte address in the window.

    Members
    -------
    writes : ``In(stream.Signature(WindowBeatLayout(address_bits - 2, width)))``
        Memory writes that lie in the window. A beat is accepted when its last DW is on its way.
    reads : ``In(stream.Signature(address_bits - 2))``
        DWs to read. Its answer must be taken at once.
    answer : ``Out(32)``, answered : ``Out(1)``
        The answer to a read; in order.
    hold : ``In(1)``
        High: no access is begun.
    writing : ``Out(1)``
        A write that was accepted has not been granted.
    registers : ``Out(csr.Signature(address_bits))``
        The register bus. An access stands until it is granted.
    registers_grant : ``In(1)``
        High in a cycle in which ``registers`` has the bus. The answer to a read comes two cycles
        later.
    """

    def __init__(self, width, *, address_bits=16):
        self._width = width
        self._address_bits = address_bits
        super().__init__({
            "writes":          In(stream.Signature(WindowBeatLayout(address_bits - 2, width))),
            "reads":           In(stream.Signature(address_bits - 2)),
            "answer":          Out(32),
            "answered":        Out(1),
            "hold":            In(1),
            "writing":         Out(1),
            "registers":       Out(csr.Signature(address_bits)),
            "registers_grant": In(1),
        })

    def elaborate(self, platform):
        m = Module()
        lanes = self._width // 32
        writes, reads, bus = self.writes, self.reads, self.registers

        lane = Signal(range(lanes))              # of the beat of a write
        beat = Signal(11 - ceil_log2(lanes))     # of the write
        read_was_last = Signal()
        free = Signal()                          # the register can take another access
        takes_write, takes_read = Signal(), Signal()

        enable = writes.payload.byte_enable
        strobe = enable.word_select(lane, 4)
        above = (enable >> (4 * lane)) >> 4 != 0  # lanes above this one are to be written
        m.d.comb += [
            free.eq(~(bus.read | bus.write) | self.registers_grant),
            takes_write.eq(writes.valid & free & ~self.hold & ~(reads.valid & ~read_was_last)),
            takes_read.eq(reads.valid & free & ~self.hold & ~takes_write),
            writes.ready.eq(takes_write & ~above),
            reads.ready.eq(takes_read),
            self.writing.eq(bus.write),
            self.answer.eq(bus.read_data),
        ]
        asked = Signal()
        m.d.sync += [asked.eq(bus.read & self.registers_grant), self.answered.eq(asked)]
        with m.If(free):
            m.d.sync += [
                bus.write.eq(takes_write & (strobe != 0)),
                bus.read.eq(takes_read),
                bus.write_data.eq(writes.payload.data.word_select(lane, 32)),
                bus.write_strobe.eq(strobe),
                bus.address[2:].eq(Mux(takes_read, reads.payload,
                                       writes.payload.offset_dw + Cat(lane, beat))),
            ]
        with m.If(takes_write):
            m.d.sync += [read_was_last.eq(0), lane.eq(lane + 1)]
            with m.If(~above):
                m.d.sync += [lane.eq(0), beat.eq(Mux(writes.payload.last, 0, beat + 1))]
        with m.If(takes_read):
            m.d.sync += read_was_last.eq(1)
        return m

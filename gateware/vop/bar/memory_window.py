# SPDX-License-Identifier: BSD-2-Clause
"""TLPs to card memory: BAR2."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from ..pcie.tlp import RxBeatLayout
from ..soc import memory_port
from ..stream import Queue
from .window import ReadBeatLayout, ReadCommandLayout

__all__ = ["MemoryWriter", "MemoryReader", "MemoryWindow"]


class MemoryWriter(wiring.Component):
    """Write TLPs into card memory, a line per cycle.

    The last beat of a TLP is accepted once all of the TLP's bytes have been. A TLP that spreads
    over one line more than it has beats takes one cycle more.

    Parameters
    ----------
    line_bits : :class:`int`
        Width of a line number.
    width : :class:`int`
        Bits per line, and payload bits per beat.

    Members
    -------
    writes : ``In(stream.Signature(RxBeatLayout(width)))``
        Memory writes that lie in the window.
    memory : ``Out(memory_port.WriteSignature(line_bits, width))``
        Card memory.
    """

    def __init__(self, line_bits, width):
        self._line_bits = line_bits
        self._width = width
        super().__init__({
            "writes": In(stream.Signature(RxBeatLayout(width))),
            "memory": Out(memory_port.WriteSignature(line_bits, width)),
        })

    def elaborate(self, platform):
        m = Module()
        width, lanes = self._width, self._width // 32
        beat, request = self.writes.payload, self.memory.request
        line_shift = ceil_log2(width // 8)

        shift = Signal(range(lanes))             # lane of card memory that the first DW goes to
        carry = Signal(width)                    # DWs that did not fit the line before
        carry_strobe = Signal(width // 8)
        next_line = Signal(self._line_bits)
        flushing = Signal()                      # the beat is written but for what did not fit

        wide_data = Signal(2 * width)
        wide_strobe = Signal(2 * width // 8)
        m.d.comb += [
            shift.eq(beat.header.address[2:line_shift]),
            wide_data.eq(beat.data << (shift << 5)),
            wide_strobe.eq(beat.byte_enable << (shift << 2)),
            request.valid.eq(self.writes.valid),
            request.payload.line.eq(Mux(beat.first & ~flushing,
                                        beat.header.address[line_shift:], next_line)),
        ]
        spills = wide_strobe[width // 8:] != 0
        with m.If(flushing):
            m.d.comb += [
                request.payload.data.eq(wide_data[width:]),
                request.payload.strobe.eq(wide_strobe[width // 8:]),
                self.writes.ready.eq(request.ready),
            ]
        with m.Else():
            # Where a strobe is low, its byte may be anything.
            m.d.comb += [
                request.payload.data.eq(wide_data[:width] | Mux(beat.first, 0, carry)),
                request.payload.strobe.eq(wide_strobe[:width // 8]
                                          | Mux(beat.first, 0, carry_strobe)),
                self.writes.ready.eq(request.ready & ~(beat.last & spills)),
            ]
        with m.If(request.valid & request.ready):
            m.d.sync += [
                flushing.eq(~flushing & beat.last & spills),
                next_line.eq(request.payload.line + 1),
                carry.eq(wide_data[width:]),
                carry_strobe.eq(wide_strobe[width // 8:]),
            ]
        return m


class MemoryReader(wiring.Component):
    """Read card memory, any number of DWs from any DW.

    A read is accepted once the last of its lines has been asked for. As many lines are under way
    as the queue can hold.

    Parameters
    ----------
    line_bits : :class:`int`
        Width of a line number.
    width : :class:`int`
        Bits per line, and payload bits per beat.
    depth : :class:`int`
        Lines that can be under way.

    Members
    -------
    reads : ``In(stream.Signature(ReadCommandLayout))``
        Reads that lie in the window.
    data : ``Out(stream.Signature(ReadBeatLayout(width)))``
        Answers, in the order of the reads.
    memory : ``Out(memory_port.ReadSignature(line_bits, width))``
        Card memory.
    """

    #: Reads whose lines may be under way.
    _JOBS = 4

    def __init__(self, line_bits, width, *, depth=16):
        self._line_bits = line_bits
        self._width = width
        self._depth = depth
        super().__init__({
            "reads":  In(stream.Signature(ReadCommandLayout)),
            "data":   Out(stream.Signature(ReadBeatLayout(width))),
            "memory": Out(memory_port.ReadSignature(line_bits, width)),
        })

    def elaborate(self, platform):
        m = Module()
        width, lanes = self._width, self._width // 32
        lane_bits, line_shift = ceil_log2(lanes), ceil_log2(width // 8)
        memory = self.memory

        job_layout = data.StructLayout({"lane": lane_bits, "length_dw": 11})
        m.submodules.jobs = jobs = Queue(job_layout, depth=self._JOBS)
        m.submodules.lines = lines = Queue(width, depth=self._depth)
        free = Signal(range(self._depth + 1), init=self._depth)

        # Ask for lines.
        first_lane = self.reads.payload.address[2:line_shift]
        asked = Signal(11)
        issuing = Signal()
        final = Signal()
        m.d.comb += [
            jobs.i.payload.lane.eq(first_lane),
            jobs.i.payload.length_dw.eq(self.reads.payload.length_dw),
            jobs.i.valid.eq(self.reads.valid & ~issuing),
            memory.request.valid.eq(issuing & (free != 0)),
            memory.request.payload.eq(self.reads.payload.address[line_shift:] + asked),
            final.eq(((asked + 1) << lane_bits) >= first_lane + self.reads.payload.length_dw),
            self.reads.ready.eq(memory.request.valid & memory.request.ready & final),
            lines.i.payload.eq(memory.response.payload),
            lines.i.valid.eq(memory.response.valid),
        ]
        with m.If(jobs.i.valid & jobs.i.ready):
            m.d.sync += [issuing.eq(1), asked.eq(0)]
        with m.If(memory.request.valid & memory.request.ready):
            m.d.sync += asked.eq(asked + 1)
            with m.If(final):
                m.d.sync += issuing.eq(0)
        m.d.sync += free.eq(free - (memory.request.valid & memory.request.ready)
                            + (lines.o.valid & lines.o.ready))

        # Shift their DWs to lane 0.
        previous = Signal(width)
        lane = Signal(lane_bits)
        remaining_dw = Signal(11)
        crosses = Signal()                       # the beat needs DWs of the next line
        m.d.comb += [
            crosses.eq(remaining_dw + lane > lanes),
            self.data.payload.data.eq((Cat(previous, lines.o.payload) >> (lane << 5))[:width]),
            self.data.payload.last.eq(remaining_dw <= lanes),
        ]
        with m.FSM():
            with m.State("TAKE_FIRST_LINE"):
                with m.If(jobs.o.valid & lines.o.valid):
                    m.d.comb += [jobs.o.ready.eq(1), lines.o.ready.eq(1)]
                    m.d.sync += [
                        previous.eq(lines.o.payload),
                        lane.eq(jobs.o.payload.lane),
                        remaining_dw.eq(jobs.o.payload.length_dw),
                    ]
                    m.next = "ANSWER"
            with m.State("ANSWER"):
                m.d.comb += [
                    self.data.valid.eq(~crosses | lines.o.valid),
                    lines.o.ready.eq(crosses & self.data.ready),
                ]
                with m.If(self.data.valid & self.data.ready):
                    m.d.sync += [
                        previous.eq(lines.o.payload),
                        remaining_dw.eq(remaining_dw - lanes),
                    ]
                    with m.If(self.data.payload.last):
                        m.next = "TAKE_FIRST_LINE"
        return m


class MemoryWindow(wiring.Component):
    """Card memory behind a BAR: a writer and a reader.

    Parameters
    ----------
    line_bits : :class:`int`
        Width of a line number.
    width : :class:`int`
        Bits per line, and payload bits per beat.

    Members
    -------
    writes : ``In(stream.Signature(RxBeatLayout(width)))``
        Memory writes that lie in the window.
    reads : ``In(stream.Signature(ReadCommandLayout))``
        Reads that lie in the window. A read accepted after a write sees it.
    data : ``Out(stream.Signature(ReadBeatLayout(width)))``
        Answers, in the order of the reads.
    memory_read : ``Out(memory_port.ReadSignature(line_bits, width))``, memory_write : ``Out(...)``
        Card memory.
    """

    def __init__(self, line_bits, width):
        self._line_bits = line_bits
        self._width = width
        super().__init__({
            "writes":       In(stream.Signature(RxBeatLayout(width))),
            "reads":        In(stream.Signature(ReadCommandLayout)),
            "data":         Out(stream.Signature(ReadBeatLayout(width))),
            "memory_read":  Out(memory_port.ReadSignature(line_bits, width)),
            "memory_write": Out(memory_port.WriteSignature(line_bits, width)),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.writer = writer = MemoryWriter(self._line_bits, self._width)
        m.submodules.reader = reader = MemoryReader(self._line_bits, self._width)
        wiring.connect(m, wiring.flipped(self.writes), writer.writes)
        wiring.connect(m, writer.memory, wiring.flipped(self.memory_write))
        wiring.connect(m, wiring.flipped(self.reads), reader.reads)
        wiring.connect(m, reader.data, wiring.flipped(self.data))
        wiring.connect(m, reader.memory, wiring.flipped(self.memory_read))
        return m

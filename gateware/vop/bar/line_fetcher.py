# SPDX-License-Identifier: BSD-2-Clause
"""What the host reads: lines of card RAM, or registers laid out as lines."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from ..soc import memory_port

__all__ = ["FetchLayout", "LineFetcher"]


def FetchLayout(offset_bits):
    """DWs to fetch from one window."""
    return data.StructLayout({
        "is_memory": 1,            # card RAM; else registers
        "offset_dw": offset_bits,  # of the first DW in its window
        "length_dw": 11,           # 1 to 1024
    })


class LineFetcher(wiring.Component):
    """Fetch DWs as the lines of card RAM that hold them; registers come as lines as well.

    Nothing is asked for that the queue of lines has no room for, so neither card RAM nor the
    registers ever wait for the link. Lines come in the order of their jobs.

    Parameters
    ----------
    offset_bits : :class:`int`
        Bits of an offset in a window, in DW.
    line_bits, register_bits : :class:`int`
        Width of a line number, and of the number of a register.
    width : :class:`int`
        Bits per line.

    Members
    -------
    jobs : ``In(stream.Signature(FetchLayout(offset_bits)))``
        What to fetch. One waits here while the one before it is asked for.
    lines : ``Out(stream.Signature(width))``
        Lines. What of them was not asked for is anything.
    memory : ``Out(memory_port.ReadSignature(line_bits, width))``
        Card RAM.
    registers : ``Out(stream.Signature(register_bits))``
        Registers to read; answered by ``answered`` and ``answer``.
    answer : ``In(32)``, answered : ``In(1)``
        The answer to a read; in order.
    idle : ``Out(1)``
        High while nothing is asked for or held.
    """

    #: Lines held.
    _LINES = 32

    def __init__(self, width, *, offset_bits, line_bits, register_bits):
        self._width = width
        self._lane_bits = ceil_log2(width // 32)
        super().__init__({
            "jobs":      In(stream.Signature(FetchLayout(offset_bits))),
            "lines":     Out(stream.Signature(width)),
            "memory":    Out(memory_port.ReadSignature(line_bits, width)),
            "registers": Out(stream.Signature(register_bits)),
            "answer":    In(32),
            "answered":  In(1),
            "idle":      Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        width, lane_bits = self._width, self._lane_bits
        lanes = width // 32
        job = Signal.like(self.jobs.payload)        # the next one
        has_job = Signal()
        starts = Signal()                           # it is under way from the next cycle on

        m.submodules.storage = storage = memory.Memory(
            shape=width, depth=self._LINES, init=[])
        write = storage.write_port(granularity=32)
        read = storage.read_port(domain="comb")

        # What is still to be asked for. Of card RAM whole lines count, of the registers DWs.
        asking = Signal()
        is_memory = Signal()
        at_dw = Signal.like(job.offset_dw)
        left_dw = Signal(range(1024 + lanes))    # behind the start of the first line
        is_final = Signal()
        free = Signal(range(self._LINES + 1), init=self._LINES)     # lines nobody has asked for
        under_way = Signal(range(self._LINES + 1))                  # lines asked for, not here
        reading = Signal()                                          # a register is being read
        asked = Signal()
        lane = Signal(lane_bits)                                    # of the register being read
        claims = Signal()                                           # a line's place is taken
        ends_line = Signal()
        arrived = Signal()
        has_room, waits, has_line = Signal(init=1), Signal(), Signal()  # the counts are not zero

        m.d.comb += [
            self.memory.request.valid.eq(asking & is_memory & has_room),
            self.memory.request.payload.eq(at_dw[lane_bits:]),
            # Registers wait until every line before theirs is here.
            self.registers.valid.eq(asking & ~is_memory & ~reading & ~waits & has_room),
            self.registers.payload.eq(at_dw),
            asked.eq((self.memory.request.valid & self.memory.request.ready)
                     | (self.registers.valid & self.registers.ready)),
            is_final.eq(Mux(is_memory, left_dw <= lanes, left_dw == 1)),
            self.jobs.ready.eq(~has_job),
            # An answer of a register and lines come over one way, so lines wait for it.
            starts.eq(has_job & ~reading & (~asking | (is_memory & asked & is_final))),
            ends_line.eq(is_final | (at_dw[:lane_bits] == lanes - 1)),
            claims.eq(asked & (is_memory | ends_line)),
        ]
        with m.If(asked):
            m.d.sync += [
                asking.eq(~is_final),
                at_dw.eq(Mux(is_memory, Cat(at_dw[:lane_bits], at_dw[lane_bits:] + 1), at_dw + 1)),
                left_dw.eq(Mux(is_memory, left_dw - lanes, left_dw - 1)),
            ]
        with m.If(self.jobs.valid & self.jobs.ready):
            m.d.sync += [job.eq(self.jobs.payload), has_job.eq(1)]
        with m.If(starts):
            m.d.sync += [
                has_job.eq(0),
                asking.eq(1),
                is_memory.eq(job.is_memory),
                at_dw.eq(job.offset_dw),
                left_dw.eq(job.length_dw + Mux(job.is_memory, job.offset_dw[:lane_bits], 0)),
            ]

        # One register at a time: what becomes of its answer is known when it is asked for.
        completes = Signal()
        with m.If(self.registers.valid & self.registers.ready):
            m.d.sync += [reading.eq(1), lane.eq(at_dw[:lane_bits]), completes.eq(ends_line)]
        with m.If(self.answered):
            m.d.sync += reading.eq(0)

        end = Signal(range(self._LINES))
        first = Signal.like(end)
        held = Signal(range(self._LINES + 1))
        taken = Signal()
        m.d.comb += [
            write.addr.eq(end),
            write.data.eq(Mux(reading, self.answer.replicate(lanes), self.memory.response.payload)),
            write.en.eq(Mux(reading, self.answered << lane,
                            self.memory.response.valid.replicate(lanes))),
            arrived.eq(self.memory.response.valid | (self.answered & completes)),
            read.addr.eq(first),
            self.lines.payload.eq(read.data),
            self.lines.valid.eq(has_line),
            taken.eq(self.lines.valid & self.lines.ready),
            self.idle.eq(~has_job & ~asking & ~reading & (free == self._LINES)),
        ]
        m.d.sync += [
            end.eq(end + arrived),
            first.eq(first + taken),
        ]
        for count, some, up, down in ((held, has_line, arrived, taken),
                                      (free, has_room, taken, claims),
                                      (under_way, waits, claims, arrived)):
            m.d.sync += some.eq(up | (some & ~(down & (count == 1))))
            with m.If(up & ~down):
                m.d.sync += count.eq(count + 1)
            with m.Elif(down & ~up):
                m.d.sync += count.eq(count - 1)
        return m

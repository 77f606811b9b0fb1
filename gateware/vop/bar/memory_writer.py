# SPDX-License-Identifier: BSD-2-Clause
"""The host's writes to card RAM: BAR2."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from ..rotate import RotatorStage
from ..soc import memory_port
from .window import WindowBeatLayout

__all__ = ["MemoryWriter"]


class MemoryWriter(wiring.Component):
    """Write TLPs into card RAM, a line per cycle, from a register.

    A TLP that spreads over one line more than it has beats takes one cycle more.

    Parameters
    ----------
    line_bits : :class:`int`
        Width of a line number.
    width : :class:`int`
        Bits per line, and payload bits per beat.

    Members
    -------
    writes : ``In(stream.Signature(WindowBeatLayout(..., width)))``
        Memory writes that lie in the window.
    idle : ``Out(1)``
        High while everything accepted has been written.
    memory : ``Out(memory_port.WriteSignature(line_bits, width))``
        Card RAM.
    """

    def __init__(self, line_bits, width):
        self._width = width
        self._line_bits = line_bits
        self._lane_bits = ceil_log2(width // 32)
        super().__init__({
            "writes": In(stream.Signature(WindowBeatLayout(line_bits + self._lane_bits, width))),
            "idle":   Out(1),
            "memory": Out(memory_port.WriteSignature(line_bits, width)),
        })

    def elaborate(self, platform):
        m = Module()
        lanes = self._width // 32
        beat, request = self.writes.payload, self.memory.request
        shift = beat.offset_dw[:self._lane_bits]    # lane of card RAM that the first DW goes to

        # The beat with each DW in its lane: of its first line, or below `shift` of the next.
        rotated_data = self._rotated(m, beat.data, shift, name="data")
        rotated_strobe = self._rotated(m, beat.byte_enable, shift, name="strobe")

        carry_data = Signal(self._width - 32)
        carry_strobe = Signal((self._width - 32) // 8)  # zero where nothing is to be written
        flushing = Signal()                  # the carry is a line of its own
        next_line = Signal(self._line_bits)
        free = Signal()
        taken = Signal()
        runs_over = Signal(lanes - 1)        # the lane belongs to the next line
        spilled_strobe = Signal.like(carry_strobe)
        m.d.comb += [
            free.eq(~request.valid | request.ready),
            self.writes.ready.eq(free & ~flushing),
            taken.eq(self.writes.valid & self.writes.ready),
            spilled_strobe.eq(rotated_strobe & Cat(over.replicate(4) for over in runs_over)),
            self.idle.eq(~request.valid & ~flushing),
        ]
        m.d.comb += [runs_over[lane].eq(shift > lane) for lane in range(lanes - 1)]

        with m.If(free):
            m.d.sync += [
                request.valid.eq(taken | flushing),
                request.payload.line.eq(Mux(beat.first & ~flushing,
                                            beat.offset_dw[self._lane_bits:], next_line)),
            ]
            for lane in range(lanes):
                of_line = request.payload.data.word_select(lane, 32)
                of_strobe = request.payload.strobe.word_select(lane, 4)
                m.d.sync += [
                    of_line.eq(rotated_data.word_select(lane, 32)),
                    of_strobe.eq(rotated_strobe.word_select(lane, 4) & ~flushing.replicate(4)),
                ]
                if lane < lanes - 1:
                    with m.If(runs_over[lane] | flushing):
                        m.d.sync += [
                            of_line.eq(carry_data.word_select(lane, 32)),
                            of_strobe.eq(carry_strobe.word_select(lane, 4)),
                        ]
            with m.If(taken):
                m.d.sync += [
                    carry_data.eq(rotated_data[:self._width - 32]),
                    carry_strobe.eq(spilled_strobe),
                    flushing.eq(beat.last & (spilled_strobe != 0)),
                    next_line.eq(Mux(beat.first, beat.offset_dw[self._lane_bits:], next_line) + 1),
                ]
            with m.If(flushing):
                m.d.sync += [flushing.eq(0), carry_strobe.eq(0)]
        return m

    @staticmethod
    def _rotated(m, word, shift, *, name):
        """``word`` turned up by ``shift`` of its lanes."""
        m.submodules[f"rotator_stage_{name}"] = stage = RotatorStage(
            len(word), step=len(word) >> len(shift), count_bits=len(shift))
        m.d.comb += [stage.i.eq(word), stage.count.eq(shift)]
        return stage.o

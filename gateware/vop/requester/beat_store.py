# SPDX-License-Identifier: BSD-2-Clause
"""From lines of card RAM to beats: a queue whose bytes find their place by address."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

from ..rotate import ByteRotator
from .write_plan import LineLayout

__all__ = ["BeatStore"]

_DEPTH = 16  # beats


class BeatStore(wiring.Component):
    """Rotate each line, and store it across the two beats that it belongs to.

    Each byte lane is a memory of its own. The bytes of a rotated line from lane ``rotation`` up
    belong to one beat, those below it to the next: each goes there by the address of its lane, so
    nothing wide is held or merged. Nothing waits: there is room for what was asked for.

    Parameters
    ----------
    width : :class:`int`
        Bits of a line and of a beat: 64, 128 or 256.

    Members
    -------
    may_ask : ``Out(1)``
        High: there is room for one more line, besides the one on ``line``.
    line : ``In(stream.Signature(LineLayout(width), always_ready=True))``
        What to do with each line, in order, at least a cycle before it comes.
    response : ``In(stream.Signature(width, always_ready=True))``
        The lines.
    immediate : ``In(width)``
        What takes the place of an immediate line, all of it valid in the cycle of ``response``.
    upper : ``Out(1)``
        Which part of it.
    next_immediate : ``Out(1)``
        Strobe: it was used for the last time.
    beat : ``Out(stream.Signature(width))``
        Beats of TLPs, one behind the other.
    """

    def __init__(self, *, width):
        self._width = width
        super().__init__({
            "may_ask":        Out(1),
            "line":           In(stream.Signature(LineLayout(width), always_ready=True)),
            "response":       In(stream.Signature(width, always_ready=True)),
            "immediate":      In(width),
            "upper":          Out(1),
            "next_immediate": Out(1),
            "beat":           Out(stream.Signature(width)),
        })

    def elaborate(self, platform):
        m = Module()
        lanes = self._width // 8

        # Lines on their way.
        m.submodules.lines = lines = memory.Memory(
            shape=LineLayout(self._width), depth=_DEPTH, init=[])
        lines_write = lines.write_port()
        lines_read = lines.read_port(domain="comb")
        info = lines_read.data
        stored = self.response.valid
        m.d.comb += [
            lines_write.data.eq(self.line.payload),
            lines_write.en.eq(self.line.valid),
            self.upper.eq(info.upper),
            self.next_immediate.eq(stored & info.spent),
        ]
        m.d.sync += [
            lines_write.addr.eq(lines_write.addr + self.line.valid),
            lines_read.addr.eq(lines_read.addr + stored),
        ]

        # Where they go.
        m.submodules.rotator = rotator = ByteRotator(self._width)
        m.d.comb += [
            rotator.i.eq(Mux(info.immediate, self.immediate, self.response.payload)),
            rotator.turn.eq(info.rotation),
        ]
        complete = Signal(2)                    # beats that this line completes
        incomplete = Signal(range(_DEPTH))      # the oldest beat that is not complete
        behind = Signal(range(_DEPTH), init=1)  # the next one
        oldest = Signal(range(_DEPTH))
        m.d.comb += [
            complete.eq(Mux(stored, ~info.early + info.tail, 0)),
        ]
        m.d.sync += [incomplete.eq(incomplete + complete), behind.eq(behind + complete)]
        beat = []
        for lane in range(lanes):
            m.submodules[f"lane{lane}"] = column = memory.Memory(shape=8, depth=_DEPTH, init=[])
            write = column.write_port()
            read = column.read_port(domain="comb")
            m.d.comb += [
                # What an early line has from `rotation` up is not the TLP's, and the next line
                # overwrites it.
                write.addr.eq(Mux((info.rotation > lane) & ~info.early, behind, incomplete)),
                write.en.eq(stored),
                write.data.eq(rotator.o[8 * lane:8 * lane + 8]),
                read.addr.eq(oldest),
            ]
            beat.append(read.data)

        # How many there are.
        gone = Signal()
        level = Signal(range(_DEPTH + 1))       # beats complete
        next_level = Signal(range(_DEPTH + 1))
        promised = Signal(range(_DEPTH + 1))    # ... and on their way
        m.d.comb += [
            gone.eq(self.beat.valid & self.beat.ready),
            next_level.eq(level + complete - gone),
            self.beat.payload.eq(Cat(beat)),
            # Two lines are not counted yet: the one on `line`, and the one that is asked for now.
            # Each may bring two beats, and the place behind a TLP's last beat is written as well.
            self.may_ask.eq(promised < _DEPTH - 4),
        ]
        m.d.sync += [
            oldest.eq(oldest + gone),
            level.eq(next_level),
            self.beat.valid.eq(next_level != 0),
            promised.eq(promised + Mux(self.line.valid, ~self.line.payload.early
                                       + self.line.payload.tail, 0) - gone),
        ]
        return m

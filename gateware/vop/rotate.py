# SPDX-License-Identifier: BSD-2-Clause
"""Turn the bytes of a word, two bits of the turn at a time."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["ByteRotator", "RotatorStage"]


class RotatorStage(wiring.Component):
    """Rotate a word by one of four amounts, or two. Combinational.

    Parameters
    ----------
    width : :class:`int`
        Bits of the word.
    step : :class:`int`
        Bits by which it is turned up for each of ``count``.
    count_bits : :class:`int`
        Bits of ``count``. With two, a bit of the word takes a lookup table of six inputs.

    Members
    -------
    i : ``In(width)``
        The word.
    count : ``In(count_bits)``
        Steps by which it is turned up.
    o : ``Out(width)``
        The word, turned.
    """

    def __init__(self, width, *, step, count_bits):
        self._step = step
        super().__init__({
            "i":     In(width),
            "count": In(count_bits),
            "o":     Out(width),
        })

    def elaborate(self, platform):
        m = Module()
        with m.Switch(self.count):
            for count in range(1 << len(self.count)):
                with m.Case(count):
                    m.d.comb += self.o.eq(self.i.rotate_left(count * self._step))
        return m


class ByteRotator(wiring.Component):
    """Rotate a word by whole bytes. Combinational.

    The stages are modules of their own, and ``vop.xc7.tools`` maps each by itself: where it sees
    them together, yosys takes twice the lookup tables.

    Parameters
    ----------
    width : :class:`int`
        Bits of the word: 8 times a power of two.

    Members
    -------
    i : ``In(width)``
        The word.
    turn : ``In(range(width // 8))``
        Bytes by which it is turned up.
    o : ``Out(width)``
        The word, turned: its byte n is byte n - ``turn`` of ``i``, modulo the bytes there are.
    """

    def __init__(self, width):
        self._width = width
        super().__init__({
            "i":    In(width),
            "turn": In(range(width // 8)),
            "o":    Out(width),
        })

    def elaborate(self, platform):
        m = Module()
        turned = self.i
        for low in range(0, len(self.turn), 2):
            count = self.turn[low:low + 2]
            m.submodules[f"rotator_stage{low}"] = stage = RotatorStage(
                self._width, step=8 << low, count_bits=len(count))
            m.d.comb += [stage.i.eq(turned), stage.count.eq(count)]
            turned = stage.o
        m.d.comb += self.o.eq(turned)
        return m

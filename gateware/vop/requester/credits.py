# SPDX-License-Identifier: BSD-2-Clause
"""Completion credits: reads go out only if their completions are sure to find room."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["BLOCK_LOG2", "MAX_BLOCKS", "credit_blocks", "blocks_of", "CreditCounter"]

#: Log2 of the bytes of a block: completions may split at every 64 bytes (PCIe Base 4.0, 2.3.1.1).
BLOCK_LOG2 = 6

#: Most blocks that one read touches.
MAX_BLOCKS = 8

_BLOCK_DATA_CREDITS = (1 << BLOCK_LOG2) // 16


def credit_blocks(headers, data):
    """Blocks that a receive buffer of so many headers and units of 16 bytes is sure to hold.

    In 64-byte completions a block takes one header and four units; it never takes more.
    """
    return min(headers, data // _BLOCK_DATA_CREDITS)


def blocks_of(lower, count):
    """Blocks that ``count`` bytes from host address ``lower`` touch: completions, at the worst."""
    return (lower[:BLOCK_LOG2] + count + (1 << BLOCK_LOG2) - 1) >> BLOCK_LOG2


class CreditCounter(wiring.Component):
    """Count the blocks of the receive buffer that no outstanding read needs.

    Parameters
    ----------
    blocks : :class:`int`
        Blocks in all, 8 to 57.

    Members
    -------
    free : ``Out(range(blocks + 1))``
        Blocks that may be taken.
    take : ``In(range(MAX_BLOCKS + 1))``
        Blocks taken in this cycle, at most ``free``.
    give : ``In(range(MAX_BLOCKS + 1))``
        Blocks given back in this cycle. More than were taken count for nothing.
    idle : ``Out(1)``
        No block is taken.

    Raises
    ------
    ValueError
        If ``blocks`` is out of range.
    """

    def __init__(self, *, blocks):
        if not MAX_BLOCKS <= blocks <= 57:
            raise ValueError(f"Completion credits must cover 8 to 57 blocks of 64 bytes, not "
                             f"{blocks!r}")
        self._blocks = blocks
        super().__init__({
            "free": Out(range(blocks + 1), init=blocks),
            "take": In(range(MAX_BLOCKS + 1)),
            "give": In(range(MAX_BLOCKS + 1)),
            "idle": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        following = Signal(range(self._blocks + MAX_BLOCKS + 1))
        m.d.comb += [
            following.eq(self.free + self.give - self.take),
            self.idle.eq(self.free == self._blocks),
        ]
        m.d.sync += self.free.eq(following)
        with m.If(following > self._blocks):
            m.d.sync += self.free.eq(self._blocks)
        return m

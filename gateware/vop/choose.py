# SPDX-License-Identifier: BSD-2-Clause
"""Choose one of four words."""

from amaranth.hdl import Module, Mux
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Chooser"]


class Chooser(wiring.Component):
    """Choose one of four words by two bits. Combinational.

    A bit of the word takes a lookup table of six inputs. Name the submodule ``chooser...``:
    ``vop.xc7.tools`` maps such by itself, as yosys takes more where it sees what is around.

    Parameters
    ----------
    width : :class:`int`
        Bits of a word.

    Members
    -------
    i : ``In(width).array(4)``
        The words.
    choice : ``In(2)``
        Number of one.
    o : ``Out(width)``
        That one.
    """

    def __init__(self, width):
        super().__init__({
            "i":      In(width).array(4),
            "choice": In(2),
            "o":      Out(width),
        })

    def elaborate(self, platform):
        m = Module()
        low, high = self.choice
        m.d.comb += self.o.eq(Mux(high, Mux(low, self.i[3], self.i[2]),
                                  Mux(low, self.i[1], self.i[0])))
        return m

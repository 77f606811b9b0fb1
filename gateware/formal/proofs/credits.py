# SPDX-License-Identifier: BSD-2-Clause
"""The counter of completion credits: what is taken and what is free add up."""

from amaranth.hdl import Assert, Assume, Cover, Module, Signal
from vop.requester.credits import CreditCounter

from ..proof import Harness, Plant, Proof

__all__ = ["PROOFS"]

_BLOCKS = 36   # of a 7-series block: 36 headers, 461 units of data


class Counter(Harness):
    """A counter of which more is never taken than is free, nor given back than was taken."""

    def elaborate(self, platform):
        m = Module()
        m.submodules.dut = dut = CreditCounter(blocks=_BLOCKS)
        taken = Signal(range(2 * _BLOCKS))
        m.d.comb += [
            dut.take.eq(self.any(4, "take")),
            dut.give.eq(self.any(4, "give")),
            Assume((dut.take <= 8) & (dut.take <= dut.free)),
            Assume((dut.give <= 8) & (dut.give <= taken)),
            Assert(taken + dut.free == _BLOCKS),
            Assert(dut.idle == (taken == 0)),
            Cover((dut.free == 0) & (dut.give == 8)),
        ]
        m.d.sync += taken.eq(taken + dut.take - dut.give)
        return m


PROOFS = (
    Proof("credits-counter", "Blocks taken and blocks free are all that there are.", Counter, 8, (
        Plant("what is given back in the cycle of a take is lost", "vop.requester.credits",
              "self.free + self.give - self.take", "self.free + (self.give & ~self.take) - "
              "self.take"),
    ), inductive=True),
)

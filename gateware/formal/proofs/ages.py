# SPDX-License-Identifier: BSD-2-Clause
"""No read is called late before its time, nor rested before its quarantine is over."""

from amaranth.hdl import Assert, Assume, Cover, Module, Signal
from vop.requester.aging import QUARANTINE_TIMEOUTS, TagAging

from ..proof import Harness, Plant, Proof

__all__ = ["PROOFS"]

_TAGS = 2
_TIMEOUT = 32   # cycles: the least for so many tags


class Ages(Harness):
    """The ages of two tags, with reads that leave at any time."""

    def elaborate(self, platform):
        m = Module()
        m.submodules.dut = dut = TagAging(tags=_TAGS, timeout_cycles=_TIMEOUT)
        m.d.comb += [
            dut.sent.eq(self.any(1, "sent")),
            dut.sent_tag.eq(self.any(1, "sent_tag")),
            dut.offered.eq(self.any(1, "offered")),
            Assume(dut.offered | ~dut.sent),      # what leaves is on offer
            dut.look.eq(self.any(1, "look")),
        ]
        for tag in range(_TAGS):
            age = Signal(range(256), name=f"age{tag}")
            has_left = Signal(name=f"has_left{tag}")
            looked = Signal(name=f"looked{tag}")
            offered = Signal(name=f"offered{tag}")
            m.d.comb += [
                looked.eq(dut.tag == tag),
                offered.eq(dut.offered & (dut.sent_tag == tag)),
            ]
            with m.If(dut.sent & (dut.sent_tag == tag)):
                m.d.sync += [age.eq(0), has_left.eq(1)]
            with m.Elif(~age.all()):
                m.d.sync += age.eq(age + 1)
            with m.If(looked & dut.late & has_left):
                m.d.comb += [
                    Assert(age >= _TIMEOUT),
                    Cover(age < _TIMEOUT + 6),
                ]
            with m.If(looked & dut.rested & has_left & ~offered):
                m.d.comb += [
                    Assert(age >= _TIMEOUT * (1 + QUARANTINE_TIMEOUTS)),
                    Cover(1),
                ]
        return m


PROOFS = (
    Proof("ages", "No read is late before its timeout, nor rested before its quarantine is over.",
          Ages, 168, (
              Plant("half a timeout is enough", "vop.requester.aging",
                    "has_left & (age > _TICKS)", "has_left & (age > _TICKS // 2)"),
              Plant("the quarantine is one timeout short", "vop.requester.aging",
                    "(1 + QUARANTINE_TIMEOUTS)", "QUARANTINE_TIMEOUTS"),
          )),
)

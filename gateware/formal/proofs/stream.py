# SPDX-License-Identifier: BSD-2-Clause
"""Queues and stages: an offer stands until it is taken, nothing is lost, nothing is invented."""

from amaranth.hdl import Assert, Assume, Cover, Module, Signal
from vop.stream import Queue, Stage

from ..proof import Harness, Plant, Proof

__all__ = ["PROOFS"]

_BITS = 3


class Passage(Harness):
    """A component with streams ``i`` and ``o``: the payloads that leave are those that came.

    One transfer is watched: the one that comes after any number of others. It must leave after as
    many others, with the payload that it came with.
    """

    def __init__(self, component, *, holds):
        super().__init__()
        self._component = component
        self._holds = holds

    def elaborate(self, platform):
        m = Module()
        m.submodules.dut = dut = self._component
        watched = self.any(4, "watched")
        chosen = Signal(4)
        first = Signal(init=1)
        m.d.sync += [first.eq(0), chosen.eq(watched)]
        with m.If(~first):
            m.d.comb += Assume(watched == chosen)

        m.d.comb += [
            dut.i.valid.eq(self.any(1, "i_valid")),
            dut.i.payload.eq(self.any(_BITS, "i_payload")),
            dut.o.ready.eq(self.any(1, "o_ready")),
        ]
        came, left = Signal(5), Signal(5)
        payload = Signal(_BITS)
        with m.If(dut.i.valid & dut.i.ready):
            m.d.sync += came.eq(came + 1)
            with m.If(came == watched):
                m.d.sync += payload.eq(dut.i.payload)
        with m.If(dut.o.valid & dut.o.ready):
            m.d.sync += left.eq(left + 1)
            with m.If(left == watched):
                m.d.comb += Assert(dut.o.payload == payload)
        self.keeps(m, dut.o, "o")
        m.d.comb += [
            Assert(left <= came),
            Assert(came - left <= self._holds),
            Cover((came == left) & (left == self._holds + 2)),
        ]
        return m


PROOFS = (
    Proof("stream-queue", "A queue passes every payload on, in order, and keeps its offers.",
          lambda: Passage(Queue(_BITS, depth=3), holds=3), 14, (
              Plant("a transfer is taken although the queue is full", "vop.stream",
                    "self.i.ready.eq(storage.w_rdy)", "self.i.ready.eq(1)"),
          )),
    Proof("stream-stage", "A stage passes every payload on, in order, and keeps its offers.",
          lambda: Passage(Stage(_BITS), holds=1), 14, (
              Plant("the stage takes a transfer on top of one that waits", "vop.stream",
                    "self.i.ready.eq(~self.o.valid | self.o.ready)", "self.i.ready.eq(1)"),
              Plant("the offer falls before it is taken", "vop.stream",
                    "with m.If(self.i.ready):\n            m.d.sync += self.o.valid",
                    "with m.If(1):\n            m.d.sync += self.o.valid"),
          )),
)

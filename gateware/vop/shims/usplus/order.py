# SPDX-License-Identifier: BSD-2-Clause
"""Which posted writes have come so far that nothing can pass them any more.

Ref: Xilinx PG213, "Transmit Transaction Ordering": the block muxes RQ, CC and its own MSI in any
order; what must stay behind a write waits for the write's sequence number.
"""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["COUNT_BITS", "SequenceReport", "WriteOrder"]

#: Bits of the running number of a write. More than the block knows, so that numbers that wait can
#: be told from those that have passed.
COUNT_BITS = 8
_SEQUENCE_BITS = 5
_WRITE = 1 << _SEQUENCE_BITS     # set in the sequence numbers of writes, clear in those of reads

#: What the block says on ``pcie_rq_seq_num0`` or ``1``.
SequenceReport = data.StructLayout({"number": 6, "valid": 1})


class WriteOrder(wiring.Component):
    """Number the posted writes, and follow them through the block.

    Writes come through in order, so that a report of one tells of all before it. Reports of reads,
    and of what is no longer followed, are ignored.

    Members
    -------
    began : ``In(1)``
        A write has begun on RQ with ``sequence``.
    sequence : ``Out(6)``
        Sequence number of the next write.
    reports : ``In(SequenceReport)`` array of 2
        The first is the older one.
    forget : ``In(1)``
        High: every write counts as passed. The block drops them without a report while bus
        mastering is off.
    latest : ``Out(COUNT_BITS)``
        Running number of the last write that began.
    passed : ``Out(COUNT_BITS)``
        ... and of the last that has come through. A number ``n`` has come through if bit 7 of
        ``passed - n`` is 0.
    full : ``Out(1)``
        No further write may begin.
    waiting : ``Out(range(32))``
        Writes that began and have not come through.
    """

    began:    In(1)
    sequence: Out(6)
    reports:  In(SequenceReport).array(2)
    forget:   In(1)
    latest:   Out(COUNT_BITS)
    passed:   Out(COUNT_BITS)
    full:     Out(1)
    waiting:  Out(_SEQUENCE_BITS)

    def elaborate(self, platform):
        m = Module()
        following = Signal(_SEQUENCE_BITS)
        m.d.comb += [
            following.eq(self.latest + 1),
            self.sequence.eq(following | _WRITE),
            self.waiting.eq(self.latest - self.passed),
            self.full.eq(self.waiting == (1 << _SEQUENCE_BITS) - 1),
        ]
        passed = self.passed
        for index, report in enumerate(self.reports):
            # How far beyond the last one that is known to have passed.
            ahead = Signal(_SEQUENCE_BITS, name=f"ahead_{index}")
            left = Signal(_SEQUENCE_BITS, name=f"left_{index}")
            reached = Signal(COUNT_BITS, name=f"reached_{index}")
            m.d.comb += [
                ahead.eq(report.number[:_SEQUENCE_BITS] - passed[:_SEQUENCE_BITS]),
                left.eq(self.latest - passed),
                reached.eq(passed),
            ]
            with m.If(report.valid & report.number[-1] & (ahead <= left)):
                m.d.comb += reached.eq(passed + ahead)
            passed = reached
        m.d.sync += [self.latest.eq(self.latest + self.began), self.passed.eq(passed)]
        with m.If(self.forget):
            m.d.sync += self.passed.eq(self.latest + self.began)
        return m

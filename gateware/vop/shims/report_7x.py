# SPDX-License-Identifier: BSD-2-Clause
"""Error reports to ``pcie_7x``, which does not take all of them at any time.

Ref: Xilinx PG054, table 2-17 (Configuration Error Interface).
"""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..pcie.phy import ErrorLayout

__all__ = ["ErrorHeaderLayout", "ErrorReporter"]

#: ``cfg_err_tlp_cpl_header``: the request that an error report is about.
ErrorHeaderLayout = data.StructLayout({
    "tag":           8,
    "requester":     16,
    "no_snoop":      1,
    "relaxed":       1,
    "traffic_class": 3,
    "byte_count":    12,
    "lower_address": 7,
})


class ErrorReporter(wiring.Component):
    """Pass reports on in the cycle in which they come; keep one that the block would not take.

    Only ``cfg_err_ur`` and ``cfg_err_cpl_abort`` wait for the block. One waits: another that comes
    before the block is ready takes its place, so that the host hears of one.

    The completer above answers unsupported requests with completions of its own, so every such
    error is reported as posted: else the block would send a second completion.

    Members
    -------
    found : ``In(ErrorLayout)``
        Faults, one-cycle pulses. ``ecrc`` may come beside another.
    ready : ``In(1)``
        ``cfg_err_cpl_rdy``.
    report : ``Out(ErrorLayout)``
        What the pins shall say in this cycle. Idle all zero.
    idle : ``Out(1)``
        High while no report waits.
    """

    found:  In(ErrorLayout)
    ready:  In(1)
    report: Out(ErrorLayout)
    idle:   Out(1)

    def elaborate(self, platform):
        m = Module()
        found, report = self.found, self.report
        waits = Signal()
        waiting = Signal(ErrorLayout)        # valid while ``waits``
        needs_ready = Signal()
        others = Signal()
        m.d.comb += [
            needs_ready.eq(found.unsupported | found.completion_abort),
            others.eq(found.completion_timeout | found.completion_unexpected | found.poisoned),
            self.idle.eq(~waits),
        ]
        with m.If(needs_ready & ~self.ready):
            m.d.sync += [waits.eq(1), waiting.eq(found)]
        with m.Elif(needs_ready | others):
            m.d.comb += report.eq(found)
        with m.Elif(waits & self.ready):
            m.d.comb += report.eq(waiting)
            m.d.sync += waits.eq(0)
        m.d.comb += [
            report.ecrc.eq(found.ecrc),      # of no TLP that the block could ask for
            report.posted.eq(report.unsupported | report.completion_abort | report.poisoned),
        ]
        return m

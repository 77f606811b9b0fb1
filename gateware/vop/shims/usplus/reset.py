# SPDX-License-Identifier: BSD-2-Clause
"""Function-level reset: hold the function until it is quiet, then tell the block.

Ref: Xilinx PG213, "Configuration Control Interface"; PCI Express Base 4.0, 6.6.2.
"""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["FunctionReset"]


class FunctionReset(wiring.Component):
    """Answer ``cfg_flr_in_process`` when nothing has left for a while, or after a bound.

    The bound is far below the 100 ms that software waits.

    Parameters
    ----------
    quiet_cycles : :class:`int`
        Quiet cycles that make an end.
    most_cycles : :class:`int`
        Cycles after which it is over in any case.

    Members
    -------
    in_process : ``In(1)``
        ``cfg_flr_in_process`` of function 0.
    quiet : ``In(1)``
        High while the card sends nothing.
    done : ``Out(1)``
        ``cfg_flr_done`` of function 0: one cycle.
    reset_request : ``Out(1)``
        High from the start of a reset until ``done``.
    """

    in_process:    In(1)
    quiet:         In(1)
    done:          Out(1)
    reset_request: Out(1)

    def __init__(self, *, quiet_cycles=64, most_cycles=65536):
        self._quiet_cycles = quiet_cycles
        self._most_cycles = most_cycles
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        waited = Signal(range(self._most_cycles))
        rested = Signal(range(self._quiet_cycles))
        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += self.reset_request.eq(self.in_process)
                m.d.sync += [waited.eq(0), rested.eq(0)]
                with m.If(self.in_process):
                    m.next = "QUIESCE"

            with m.State("QUIESCE"):
                m.d.comb += self.reset_request.eq(1)
                m.d.sync += [waited.eq(waited + 1), rested.eq(rested + 1)]
                with m.If(~self.quiet):
                    m.d.sync += rested.eq(0)
                with m.If((rested == self._quiet_cycles - 1) | (waited == self._most_cycles - 1)):
                    m.d.sync += self.done.eq(1)
                    m.next = "TELL"

            with m.State("TELL"):
                m.d.sync += self.done.eq(0)
                with m.If(~self.in_process):
                    m.next = "IDLE"
        return m

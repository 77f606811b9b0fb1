# SPDX-License-Identifier: BSD-2-Clause
"""Refused requests: shown as header DWs, and reported to the host."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .dispatcher import Refusal
from .encode import HeaderEncoder
from .phy import ErrorLayout
from .tlp import HeaderLayout, Kind

__all__ = ["FaultReporter"]

_FLAGS = 6  # one-bit members at the start of ErrorLayout


class FaultReporter(wiring.Component):
    """Turn refusals into error reports, behind those that others make.

    A refusal that comes while an earlier one still waits takes its place: the host hears of one.
    A refused message is not reported: the block handles all but vendor-defined ones, and those are
    discarded in silence (Base 4.0, 2.2.8.6).

    Members
    -------
    refusal : ``In(Refusal)``
        Why a request was refused, in the cycle in which it was; ``NONE`` otherwise.
    header : ``In(HeaderLayout)``
        The request. Valid with ``refusal``.
    reported : ``In(ErrorLayout)``
        Faults that others have found; they go first. Idle all zero.
    error : ``Out(ErrorLayout)``
        For the hard block. Idle all zero.
    fault : ``Out(1)``
        Pulses in the cycle after each refusal.
    fault_header : ``Out(128)``
        Header of the last refused request, DW 0 in bits 31:0. Valid with ``fault``.
    """

    refusal:      In(Refusal)
    header:       In(HeaderLayout)
    reported:     In(ErrorLayout)
    error:        Out(ErrorLayout)
    fault:        Out(1)
    fault_header: Out(128)

    def elaborate(self, platform):
        m = Module()
        m.submodules.encoder = encoder = HeaderEncoder()
        header = Signal(HeaderLayout)
        waiting = Signal(Refusal)

        m.d.comb += [
            encoder.header.eq(header),
            self.fault_header.eq(Cat(encoder.dwords)),
        ]
        m.d.sync += self.fault.eq(self.refusal != Refusal.NONE)

        with m.If(self.reported.as_value()[:_FLAGS].any()):
            m.d.comb += self.error.eq(self.reported)
        with m.Elif(waiting != Refusal.NONE):
            m.d.comb += [
                self.error.unsupported.eq(waiting != Refusal.POISONED),
                self.error.posted.eq(waiting != Refusal.UNSUPPORTED),
                self.error.poisoned.eq(waiting == Refusal.POISONED),
                # As PG054 orders cfg_err_tlp_cpl_header. Byte count and lower address belong to a
                # completion that the block would send; ours has been sent.
                self.error.header.eq(Cat(header.tag, header.requester, header.no_snoop,
                                         header.relaxed, header.traffic_class)),
            ]
            m.d.sync += waiting.eq(Refusal.NONE)
        with m.If(self.refusal != Refusal.NONE):
            m.d.sync += header.eq(self.header)
            with m.If(self.header.kind != Kind.MESSAGE):
                m.d.sync += waiting.eq(self.refusal)
        return m

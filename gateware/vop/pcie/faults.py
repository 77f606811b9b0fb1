# SPDX-License-Identifier: BSD-2-Clause
"""Faults: reported to the host, and the first one kept with the header of its TLP."""

from amaranth.hdl import C, Cat, Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..regs.stats import FaultKind
from .judge import Refusal
from .phy import ErrorLayout
from .tlp import HeaderLayout, Kind, RawHeaderLayout

__all__ = ["FaultRecordLayout", "FaultReporter"]

#: The first fault since the record was cleared.
FaultRecordLayout = data.StructLayout({
    "kind":   FaultKind,        # NONE: there was none
    "header": RawHeaderLayout,  # of its TLP; of a timeout anything
})

_KINDS = {
    Refusal.UNSUPPORTED: FaultKind.UNSUPPORTED_REQUEST,
    Refusal.ABORT:       FaultKind.COMPLETER_ABORT,
    Refusal.DROPPED:     FaultKind.DROPPED_REQUEST,
    Refusal.POISONED:    FaultKind.POISONED_REQUEST,
}


class FaultReporter(wiring.Component):
    """Turn refusals into reports, behind the faults that others have found, and keep the first.

    A refusal that comes while an earlier one still waits takes its place: the host hears of one,
    and every one is counted. A message dropped in silence is no fault.

    Members
    -------
    starts : ``In(1)``, header : ``In(HeaderLayout)``, raw : ``In(RawHeaderLayout)``
        A TLP's first beat is taken from the link, and its header.
    refusal : ``In(Refusal)``
        What became of the request that started in the cycle before, if it is not carried out.
    reported : ``In(ErrorLayout)``
        Faults that others have found. Idle all zero.
    reported_header : ``In(HeaderLayout)``
        Of the completion at fault. Valid with a fault in ``reported`` other than a timeout.
    ecrc : ``In(1)``
        A TLP with a bad ECRC has come.
    error : ``Out(ErrorLayout)``
        For the hard block. Idle all zero.
    clear : ``In(1)``
        Forget the record.
    record : ``Out(FaultRecordLayout)``
        The first fault.
    """

    starts:          In(1)
    header:          In(HeaderLayout)
    raw:             In(RawHeaderLayout)
    refusal:         In(Refusal)
    reported:        In(ErrorLayout)
    reported_header: In(HeaderLayout)
    ecrc:            In(1)
    error:           Out(ErrorLayout)
    clear:           In(1)
    record:          Out(FaultRecordLayout)

    def elaborate(self, platform):
        m = Module()
        self._add_report(m)
        self._add_record(m)
        return m

    def _add_report(self, m):
        # As PG054 orders cfg_err_tlp_cpl_header. Byte count and lower address belong to a
        # completion that the block would send; ours is sent by the completer.
        def described(header):
            return Cat(header.tag, header.requester, header.no_snoop, header.relaxed,
                       header.traffic_class)

        latest = Signal(29)                  # of the TLP that started last
        latest_locked = Signal()
        with m.If(self.starts):
            m.d.sync += [
                latest.eq(described(self.header)),
                latest_locked.eq(self.header.kind == Kind.LOCKED_READ),
            ]

        waiting = Signal(ErrorLayout)
        waits = Signal()
        reported, refusal = self.reported, self.refusal
        others = Signal()
        reportable = Signal()
        m.d.comb += [
            others.eq(reported.completion_timeout | reported.completion_unexpected
                      | reported.poisoned | reported.completion_abort | reported.unsupported),
            reportable.eq((refusal != Refusal.NONE) & (refusal != Refusal.MESSAGE)),
        ]
        with m.If(others):
            m.d.comb += [
                self.error.eq(reported),
                self.error.header.eq(described(self.reported_header)),
            ]
        with m.Elif(waits):
            m.d.comb += self.error.eq(waiting)
            m.d.sync += waits.eq(0)
        m.d.comb += self.error.ecrc.eq(self.ecrc)
        with m.If(reportable):
            m.d.sync += [
                waits.eq(1),
                waiting.unsupported.eq((refusal == Refusal.UNSUPPORTED)
                                       | (refusal == Refusal.DROPPED)),
                waiting.completion_abort.eq(refusal == Refusal.ABORT),
                waiting.poisoned.eq(refusal == Refusal.POISONED),
                waiting.posted.eq((refusal == Refusal.DROPPED) | (refusal == Refusal.POISONED)),
                waiting.locked.eq(latest_locked),
                waiting.header.eq(latest),
            ]

    def _add_record(self, m):
        record, reported = self.record, self.reported
        # Base 4.0, 2.2.9: the three DWs of a completion, put together again.
        header = self.reported_header
        completion = Cat(
            header.length_dw[:10], C(0, 2), header.no_snoop, header.relaxed, header.poisoned,
            C(0, 5), header.traffic_class, C(0, 1), C(0b01010, 5), C(0, 1),
            header.kind == Kind.COMPLETION_DATA, C(0, 1),
            header.byte_count[:12], C(0, 1), header.status, header.completer,
            header.lower_address, C(0, 1), header.tag, header.requester)

        # The record follows each header until the verdict on one, a cycle later, makes it stay.
        kind = Signal(FaultKind)
        stays = Signal()
        m.d.comb += stays.eq((record.kind != FaultKind.NONE) | (kind != FaultKind.NONE))
        with m.Switch(self.refusal):
            for refusal, its_kind in _KINDS.items():
                with m.Case(refusal):
                    m.d.comb += kind.eq(its_kind)
        with m.If(self.clear):
            m.d.sync += record.kind.eq(FaultKind.NONE)
        with m.Elif(stays):
            with m.If(record.kind == FaultKind.NONE):
                m.d.sync += record.kind.eq(kind)
        with m.Elif(reported.completion_unexpected | reported.poisoned
                    | reported.completion_timeout):
            m.d.sync += [
                record.header.eq(completion),
                record.kind.eq(FaultKind.POISONED_COMPLETION),
            ]
            with m.If(reported.completion_unexpected):
                m.d.sync += record.kind.eq(FaultKind.UNEXPECTED_COMPLETION)
            with m.If(reported.completion_timeout):
                m.d.sync += record.kind.eq(FaultKind.COMPLETION_TIMEOUT)
        with m.Elif(self.starts):
            m.d.sync += record.header.eq(self.raw)
        return m

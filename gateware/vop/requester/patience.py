# SPDX-License-Identifier: BSD-2-Clause
"""Whether reads may wait until they can be whole, or the link would run dry meanwhile."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["DRY_CYCLES", "Patience"]

#: Cycles without a completion, while a read wants to leave, after which the link has run dry.
DRY_CYCLES = 16


class Patience(wiring.Component):
    """Find out whether the credits outlast the latency of the host.

    Each completion gives credits back for a read of its size. If such reads left at once, all would
    soon be as small as completions are, at 20 bytes of link each. Where other reads keep the link
    busy meanwhile, nothing is lost if a read waits until it can be whole. Where they do not, no
    credit may rest.

    The latency of a host shows when a read is outstanding alone: behind others it would be theirs.
    As it may grow under load, the link is watched from then on.

    Parameters
    ----------
    latency_cycles : :class:`int`
        For how long at least the reads that are outstanding keep the link busy while the next one
        waits for its credits. From 1 on.

    Members
    -------
    waiting : ``In(1)``
        A read wants to leave.
    idle : ``In(1)``
        No read is outstanding.
    comes : ``In(1)``
        A beat of a completion comes.
    patient : ``Out(1)``
        Level: a read should wait until it can be whole. It rises with the first completion after
        ``idle`` if that came within ``latency_cycles``. It falls when it does not, and when none
        comes for ``DRY_CYCLES`` behind another although a read wants to leave. Low after reset.

    Raises
    ------
    ValueError
        If ``latency_cycles`` is less than 1.
    """

    waiting: In(1)
    idle: In(1)
    comes: In(1)
    patient: Out(1)

    def __init__(self, *, latency_cycles):
        if latency_cycles < 1:
            raise ValueError(f"Latency must be 1 cycle or more, not {latency_cycles!r}")
        self._latency_cycles = latency_cycles
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        most = max(self._latency_cycles, DRY_CYCLES)
        silent = Signal(range(most + 1))  # cycles without a completion for which one is waited
        flowing = Signal()                # one has come since `idle`
        m.d.sync += flowing.eq(~self.idle & (flowing | self.comes))
        with m.If(self.comes | self.idle | (flowing & ~self.waiting)):
            m.d.sync += silent.eq(0)
        with m.Elif(silent != most):
            m.d.sync += silent.eq(silent + 1)
        with m.If(silent >= Mux(flowing, DRY_CYCLES, self._latency_cycles)):
            m.d.sync += self.patient.eq(0)
        with m.Elif(~flowing & self.comes & ~self.idle):
            m.d.sync += self.patient.eq(1)
        return m

# SPDX-License-Identifier: BSD-2-Clause
"""Undo straddling: every TLP starts in lane 0 of a beat of its own."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..pcie.align import PacketBeatLayout

__all__ = ["StraddledBeatLayout", "Unstraddler"]

#: A beat of the 128-bit receive interface of ``pcie_7x``.
StraddledBeatLayout = data.StructLayout({
    "starts":   1,     # a TLP starts in this beat,
    "at_upper": 1,     # ... at byte 8, not at byte 0
    "ends":     1,     # a TLP ends in this beat; where one starts at byte 8, it is an earlier one
    "in_upper": 1,     # ... in the upper half
    "bar":      3,     # BAR hit of the TLP that starts, as in RxBeatLayout
    "data":     128,
})


class Unstraddler(wiring.Component):
    """Shift TLPs that start at byte 8 down by half a beat.

    It takes a beat in every cycle, but for one more cycle where a run of shifted TLPs ends in an
    upper half. A TLP has three DWs or more, so none starts and ends in one upper half.

    Members
    -------
    i : ``In(stream.Signature(StraddledBeatLayout))``
        Beats as the block delivers them.
    o : ``Out(stream.Signature(PacketBeatLayout(128)))``
        Each TLP from lane 0 of its first beat.
    idle : ``Out(1)``
        High while no half of a beat is held.
    """

    i:    In(stream.Signature(StraddledBeatLayout))
    o:    Out(stream.Signature(PacketBeatLayout(128)))
    idle: Out(1)

    def elaborate(self, platform):
        m = Module()
        i, o = self.i, self.o
        lower, upper = i.payload.data[:64], i.payload.data[64:]

        held = Signal(64)          # upper half of the beat before: a shifted TLP is under way
        held_valid = Signal()
        held_last = Signal()       # ... and this is its end
        held_bar = Signal(3)

        starts_upper = Signal()
        starts_alone = Signal()    # nothing in the lower half
        taken = Signal()
        m.d.comb += [
            starts_upper.eq(i.payload.starts & i.payload.at_upper),
            starts_alone.eq(starts_upper & ~i.payload.ends),
            taken.eq(i.valid & i.ready),
            self.idle.eq(~held_valid),
            o.payload.bar.eq(Mux(held_valid, held_bar, i.payload.bar)),
            o.payload.data.eq(Mux(held_valid, Cat(held, lower), i.payload.data)),
        ]
        with m.If(held_valid & held_last):
            m.d.comb += [o.valid.eq(1), o.payload.last.eq(1)]
            with m.If(o.ready):
                m.d.sync += held_valid.eq(0)
        with m.Elif(held_valid):
            m.d.comb += [
                o.valid.eq(i.valid),
                o.payload.last.eq(i.payload.ends & ~i.payload.in_upper),
                i.ready.eq(o.ready),
            ]
            with m.If(taken):
                m.d.sync += [
                    held_valid.eq(~o.payload.last | starts_upper),
                    held_last.eq(i.payload.ends & i.payload.in_upper),
                ]
        with m.Else():
            m.d.comb += [
                o.valid.eq(i.valid & ~starts_alone),
                o.payload.last.eq(i.payload.ends),
                i.ready.eq(o.ready | starts_alone),
            ]
            with m.If(taken):
                m.d.sync += [
                    held_valid.eq(starts_upper),
                    held_last.eq(0),
                ]
        with m.If(taken):
            m.d.sync += held.eq(upper)
            with m.If(starts_upper):
                m.d.sync += held_bar.eq(i.payload.bar)
        return m

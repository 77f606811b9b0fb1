# SPDX-License-Identifier: BSD-2-Clause
"""Doorbells: the host rings the CPU, and the CPU rings vectors of the host."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from . import csr
from .regmap.to_csr import CsrBank
from .regs import DOORBELL, DOORBELLS

__all__ = ["Doorbell"]

_GROUP = DOORBELLS["h2c_group"]
_GROUPS = DOORBELLS["h2c_count"] // _GROUP


class Doorbell(wiring.Component):
    """Block ``doorbell``.

    Rings merge: a doorbell that is rung again before it was noticed counts once.

    Members
    -------
    bus : ``In(csr.Signature(16))``
        Block ``doorbell``. Who may write is checked before it.
    groups : ``Out(4)``
        Bit n: an enabled doorbell of the n-th eight has rung.
    vectors : ``Out(stream.Signature(5))``
        Vectors that the CPU rang. Each must be taken within three cycles, before the CPU can ring
        another.
    """

    bus: In(csr.Signature(16))
    groups: Out(_GROUPS)
    vectors: Out(stream.Signature(5))

    def elaborate(self, platform):
        m = Module()
        m.submodules.bank = bank = CsrBank(DOORBELL)
        connect(m, flipped(self.bus), bank.bus)

        rung = Signal(DOORBELLS["h2c_count"])
        m.d.comb += [
            bank.h2c_pending.doorbells_set.eq(bank.h2c_set.doorbells),
            rung.eq(bank.h2c_pending.doorbells & bank.h2c_enable.doorbells),
        ]
        for group in range(_GROUPS):
            m.d.comb += self.groups[group].eq(rung[group * _GROUP:(group + 1) * _GROUP].any())

        # The CPU's writes come several cycles apart, and a vector is taken within three.
        with m.If(bank.c2h_ring.was_written):
            m.d.sync += [
                self.vectors.valid.eq(1),
                self.vectors.payload.eq(bank.c2h_ring.vector),
            ]
        with m.Elif(self.vectors.ready):
            m.d.sync += self.vectors.valid.eq(0)
        return m

# SPDX-License-Identifier: BSD-2-Clause
"""Memories know no reset: visit every address once, to clear what is there."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import Out

__all__ = ["Sweep"]


class Sweep(wiring.Component):
    """Count through all addresses after reset, then rest.

    Parameters
    ----------
    depth : :class:`int`
        Addresses: a power of two.

    Members
    -------
    active : ``Out(1)``
        ``address`` is to be cleared. Nothing else may be done with the memories.
    address : ``Out(range(depth))``
        Valid while ``active``.
    """

    def __init__(self, *, depth):
        super().__init__({
            "active":  Out(1, init=1),
            "address": Out(range(depth)),
        })

    def elaborate(self, platform):
        m = Module()
        with m.If(self.active):
            m.d.sync += self.address.eq(self.address + 1)
            with m.If(self.address.all()):
                m.d.sync += self.active.eq(0)
        return m

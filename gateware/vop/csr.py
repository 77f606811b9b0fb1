# SPDX-License-Identifier: BSD-2-Clause
"""The register bus: one access a cycle, answered in the next."""

from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Signature", "connect_all"]


class Signature(wiring.Signature):
    """Register bus, as its initiator sees it.

    A target never waits. Where an address holds nothing it reads zero and drops the write; a
    target that was not read in the cycle before drives ``read_data`` with zero, so that answers
    can be joined by OR.

    Parameters
    ----------
    address_bits : :class:`int`
        Width of the byte address. 16 for BAR0.

    Members
    -------
    address : ``Out(address_bits)``
        Byte address, bits 1:0 zero. Valid with ``read`` or ``write``.
    read, write : ``Out(1)``
        Access strobes; never both.
    write_data : ``Out(32)``, write_strobe : ``Out(4)``
        Valid with ``write``; a byte whose strobe is low keeps its value.
    card : ``Out(1)``
        Valid with ``read`` or ``write``: 1 where the card's CPU asks, 0 where the host does.
    read_data : ``In(32)``
        Valid in the cycle after ``read``; zero otherwise.
    """

    def __init__(self, address_bits):
        self.address_bits = address_bits
        super().__init__({
            "address":      Out(address_bits),
            "read":         Out(1),
            "write":        Out(1),
            "write_data":   Out(32),
            "write_strobe": Out(4),
            "card":         Out(1),
            "read_data":    In(32),
        })


def connect_all(m, initiator, targets):
    """Connect an initiator to several targets of the same width, each of which decodes its address.

    Parameters
    ----------
    m : :class:`Module`
        Where the connection is made.
    initiator : interface object
        From inside it.
    targets : iterable of interface object
        Seen from outside.
    """
    read_data = 0
    for target in targets:
        m.d.comb += [
            getattr(target, name).eq(getattr(initiator, name))
            for name in ("address", "read", "write", "write_data", "write_strobe", "card")]
        read_data = read_data | target.read_data
    m.d.comb += initiator.read_data.eq(read_data)

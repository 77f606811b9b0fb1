# SPDX-License-Identifier: BSD-2-Clause
"""The registers that host and card share: who goes first, which block, and who may write."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from . import csr
from .regmap.model import Side
from .soc.turns import Turns

__all__ = ["ADDRESS_BITS", "RegisterArbiter", "BlockDecoder"]

#: Byte address bits of the shared registers: BAR0.
ADDRESS_BITS = 16


class RegisterArbiter(wiring.Component):
    """Let the host and the card's CPU take turns on one register bus.

    Each holds its access until granted; the answer to a read comes two cycles after the grant. The
    turn stays with whoever asked last. While both ask, they alternate, so neither waits longer than
    one cycle.

    Members
    -------
    host : ``In(csr.Signature(16))``, host_grant : ``Out(1)``
        The host's accesses, and whether this one is taken in this cycle.
    card : ``In(csr.Signature(16))``, card_grant : ``Out(1)``
        The same for the CPU.
    bus : ``Out(csr.Signature(16))``
        The accesses taken. A read is answered two cycles later.
    """

    host: In(csr.Signature(ADDRESS_BITS))
    host_grant: Out(1)
    card: In(csr.Signature(ADDRESS_BITS))
    card_grant: Out(1)
    bus: Out(csr.Signature(ADDRESS_BITS))

    def elaborate(self, platform):
        m = Module()
        m.submodules.turns = turns = Turns(count=2)
        asks = [side.read | side.write for side in (self.host, self.card)]
        m.d.comb += [
            turns.requests.eq(Cat(asks)),
            turns.served.eq(1),
            self.host_grant.eq(asks[0] & ~turns.turn),
            self.card_grant.eq(asks[1] & turns.turn),
            self.bus.card.eq(turns.turn),
        ]

        # Whose read is answered in this cycle; the other one's data stays zero.
        host_answer = Signal()
        card_answer = Signal()
        for index, (side, grant, answer) in enumerate((
                (self.host, self.host_grant, host_answer),
                (self.card, self.card_grant, card_answer))):
            asked = Signal()
            m.d.sync += [asked.eq(grant & side.read), answer.eq(asked)]
            with m.If(turns.turn == index):
                m.d.comb += [
                    getattr(self.bus, name).eq(getattr(side, name))
                    for name in ("address", "read", "write", "write_data", "write_strobe")]
            with m.If(answer):
                m.d.comb += side.read_data.eq(self.bus.read_data)
        return m


class BlockDecoder(wiring.Component):
    """Send each access to its block, unless it is a write by the side that may not.

    It arrives there in the cycle after, from a register.

    Parameters
    ----------
    blocks : iterable of :class:`vop.regmap.model.Block`
        The blocks behind it.

    Members
    -------
    bus : ``In(csr.Signature(16))``
        Accesses. A read is answered two cycles later.
    <block> : ``Out(csr.Signature(16))``
        One for each block. ``address`` counts from the start of the register space.
    refused : ``Out(1)``
        Pulses for each write that was dropped: by the wrong side, or outside every block.
    """

    def __init__(self, blocks):
        self._blocks = tuple(blocks)
        super().__init__({
            "bus":     In(csr.Signature(ADDRESS_BITS)),
            "refused": Out(1),
            **{block.name: Out(csr.Signature(ADDRESS_BITS)) for block in self._blocks},
        })

    def elaborate(self, platform):
        m = Module()
        outside = Signal(init=1)
        wrong_side = Signal()
        m.d.comb += outside.eq(1)
        address = Signal.like(self.bus.address)
        write_data = Signal.like(self.bus.write_data)
        write_strobe = Signal.like(self.bus.write_strobe)
        card = Signal()
        m.d.sync += [
            address.eq(self.bus.address),
            write_data.eq(self.bus.write_data),
            write_strobe.eq(self.bus.write_strobe),
            card.eq(self.bus.card),
        ]
        read_data = 0
        for block in self._blocks:
            target = getattr(self, block.name)
            size_log2 = block.size.bit_length() - 1
            selected = Signal(name=f"{block.name}_selected")
            m.d.comb += selected.eq(self.bus.address[size_log2:] == block.base >> size_log2)
            m.d.comb += [
                target.address.eq(address),
                target.write_data.eq(write_data),
                target.write_strobe.eq(write_strobe),
                target.card.eq(card),
            ]
            m.d.sync += [
                target.read.eq(self.bus.read & selected),
                target.write.eq(self.bus.write & selected & ~wrong_side),
            ]
            with m.If(selected):
                m.d.comb += outside.eq(0)
                self._check_side(m, block, size_log2, wrong_side)
            read_data = read_data | target.read_data
        m.d.comb += self.bus.read_data.eq(read_data)
        m.d.sync += self.refused.eq(self.bus.write & (outside | wrong_side))
        return m

    def _check_side(self, m, block, size_log2, wrong_side):
        owners = {register.written_by for register in block.registers}
        for side, is_wrong in ((Side.HOST, self.bus.card), (Side.CARD, ~self.bus.card)):
            if owners == {side}:
                m.d.comb += wrong_side.eq(is_wrong)
                return
        with m.Switch(self.bus.address[:size_log2]):
            for side, is_wrong in ((Side.HOST, self.bus.card), (Side.CARD, ~self.bus.card)):
                offsets = [offset for register in block.registers if register.written_by is side
                           for offset in register.offsets]
                if offsets:
                    with m.Case(*offsets):
                        m.d.comb += wrong_side.eq(is_wrong)

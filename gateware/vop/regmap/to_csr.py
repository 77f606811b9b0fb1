# SPDX-License-Identifier: BSD-2-Clause
"""The registers of a block as gateware, made from its declaration."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .. import csr
from .model import REGISTER_BITS, Access, Block

__all__ = ["RegisterSignature", "CsrBank"]


class RegisterSignature(wiring.Signature):
    """One register, as its bank offers it.

    Parameters
    ----------
    register : :class:`vop.regmap.model.Register`
        Its declaration.

    Members
    -------
    <field> : ``In(width)`` where access is R
        What software reads.
    <field> : ``Out(width)`` where access is RW, RW1C or RW1S
        The value held.
    <field> : ``Out(width)`` where access is W
        The bits written, in the cycle of ``written``; zero in every other.
    <field>_set : ``In(width)`` where access is RW1C
        Bits to set. Setting wins over clearing. Idle zero.
    <field>_clear : ``In(width)`` where access is RW1S
        Bits to clear. Setting wins over clearing. Idle zero.
    was_read : ``Out(1)``
        Pulses in the cycle in which the register is read.
    was_written : ``Out(1)``
        Pulses in the cycle after a write, when the new value shows.
    """

    def __init__(self, register):
        members = {}
        for field in register.fields:
            members[field.name] = (In if field.access is Access.R else Out)(
                field.width, init=field.reset)
            if field.access is Access.RW1C:
                members[f"{field.name}_set"] = In(field.width)
            if field.access is Access.RW1S:
                members[f"{field.name}_clear"] = In(field.width)
        members["was_read"] = Out(1)
        members["was_written"] = Out(1)
        super().__init__(members)


class CsrBank(wiring.Component):
    """The registers of one block on a register bus.

    An access outside the block, or to an address that holds nothing, reads zero and writes nothing.

    Parameters
    ----------
    block : :class:`vop.regmap.model.Block`
        The declaration.
    address_bits : :class:`int`
        Width of the bus address; the block must lie within.
    resets : :class:`dict` of (register name, field name) to :class:`int`
        Reset values that differ from the declared ones.
    restorable : iterable of :class:`str`
        Registers that ``restore`` takes back to their reset value.

    Members
    -------
    bus : ``In(csr.Signature(address_bits))``
        Addresses count from the start of the register space.
    restore : ``In(1)``
        While high, the restorable registers hold their reset value. Idle low.
    <register> : ``Out(RegisterSignature(register))``, an array where ``count`` is above 1
        One for each register of the block.

    Raises
    ------
    ValueError
        If the block lies outside the bus, or a register has the name of another member.
    KeyError
        If ``resets`` or ``restorable`` names what the block has not.
    """

    def __init__(self, block: Block, *, address_bits=16, resets=None, restorable=()):
        if block.base + block.size > 1 << address_bits:
            raise ValueError(f"Block {block.name!r} must lie within {address_bits} address bits, "
                             f"not end at {block.base + block.size:#x}")
        self._block = block
        self._resets = dict(resets or {})
        known = {(register.name, field.name)
                 for register in block.registers for field in register.fields}
        for name in self._resets:
            if name not in known:
                raise KeyError(f"Block {block.name!r} has no field {'.'.join(name)!r}")
        self._restorable = frozenset(block.register(name).name for name in restorable)
        members = {"bus": In(csr.Signature(address_bits)), "restore": In(1)}
        for register in block.registers:
            if register.name in members:
                raise ValueError(f"Register of {block.name!r} must not be called "
                                 f"{register.name!r}, which its bank needs")
            member = Out(RegisterSignature(register))
            members[register.name] = member.array(register.count) if register.count > 1 else member
        super().__init__(members)

    def elaborate(self, platform):
        m = Module()
        size_log2 = self._block.size.bit_length() - 1
        selected = Signal()
        m.d.comb += selected.eq(self.bus.address[size_log2:] == self._block.base >> size_log2)
        m.d.sync += self.bus.read_data.eq(0)

        registers = [(register, offset, interface) for register in self._block.registers
                     for offset, interface in zip(register.offsets, self._interfaces(register),
                                                  strict=True)]
        readables = []
        for register, offset, interface in registers:
            hit = Signal(name=f"{register.name}_hit")
            m.d.comb += hit.eq(selected & (self.bus.address[:size_log2] == offset))
            readables.append((offset, self._add_register(m, register, interface, hit)))
        with m.If(selected & self.bus.read):
            with m.Switch(self.bus.address[:size_log2]):
                for offset, readable in readables:
                    with m.Case(offset):
                        m.d.sync += self.bus.read_data.eq(readable)
        return m

    def _interfaces(self, register):
        interfaces = getattr(self, register.name)
        return interfaces if register.count > 1 else [interfaces]

    def _add_register(self, m, register, interface, hit):
        """Add the fields of one register; return what it reads."""
        bus = self.bus
        write = Signal(name=f"{register.name}_write")
        m.d.comb += [
            interface.was_read.eq(hit & bus.read),
            write.eq(hit & bus.write),
        ]
        m.d.sync += interface.was_written.eq(write)
        strobes = [write & strobe for strobe in bus.write_strobe]
        write_mask = Cat(strobe.replicate(8) for strobe in strobes)
        readable = Signal(REGISTER_BITS, name=f"{register.name}_readable")
        for field in register.fields:
            bits = slice(field.lsb, field.lsb + field.width)
            value = getattr(interface, field.name)
            written = bus.write_data[bits] & write_mask[bits]
            if field.access is Access.R:
                m.d.comb += readable[bits].eq(value)
                continue
            if field.access is Access.W:
                m.d.sync += value.eq(written)
                continue
            m.d.comb += readable[bits].eq(value)
            reset = self._resets.get((register.name, field.name), field.reset)
            held = Signal(field.width, init=reset, name=f"{register.name}_{field.name}")
            m.d.comb += value.eq(held)
            if field.access is Access.RW:
                # Byte by byte, so that a strobe is a clock enable.
                end = field.lsb + field.width
                for byte in range(field.lsb // 8, (end + 7) // 8):
                    first, last = max(field.lsb, 8 * byte), min(end, 8 * byte + 8)
                    with m.If(strobes[byte]):
                        m.d.sync += held[first - field.lsb:last - field.lsb].eq(
                            bus.write_data[first:last])
            elif field.access is Access.RW1C:
                m.d.sync += held.eq(held & ~written | getattr(interface, f"{field.name}_set"))
            else:
                m.d.sync += held.eq(held & ~getattr(interface, f"{field.name}_clear") | written)
            if register.name in self._restorable:
                with m.If(self.restore):
                    m.d.sync += held.eq(reset)
        return readable

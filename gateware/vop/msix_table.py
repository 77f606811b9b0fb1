# SPDX-License-Identifier: BSD-2-Clause
"""Block `msix`: where the messages of MSI-X go."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from . import csr
from .regs import MSIX, VECTORS

__all__ = ["MsixTable"]

_COUNT = VECTORS["count"]

#: Word of the block that has the pending bits.
_PENDING_WORD = MSIX.register("pending_lo").offset // 4


class MsixTable(wiring.Component):
    """The MSI-X table and its pending bits.

    Software must access whole DWs or QWs; a part of a DW writes all of it.

    Specification
    -------------
    PCIe Base 4.0, 7.7.2 (MSI-X Capability and Table Structure).

    Members
    -------
    bus : ``In(csr.Signature(16))``
        Block ``msix``. Who may write is checked before it.
    index : ``In(range(32))``
        Entry to show.
    busy : ``Out(1)``
        The bus has asked for an entry, which is shown in this cycle instead of yours.
    address : ``Out(64)``, data : ``Out(32)``, masked : ``Out(1)``
        The entry. Valid in the same cycle unless ``busy``.
    pending : ``In(32)``
        The pending bits.
    sweeps : ``In(1)``, swept : ``In(range(32))``
        Mask this entry; the bus must not write meanwhile. See ``ResetSweep``.
    """

    bus:     In(csr.Signature(16))
    index:   In(range(_COUNT))
    busy:    Out(1)
    address: Out(64)
    data:    Out(32)
    masked:  Out(1)
    pending: In(_COUNT)
    sweeps:  In(1)
    swept:   In(range(_COUNT))

    def elaborate(self, platform):
        m = Module()
        bus = self.bus
        in_block = bus.address[10:] == MSIX.base >> 10
        in_table = in_block & ~bus.address[9]
        entry = bus.address[4:9]
        shown = Signal(range(_COUNT))
        answers_bits = Signal()
        asked = Signal(7)                    # entry and word that the bus has asked for
        m.d.sync += [
            self.busy.eq(bus.read & in_table),
            answers_bits.eq(bus.read & in_block & (bus.address[2:10] == _PENDING_WORD)),
            asked.eq(bus.address[2:9]),
        ]
        m.d.comb += shown.eq(Mux(self.busy, asked[2:], self.index))

        words = []
        for place, (name, mask) in enumerate((("address_lo", 0xFFFF_FFFC), ("address_hi", None),
                                              ("data", None))):
            storage = memory.Memory(shape=32, depth=_COUNT, init=[])
            m.submodules[name] = storage
            write = storage.write_port()
            read = storage.read_port(domain="comb")
            m.d.comb += [
                write.addr.eq(entry),
                write.data.eq(bus.write_data),
                write.en.eq(bus.write & in_table & (bus.address[2:4] == place)),
                read.addr.eq(shown),
            ]
            words.append(read.data if mask is None else read.data & mask)

        m.submodules.control = control = memory.Memory(shape=1, depth=_COUNT, init=[1] * _COUNT)
        write, read = control.write_port(), control.read_port(domain="comb")
        m.d.comb += [
            write.addr.eq(Mux(self.sweeps, self.swept, entry)),
            write.data.eq(self.sweeps | bus.write_data[0]),
            write.en.eq(self.sweeps | (bus.write & in_table & (bus.address[2:4] == 3))),
            read.addr.eq(shown),
            self.address.eq(words[0] | words[1] << 32),
            self.data.eq(words[2]),
            self.masked.eq(read.data),
        ]

        with m.If(self.busy):
            with m.Switch(asked[:2]):
                for place, word in enumerate((*words, read.data)):
                    with m.Case(place):
                        m.d.comb += bus.read_data.eq(word)
        with m.Elif(answers_bits):
            m.d.comb += bus.read_data.eq(self.pending)
        return m

# SPDX-License-Identifier: BSD-2-Clause
"""From the CPU's two buses to card RAM and registers. Every access is acknowledged."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .. import csr
from ..regs import CARD_ADDRESSES, INTC
from . import wishbone
from .memory_port import ReadSignature, WriteSignature

__all__ = ["ALL_ONES", "InstructionBus", "DataBus"]

#: What an access to nothing reads.
ALL_ONES = 0xFFFF_FFFF

_WORD_BITS = 32
_BURST_BITS = 3  # a burst fills a line of the CPU's instruction cache: 8 words, aligned


def _word_index(width):
    """Address bits that pick a word within a line."""
    return (width // _WORD_BITS - 1).bit_length()


class InstructionBus(wiring.Component):
    """Answer instruction fetches from card RAM.

    A line is read once and held while its words are taken, and the next line of a burst is asked
    for meanwhile. All is forgotten with the burst, so code that was written before a fetch is what
    the fetch sees.

    Parameters
    ----------
    line_bits, width : :class:`int`
        Bits of a line number and of a line of card RAM.

    Members
    -------
    bus : ``In(wishbone.Signature())``
        From the CPU. A burst is 8 words, aligned.
    memory : ``Out(ReadSignature(line_bits, width))``
        To card RAM.
    fault : ``Out(1)``
        Pulses for each word fetched outside card RAM; it reads all ones, an illegal instruction.
    """

    def __init__(self, *, line_bits, width):
        self._line_bits = line_bits
        self._index_bits = _word_index(width)
        self._width = width
        super().__init__({
            "bus":    In(wishbone.Signature()),
            "memory": Out(ReadSignature(line_bits, width)),
            "fault":  Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        bus, request, response = self.bus, self.memory.request, self.memory.response
        word = bus.adr[:self._index_bits]
        line = bus.adr[self._index_bits:]
        place = Signal(_BURST_BITS - self._index_bits)  # of the line within its burst
        held = Signal(self._width, reset_less=True)
        held_valid = Signal()
        outside = Signal()      # `held` stands for what card RAM has not
        ahead = Signal()        # the burst's next line is to be asked for
        under_way = Signal()    # a line was asked for and has not come
        wanted = Signal()       # ... for the burst that goes on
        active = Signal()
        goes_on = Signal()
        leaves_line = Signal()
        in_ram = Signal()
        m.d.comb += [
            place.eq(line),
            active.eq(bus.cyc & bus.stb),
            in_ram.eq(line[self._line_bits:] == 0),
            goes_on.eq(bus.cti == wishbone.INCREMENTING),
            leaves_line.eq(bus.ack & (word.all() | ~goes_on)),
            bus.ack.eq(active & held_valid),
            bus.dat_r.eq(held.word_select(word, _WORD_BITS)),
            self.fault.eq(bus.ack & outside),
            request.valid.eq((ahead | (active & ~held_valid & in_ram)) & ~under_way),
            request.payload.eq(Cat((place + held_valid)[:len(place)], line[len(place):])),
        ]

        with m.If(bus.ack & (word == 0) & goes_on & ~place.all() & ~outside):
            m.d.sync += ahead.eq(1)
        with m.If(request.valid & request.ready):
            m.d.sync += [under_way.eq(1), wanted.eq(1), ahead.eq(0)]
        with m.If(leaves_line):
            m.d.sync += held_valid.eq(0)
        with m.If(response.valid):
            m.d.sync += under_way.eq(0)
            # A line that comes before its turn is dropped, and asked for again.
            with m.If(wanted & (leaves_line | ~held_valid)):
                m.d.sync += [held.eq(response.payload), held_valid.eq(1), outside.eq(0)]
        with m.Elif(active & ~held_valid & ~in_ram & ~under_way):
            m.d.sync += [held.eq((1 << self._width) - 1), held_valid.eq(1), outside.eq(1)]
        with m.If(~bus.cyc | (bus.ack & ~goes_on)):
            m.d.sync += [held_valid.eq(0), wanted.eq(0), ahead.eq(0)]
        return m


class DataBus(wiring.Component):
    """Send loads and stores to card RAM, the shared registers, or the CPU's own registers.

    A read of ``intc.wait`` is held back while ``wake`` is low: so the CPU parks, and ``parked``
    tells of it. It is the one access without a bound.

    Parameters
    ----------
    line_bits, width : :class:`int`
        Bits of a line number and of a line of card RAM.
    local_bits : :class:`int`
        Address bits of the register space that the CPU sees.

    Members
    -------
    bus : ``In(wishbone.Signature())``
        From the CPU. An access stands until it is acknowledged, or the CPU is reset.
    loads : ``Out(ReadSignature(line_bits, width))``, stores : ``Out(WriteSignature(...))``
        To card RAM.
    shared : ``Out(csr.Signature(16))``, shared_grant : ``In(1)``
        To the registers that are also BAR0. An access holds until granted; its answer comes two
        cycles later.
    local : ``Out(csr.Signature(local_bits))``
        To the registers that only the CPU sees.
    wake : ``In(1)``
        ``intc.wait`` may be answered.
    parked : ``Out(1)``
        The CPU waits in ``intc.wait``.
    fault : ``Out(1)``
        Pulses for each access to an address that holds nothing; it reads all ones.
    """

    def __init__(self, *, line_bits, width, local_bits):
        self._line_bits = line_bits
        self._index_bits = _word_index(width)
        self._width = width
        self._local_bits = local_bits
        self._shared_bits = (CARD_ADDRESSES["bar0_bytes"] - 1).bit_length()
        super().__init__({
            "bus":          In(wishbone.Signature()),
            "loads":        Out(ReadSignature(line_bits, width)),
            "stores":       Out(WriteSignature(line_bits, width)),
            "shared":       Out(csr.Signature(self._shared_bits)),
            "shared_grant": In(1),
            "local":        Out(csr.Signature(local_bits)),
            "wake":         In(1),
            "parked":       Out(1),
            "fault":        Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        bus = self.bus
        ack = Signal()          # of all but a load from card RAM
        loaded = Signal()       # such a load is answered now
        nothing = Signal()      # what is acknowledged now lies nowhere
        begins = Signal()
        m.d.comb += begins.eq(bus.cyc & bus.stb & ~ack)
        in_ram = bus.adr[self._index_bits + self._line_bits:] == 0
        word = bus.adr[:self._index_bits]

        with m.If(bus.ack | ~bus.cyc):
            m.d.sync += nothing.eq(0)
        self._add_loads(m, begins, in_ram, loaded, nothing)
        stored = Signal()
        m.d.comb += [
            self.stores.request.valid.eq(begins & bus.we & in_ram),
            self.stores.request.payload.line.eq(bus.adr[self._index_bits:]),
            self.stores.request.payload.data.eq(bus.dat_w.replicate(self._width // _WORD_BITS)),
            self.stores.request.payload.strobe.word_select(word, 4).eq(bus.sel),
            stored.eq(self.stores.request.valid & self.stores.request.ready),
        ]
        taken = self._add_registers(m, begins, bus.adr[-1] | (bus.we & ~in_ram), nothing)
        m.d.sync += ack.eq(stored | taken)

        from_ram = self.loads.response.payload.word_select(word, _WORD_BITS)
        m.d.comb += [
            bus.ack.eq(ack | loaded),
            self.fault.eq(nothing & bus.ack),
            bus.dat_r.eq(self.shared.read_data | self.local.read_data
                         | (from_ram & loaded.replicate(_WORD_BITS))
                         | nothing.replicate(_WORD_BITS)),
        ]
        return m

    def _add_loads(self, m, begins, in_ram, loaded, nothing):
        """Read card RAM before it is known whether the address lies in it: reading does no harm."""
        bus, request = self.bus, self.loads.request
        under_way = Signal()
        wanted = Signal()       # it is of the access that stands
        m.d.comb += [
            request.valid.eq(begins & ~bus.we & ~bus.adr[-1] & ~under_way),
            request.payload.eq(bus.adr[self._index_bits:]),
            loaded.eq(self.loads.response.valid & wanted),
        ]
        with m.If(request.valid & request.ready):
            m.d.sync += [under_way.eq(1), wanted.eq(1), nothing.eq(~in_ram)]
        with m.If(self.loads.response.valid):
            m.d.sync += under_way.eq(0)
        with m.If(loaded | ~bus.cyc):
            m.d.sync += wanted.eq(0)

    def _add_registers(self, m, begins, elsewhere, nothing):
        """Registers, and addresses that hold nothing: decoded first, then accessed."""
        bus, shared, local = self.bus, self.shared, self.local
        address = Cat(0, 0, bus.adr)
        registers = address[self._local_bits:] == CARD_ADDRESSES["registers"] >> self._local_bits
        in_bar0 = address[self._shared_bits:self._local_bits] == 0
        asked = Signal()
        is_shared, is_local, is_wait = Signal(), Signal(), Signal()
        taken = Signal()
        granted = Signal()      # a read of a shared register, in the cycle before
        m.d.sync += [
            granted.eq(shared.read & self.shared_grant),
            asked.eq(begins & elsewhere & ~taken),
            is_shared.eq(registers & in_bar0),
            is_local.eq(registers & ~in_bar0),
            is_wait.eq(~bus.we & (address[:self._local_bits] == INTC.address("wait"))),
        ]
        for target in (shared, local):
            m.d.comb += [
                target.address.eq(address),
                target.write_data.eq(bus.dat_w),
                target.write_strobe.eq(bus.sel),
                target.card.eq(1),
            ]
        with m.If(asked & begins):
            with m.If(is_shared):
                m.d.comb += [
                    shared.read.eq(~bus.we & ~granted),
                    shared.write.eq(bus.we),
                    taken.eq(Mux(bus.we, self.shared_grant, granted)),
                ]
            with m.Elif(is_local & is_wait & ~self.wake):
                m.d.comb += self.parked.eq(1)
            with m.Elif(is_local):
                m.d.comb += [local.read.eq(~bus.we), local.write.eq(bus.we), taken.eq(1)]
            with m.Else():
                m.d.comb += taken.eq(1)
            m.d.sync += nothing.eq(~is_shared & ~is_local)
        return taken

# SPDX-License-Identifier: BSD-2-Clause
"""Crossings between the CPU's clock and the card's: its buses, and the lines into it."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.cdc import AsyncFFSynchronizer, FFSynchronizer
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from . import wishbone

__all__ = ["BusCrossing", "BurstCrossing", "LineCrossing", "HoldCrossing"]

_BURST_BITS = 3  # a burst is 8 words, aligned


class _Crossing(wiring.Component):
    """Carry one request at a time from the CPU's clock domain into ``sync``, and its answer back.

    Each is a toggle that crosses through two flip-flops, while what it tells stands still. What the
    CPU gives up, as its reset does, is carried to its end, and the answer is dropped.

    Parameters
    ----------
    domain : :class:`str`
        The CPU's clock domain.

    Members
    -------
    initiator : ``In(wishbone.Signature())``
        The CPU, in ``domain``.
    target : ``Out(wishbone.Signature())``
        The bus, in ``sync``.
    abort : ``In(1)``
        In ``sync``. While high, what is under way is taken for answered: the CPU is in reset, and
        the target may be one that waits.
    """

    initiator: In(wishbone.Signature())
    target: Out(wishbone.Signature())
    abort: In(1)

    def __init__(self, *, domain):
        self._domain = domain
        super().__init__()

    def _add_toggles(self, m, *, holds, ends, is_last):
        # `holds`: statements that keep a request, in the CPU's domain. `ends`: the CPU has taken
        # the whole answer. `is_last`: with the word on the bus, the answer is whole.
        cpu, here = self.initiator, m.d[self._domain]
        asks = Signal()
        under_way = Signal()    # a request was made, and its answer is not all taken
        given_up = Signal()
        done = Signal()
        asked, asked_there = Signal(), Signal()
        answered, answered_here = Signal(), Signal()
        m.submodules.to_target = FFSynchronizer(asked, asked_there)
        m.submodules.to_initiator = FFSynchronizer(answered, answered_here, o_domain=self._domain)
        m.d.comb += [
            asks.eq(cpu.cyc & cpu.stb),
            done.eq(under_way & (asked == answered_here)),
            cpu.ack.eq(done & ~given_up & asks),
        ]
        with m.If(done):
            with m.If(given_up | ends):
                here += [under_way.eq(0), given_up.eq(0)]
        with m.Elif(under_way):
            here += given_up.eq(given_up | ~asks)
        with m.Elif(asks):
            here += [under_way.eq(1), asked.eq(~asked), *holds]

        bus = self.target
        m.d.comb += [
            bus.stb.eq((asked_there != answered) & ~self.abort),
            bus.cyc.eq(bus.stb),
        ]
        with m.If(self.abort | (bus.stb & bus.ack & is_last)):
            m.d.sync += answered.eq(asked_there)


class BusCrossing(_Crossing):
    """Carry one Wishbone access at a time, a crossing as :class:`_Crossing` has it.

    The CPU's accesses stand alone.
    """

    def elaborate(self, platform):
        m = Module()
        cpu, bus = self.initiator, self.target
        data = Signal(32)
        self._add_toggles(m, ends=1, is_last=1, holds=[
            getattr(bus, name).eq(getattr(cpu, name)) for name in ("we", "adr", "sel", "dat_w")])
        m.d.comb += cpu.dat_r.eq(data)
        with m.If(bus.stb & bus.ack):
            m.d.sync += data.eq(bus.dat_r)
        return m


class BurstCrossing(_Crossing):
    """Carry one read or one burst at a time, a crossing as :class:`_Crossing` has it.

    The CPU only reads; a burst is 8 words, aligned. Its words are gathered on the other side, and
    their answer crosses once: then the CPU takes a word in each cycle.
    """

    def elaborate(self, platform):
        m = Module()
        cpu, bus = self.initiator, self.target
        goes_on = cpu.cti == wishbone.INCREMENTING
        address = Signal(cpu.adr.shape())
        bursts = Signal()
        place = Signal(_BURST_BITS)    # of the word within its burst
        is_last = Signal()
        self._add_toggles(m, ends=~cpu.cyc | (cpu.ack & ~goes_on), is_last=is_last,
                          holds=[address.eq(cpu.adr), bursts.eq(goes_on)])

        m.submodules.words = words = Memory(shape=32, depth=1 << _BURST_BITS, init=[])
        write, read = words.write_port(), words.read_port(domain="comb")
        m.d.comb += [
            bus.adr.eq(Cat(address[:_BURST_BITS] | place, address[_BURST_BITS:])),
            bus.sel.eq(0b1111),
            is_last.eq(~bursts | place.all()),
            bus.cti.eq(Mux(is_last, 7, wishbone.INCREMENTING)),
            write.addr.eq(bus.adr),
            write.data.eq(bus.dat_r),
            write.en.eq(bus.stb & bus.ack),
            read.addr.eq(cpu.adr),
            cpu.dat_r.eq(read.data),
        ]
        with m.If(self.abort | (write.en & is_last)):
            m.d.sync += place.eq(0)
        with m.Elif(write.en):
            m.d.sync += place.eq(place + 1)
        return m


class LineCrossing(wiring.Component):
    """Carry levels from ``sync`` into the CPU's clock domain, each on its own, without glitches.

    Parameters
    ----------
    domain : :class:`str`
        The CPU's clock domain.
    width : :class:`int`
        Lines.

    Members
    -------
    i : ``In(width)``
        In ``sync``.
    o : ``Out(width)``
        The same in ``domain``, two of its cycles and one of ``sync`` later.
    """

    def __init__(self, *, domain, width):
        self._domain = domain
        super().__init__({"i": In(width), "o": Out(width)})

    def elaborate(self, platform):
        m = Module()
        settled = Signal.like(self.i)
        m.d.sync += settled.eq(self.i)
        m.submodules.synchronizer = FFSynchronizer(settled, self.o, o_domain=self._domain)
        return m


class HoldCrossing(wiring.Component):
    """Carry the CPU's reset: it begins at once, however short, and ends on the CPU's clock.

    Parameters
    ----------
    domain : :class:`str`
        The CPU's clock domain.

    Members
    -------
    i : ``In(1)``
        In ``sync``.
    o : ``Out(1)``
        In ``domain``, for two of its cycles or more.
    """

    i: In(1)
    o: Out(1)

    def __init__(self, *, domain):
        self._domain = domain
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        held = Signal(init=1)  # what begins a reset asynchronously must come from a flip-flop
        m.d.sync += held.eq(self.i)
        m.submodules.synchronizer = AsyncFFSynchronizer(held, self.o, o_domain=self._domain)
        return m

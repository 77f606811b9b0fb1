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


class BusCrossing(wiring.Component):
    """Carry one Wishbone access at a time from the CPU's clock domain into ``sync``.

    A request is a toggle that crosses through two flip-flops, while what it asks for stands still;
    so is its answer. An access that the CPU gives up, as its reset does, is carried to its end, and
    the answer is dropped.

    Parameters
    ----------
    domain : :class:`str`
        The CPU's clock domain.

    Members
    -------
    initiator : ``In(wishbone.Signature())``
        The CPU, in ``domain``. Its accesses stand alone.
    target : ``Out(wishbone.Signature())``
        The bus, in ``sync``.
    abort : ``In(1)``
        In ``sync``. While high, an access under way is taken for answered: the CPU is in reset, and
        the target may be one that waits.
    """

    initiator: In(wishbone.Signature())
    target: Out(wishbone.Signature())
    abort: In(1)

    def __init__(self, *, domain):
        self._domain = domain
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        asked = Signal()
        asked_there = Signal()
        answered = Signal()
        answered_here = Signal()
        data = Signal(32)
        m.submodules.to_target = FFSynchronizer(asked, asked_there)
        m.submodules.to_initiator = FFSynchronizer(answered, answered_here, o_domain=self._domain)
        self._add_initiator_side(m, m.d[self._domain], asked, answered_here, data)
        self._add_target_side(m, asked_there, answered, data)
        return m

    def _add_initiator_side(self, m, here, asked, answered, data):
        cpu = self.initiator
        under_way = Signal()
        given_up = Signal()
        done = Signal()
        m.d.comb += [
            done.eq(under_way & (asked == answered)),
            cpu.ack.eq(done & ~given_up & cpu.cyc & cpu.stb),
            cpu.dat_r.eq(data),
        ]
        with m.If(done):
            here += [under_way.eq(0), given_up.eq(0)]
        with m.Elif(under_way & ~(cpu.cyc & cpu.stb)):
            here += given_up.eq(1)
        with m.Elif(~under_way & cpu.cyc & cpu.stb):
            here += [
                under_way.eq(1),
                asked.eq(~asked),
                self.target.we.eq(cpu.we),
                self.target.adr.eq(cpu.adr),
                self.target.sel.eq(cpu.sel),
                self.target.dat_w.eq(cpu.dat_w),
            ]

    def _add_target_side(self, m, asked, answered, data):
        bus = self.target
        m.d.comb += [
            bus.stb.eq((asked != answered) & ~self.abort),
            bus.cyc.eq(bus.stb),
        ]
        with m.If(self.abort):
            m.d.sync += answered.eq(asked)
        with m.Elif(bus.stb & bus.ack):
            m.d.sync += [answered.eq(asked), data.eq(bus.dat_r)]


class BurstCrossing(wiring.Component):
    """Carry one read or one burst at a time from the CPU's clock domain into ``sync``.

    A request is a toggle that crosses through two flip-flops, while its address stands still. The
    words of a burst are gathered on the other side, and their answer crosses once: then the CPU
    takes a word in each cycle. What the CPU gives up, as its reset does, is carried to its end, and
    dropped.

    Parameters
    ----------
    domain : :class:`str`
        The CPU's clock domain.

    Members
    -------
    initiator : ``In(wishbone.Signature())``
        The CPU, in ``domain``. It reads; a burst is 8 words, aligned.
    target : ``Out(wishbone.Signature())``
        The bus, in ``sync``.
    abort : ``In(1)``
        In ``sync``. While high, what is under way is taken for answered: the CPU is in reset.
    """

    initiator: In(wishbone.Signature())
    target: Out(wishbone.Signature())
    abort: In(1)

    def __init__(self, *, domain):
        self._domain = domain
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        asked = Signal()
        asked_there = Signal()
        answered = Signal()
        answered_here = Signal()
        address = Signal(self.initiator.adr.shape())
        bursts = Signal()
        m.submodules.words = words = Memory(shape=32, depth=1 << _BURST_BITS, init=[])
        m.submodules.to_target = FFSynchronizer(asked, asked_there)
        m.submodules.to_initiator = FFSynchronizer(answered, answered_here, o_domain=self._domain)
        self._add_initiator_side(m, m.d[self._domain], asked, answered_here, address, bursts,
                                 words.read_port(domain="comb"))
        self._add_target_side(m, asked_there, answered, address, bursts, words.write_port())
        return m

    def _add_initiator_side(self, m, here, asked, answered, address, bursts, words):
        cpu = self.initiator
        goes_on = cpu.cti == wishbone.INCREMENTING
        under_way = Signal()    # a request was made, and its words are not all taken
        given_up = Signal()
        done = Signal()
        m.d.comb += [
            done.eq(under_way & (asked == answered)),
            cpu.ack.eq(done & ~given_up & cpu.cyc & cpu.stb),
            words.addr.eq(cpu.adr),
            cpu.dat_r.eq(words.data),
        ]
        with m.If(done):
            with m.If(given_up | ~cpu.cyc | (cpu.ack & ~goes_on)):
                here += [under_way.eq(0), given_up.eq(0)]
        with m.Elif(under_way):
            here += given_up.eq(given_up | ~(cpu.cyc & cpu.stb))
        with m.Elif(cpu.cyc & cpu.stb):
            here += [
                under_way.eq(1),
                asked.eq(~asked),
                address.eq(cpu.adr),
                bursts.eq(goes_on),
            ]

    def _add_target_side(self, m, asked, answered, address, bursts, words):
        bus = self.target
        place = Signal(_BURST_BITS)    # of the word within its burst
        goes_on = Signal()
        m.d.comb += [
            bus.stb.eq((asked != answered) & ~self.abort),
            bus.cyc.eq(bus.stb),
            bus.adr.eq(Cat(address[:_BURST_BITS] | place, address[_BURST_BITS:])),
            bus.sel.eq(0b1111),
            goes_on.eq(bursts & ~place.all()),
            bus.cti.eq(Mux(goes_on, wishbone.INCREMENTING, 7)),
            words.addr.eq(bus.adr),
            words.data.eq(bus.dat_r),
            words.en.eq(bus.stb & bus.ack),
        ]
        with m.If(self.abort):
            m.d.sync += [answered.eq(asked), place.eq(0)]
        with m.Elif(bus.stb & bus.ack):
            with m.If(goes_on):
                m.d.sync += place.eq(place + 1)
            with m.Else():
                m.d.sync += [answered.eq(asked), place.eq(0)]


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

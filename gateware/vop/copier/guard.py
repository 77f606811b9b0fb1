# SPDX-License-Identifier: BSD-2-Clause
"""Which host addresses the card's CPU and the rings may name."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from .. import csr
from ..regs.guard import GUARD, GUARD_LIMITS
from ..requester.segment import CHANNELS

__all__ = ["Guard"]

_PAGE_LOG2 = 12
_COUNT = GUARD_LIMITS["windows"]
_STRIDE_LOG2 = GUARD.register("pages").stride.bit_length() - 1


class Guard(wiring.Component):
    """Hold the windows that the host opened, and say whether a page lies in one of them.

    The executor asks for each segment, which never leaves its page, right before it is handed over:
    so a window that is closed is closed at once. The window that a channel used last is looked at
    first, if the question before has been answered; then all of them in turn.

    Members
    -------
    registers : ``In(csr.Signature(16))``
        Block `guard`. A write by the card is dropped and pulses ``refused_write``.
    reset : ``In(1)``
        Level: all windows are closed and their registers cleared within 16 cycles, while it lasts.
    ask : ``In(1)``
        Strobe: the question about ``page`` on behalf of ``channel``, which stay until the answer
        is no longer needed. A question that is not answered yet is forgotten.
    channel : ``In(3)``, page : ``In(52)``
        Who asks, and the bus address / 4096.
    allowed, refused : ``Out(1)``
        The answer, from the cycle after ``ask`` (if the first window that is looked at has the
        page, and software does not read a register in the same cycle) or up to 17 cycles
        later, until the next ``ask``. Until then both are low.
    refused_write : ``Out(1)``
        One-cycle pulse: the card tried to write.
    """

    registers: In(csr.Signature(16))
    reset: In(1)
    ask: In(1)
    channel: In(range(CHANNELS))
    page: In(64 - _PAGE_LOG2)
    allowed: Out(1)
    refused: Out(1)
    refused_write: Out(1)

    def elaborate(self, platform):
        m = Module()
        bus = self.registers
        hit = Signal()
        m.d.comb += [
            hit.eq(bus.address[GUARD.size.bit_length() - 1:] == GUARD.base // GUARD.size),
            self.refused_write.eq(hit & bus.write & bus.card),
        ]
        window = Signal(range(_COUNT))       # that is read
        clearing = Signal(range(_COUNT))
        m.d.sync += clearing.eq(clearing + self.reset)
        values = {}
        for register in GUARD.registers:
            # Whole registers, so that a byte strobe is a write enable.
            memory = Memory(shape=32, depth=_COUNT, init=[], attrs={"ram_style": "distributed"})
            m.submodules[register.name] = memory
            write = memory.write_port(granularity=8)
            read = memory.read_port(domain="comb")
            mine = hit & (bus.address[2:_STRIDE_LOG2] == register.offset // 4)
            mask = (1 << register.fields[0].width) - 1
            m.d.comb += [
                write.addr.eq(Mux(self.reset, clearing, bus.address[_STRIDE_LOG2:])),
                write.data.eq(Mux(self.reset, 0, bus.write_data & mask)),
                write.en.eq(Mux(self.reset, 0xF, bus.write_strobe
                                & (mine & bus.write & ~bus.card).replicate(4))),
                read.addr.eq(window),
            ]
            values[register.name] = read.data
            with m.If(mine & bus.read):
                m.d.sync += bus.read_data.eq(read.data)
        with m.If(~(hit & bus.read)):
            m.d.sync += bus.read_data.eq(0)

        hints = Memory(shape=range(_COUNT), depth=CHANNELS, init=[],
                       attrs={"ram_style": "distributed"})
        m.submodules.hints = hints
        hint = hints.read_port(domain="comb")
        learn = hints.write_port()

        # One window is subtracted from the page in each cycle, and judged in the next.
        index = Signal(range(_COUNT))        # of the next window of the walk
        judged = Signal(range(_COUNT))
        judges = Signal()                    # `distance` and `pages` are a window's
        last = Signal()                      # no window comes behind it
        walks = Signal()
        distance = Signal(65 - _PAGE_LOG2)   # of the page from the window's start; top bit: below
        pages = Signal(20)
        yes, no = Signal(), Signal()         # the answer, once it has been given
        found = Signal()
        m.d.comb += [
            hint.addr.eq(self.channel),
            window.eq(Mux(bus.read, bus.address[_STRIDE_LOG2:], Mux(walks, index, hint.data))),
            found.eq(judges & (distance[:20] < pages) & (distance[20:] == 0)),
            self.allowed.eq(found | yes),
            self.refused.eq(no),
            learn.addr.eq(self.channel),
            learn.data.eq(judged),
            learn.en.eq(found),
        ]
        base = Cat(values["base_lo"][_PAGE_LOG2:], values["base_hi"])
        m.d.sync += [
            distance.eq(self.page - base),
            pages.eq(values["pages"]),
            judged.eq(window),
            judges.eq((self.ask | walks) & ~bus.read),
            last.eq(~self.ask & (index == _COUNT - 1)),
        ]
        with m.If(self.ask):
            m.d.sync += [yes.eq(0), no.eq(0), index.eq(0), walks.eq(1)]
        with m.Else():
            with m.If(found):
                m.d.sync += [yes.eq(1), walks.eq(0)]
            with m.Elif(walks & ~bus.read):
                m.d.sync += [index.eq(index + 1), walks.eq(index != _COUNT - 1)]
            with m.If(judges & last & ~found & ~yes):
                m.d.sync += no.eq(1)
        return m

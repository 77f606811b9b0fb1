# SPDX-License-Identifier: BSD-2-Clause
"""Which host addresses the card's CPU and the rings may name."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .. import csr
from ..dma.splitter import MAX_BYTES
from ..regs.guard import GUARD, GUARD_LIMITS

__all__ = ["QuestionLayout", "Guard"]

_PAGE_LOG2 = 12

#: A range of host memory.
QuestionLayout = data.StructLayout({
    "host_address": 64,
    "bytes":        range(MAX_BYTES + 1),   # 1 or more
})


class Guard(wiring.Component):
    """Hold the windows that the host opened, and say whether a range lies in one of them.

    A question takes a cycle per window and two more. A range that wraps round the end of the
    address space is refused, as is one that only two windows together would cover.

    Members
    -------
    registers : ``In(csr.Signature(16))``
        Block `guard`. A write by the card is dropped and pulses ``refused_write``.
    question : ``In(stream.Signature(QuestionLayout))``
        The range that somebody wants to reach.
    allowed : ``Out(stream.Signature(1, always_ready=True))``
        The answer: 1 = it lies in an open window.
    refused : ``Out(1)``
        One-cycle pulse: the answer was 0.
    refused_write : ``Out(1)``
        One-cycle pulse: the card tried to write.
    """

    registers: In(csr.Signature(16))
    question: In(stream.Signature(QuestionLayout))
    allowed: Out(stream.Signature(1, always_ready=True))
    refused: Out(1)
    refused_write: Out(1)

    def elaborate(self, platform):
        m = Module()
        count = GUARD_LIMITS["windows"]
        stride = GUARD.register("pages").stride

        windows = {register.name: Signal(data.ArrayLayout(register.fields[0].width, count),
                                         name=register.name)
                   for register in GUARD.registers}
        bus = self.registers
        hit = Signal()
        window = Signal(range(count))
        m.d.comb += [
            hit.eq(bus.address[GUARD.size.bit_length() - 1:] == GUARD.base // GUARD.size),
            window.eq(bus.address[:GUARD.size.bit_length() - 1] >> (stride.bit_length() - 1)),
            self.refused_write.eq(hit & bus.write & bus.card),
        ]
        m.d.sync += bus.read_data.eq(0)
        for register in GUARD.registers:
            value = windows[register.name][window]
            merged = Cat(Mux(bus.write_strobe[n], bus.write_data[8 * n:8 * n + 8],
                             Cat(value)[8 * n:8 * n + 8]) for n in range(4))
            with m.If(hit & (bus.address[:stride.bit_length() - 1] == register.offset)):
                with m.If(bus.write & ~bus.card):
                    m.d.sync += value.eq(merged)
                with m.If(bus.read):
                    m.d.sync += bus.read_data.eq(value)

        asked = Signal(QuestionLayout)
        end = Signal(65)                       # of the range; bit 64: it wraps
        index = Signal(range(count + 1))
        base = Signal(64 - _PAGE_LOG2)         # of the window, in pages
        behind = Signal(65 - _PAGE_LOG2)       # the page behind it
        inside = Signal()
        # A window is picked in one cycle and compared in the next.
        picked = Cat(windows["base_lo"][index[:-1]][_PAGE_LOG2:], windows["base_hi"][index[:-1]])
        m.d.sync += [
            base.eq(picked),
            behind.eq(picked + windows["pages"][index[:-1]]),
        ]
        m.d.comb += [
            end.eq(asked.host_address + asked.bytes - 1),
            inside.eq((index != 0) & (asked.host_address[_PAGE_LOG2:] >= base)
                      & (end[_PAGE_LOG2:] < behind) & ~end[64]),
        ]
        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += self.question.ready.eq(1)
                m.d.sync += [asked.eq(self.question.payload), index.eq(0)]
                with m.If(self.question.valid):
                    m.next = "LOOK"
            with m.State("LOOK"):
                m.d.sync += index.eq(index + 1)
                with m.If(inside):
                    m.next = "ALLOW"
                with m.Elif(index == count):
                    m.next = "REFUSE"
            with m.State("ALLOW"):
                m.d.comb += [self.allowed.valid.eq(1), self.allowed.payload.eq(1)]
                m.next = "IDLE"
            with m.State("REFUSE"):
                m.d.comb += [self.allowed.valid.eq(1), self.refused.eq(1)]
                m.next = "IDLE"
        return m

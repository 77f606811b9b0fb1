# SPDX-License-Identifier: BSD-2-Clause
"""Many ports onto the few that card RAM has: who writes, who reads."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..choose import Chooser
from .memory_port import WriteLayout
from .memory_span import SpanLayout
from .turns import Turns

__all__ = ["WriteMerger", "ReadMerger", "ReadScheduler"]

_BANKS = 2  # lowest bit of the line number


class WriteMerger(wiring.Component):
    """Accept one write in each cycle, into a register.

    Parameters
    ----------
    line_bits, width : :class:`int`
        Bits of a line number and of a line.
    writes : :class:`int`
        Ports beside the first one: 1 to 4.

    Members
    -------
    span : ``In(stream.Signature(SpanLayout(line_bits, width), always_ready=True))``
        Writes that never wait.
    writes : ``In(stream.Signature(WriteLayout(line_bits, width))).array(writes)``
        Writes that take turns when ``span`` pauses.
    write : ``Out(SpanLayout(line_bits, width))``
        The write accepted in the cycle before; its strobes are zero if there was none.
    """

    def __init__(self, *, line_bits, width, writes):
        span = SpanLayout(line_bits, width)
        super().__init__({
            "span":   In(stream.Signature(span, always_ready=True)),
            "writes": In(stream.Signature(WriteLayout(line_bits, width))).array(writes),
            "write":  Out(span),
        })

    def elaborate(self, platform):
        m = Module()
        span, write = self.span, self.write
        m.submodules.turns = turns = Turns(count=len(self.writes))
        m.d.comb += [
            turns.requests.eq(Cat(port.valid for port in self.writes)),
            turns.served.eq(~span.valid),
        ]
        m.submodules.chooser = chooser = Chooser(len(Value.cast(self.writes[0].payload)))
        m.d.comb += chooser.choice.eq(turns.turn)
        for index, port in enumerate(self.writes):
            m.d.comb += [
                port.ready.eq(~span.valid & (turns.turn == index)),
                chooser.i[index].eq(port.payload),
            ]
        other = Signal.like(self.writes[0].payload)
        m.d.comb += Value.cast(other).eq(chooser.o)
        has_other = turns.requests.bit_select(turns.turn, 1)
        m.d.sync += [
            write.line.eq(Mux(span.valid, span.payload.line, other.line)),
            write.data.eq(Mux(span.valid, span.payload.data, other.data)),
            write.strobe.eq(Mux(span.valid, span.payload.strobe, 0)),
            write.next_strobe.eq(Mux(span.valid, span.payload.next_strobe, 0)),
        ]
        with m.If(~span.valid & has_other):
            m.d.sync += write.strobe.eq(other.strobe)
        return m


class ReadMerger(wiring.Component):
    """Let several readers take turns.

    Parameters
    ----------
    line_bits : :class:`int`
        Bits of a line number.
    reads : :class:`int`
        Readers. At least 1.

    Members
    -------
    reads : ``In(stream.Signature(line_bits)).array(reads)``
        Lines to read.
    read : ``Out(stream.Signature(line_bits))``
        Those of the reader whose turn it is.
    answer : ``In(1)``
        The answer to a request that was accepted two cycles before comes now.
    answers : ``Out(reads)``
        Bit n: it is for reader n.
    """

    def __init__(self, *, line_bits, reads):
        super().__init__({
            "reads":   In(stream.Signature(line_bits)).array(reads),
            "read":    Out(stream.Signature(line_bits)),
            "answer":  In(1),
            "answers": Out(reads),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.turns = turns = Turns(count=len(self.reads))
        asked = Signal.like(turns.turn)
        answered = Signal.like(turns.turn)
        m.d.comb += [
            turns.requests.eq(Cat(port.valid for port in self.reads)),
            turns.served.eq(self.read.ready),
        ]
        m.d.sync += [asked.eq(turns.turn), answered.eq(asked)]
        with m.Switch(turns.turn):
            for index, port in enumerate(self.reads):
                with m.Case(index) if port is not self.reads[-1] else m.Default():
                    m.d.comb += [
                        self.read.payload.eq(port.payload),
                        self.read.valid.eq(port.valid),
                        port.ready.eq(self.read.ready),
                    ]
                m.d.comb += self.answers[index].eq(self.answer & (answered == index))
        return m


class ReadScheduler(wiring.Component):
    """Bring two readers to two banks, each bank taking one of them in each cycle.

    Where both want the same bank, the first goes first, but the second waits for no more than
    ``patience`` cycles in a row.

    Parameters
    ----------
    line_bits : :class:`int`
        Bits of a line number.
    patience : :class:`int`
        In cycles. At least 1.

    Members
    -------
    reads : ``In(stream.Signature(line_bits)).array(2)``
        Lines to read.
    addresses : ``Out(line_bits - 1).array(2)``
        By bank, the line to read within it; in the cycle after it was accepted.
    answers : ``Out(2)``, banks : ``Out(2)``
        Bit n: reader n's request was accepted two cycles before, and the bank that answers it.
    """

    def __init__(self, *, line_bits, patience):
        self._patience = patience
        super().__init__({
            "reads":     In(stream.Signature(line_bits)).array(2),
            "addresses": Out(line_bits - 1).array(_BANKS),
            "answers":   Out(2),
            "banks":     Out(2),
        })

    def elaborate(self, platform):
        m = Module()
        first, second = self.reads
        same_bank = Signal()
        waited = Signal(range(self._patience + 1))
        impatient = Signal()    # the second waits, and its request stands
        m.d.comb += [
            same_bank.eq(first.payload[0] == second.payload[0]),
            # Whether the second asks comes late, and is not needed to tell either what it may do.
            first.ready.eq(~(same_bank & impatient)),
            second.ready.eq(~(same_bank & first.valid & ~impatient)),
        ]
        with m.If(same_bank & first.valid & second.valid & ~impatient):
            m.d.sync += [
                waited.eq(waited + 1),
                impatient.eq(waited == self._patience - 1),
            ]
        with m.Else():
            m.d.sync += [waited.eq(0), impatient.eq(0)]

        for bank, address in enumerate(self.addresses):
            takes_first = Signal(name=f"bank{bank}_takes_first")
            m.d.comb += takes_first.eq(first.valid & first.ready & (first.payload[0] == bank))
            m.d.sync += address.eq(Mux(takes_first, first.payload[1:], second.payload[1:]))
        accepted = Signal(2)
        asked = Signal(2)
        m.d.sync += [
            accepted.eq(Cat(read.valid & read.ready for read in self.reads)),
            asked.eq(Cat(read.payload[0] for read in self.reads)),
            self.answers.eq(accepted),
            self.banks.eq(asked),
        ]
        return m

# SPDX-License-Identifier: BSD-2-Clause
"""Commands that wait for their turn: per channel, those written inline and those of its ring."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..regs.copier import COMMAND, COPIER_LIMITS
from ..requester.segment import CHANNELS
from .command import CommandLayout

__all__ = ["InlineWriteLayout", "LineWriteLayout", "CommandQueue"]

_DEPTH = COPIER_LIMITS["queue_depth"]
_WORDS = COMMAND.size // 4
_POINTER = range(2 * _DEPTH)      # one bit more than a place needs: it tells full from empty

#: A write to the command that a channel is about to get inline.
InlineWriteLayout = data.StructLayout({
    "channel": range(CHANNELS),
    "data":    data.ArrayLayout(32, _WORDS),
    "strobe":  data.ArrayLayout(1, _WORDS),   # words to write
    "submit":  1,                             # with this write the command is complete
})


def LineWriteLayout(width):
    """A line of a command that was fetched from the channel's ring."""
    lines = max(1, 8 * COMMAND.size // width)
    return data.StructLayout({
        "place": range(_DEPTH),
        "part":  range(lines),         # of the command's lines
        "data":  width,
    })


class CommandQueue(wiring.Component):
    """Eight inline commands and eight of the ring for each channel, in block RAM, read whole.

    The commands of either kind keep their order. Between the two there is none: as long as a
    channel holds both kinds they alternate.

    Inline words are written on the first port of the RAM; lines of the ring and what the executor
    looks at share the second, and lines go first.

    Parameters
    ----------
    width : :class:`int`
        Bits of a line: 64, 128 or 256.

    Members
    -------
    inline : ``In(InlineWriteLayout)``
        A write by software; dropped where the channel is full. Idle: no strobe, no ``submit``.
    overflow : ``Out(1)``
        Combinational: ``submit`` finds the channel full; nothing is queued.
    fetch_channel : ``In(3)``
        Channel of ``line``, ``commit``, ``ring_tail`` and ``ring_room``.
    line : ``In(LineWriteLayout(width))``, line_valid : ``In(1)``
        Write a line of a command of the ring.
    commit : ``In(1)``
        Strobe: the command at ``ring_tail`` is complete.
    ring_tail, ring_head : ``Out(4)``
        Of the channel's commands of the ring: next to commit, oldest. Both modulo 16; the place is
        the lower three bits.
    current : ``In(3)``
        Channel whose oldest command is read.
    command : ``Out(CommandLayout)``
        The command; kept while a line is written.
    looked : ``Out(1)``
        High in a cycle in which ``command`` is read, to be valid in the next.
    pop : ``In(1)``, pop_channel : ``In(3)``
        Strobe: the channel's oldest command leaves.
    flush_inline, flush_ring : ``In(1)``, flush_inline_channel, flush_ring_channel : ``In(3)``
        Strobes: the channel forgets its commands of that kind, but not one that comes in this
        cycle.
    may_flush_ring : ``In(1)``
        High with ``flush_ring``; it comes early in the cycle. No ``pop`` with it, nor with
        ``flush_inline``.
    inline_waits, ring_waits : ``Out(8)``
        Bit per channel: it holds commands of that kind.
    waits : ``Out(8)``
        Bit per channel: it holds a command that ``current`` would show.
    held_channel : ``In(3)``, held : ``Out(range(17))``
        How many commands that channel holds.
    """

    def __init__(self, *, width):
        self._width = width
        super().__init__({
            "inline":        In(InlineWriteLayout),
            "overflow":      Out(1),
            "fetch_channel": In(range(CHANNELS)),
            "line":          In(LineWriteLayout(width)),
            "line_valid":    In(1),
            "commit":        In(1),
            "ring_tail":     Out(_POINTER),
            "ring_head":     Out(_POINTER),
            "current":       In(range(CHANNELS)),
            "command":       Out(CommandLayout),
            "looked":        Out(1),
            "pop":           In(1),
            "pop_channel":   In(range(CHANNELS)),
            "flush_inline":  In(1),
            "flush_ring":    In(1),
            "may_flush_ring": In(1),
            "flush_inline_channel": In(range(CHANNELS)),
            "flush_ring_channel":   In(range(CHANNELS)),
            "inline_waits":  Out(CHANNELS),
            "ring_waits":    Out(CHANNELS),
            "waits":         Out(CHANNELS),
            "held_channel":  In(range(CHANNELS)),
            "held":          Out(range(2 * _DEPTH + 1)),
        })

    def elaborate(self, platform):
        m = Module()

        def pointers(name):
            memory = Memory(shape=_POINTER, depth=CHANNELS, init=[])
            m.submodules[name] = memory
            port = memory.write_port()

            def read(channel):
                reader = memory.read_port(domain="comb")
                m.d.comb += reader.addr.eq(channel)
                return reader.data

            return port, read

        inline_tail_write, inline_tail = pointers("inline_tail")
        inline_head_write, inline_head = pointers("inline_head")
        ring_tail_write, ring_tail = pointers("ring_tail")
        ring_head_write, ring_head = pointers("ring_head")
        ring_next = Signal(CHANNELS)         # per channel: its next command comes from the ring

        # Inline commands arrive.
        tail = inline_tail(self.inline.channel)
        full = Signal()
        m.d.comb += [
            full.eq((tail ^ inline_head(self.inline.channel)) == _DEPTH),
            self.overflow.eq(self.inline.submit & full),
            inline_tail_write.addr.eq(self.inline.channel),
            inline_tail_write.data.eq(tail + 1),
            inline_tail_write.en.eq(self.inline.submit & ~self.overflow),
        ]

        # Commands of a ring arrive.
        m.d.comb += [
            self.ring_tail.eq(ring_tail(self.fetch_channel)),
            self.ring_head.eq(ring_head(self.fetch_channel)),
            ring_tail_write.addr.eq(self.fetch_channel),
            ring_tail_write.data.eq(self.ring_tail + 1),
            ring_tail_write.en.eq(self.commit),
        ]

        # Commands leave, or are forgotten.
        from_ring = ring_next.bit_select(self.pop_channel, 1)
        gone = []
        for flush, may_flush, channel, pops, write, head, tail_of in (
                (self.flush_inline, self.flush_inline, self.flush_inline_channel,
                 self.pop & ~from_ring, inline_head_write, inline_head, inline_tail),
                (self.flush_ring, self.may_flush_ring, self.flush_ring_channel,
                 self.pop & from_ring, ring_head_write, ring_head, ring_tail)):
            leaver = Signal(range(CHANNELS), name="leaver")
            last = Signal(_POINTER, name="last")
            m.d.comb += [
                leaver.eq(Mux(may_flush, channel, self.pop_channel)),
                last.eq(tail_of(leaver)),
                write.addr.eq(leaver),
                write.data.eq(Mux(may_flush, last, head(leaver) + 1)),
                write.en.eq(flush | pops),
            ]
            empties = Signal(name="empties")
            m.d.comb += empties.eq(may_flush | ((head(leaver) + 1)[:len(last)] == last))
            gone.append((write.en, empties, leaver))
        inline_gone, ring_gone = gone

        def leaves(n, strobe, empties, leaver):
            return strobe & (empties & (leaver == n))

        for n in range(CHANNELS):
            with m.If(inline_tail_write.en & (self.inline.channel == n)):
                m.d.sync += self.inline_waits[n].eq(1)
            with m.Elif(leaves(n, *inline_gone)):
                m.d.sync += self.inline_waits[n].eq(0)
            with m.If(self.commit & (self.fetch_channel == n)):
                m.d.sync += self.ring_waits[n].eq(1)
            with m.Elif(leaves(n, *ring_gone)):
                m.d.sync += self.ring_waits[n].eq(0)
            # The kind changes with a command that leaves, or while there is none to change under.
            own, other = self.inline_waits[n], self.ring_waits[n]
            popped = self.pop & (self.pop_channel == n)
            m.d.comb += self.waits[n].eq(Mux(ring_next[n], other, own))
            with m.If(Mux(ring_next[n], own & (popped | ~other), other & (popped | ~own))):
                m.d.sync += ring_next[n].eq(~ring_next[n])

        # The commands themselves.
        shows_ring = ring_next.bit_select(self.current, 1)
        address = Signal(range(2 * CHANNELS * _DEPTH))
        lines = self._width // 32
        m.d.comb += [
            address.eq(Mux(
                self.line_valid,
                Cat(self.line.place, self.fetch_channel, 1),
                Cat(Mux(shows_ring, ring_head(self.current)[:-1], inline_head(self.current)[:-1]),
                    self.current, shows_ring))),
            self.looked.eq(~self.line_valid),
        ]
        words = []
        for n in range(_WORDS):
            m.submodules[f"word{n}"] = word = Memory(
                shape=32, depth=2 * CHANNELS * _DEPTH, init=[], attrs={"ram_style": "block"})
            first = word.write_port()
            second = word.write_port()
            read = word.read_port()
            m.d.comb += [
                first.addr.eq(Cat(tail[:-1], self.inline.channel, 0)),
                first.data.eq(self.inline.data[n]),
                first.en.eq(self.inline.strobe[n] & ~full),
                second.addr.eq(address),
                second.data.eq(self.line.data.word_select(n % lines, 32)),
                second.en.eq(self.line_valid & (self.line.part == n // lines)),
                read.addr.eq(address),
                read.en.eq(~self.line_valid),
            ]
            words.append(read.data)
        m.d.comb += Cat(self.command).eq(Cat(words))

        in_queue = Signal(_POINTER)
        in_ring = Signal(_POINTER)
        m.d.comb += [
            in_queue.eq(inline_tail(self.held_channel) - inline_head(self.held_channel)),
            in_ring.eq(ring_tail(self.held_channel) - ring_head(self.held_channel)),
            self.held.eq(in_queue + in_ring),
        ]
        return m

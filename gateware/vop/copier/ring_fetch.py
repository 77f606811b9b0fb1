# SPDX-License-Identifier: BSD-2-Clause
"""Fetch the commands of the channels' rings from card RAM, ahead of their turn."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from ..regs.copier import COMMAND, COPIER, COPIER_LIMITS, CommandError
from ..requester.segment import CHANNELS
from ..soc import memory_port
from .queue import LineWriteLayout
from .registers import StoreLayout, keep_mask, keep_stores, word_of
from .turns import next_turn

__all__ = ["RingFetch"]

_DEPTH = COPIER_LIMITS["queue_depth"]
_DEPTH_LOG2 = _DEPTH.bit_length() - 1
_INDEX_BITS = 16
_COMMAND_LOG2 = COMMAND.size.bit_length() - 1
_LOG2_MAX = (1 << COPIER.register("ring_config").fields[0].width) - 1


class RingFetch(wiring.Component):
    """Fill the channels' queues from their rings, a channel at a time, as far as there is room.

    A doorbell (a write to ``ring_tail``) makes a channel a candidate. The distance from head to
    tail is looked at when its turn comes: what is ahead by more than the ring holds is refused.
    A doorbell without a ring is ignored.

    Parameters
    ----------
    card_bits : :class:`int`
        Log2 of the size of card RAM, in bytes.
    width : :class:`int`
        Bits of a line: 64, 128 or 256.

    Members
    -------
    store : ``In(StoreLayout)``
        Writes by software. One to ``ring_tail`` that clears it withdraws the doorbell.
    allowed : ``In(8)``
        Bit per channel: it is enabled, and has not stopped. A fetch that has begun goes on.
    memory : ``Out(memory_port.ReadSignature)``
        Card RAM.
    channel : ``Out(3)``
        Channel of the members from here to ``queue_head``.
    line : ``Out(LineWriteLayout(width))``, line_valid : ``Out(1)``, commit : ``Out(1)``
        Towards :class:`~vop.copier.queue.CommandQueue`.
    queue_tail, queue_head : ``In(4)``
        What that holds of the ring.
    failed : ``Out(1)``, error : ``Out(CommandError)``, may_fail : ``In(1)``
        One-cycle pulse: the ring of ``channel`` is refused with BAD_RING or BAD_CARD_ADDRESS. Only
        in a cycle with ``may_fail``.
    fetching : ``Out(1)``
        A fetch for ``channel`` is under way.
    waits : ``Out(8)``
        Bit per channel: its doorbell has not been looked at, or the ring holds more than has been
        fetched.
    flush : ``In(1)``, flush_channel : ``In(3)``
        Strobe: nothing has been taken from the channel's ring. Not while ``commit`` is high, nor
        while the channel is being fetched for.
    shown_channel : ``In(3)``, head : ``Out(16)``
        ``ring_head`` of that channel, in the next cycle.
    """

    def __init__(self, *, card_bits, width):
        self._card_bits = card_bits
        self._width = width
        super().__init__({
            "store":         In(StoreLayout),
            "allowed":       In(CHANNELS),
            "memory":        Out(memory_port.ReadSignature(
                card_bits - ceil_log2(width // 8), width)),
            "channel":       Out(range(CHANNELS)),
            "line":          Out(LineWriteLayout(width)),
            "line_valid":    Out(1),
            "commit":        Out(1),
            "queue_tail":    In(range(2 * _DEPTH)),
            "queue_head":    In(range(2 * _DEPTH)),
            "failed":        Out(1),
            "error":         Out(CommandError),
            "may_fail":      In(1),
            "fetching":      Out(1),
            "waits":         Out(CHANNELS),
            "flush":         In(1),
            "flush_channel": In(range(CHANNELS)),
            "shown_channel": In(range(CHANNELS)),
            "head":          Out(_INDEX_BITS),
        })

    def elaborate(self, platform):
        m = Module()
        channel = self.channel

        # Where each ring lies, and how large it is.
        m.submodules.ring_base = bases = Memory(
            shape=32, depth=CHANNELS, init=[], attrs={"ram_style": "block"})
        m.submodules.ring_config = configs = Memory(
            shape=_LOG2_MAX, depth=CHANNELS, init=[], attrs={"ram_style": "block"})
        keep_stores(m, bases, "ring_base", self.store)
        keep_mask(m, configs, "ring_config", self.store)
        base, mask = bases.read_port(), configs.read_port()
        m.d.comb += [
            base.addr.eq(channel), base.en.eq(1),
            mask.addr.eq(channel), mask.en.eq(1),
        ]

        # How far software and we have come.
        m.submodules.tails = tails = Memory(shape=_INDEX_BITS, depth=CHANNELS, init=[])
        m.submodules.heads = heads = Memory(shape=_INDEX_BITS, depth=CHANNELS, init=[])
        # Software is shown any channel's, a cycle later: a copy in block RAM, not in lookup tables.
        m.submodules.shown_heads = shown_heads = Memory(
            shape=_INDEX_BITS, depth=CHANNELS, init=[], attrs={"ram_style": "block"})
        tail_write, head_write = tails.write_port(granularity=8), heads.write_port()
        our_tail, our_head = tails.read_port(domain="comb"), heads.read_port(domain="comb")
        shown_write, shown_head = shown_heads.write_port(), shown_heads.read_port()
        m.d.comb += [
            shown_write.addr.eq(head_write.addr),
            shown_write.data.eq(head_write.data),
            shown_write.en.eq(head_write.en),
            shown_head.en.eq(1),
            tail_write.addr.eq(self.store.channel),
            tail_write.data.eq(self.store.data),
            tail_write.en.eq(
                Mux(self.store.word == word_of("ring_tail"), self.store.strobe[:2], 0)),
            head_write.addr.eq(Mux(self.commit, channel, self.flush_channel)),
            head_write.data.eq(Mux(self.commit, our_head.data, 0) + self.commit),
            head_write.en.eq(self.flush | self.commit),
            our_tail.addr.eq(channel),
            our_head.addr.eq(channel),
            shown_head.addr.eq(self.shown_channel),
            self.head.eq(shown_head.data),
        ]
        doorbells = Signal(CHANNELS)
        heeded = Signal()                    # the doorbell of `channel` is being looked at
        again = Signal()                     # ... and has to be looked at once more
        for n in range(CHANNELS):
            mine = channel == n
            m.d.comb += self.waits[n].eq(doorbells[n] | (self.fetching & mine))
            with m.If(tail_write.en.any() & (self.store.channel == n)):
                m.d.sync += doorbells[n].eq(~self.store.clears)
            with m.Elif(mine & (heeded | again)):
                m.d.sync += doorbells[n].eq(again)

        self._add_fetch(m, doorbells & self.allowed, heeded, again,
                        base=base.data, mask=mask.data, tail=our_tail.data, head=our_head.data)
        return m

    def _add_fetch(self, m, candidates, heeded, again, *, base, mask, tail, head):
        lines = max(1, 8 * COMMAND.size // self._width)
        place_bits = self._card_bits - _COMMAND_LOG2     # of a command's address in card RAM
        behind = Signal(_INDEX_BITS)        # commands in the ring, less 1; all ones: none
        few = Signal()                      # ... not more than a burst
        index = Signal(_DEPTH_LOG2)         # of the command asked for, modulo the queue's size
        absent = Signal()                   # there is no ring
        overrun = Signal()
        place = Signal(place_bits)          # address of the command asked for / its bytes
        astray = Signal()                   # ... lies beyond card RAM
        last = Signal(_DEPTH_LOG2)          # places of the queue's size that the ring has, less 1
        part = Signal(range(lines))         # line of the command
        got = Signal.like(part)             # the next line to come
        end = Signal.like(self.queue_tail)  # where the queue's tail will be then
        asking = Signal()                   # in ASK
        room = Signal(range(_DEPTH + 1))    # ... that the queue can take

        asks = Signal()
        m.d.comb += [
            self.memory.request.valid.eq(asking & ~astray),
            self.memory.request.payload.eq(Cat(part, place)),
            self.line.place.eq(self.queue_tail),
            self.line.part.eq(got),
            self.line.data.eq(self.memory.response.payload),
            self.line_valid.eq(self.memory.response.valid),
            self.commit.eq(self.line_valid & (got == lines - 1)),
        ]
        with m.If(self.line_valid):
            m.d.sync += got.eq(Mux(self.commit, 0, got + 1))
        with m.If(asks):
            m.d.sync += end.eq(end + 1)

        start = base[_COMMAND_LOG2:self._card_bits] + (head & mask)
        beyond = ~Cat(mask, 0)              # bits that no index in the ring has
        m.d.sync += self.fetching.eq(1)
        with m.FSM(name="fetch"):
            with m.State("PICK"):
                m.d.sync += [
                    self.fetching.eq(candidates.any()),
                    self.channel.eq(next_turn(candidates, self.channel)),
                ]
                with m.If(candidates.any()):
                    m.next = "READ"
            with m.State("READ"):
                m.d.comb += heeded.eq(1)
                m.d.sync += [
                    behind.eq(tail + ~head),
                    index.eq(head),
                    end.eq(self.queue_tail),
                    room.eq(_DEPTH - (self.queue_tail - self.queue_head)[:len(room)]),
                ]
                m.next = "MEASURE"
            with m.State("MEASURE"):
                m.d.sync += [
                    last.eq(~beyond),
                    overrun.eq((behind & beyond) != 0),
                    absent.eq(~mask[0] | behind.all()),
                ]
                m.next = "JUDGE"
            with m.State("JUDGE"):
                m.d.sync += [
                    place.eq(start),
                    astray.eq((base[self._card_bits:] != 0) | (start[place_bits:] != 0)),
                    few.eq(behind[_DEPTH_LOG2:] == 0),
                ]
                with m.If(self.may_fail):
                    with m.If(absent | overrun | (room == 0)):
                        m.d.sync += self.fetching.eq(0)
                        m.next = "PICK"
                    with m.Else():
                        m.d.sync += asking.eq(1)
                        m.next = "ASK"
                    with m.If(absent):
                        pass
                    with m.Elif(overrun):
                        m.d.comb += [self.failed.eq(1), self.error.eq(CommandError.BAD_RING)]
                    with m.Elif(room == 0):
                        m.d.comb += again.eq(1)
            with m.State("ASK"):
                with m.If(astray):
                    m.d.comb += self.error.eq(CommandError.BAD_CARD_ADDRESS)
                    with m.If(self.may_fail):
                        m.d.comb += self.failed.eq(1)
                        m.d.sync += asking.eq(0)
                        m.next = "AWAIT"
                with m.Elif(self.memory.request.ready):
                    m.d.sync += part.eq(part + 1)
                    with m.If(part == lines - 1):
                        m.d.comb += asks.eq(1)
                        m.d.sync += [
                            part.eq(0),
                            Cat(place, astray).eq(place + 1),
                            index.eq(index + 1),
                            behind[:_DEPTH_LOG2].eq(behind[:_DEPTH_LOG2] - 1),
                            room.eq(room - 1),
                        ]
                        # Not beyond the ring's end: that is for the next turn.
                        with m.If((few & (behind[:_DEPTH_LOG2] == 0)) | (room == 1)
                                  | ((index & last) == last)):
                            m.d.sync += asking.eq(0)
                            m.next = "AWAIT"
            with m.State("AWAIT"):
                with m.If(self.queue_tail == end):
                    m.d.comb += again.eq(1)
                    m.d.sync += self.fetching.eq(0)
                    m.next = "PICK"

# SPDX-License-Identifier: BSD-2-Clause
"""The arbiter towards the link: whole TLPs, reads first, and nobody waits for ever."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..shallow_queue import ShallowQueue
from .tlp import HeaderLayout, TxBeatLayout

__all__ = ["Sender"]


class Sender(wiring.Component):
    """Merge four streams of TLPs into one.

    Of a header, the fields that its kind has are passed on; the others are anything. TLPs leave in
    the order in which they are accepted, so a completion or a message never passes a
    posted write accepted before it (Base 4.0, 2.4.1). No cycle is lost between TLPs.

    Whenever a TLP can be begun, the first of these that is offered is taken:

    1. a write that has waited for ``PATIENCE`` cycles,
    2. a message, unless the last TLP was one,
    3. a completion, if a read went since the last one,
    4. a read,
    5. a completion,
    6. a write; while reads wait, only if the block's queue is shallow, so that a read that comes
       next is not behind many writes,
    7. a message.

    So while ``hold`` is low and the link takes TLPs, a write is begun next once it has waited for
    ``PATIENCE`` cycles, and any other TLP waits for the one under way and for at most two of each
    other stream.

    Parameters
    ----------
    width : :class:`int`
        Payload bits per beat.

    Members
    -------
    completions, reads, writes, messages : ``In(stream.Signature(TxBeatLayout(width)))``
        TLPs to send. An offer may be withdrawn.
    reads_waiting : ``In(1)``
        A read is about to be offered.
    shallow : ``In(1)``
        See ``phy.Signature``.
    hold : ``In(1)``
        High: no TLP is begun. One that has begun goes on.
    tx : ``Out(stream.Signature(TxBeatLayout(width)))``
        To the link, from a queue of two beats.
    """

    #: Cycles after which a write goes first.
    PATIENCE = 63

    def __init__(self, width):
        self._width = width
        super().__init__({
            "completions":   In(stream.Signature(TxBeatLayout(width))),
            "reads":         In(stream.Signature(TxBeatLayout(width))),
            "writes":        In(stream.Signature(TxBeatLayout(width))),
            "messages":      In(stream.Signature(TxBeatLayout(width))),
            "reads_waiting": In(1),
            "shallow":       In(1),
            "hold":          In(1),
            "tx":            Out(stream.Signature(TxBeatLayout(width))),
        })

    def elaborate(self, platform):
        m = Module()
        # Two beats: what the link says of its readiness goes no further than this, in any cycle.
        m.submodules.queue = queue = ShallowQueue(TxBeatLayout(self._width), depth=2)
        wiring.connect(m, queue.o, wiring.flipped(self.tx))

        completions, reads, writes, messages = range(4)
        sources = (self.completions, self.reads, self.writes, self.messages)
        valid = Signal(len(sources))
        chosen = Signal(len(sources))
        owner = Signal(len(sources))         # of the TLP under way; zero between TLPs
        between = Signal(init=1)             # it is zero
        read_went = Signal()                 # since the last completion
        message_was_last = Signal()
        waited = Signal(range(self.PATIENCE + 1))
        impatient = Signal()                 # waited == PATIENCE
        deep = Signal()                      # writes let reads go first
        m.d.comb += deep.eq(self.reads_waiting & ~self.shallow)

        # Who would be next, and by which two bits the payload is chosen. All come early, each by
        # itself: what is not offered is not asked for.
        has_completion, has_read, has_write, has_message = valid
        urgent = Signal()
        pressing = Signal()                  # a message goes before reads and completions
        neither = Signal()                   # no completion and no read
        following = Signal(len(sources))
        posted, second = Signal(), Signal()
        m.d.comb += [
            valid.eq(Cat(source.valid for source in sources)),
            urgent.eq(has_write & impatient),
            pressing.eq(has_message & ~message_was_last),
            neither.eq(~has_completion & ~has_read),
            following[completions].eq(~urgent & ~pressing & has_completion
                                      & (read_went | ~has_read)),
            following[reads].eq(~urgent & ~pressing & has_read & ~(has_completion & read_went)),
            following[writes].eq(urgent | (~pressing & neither & has_write & ~deep)),
            following[messages].eq(~urgent & has_message
                                   & (pressing | (neither & ~(has_write & ~deep)))),
            chosen.eq(Mux(between, following & ~self.hold.replicate(len(sources)), owner)),
            posted.eq(Mux(between, urgent | pressing | neither, owner[writes] | owner[messages])),
            second.eq(Mux(between, following[reads] | following[messages],
                          owner[reads] | owner[messages])),
        ]

        accepted = Signal()
        m.d.comb += [
            queue.i.valid.eq(Mux(between, ~self.hold & (
                has_completion | has_read | has_message | (has_write & (impatient | ~deep))),
                (owner & valid).any())),
            accepted.eq(queue.i.valid & queue.i.ready),
        ]
        m.d.comb += [source.ready.eq(chosen[index] & queue.i.ready)
                     for index, source in enumerate(sources)]
        self._add_payload(m, queue.i.payload, posted=posted, second=second)
        with m.If(accepted):
            m.d.sync += [
                owner.eq(chosen & ~queue.i.payload.last.replicate(len(sources))),
                between.eq(queue.i.payload.last),
                message_was_last.eq(chosen[messages]),
                read_went.eq(chosen[reads] | (read_went & ~chosen[completions])),
            ]
        with m.If(has_write & self.writes.ready):
            m.d.sync += [waited.eq(0), impatient.eq(0)]
        with m.Elif(has_write & ~impatient):
            m.d.sync += [waited.eq(waited + 1), impatient.eq(waited == self.PATIENCE - 1)]
        return m

    def _add_payload(self, m, beat, *, posted, second):
        """Choose among the four by two bits; of the header, only the fields that a kind has."""
        def among(member):
            first = Mux(second, member(self.reads.payload), member(self.completions.payload))
            other = Mux(second, member(self.messages.payload), member(self.writes.payload))
            return Mux(posted, other, first)

        def of_request(member):
            other = Mux(second, member(self.messages.payload), member(self.writes.payload))
            return Mux(posted, other, member(self.reads.payload))

        m.d.comb += [
            beat.first.eq(among(lambda source: source.first)),
            beat.last.eq(among(lambda source: source.last)),
            # A read has no payload, and a message one DW.
            beat.data[:32].eq(of_request(lambda source: source.data[:32])),
            beat.data[32:].eq(self.writes.payload.data[32:]),
        ]
        with m.If(~posted):
            m.d.comb += beat.data.eq(self.completions.payload.data)
        for name, _shape in HeaderLayout:
            def member(source, name=name):
                return getattr(source.header, name)

            value = among(member)
            if name in ("first_be", "last_be", "address"):
                value = of_request(member)
            elif name in ("completer", "requester", "status", "byte_count", "lower_address"):
                value = member(self.completions.payload)
            m.d.comb += getattr(beat.header, name).eq(value)

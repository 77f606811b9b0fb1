# SPDX-License-Identifier: BSD-2-Clause
"""The table of outstanding reads: what each tag still expects, and since when."""

from amaranth import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

__all__ = ["TAGS", "QUARANTINE_TIMEOUTS", "RequestLayout", "blocks", "RequestTable"]

#: Tags in use: all that a requester may use without extended tags (PCIe Base 4.0, 2.2.6.2).
TAGS = 32

#: Completion timeouts for which a tag that timed out rests, unless its completion comes after all.
QUARANTINE_TIMEOUTS = 4

_TICKS = 16        # ticks of the coarse clock in one completion timeout
_BLOCK_LOG2 = 6    # completions may split at every 64 bytes (PCIe Base 4.0, 2.3.1.1: RCB)


def RequestLayout(card_bits):
    """What a tag still expects."""
    return data.StructLayout({
        "card_address": card_bits,         # where its next byte goes
        "lower":        7,                 # low bits of the host address of its next byte
        "bytes":        range(4096 + 1),   # left to come
    })


def blocks(lower, count):
    """64-byte blocks that ``count`` bytes from ``lower`` touch: completions in the worst case."""
    return (lower[:_BLOCK_LOG2] + count + (1 << _BLOCK_LOG2) - 1) >> _BLOCK_LOG2


class RequestTable(wiring.Component):
    """Keep the outstanding reads.

    A tag is *open* from ``open`` until it is closed or its quarantine ends, then it is returned on
    ``free``. An open tag is *abandoned* when it timed out or when ``abandon`` was high: what comes
    for it is still checked, but must not be used.

    Completion credits are counted in blocks of 64 bytes. A read takes all its blocks when it is
    opened, and gives them back as they arrive. One that timed out gives back all at once: the
    receive buffer has long been drained by then, and other channels shall go on.

    Parameters
    ----------
    card_bits : :class:`int`
        Bits of a card address.
    timeout_cycles : :class:`int`
        Completion timeout, in cycles, 512 at least; kept to within 1/8.
    credit_blocks : :class:`int`
        Blocks whose completions the receive buffer of the hard block can hold.

    Members
    -------
    open : ``In(1)``, open_tag : ``In(5)``, open_request : ``In(RequestLayout)``
        Strobe: a read is about to leave.
    room : ``Out(range(credit_blocks + 1))``
        Blocks that may still be opened.
    tag : ``In(5)``
        Tag to look up.
    is_open, is_abandoned : ``Out(1)``; request : ``Out(RequestLayout)``
        What is known of ``tag``, in the same cycle.
    advance : ``In(1)``, advanced : ``In(RequestLayout)``
        Strobe: bytes of ``tag`` have come, this is what it expects from the next cycle on.
    close : ``In(1)``
        Strobe: the last completion of ``tag`` has come.
    abandon : ``In(1)``
        Level: abandon everything open.
    live : ``Out(1)``
        Some open tag is not abandoned.
    timeout : ``Out(1)``
        One-cycle pulse: an open tag has timed out.
    live_timeout : ``Out(1)``
        Valid with ``timeout``: it had not been abandoned.
    free : ``Out(stream.Signature(range(TAGS), always_ready=True))``
        A tag that may be used again.
    """

    def __init__(self, *, card_bits, timeout_cycles, credit_blocks):
        if timeout_cycles < TAGS * _TICKS:
            raise ValueError(f"Timeout must be {TAGS * _TICKS} cycles or more, not "
                             f"{timeout_cycles!r}")
        self._card_bits = card_bits
        self._timeout_cycles = timeout_cycles
        self._credit_blocks = credit_blocks
        tag = range(TAGS)
        super().__init__({
            "open":         In(1),
            "open_tag":     In(tag),
            "open_request": In(RequestLayout(card_bits)),
            "room":         Out(range(credit_blocks + 1)),
            "tag":          In(tag),
            "is_open":      Out(1),
            "is_abandoned": Out(1),
            "request":      Out(RequestLayout(card_bits)),
            "advance":      In(1),
            "advanced":     In(RequestLayout(card_bits)),
            "close":        In(1),
            "abandon":      In(1),
            "live":         Out(1),
            "timeout":      Out(1),
            "live_timeout": Out(1),
            "free":         Out(stream.Signature(tag, always_ready=True)),
        })

    def elaborate(self, platform):
        m = Module()
        shape = RequestLayout(self._card_bits)

        # Each memory has one writer: the issuing side, or the receiving side.
        m.submodules.issued = issued = Memory(shape=shape, depth=TAGS, init=[])
        m.submodules.progress = progress = Memory(shape=shape, depth=TAGS, init=[])
        opened = Signal(TAGS)
        started = Signal(TAGS)     # `progress` holds, not `issued`
        abandoned = Signal(TAGS)
        expired = Signal(TAGS)     # its credits are back already

        write_issued = issued.write_port()
        write_progress = progress.write_port()
        m.d.comb += [
            write_issued.addr.eq(self.open_tag),
            write_issued.data.eq(self.open_request),
            write_issued.en.eq(self.open),
            write_progress.addr.eq(self.tag),
            write_progress.data.eq(self.advanced),
            write_progress.en.eq(self.advance),
        ]

        def look_up(tag):
            first = issued.read_port(domain="comb")
            later = progress.read_port(domain="comb")
            m.d.comb += [first.addr.eq(tag), later.addr.eq(tag)]
            found = Signal(shape)
            m.d.comb += found.eq(Mux(started.bit_select(tag, 1), later.data, first.data))
            return found

        m.d.comb += [
            self.is_open.eq(opened.bit_select(self.tag, 1)),
            self.is_abandoned.eq(abandoned.bit_select(self.tag, 1)),
            self.request.eq(look_up(self.tag)),
            self.live.eq((opened & ~abandoned).any()),
        ]

        # One tag a cycle is looked at for its age, whenever the receiving side is quiet.
        m.submodules.stamps = stamps = Memory(shape=8, depth=TAGS, init=[])
        period = self._timeout_cycles // _TICKS
        cycle = Signal(range(period))
        now = Signal(8)
        m.d.sync += cycle.eq(Mux(cycle == period - 1, 0, cycle + 1))
        with m.If(cycle == period - 1):
            m.d.sync += now.eq(now + 1)
        write_stamp = stamps.write_port()
        read_stamp = stamps.read_port(domain="comb")
        looked_at = Signal(range(TAGS))
        age = Signal(8)
        aged = look_up(looked_at)
        quiet = Signal()
        expire = Signal()
        rest = Signal()
        m.d.comb += [
            write_stamp.addr.eq(self.open_tag),
            write_stamp.data.eq(now),
            write_stamp.en.eq(self.open),
            read_stamp.addr.eq(looked_at),
            age.eq(now - read_stamp.data),
            quiet.eq(~self.advance & ~self.close),
            expire.eq(quiet & opened.bit_select(looked_at, 1)
                      & ~expired.bit_select(looked_at, 1) & (age > _TICKS)),
            rest.eq(quiet & opened.bit_select(looked_at, 1)
                    & (age > _TICKS * (1 + QUARANTINE_TIMEOUTS))),
            self.timeout.eq(expire),
            self.live_timeout.eq(expire & ~abandoned.bit_select(looked_at, 1)),
            self.free.valid.eq(self.close | (rest & ~expire)),
            self.free.payload.eq(Mux(self.close, self.tag, looked_at)),
        ]
        with m.If(quiet):
            m.d.sync += looked_at.eq(looked_at + 1)

        # The order of these assignments matters only where strobes meet on one tag: they cannot,
        # but for `abandon`, which comes last and so also reaches a tag that opens now.
        with m.If(self.advance):
            m.d.sync += started.bit_select(self.tag, 1).eq(1)
        with m.If(expire):
            m.d.sync += [
                abandoned.bit_select(looked_at, 1).eq(1),
                expired.bit_select(looked_at, 1).eq(1),
            ]
        with m.If(self.free.valid):
            m.d.sync += opened.bit_select(self.free.payload, 1).eq(0)
        with m.If(self.open):
            m.d.sync += [
                opened.bit_select(self.open_tag, 1).eq(1),
                started.bit_select(self.open_tag, 1).eq(0),
                abandoned.bit_select(self.open_tag, 1).eq(0),
                expired.bit_select(self.open_tag, 1).eq(0),
            ]
        with m.If(self.abandon):
            m.d.sync += abandoned.eq(~0)

        taken = Signal(range(self._credit_blocks + 1))
        takes = Signal.like(taken)
        gives = Signal.like(taken)
        m.d.comb += self.room.eq(self._credit_blocks - taken)
        with m.If(self.open):
            m.d.comb += takes.eq(blocks(self.open_request.lower, self.open_request.bytes))
        with m.If(expire):
            m.d.comb += gives.eq(blocks(aged.lower, aged.bytes))
        with m.Elif(~expired.bit_select(self.tag, 1)):
            with m.If(self.close):
                m.d.comb += gives.eq(blocks(self.request.lower, self.request.bytes))
            with m.Elif(self.advance):
                m.d.comb += gives.eq(blocks(self.request.lower, self.request.bytes)
                                     - blocks(self.advanced.lower, self.advanced.bytes))
        m.d.sync += taken.eq(taken + takes - gives)
        return m

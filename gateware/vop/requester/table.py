# SPDX-License-Identifier: BSD-2-Clause
"""What each tag still expects: the table of outstanding reads, and the next tag to use."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from .segment import SlotLayout

__all__ = ["MAX_READ_LOG2", "PLAIN_TAGS", "ReadEntryLayout", "ReadTable"]

#: Log2 of the largest read in bytes. Larger ones would leave too few completion credits for a
#: second one to hide the latency of the first.
MAX_READ_LOG2 = 9

#: Tags that may be used without extended tags (PCIe Base 4.0, 2.2.6.2).
PLAIN_TAGS = 32


def ReadEntryLayout(card_bits):
    """What is known of a tag."""
    return data.StructLayout({
        "open":         1,           # its completions are still to come
        "expired":      1,           # they came not in time: they count for nothing any more
        "card_address": card_bits,   # where its next byte goes
        "lower":        7,           # low bits of the host address of its next byte
        "bytes":        range((1 << MAX_READ_LOG2) + 1),  # left to come
        "slot":         SlotLayout,
    })


class ReadTable(wiring.Component):
    """Keep an entry per tag, and find the next tag that is free.

    Tags are handed out in turn, so that each rests as long as can be before it is used again; one
    whose entry is still open is passed over, a cycle each.

    Parameters
    ----------
    card_bits : :class:`int`
        Bits of a card address.
    tags : :class:`int`
        Tags: a power of two, 2 to 256.

    Members
    -------
    clear : ``In(1)``, clear_tag : ``In(range(tags))``
        Strobe: close that tag. Nothing else may be written in that cycle.
    tag : ``In(range(tags))``, entry : ``Out(ReadEntryLayout(card_bits))``
        Look up a tag, combinationally. A write shows in the next cycle.
    may_update : ``In(1)``
        High in every cycle in which ``update`` is; early.
    update : ``In(1)``, update_tag : ``In(range(tags))``, update_entry : ``In(ReadEntryLayout)``
        Strobe: write an entry.
    extended : ``In(1)``
        Tags from 32 on may be handed out.
    next_tag : ``Out(8)``, next_free : ``Out(1)``
        The tag that is handed out next, and whether it is free. It changes while it is not free,
        and with ``take``.
    open : ``In(1)``, open_entry : ``In(ReadEntryLayout)``
        Strobe: write the entry of ``next_tag``. Not while ``may_update`` is high.
    take : ``In(1)``
        Strobe: go on to another tag. Until then ``next_tag`` stands, though it is open.
    hold : ``In(1)``
        Level: ``next_tag`` stands.
    """

    def __init__(self, *, card_bits, tags):
        if tags not in (2, 4, 8, 16, 32, 64, 128, 256):
            raise ValueError(f"Tags must be a power of two from 2 to 256, not {tags!r}")
        self._card_bits = card_bits
        self._tags = tags
        entry = ReadEntryLayout(card_bits)
        super().__init__({
            "clear":        In(1),
            "clear_tag":    In(range(tags)),
            "tag":          In(range(tags)),
            "entry":        Out(entry),
            "may_update":   In(1),
            "update":       In(1),
            "update_tag":   In(range(tags)),
            "update_entry": In(entry),
            "extended":     In(1),
            "next_tag":     Out(8),
            "next_free":    Out(1),
            "open":         In(1),
            "open_entry":   In(entry),
            "take":         In(1),
            "hold":         In(1),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.entries = entries = Memory(
            shape=ReadEntryLayout(self._card_bits), depth=self._tags, init=[])
        # The open bits once more, for the search.
        m.submodules.taken = taken = Memory(shape=1, depth=self._tags, init=[])
        write, write_taken = entries.write_port(), taken.write_port()
        read, read_taken = entries.read_port(domain="comb"), taken.read_port(domain="comb")

        tag = Signal(range(self._tags), name="search_tag")
        allowed = Signal()
        m.d.comb += [
            read.addr.eq(self.tag),
            self.entry.eq(read.data),
            write.en.eq(self.clear | self.update | self.open),
            write.addr.eq(tag),
            write.data.eq(self.open_entry),
            write_taken.en.eq(write.en),
            write_taken.addr.eq(write.addr),
            write_taken.data.eq(write.data.open),
            read_taken.addr.eq(tag),
            allowed.eq(self.extended | (tag < PLAIN_TAGS)),
            self.next_tag.eq(tag),
            self.next_free.eq(~read_taken.data & allowed),
        ]
        with m.If(self.clear):
            m.d.comb += [write.addr.eq(self.clear_tag), write.data.open.eq(0)]
        with m.Elif(self.may_update):
            m.d.comb += [write.addr.eq(self.update_tag), write.data.eq(self.update_entry)]

        with m.If(~allowed):
            m.d.sync += tag.eq(0)
        with m.Elif(self.take | (~self.next_free & ~self.hold)):
            m.d.sync += tag.eq(tag + 1)
        return m

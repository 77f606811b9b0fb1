# SPDX-License-Identifier: BSD-2-Clause
"""The age of each read: which tag to look at next, and whether it is late."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

__all__ = ["QUARANTINE_TIMEOUTS", "TagAging"]

#: Completion timeouts for which a tag that timed out rests, unless its completion comes after all.
QUARANTINE_TIMEOUTS = 4

_TICKS = 16   # ticks of the coarse clock in one completion timeout
_PAUSE = 4    # cycles from one look to the next


class TagAging(wiring.Component):
    """Stamp each read as it leaves, and look at one tag every few cycles.

    Parameters
    ----------
    tags : :class:`int`
        Tags.
    timeout_cycles : :class:`int`
        Completion timeout, in cycles: 16 for each tag at least. A read is found late after 1 to
        1.4 of it.

    Members
    -------
    sent : ``In(1)``, sent_tag : ``In(range(tags))``
        Strobe: the read of that tag leaves now.
    offered : ``In(1)``
        The read of ``sent_tag`` has not left yet: it has no age.
    due : ``Out(1)``, tag : ``Out(range(tags))``
        That tag should be looked at.
    look : ``In(1)``
        Strobe: it is being looked at.
    late : ``Out(1)``, rested : ``Out(1)``
        ``tag`` has waited for a timeout; for its quarantine, too.
    """

    def __init__(self, *, tags, timeout_cycles):
        if timeout_cycles < tags * _TICKS:
            raise ValueError(f"Timeout must be {tags * _TICKS} cycles or more, not "
                             f"{timeout_cycles!r}")
        self._tags = tags
        self._timeout_cycles = timeout_cycles
        super().__init__({
            "sent":     In(1),
            "sent_tag": In(range(tags)),
            "offered":  In(1),
            "due":      Out(1),
            "tag":      Out(range(tags)),
            "look":     In(1),
            "late":     Out(1),
            "rested":   Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.stamps = stamps = Memory(shape=8, depth=self._tags, init=[])
        write, read = stamps.write_port(), stamps.read_port(domain="comb")

        period = self._timeout_cycles // _TICKS
        left = Signal(range(period), init=period - 1)
        now = Signal(8)
        with m.If(left == 0):
            m.d.sync += [left.eq(period - 1), now.eq(now + 1)]
        with m.Else():
            m.d.sync += left.eq(left - 1)

        turn = Signal(range(self._tags * _PAUSE))
        age = Signal(8)
        has_left = Signal()
        m.d.comb += [
            write.addr.eq(self.sent_tag),
            write.data.eq(now),
            write.en.eq(self.sent),
            self.tag.eq(turn // _PAUSE),
            read.addr.eq(self.tag),
            age.eq(now - read.data),
            self.due.eq(turn % _PAUSE == _PAUSE - 1),
            has_left.eq(~self.offered | (self.sent_tag != self.tag)),
        ]
        with m.If(~self.due | self.look):
            m.d.sync += turn.eq(turn + 1)
        m.d.comb += [
            self.late.eq(has_left & (age > _TICKS)),
            self.rested.eq(age > _TICKS * (1 + QUARANTINE_TIMEOUTS)),
        ]
        return m

# SPDX-License-Identifier: BSD-2-Clause
"""Card RAM to host memory: memory write TLPs of any alignment, at a beat a cycle."""

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped
from amaranth.utils import ceil_log2

from ..pcie.phy import ConfigLayout
from ..pcie.tlp import TxBeatLayout
from ..soc import memory_port
from .beat_store import BeatStore
from .line_asker import LineAsker
from .segment import CHANNELS, TICKETS, WriteSegmentLayout
from .write_cutter import WriteCutter
from .write_intake import WriteIntake
from .write_outlet import WriteOutlet

__all__ = ["HostWriter"]


class HostWriter(wiring.Component):
    """Write segments to host memory, in order.

    A segment is cut at multiples of MPS; one that goes on where the one before ends, on both sides
    and on the same channel, shares its TLP if it was there in time. TLPs of segments that wait
    leave without an idle cycle between them.

    ``segment`` -> :class:`WriteIntake` -> :class:`WriteCutter` -> :class:`LineAsker` -> card RAM
    -> :class:`BeatStore` -> :class:`WriteOutlet` -> ``tlp``. The first beat is on offer five cycles
    after its segment was accepted.

    Parameters
    ----------
    card_bits : :class:`int`
        Bits of a card address.
    width : :class:`int`
        Bits of a card RAM line and of a beat: 64, 128 or 256.

    Members
    -------
    config : ``In(ConfigLayout)``
        MPS (above 1024 it counts as 1024) and bus mastering.
    segment : ``In(stream.Signature(WriteSegmentLayout(card_bits)))``
        Taken in order, at most every other cycle. ``ready`` comes from registers.
    ticket : ``Out(range(TICKETS))``
        Number that the next accepted segment gets.
    done : ``Out(range(TICKETS))``
        The last beat of every segment before this number was accepted on ``tlp``, or dropped.
    closed : ``Out(CHANNELS)``
        One-cycle pulse, as ``done`` moves: a segment of that channel has ended.
    mute : ``In(CHANNELS)``
        Level: TLPs of the channel are dropped whose first beat is not yet on offer.
    lost : ``Out(CHANNELS)``
        Level, sticky: bytes of the channel were dropped because bus mastering was off. All that
        comes behind them on the channel is dropped as well.
    mend : ``In(CHANNELS)``
        Strobe: clears ``lost``, but not if it is being set.
    idle : ``Out(1)``
        ``done`` has reached ``ticket``.
    memory : ``Out(memory_port.ReadSignature)``
        Card RAM. For the bytes that a segment brings along, line 0 is read and not used.
    tlp : ``Out(stream.Signature(TxBeatLayout(width)))``
        Memory writes.

    Raises
    ------
    ValueError
        If ``width`` is not 64, 128 or 256.
    """

    def __init__(self, *, card_bits, width):
        if width not in (64, 128, 256):
            raise ValueError(f"Width of the host writer must be 64, 128 or 256 bits, not {width!r}")
        self._card_bits = card_bits
        self._width = width
        line_bits = card_bits - ceil_log2(width // 8)
        super().__init__({
            "config":  In(ConfigLayout),
            "segment": In(stream.Signature(WriteSegmentLayout(card_bits))),
            "ticket":  Out(range(TICKETS)),
            "done":    Out(range(TICKETS)),
            "closed":  Out(CHANNELS),
            "mute":    In(CHANNELS),
            "lost":    Out(CHANNELS),
            "mend":    In(CHANNELS),
            "idle":    Out(1),
            "memory":  Out(memory_port.ReadSignature(line_bits, width)),
            "tlp":     Out(stream.Signature(TxBeatLayout(width))),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.intake = intake = WriteIntake(card_bits=self._card_bits, width=self._width)
        m.submodules.cutter = cutter = WriteCutter(card_bits=self._card_bits, width=self._width)
        m.submodules.asker = asker = LineAsker(card_bits=self._card_bits, width=self._width)
        m.submodules.store = store = BeatStore(width=self._width)
        m.submodules.outlet = outlet = WriteOutlet(width=self._width)

        connect(m, flipped(self.segment), intake.segment)
        connect(m, intake.head, cutter.head)
        connect(m, cutter.plan, asker.plan)
        connect(m, asker.request, flipped(self.memory.request))
        connect(m, asker.line, store.line)
        connect(m, flipped(self.memory.response), store.response)
        connect(m, asker.tlp, outlet.tlp_plan)
        connect(m, store.beat, outlet.beat)
        connect(m, outlet.tlp, flipped(self.tlp))
        m.d.comb += [
            asker.may_ask.eq(store.may_ask),
            store.immediate.eq(intake.line),
            intake.upper.eq(store.upper),
            intake.hold.eq(cutter.hold),
            intake.next.eq(store.next_immediate),
            cutter.max_payload.eq(self.config.max_payload),
            outlet.bus_master.eq(self.config.bus_master),
            outlet.mute.eq(self.mute),
            outlet.mend.eq(self.mend),
            self.lost.eq(outlet.lost),
            self.done.eq(outlet.done),
            self.closed.eq(outlet.closed),
            intake.done.eq(outlet.done),
            self.ticket.eq(intake.ticket),
            self.idle.eq(intake.idle),
        ]
        return m

# SPDX-License-Identifier: BSD-2-Clause
"""Commands that have been executed, until their bytes have arrived: then they end, in order."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from ..regs.copier import COPIER, COPIER_LIMITS, RECORD, RECORD_BITS, CommandError
from ..requester.segment import CHANNELS, SLOTS, TICKETS, SlotLayout, WriteSegmentLayout
from ..soc import memory_port
from .command import RecordLayout
from .interface import RetireLayout
from .registers import StoreLayout, keep_mask, keep_stores
from .turns import next_turn

__all__ = ["AnnouncementLayout", "has_passed", "Retire"]

_POINTER = range(2 * SLOTS)       # one bit more than a slot needs: it tells full from empty
_RECORD_LOG2 = RECORD.size.bit_length() - 1
_CONFIG = {field.name: field for field in COPIER.register("record_config").fields}

#: A vector, to be raised when every write segment before ``ticket`` has left.
AnnouncementLayout = data.StructLayout({
    "vector": 5,
    "ticket": range(TICKETS),
})

#: What is kept of a command until it ends.
_SlotLayout = data.StructLayout({**RetireLayout.members, "faulty": 1})


def has_passed(done, ticket):
    """Whether every segment before ``ticket`` has left. Fewer than TICKETS / 2 are ever held."""
    return ~(done - ticket)[len(ticket) - 1]


class Retire(wiring.Component):
    """End each channel's commands in order, and write their records.

    A command ends when the reader holds nothing of its slot and the writer has sent its segments.
    Its error is the executor's, else the reader's, else BUS_MASTER_OFF if the writer has lost
    anything of the channel. Then its record is written, then its vector announced; that is its end.
    A failure has a record whether it was asked for or not, if the channel has a record ring.
    A card channel's record that would lie outside card RAM is an error of the command.

    One channel is looked at in each cycle. A command ends every third cycle at most.

    Parameters
    ----------
    card_bits : :class:`int`
        Log2 of the size of card RAM, in bytes.
    segment_bits : :class:`int`
        Bits of a card address in a segment.
    width : :class:`int`
        Bits of a line of card RAM: 64, 128 or 256.

    Members
    -------
    store : ``In(StoreLayout)``
        Writes by software.
    retire : ``In(stream.Signature(RetireLayout))``
        From the executor. Dropped where the channel is in ``mute``.
    mute : ``In(8)``
        Bit per channel: nothing of it ends any more.
    wait : ``In(1)``
        Level: accept nothing on ``retire`` in this cycle.
    popped : ``Out(1)``, refused : ``Out(1)``
        Strobes: a command of ``retire.payload.channel`` was accepted; it has an error.
    current : ``In(3)``, slot : ``Out(range(SLOTS))``
        The slot that the next command of that channel gets. Combinational.
    inflight, full : ``Out(8)``
        Bit per channel: some of its slots, or all of them, are taken.
    watch : ``Out(SlotLayout)``, watch_busy : ``In(1)``, watch_error : ``In(8)``
        Towards the reader, combinational.
    ticket, done : ``In(range(TICKETS))``, lost : ``In(8)``
        From the writer.
    hold : ``In(1)``, held_channel : ``In(3)``, quiet : ``Out(1)``
        While ``hold`` is high no command begins to end. Once ``quiet`` is high, none is ending, and
        ``watch`` is that channel's: its ``index`` is free. It stays so while ``hold`` is high.
    may_be_cleared : ``In(1)``, clear : ``In(1)``
        Strobe ``clear``, while ``quiet``: forget the slots, sequence and position of
        ``held_channel``. The first is high in that cycle, and only while ``quiet``; it comes early
        in the cycle.
    line_write : ``Out(memory_port.WriteSignature)``
        Records in card RAM.
    segment : ``Out(stream.Signature(WriteSegmentLayout))``
        Records in host memory.
    recorded : ``Out(1)``
        Strobe: the record of ``ended_channel`` was accepted on ``segment``, with ``ticket``.
    announcement : ``Out(stream.Signature(AnnouncementLayout))``
        The command's own vector.
    ended : ``Out(1)``, ended_failed : ``Out(1)``, ended_channel, ended_error, ended_wants
        Strobe: a command ended in the cycle before; the same, if with an error; its error, and
        whether it asked for an interrupt. The channel is stable from two cycles before.
    shown_channel : ``In(3)``
        Channel of the two below.
    held : ``Out(range(SLOTS + 1))``
        Its slots taken. Combinational.
    sequence : ``Out(32)``
        Its commands ended since it was reset, in the next cycle.
    """

    def __init__(self, *, card_bits, segment_bits, width):
        self._card_bits = card_bits
        self._width = width
        line_bits = card_bits - ceil_log2(width // 8)
        super().__init__({
            "store":         In(StoreLayout),
            "retire":        In(stream.Signature(RetireLayout)),
            "mute":          In(CHANNELS),
            "wait":          In(1),
            "popped":        Out(1),
            "refused":       Out(1),
            "current":       In(range(CHANNELS)),
            "slot":          Out(range(SLOTS)),
            "inflight":      Out(CHANNELS),
            "full":          Out(CHANNELS),
            "watch":         Out(SlotLayout),
            "watch_busy":    In(1),
            "watch_error":   In(8),
            "ticket":        In(range(TICKETS)),
            "done":          In(range(TICKETS)),
            "lost":          In(CHANNELS),
            "hold":          In(1),
            "held_channel":  In(range(CHANNELS)),
            "quiet":         Out(1),
            "may_be_cleared": In(1),
            "clear":         In(1),
            "line_write":    Out(memory_port.WriteSignature(line_bits, width)),
            "segment":       Out(stream.Signature(WriteSegmentLayout(segment_bits))),
            "recorded":      Out(1),
            "announcement":  Out(stream.Signature(AnnouncementLayout)),
            "ended":         Out(1),
            "ended_failed":  Out(1),
            "ended_channel": Out(range(CHANNELS)),
            "ended_error":   Out(8),
            "ended_wants":   Out(1),
            "shown_channel": In(range(CHANNELS)),
            "held":          Out(range(SLOTS + 1)),
            "sequence":      Out(32),
        })

    def elaborate(self, platform):
        m = Module()
        retire = self.retire
        new = retire.payload
        accepted = Signal()
        m.d.comb += [
            retire.ready.eq(~self.wait & ~self.may_be_cleared),
            accepted.eq(retire.valid & retire.ready & ~self.mute.bit_select(new.channel, 1)),
            self.popped.eq(accepted),
            self.refused.eq(accepted & (new.error != CommandError.OK)),
        ]

        # Slots: `following` is the next to be taken, `oldest` the next to end.
        at = Signal(range(CHANNELS))         # looked at in this cycle
        now = Signal(range(CHANNELS))        # looked at in the cycle before; its command may end
        following_write, following = self._add_pointers(m, "following")
        oldest_write, oldest = self._add_pointers(m, "oldest")
        taken = following(new.channel)
        next_taken = following(now)
        behind = (oldest(now) + 1)[:len(taken)]
        ends = Signal()                      # the command of `now` ends
        m.d.comb += [
            self.slot.eq(following(self.current)),
            self.held.eq(following(self.shown_channel) - oldest(self.shown_channel)),
            following_write.addr.eq(new.channel),
            following_write.data.eq(taken + 1),
            following_write.en.eq(accepted),
            oldest_write.addr.eq(now),
            oldest_write.data.eq(Mux(self.may_be_cleared, next_taken, behind)),
            oldest_write.en.eq(self.clear | ends),
        ]
        m.d.sync += self.ended.eq(ends)
        fills = (taken - oldest(new.channel))[:len(taken)] == SLOTS - 1
        empties = behind == next_taken
        leaves = self.clear | ends
        for n in range(CHANNELS):
            enters = accepted & (new.channel == n)
            m.d.sync += [
                self.inflight[n].eq(
                    enters | (self.inflight[n]
                              & ~(leaves & (now == n) & (self.may_be_cleared | empties)))),
                self.full[n].eq((self.full[n] | (enters & fills)) & ~(leaves & (now == n))),
            ]

        look = self._add_slots(m, accepted, taken, at, oldest(at))
        self._add_end(m, at, now, look, ends)
        return m

    @staticmethod
    def _add_pointers(m, name):
        memory = Memory(shape=_POINTER, depth=CHANNELS, init=[])
        m.submodules[name] = memory

        def read(channel):
            port = memory.read_port(domain="comb")
            m.d.comb += port.addr.eq(channel)
            return port.data

        return memory.write_port(), read

    def _add_slots(self, m, accepted, taken, at, oldest):
        """What is known of each slot; returns what the one looked at says, in a register."""
        new = self.retire.payload
        m.submodules.tickets = tickets = Memory(
            shape=len(self.ticket) + 1, depth=CHANNELS * SLOTS, init=[])
        m.submodules.slots = slots = Memory(
            shape=_SlotLayout, depth=CHANNELS * SLOTS, init=[], attrs={"ram_style": "block"})
        ticket_write, ticket_read = tickets.write_port(), tickets.read_port(domain="comb")
        slot_write, slot_read = slots.write_port(), slots.read_port()
        place = Cat(taken[:-1], new.channel)
        m.d.comb += [
            ticket_write.addr.eq(place),
            # Numbers come round: what has left by now must not be asked about later.
            ticket_write.data.eq(Cat(new.ticket, has_passed(self.done, new.ticket))),
            ticket_write.en.eq(accepted),
            slot_write.addr.eq(place),
            slot_write.data.eq(Cat(new, self.refused)),
            slot_write.en.eq(accepted),
            ticket_read.addr.eq(Cat(oldest[:-1], at)),
            slot_read.addr.eq(ticket_read.addr),
            self.watch.index.eq(oldest),
            self.watch.channel.eq(at),
        ]
        look = Signal(data.StructLayout({"finished": 1, "faulty": 1, "error": 8, "lost": 1}))
        lost = self.lost.bit_select(at, 1)
        faulty = self.watch_error != CommandError.OK
        looks = Signal()
        m.d.comb += slot_read.en.eq(looks)
        m.d.sync += look.finished.eq(
            looks & ~self.hold & ~self.ended_failed & (self.inflight & ~self.mute).bit_select(at, 1)
            & ~self.watch_busy
            & (ticket_read.data[-1] | has_passed(self.done, ticket_read.data[:-1])))
        with m.If(looks):
            m.d.sync += [
                look.error.eq(self.watch_error),
                look.faulty.eq(lost | faulty),
                look.lost.eq(lost & ~faulty),
            ]
        return look, looks, slot_read.data

    def _add_end(self, m, at, now, look, ends):
        look, looks, slot = look
        error = Signal(8)
        found = Signal(8)
        is_faulty = Signal()                 # `found` is an error
        faulty = Signal()                    # `error` is one
        index = Signal((1 << _CONFIG["entries_log2"].width) - 1)

        # What the registers and the past say of the channel looked at.
        def remembered(name, shape):
            m.submodules[name] = memory = Memory(
                shape=shape, depth=CHANNELS, init=[], attrs={"ram_style": "block"})
            read = memory.read_port()
            m.d.comb += [read.addr.eq(at), read.en.eq(looks)]
            return memory, read.data

        registers = {}
        for name in ("record_lo", "record_hi"):
            memory, registers[name] = remembered(name, 32)
            keep_stores(m, memory, name, self.store)
        memory, mask = remembered("record_config", len(index))
        keep_mask(m, memory, "record_config", self.store)
        progress, past = remembered("progress", data.StructLayout({
            "sequence": 32, "position": 16}))
        following = Signal.like(past)
        shown = progress.read_port()
        is_card = now >= COPIER_LIMITS["host_channels"]
        # The bit above the mask tells one pass over the ring from the next.
        pass_ = Cat(~mask, 1) & Cat(1, mask)

        # The record, and where it goes.
        address = Signal(32)                 # known a cycle later, like all from here to `vector`
        upper = Signal(32)                   # half of the address, but for a carry
        carry = Signal()
        far = Signal()                       # its ring begins beyond card RAM
        records = Signal()                   # it is to be written
        to_host = Signal()                   # ... to host memory
        announces = Signal()                 # the command has a vector of its own
        announces_only = Signal()            # ... and no record
        vector = Signal.like(slot.vector)
        astray = Signal()                    # a card channel's record that would lie beyond
        to_card = Signal()
        record = Signal(RecordLayout)
        m.d.comb += [
            index.eq(past.position & mask),
            # The sum of an address in card RAM and an index has no higher bits.
            astray.eq(records & is_card & (far | address[
                self._card_bits:max(self._card_bits, _RECORD_LOG2 + len(index)) + 1].any())),
            to_card.eq(records & is_card & ~astray),
            is_faulty.eq(slot.faulty | look.faulty),
            found.eq(Mux(slot.faulty, slot.error,
                         Mux(look.lost, CommandError.BUS_MASTER_OFF, look.error))),
            record.control.eq((slot.tag << RECORD_BITS["tag_lsb"])
                              | (error << RECORD_BITS["error_lsb"])
                              | ((past.position & pass_ == 0) << RECORD_BITS["phase_lsb"])),
            record.bytes.eq(Mux(faulty, 0, slot.bytes)),
            record.sequence.eq(following.sequence),
        ]
        lines = max(1, 8 * RECORD.size // self._width)
        share = self._width // 8 // RECORD.size     # records in a line
        part = Signal(range(lines))
        line = self.line_write.request
        line_bytes_log2 = ceil_log2(self._width // 8)
        written = Signal()
        m.d.comb += [
            line.payload.line.eq(address[line_bytes_log2:] | part),
            line.payload.data.eq(Cat(record).word_select(part, self._width) if lines > 1
                                 else Cat(record).replicate(share)),
            line.payload.strobe.eq(-1),
            self.segment.payload.host_address.eq(Cat(address, upper + carry)),
            self.segment.payload.bytes.eq(RECORD.size),
            self.segment.payload.channel.eq(now),
            self.segment.payload.immediate.eq(1),
            self.segment.payload.data.eq(Cat(record)),
            self.announcement.payload.vector.eq(vector),
            self.ended_channel.eq(now),
            self.ended_error.eq(Mux(astray & ~faulty, CommandError.BAD_CARD_ADDRESS, error)),
            self.ended_failed.eq(self.ended & (faulty | astray)),
            self.ended_wants.eq(slot.wants_interrupt),
        ]
        if share > 1:
            place = address[_RECORD_LOG2:line_bytes_log2]
            m.d.comb += line.payload.strobe.eq(
                ((1 << RECORD.size) - 1) << (place << _RECORD_LOG2))

        records_now = Signal()
        m.d.comb += records_now.eq(slot.wants_record | (is_faulty & mask[0]))
        settled = Signal(2)                  # ``held_channel`` is in `at`, in `now`
        m.d.comb += self.quiet.eq(settled[1])
        m.d.sync += settled.eq(0)
        with m.FSM():
            with m.State("LOOK"):
                m.d.comb += looks.eq(~look.finished)
                m.d.sync += [
                    error.eq(found),
                    faulty.eq(is_faulty),
                    far.eq(registers["record_lo"][self._card_bits:] != 0),
                    records.eq(records_now),
                    to_host.eq(records_now & ~is_card),
                    Cat(address[_RECORD_LOG2:], carry).eq(
                        registers["record_lo"][_RECORD_LOG2:] + index),
                    upper.eq(registers["record_hi"]),
                    announces.eq(slot.raise_vector & ~is_faulty),
                    announces_only.eq(slot.raise_vector & ~slot.wants_record & ~is_faulty),
                    vector.eq(slot.vector),
                    self.announcement.payload.ticket.eq(self.done),
                ]
                with m.If(look.finished):
                    m.next = "RECORD"
                with m.Else():
                    candidates = self.inflight & ~self.mute
                    m.d.sync += [
                        now.eq(at),
                        # Where nobody else waits, look at what comes.
                        at.eq(Mux(self.hold, self.held_channel, Mux(
                            candidates.any(), next_turn(candidates, at),
                            self.retire.payload.channel))),
                        settled.eq(Mux(self.hold, Cat(1, settled[0]), 0)),
                    ]
            with m.State("RECORD"):
                m.d.comb += [
                    line.valid.eq(to_card),
                    self.segment.valid.eq(to_host),
                    self.announcement.valid.eq(announces_only),
                ]
                with m.If(to_card):
                    m.d.comb += written.eq(line.ready & (part == lines - 1))
                    with m.If(line.ready):
                        m.d.sync += part.eq(Mux(written, 0, part + 1))
                with m.Elif(to_host):
                    m.d.comb += [
                        written.eq(self.segment.ready),
                        self.recorded.eq(self.segment.ready),
                    ]
                    m.d.sync += self.announcement.payload.ticket.eq(self.ticket + 1)
                with m.Else():
                    m.d.comb += written.eq(1)
                with m.If(written):
                    with m.If(announces & ~astray
                              & ~(self.announcement.valid & self.announcement.ready)):
                        m.next = "ANNOUNCE"
                    with m.Else():
                        m.d.comb += ends.eq(1)
                        m.next = "LOOK"
            with m.State("ANNOUNCE"):
                m.d.comb += self.announcement.valid.eq(1)
                with m.If(self.announcement.ready):
                    m.d.comb += ends.eq(1)
                    m.next = "LOOK"

        write = progress.write_port()
        m.d.comb += [
            # Zero if cleared: nothing ends then.
            following.sequence.eq(Mux(self.may_be_cleared, 0, past.sequence)
                                  + ~self.may_be_cleared),
            following.position.eq(Mux(self.may_be_cleared, 0, past.position)
                                  + (records & ~self.may_be_cleared)),
            write.addr.eq(now),
            write.data.eq(following),
            write.en.eq(self.clear | ends),
            shown.addr.eq(self.shown_channel),
            self.sequence.eq(shown.data.sequence),
        ]

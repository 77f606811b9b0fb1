# SPDX-License-Identifier: BSD-2-Clause
"""What the steps of all commands share: operands of each channel, adders, and how they fail."""

from contextlib import contextmanager
from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Const, Mux, Signal, Value
from amaranth.lib import data, enum
from amaranth.utils import ceil_log2

from ..regs.copier import COPIER_LIMITS, VRING_CONTEXT, CommandError, Opcode
from ..requester.segment import SEGMENT_BYTES, TICKETS
from .barrel import BarrelRegister
from .context import AVAIL_HOST, DESC_HOST, FLAG, PUSH_HOST, USED_HOST
from .ring_port import BLOCK_BYTES
from .steps import Steps

__all__ = ["Base", "HostBase", "By", "Link", "Offset", "Resume", "Stage", "is_above", "Machine"]

#: Short segments, or descriptors read, after which a turn ends if another channel wants one; a
#: longer segment uses all of it.
TURN_BUDGET = 8
SHORT_SEGMENT = 256      # bytes: below


class Stage(enum.Enum, shape=4):
    """What the bytes under way are."""

    RUN = 0         #: of a copy, of a chain, or pushed ahead of one
    MIRROR = 1      #: descriptors that lie side by side
    ENTRIES = 2     #: avail entries, up to the ring's end
    REST = 3        #: avail entries, from the ring's start
    INDEX = 4       #: the avail index
    ELEMENT = 5     #: a used element
    USED_INDEX = 6  #: the used index
    FLAGS = 7       #: the device's wish to be notified
    SCRATCH = 8     #: read for the engine itself, to the end of the context


class Resume(enum.Enum, shape=2):
    """With which step a channel's next turn begins."""

    SIZE = 0
    WALK_READ = 1
    AIM_POSTED = 2
    AWAIT_SCRATCH = 3


class Base(enum.Enum, shape=5):
    """To what the card adder adds: a bit each."""

    ZERO = 0
    CARD = 1
    DESC = 2
    AVAIL = 4
    USED = 8
    CONTEXT = 16


class HostBase(enum.Enum, shape=3):
    """To what the host adder adds."""

    OWN = 0      #: host address of the bytes under way
    DESC = DESC_HOST
    PUSH = PUSH_HOST
    AVAIL = AVAIL_HOST
    USED = USED_HOST


class By(enum.Enum, shape=2):
    """What both adders add."""

    PIECE = 0    #: bytes of the segment
    OFFSET = 1   #: prepared in the step before
    LINK = 2     #: 16 times a :class:`Link`
    SKIP = 3     #: bytes to skip


class Link(enum.Enum, shape=3):
    """A number of 16-byte blocks: the lowest bits of the number of the step that aims at it."""

    INDEX = 0    #: the next descriptor
    HALF = 1     #: the head that has just come
    NEXT = 2     #: the next index in the descriptor that has come
    FIRST = 3    #: start of the run, or of the list
    COMES = 7    #: end of the run, until a descriptor comes; then NEXT, or FIRST if there is none


#: What each step aims at that has to do with links.
_LINKS = {
    "OPEN": Link.INDEX,
    "WALK_READ": Link.INDEX,
    "TAKE_HEAD": Link.HALF,
    "WALK_TAKE": Link.NEXT,
    "LIST_READ": Link.FIRST,
    "MIRROR_POST": Link.FIRST,
    "MIRROR_TAKE": Link.COMES,
}


class Offset(enum.Enum, shape=4):
    """Where something lies in a ring or context (virtio 1.3, 2.7.6 and 2.7.8)."""

    REST = 0          #: none: entries from the one at `published` to the ring's end, for `batch`
    FLAGS = 1
    INDEX = 2
    AVAIL_ENTRY = 3   #: the one at `published`
    CURSOR_ENTRY = 4  #: the one at `cursor`
    USED_ID = 5       #: of the element at `used_idx`
    USED_LEN = 6
    USED_EVENT = 7    #: behind the avail ring
    AVAIL_EVENT = 8   #: behind the used ring
    PUBLISHED = 9     #: in the context
    USED_IDX = 10     #: in the context
    SCRATCH = 11      #: in the context
    HEAD = 12         #: number of the head
    SHIFT = 13        #: twice as much


def _selected(*choices):
    """The value whose condition is true, of pairs of a condition and a value; else zero."""
    return reduce(or_, (Mux(condition, value, 0) for condition, value in choices))


_OffsetAim = data.StructLayout({
    # A number of entries: those before the one at `published` ...
    "at_cursor":   1,   # ... or at `cursor`
    "at_used_idx": 1,   # ... or at `used_idx`;
    "rest":        1,   # those from there on but one;
    "whole":       1,   # or all of the ring;
    "extra":       2,   # and so many more.
    # The offset is
    "far":         1,   # 2 bytes for each of them
    "early":       1,   # ... or 8
    "fixed":       6,   # and so many bytes;
    "heads":       1,   # or the number of the head;
    "shifts":      1,   # or twice what it was.
})

_OFFSETS = {
    Offset.REST: {"rest": 1, "extra": 1},
    Offset.FLAGS: {},
    Offset.INDEX: {"fixed": 2},
    Offset.AVAIL_ENTRY: {"far": 1, "extra": 2},
    Offset.CURSOR_ENTRY: {"far": 1, "extra": 2, "at_cursor": 1},
    Offset.USED_ID: {"far": 1, "early": 1, "at_used_idx": 1, "fixed": 4},
    Offset.USED_LEN: {"far": 1, "early": 1, "at_used_idx": 1, "extra": 1},
    Offset.USED_EVENT: {"far": 1, "whole": 1, "extra": 2},
    Offset.AVAIL_EVENT: {"far": 1, "early": 1, "whole": 1, "fixed": 4},
    Offset.PUBLISHED: {"fixed": VRING_CONTEXT.member("published").offset},
    Offset.USED_IDX: {"fixed": VRING_CONTEXT.member("used_idx").offset},
    Offset.SCRATCH: {"fixed": VRING_CONTEXT.size - BLOCK_BYTES},
    Offset.HEAD: {"heads": 1},
    Offset.SHIFT: {"shifts": 1},
}


def is_above(value, limit):
    """``value > limit``, a power of two, without a subtraction."""
    log2 = ceil_log2(limit)
    return value[log2 + 1:].any() | (value[log2] & value[:log2].any())


class Machine:
    """Operands, adders and helpers. Each step of the state machine does its part with them.

    Operands are :class:`~vop.copier.barrel.BarrelRegister`: a turn may end at any step.

    Parameters
    ----------
    m : :class:`amaranth.Module`
        Where the state machine is.
    executor : :class:`~vop.copier.executor.Executor`
        Its ports.
    context, port, guard
        The submodules of the same names.
    ram_bytes : :class:`int`
        Size of card RAM.
    """

    def __init__(self, m, executor, *, context, port, guard, ram_bytes):
        self.m = m
        self.ports = executor
        self.context = context
        self.port = port
        self.guard = guard
        self.ram_log2 = ceil_log2(ram_bytes)
        self.current = executor.channels.current
        self.command = executor.channels.command
        #: Bits of a number of bytes that is saturated above all that may be moved.
        self.span_bits = max(self.ram_log2, ceil_log2(COPIER_LIMITS["max_bytes"])) + 1
        self.fsm = Steps(m, first="IDLE",
                         low_bits={name: link.value for name, link in _LINKS.items()})
        self._aims = {}                      # by step
        self._declare_operands()
        self._declare_state()
        self._read_descriptor()
        self._add()
        self._measure()
        self._offsets()
        self._share_port()
        m.d.comb += [
            context.channel.eq(self.current),
            context.address.eq(self.command.card_address),
            guard.channel.eq(self.current),
            guard.page.eq(self.host.value[12:]),
        ]

    def _declare_operands(self):
        self._operands = []

        def operand(name, shape, *, fast=False):
            self._operands.append(self.register(name, shape, fast=fast))
            return self._operands[-1]

        span = self.span_bits
        self.host = operand("host", 64)              # host address of the bytes under way
        self.card = operand("card", self.ram_log2 + 1)   # card address likewise, or RAM's end
        self.left = operand("left", span)            # bytes of the run that are not handed over
        self.buffer = operand("buffer", span)        # bytes of the copy or descriptor behind it
        self.entry = operand("entry", span)          # bytes of the linear side behind it, in one
        self.need = operand("need", span)            # bytes of the command beyond that list entry
        self.index = operand("index", 16)            # descriptor to read next
        self.skip = operand("skip", 32)              # bytes still to skip
        self.total = operand("total", 32)            # lengths of the chain so far
        self.steps = operand("steps", 16)            # descriptors that may come; top bit: too many
        self.cursor = operand("cursor", 16)          # avail entry under way
        self.target = operand("target", 16)          # the driver's avail index
        self.first = operand("first", 16)            # blocks of a run or list: from here
        self.behind = operand("behind", 16)          # ... to before here
        self.following = operand("following", 1, fast=True)   # the descriptor has a next one
        self.writable = operand("writable", 1, fast=True)     # a writable descriptor has come
        self.inside = operand("inside", 1, fast=True)         # of an indirect table
        self.pushing = operand("pushing", 1, fast=True)       # the chain's payload comes first
        self.stage = operand("stage", Stage, fast=True)
        self.resume = operand("resume", Resume, fast=True)
        self.ticket = operand("ticket", range(TICKETS))

    def _declare_state(self):
        # Of the turn. What is taken from the command costs block RAM's delay but once.
        self.opcode = Signal(4)
        self.to_host = Signal()
        self.listed = Signal()
        self.bad = Signal()                 # the step before found `code`
        self.code = Signal(CommandError)
        self.muted = Signal()
        self.stopped = Signal()
        self.m.d.comb += self.stopped.eq(self.bad | self.muted)
        self.budget = Signal(range(TURN_BUDGET + 1))
        self.others = Signal()              # another channel wants a turn
        self.prefetched = Signal()          # the next descriptor has been asked for
        self.guessed = Signal()             # ... the one at the run's end, on the chance
        self.raises = Signal()              # the command's end raises the vector
        # Of the segment on its way from SIZE to EMIT.
        self.piece = Signal(range(SEGMENT_BYTES + 1))
        self.last = Signal()
        self.spent = Signal()
        self.exempt = Signal()
        self.offset = Signal(32)

        flags = self.context.flags
        self.card_owned = self.current[-1]
        self.is_copy = self.opcode == Opcode.COPY
        self.is_publish = self.opcode == Opcode.PUBLISH
        self.is_chain = self.opcode == Opcode.CHAIN
        #: Descriptors hold host addresses: the linear side lies in card RAM.
        self.host_buffers = Signal()
        self.table_in_host = Signal()
        self.driver_in_host = Signal()
        self.m.d.comb += [
            self.host_buffers.eq(self.is_chain & flags[FLAG["buffers_in_host"]]),
            self.table_in_host.eq(self.is_chain & Mux(
                self.inside.value, flags[FLAG["buffers_in_host"]], flags[FLAG["desc_in_host"]])),
            self.driver_in_host.eq(Cat(flags[FLAG[name]] for name in (
                "desc_in_host", "avail_in_host", "used_in_host", "buffers_in_host")).any()),
        ]

    def _read_descriptor(self):
        # virtio 1.3, 2.7.5: the descriptor that has come last.
        self.descriptor = Signal(data.StructLayout({"length": 32, "next": 1, "write": 1,
                                                    "indirect": 1, "index": 16}))
        come = self.port.block[64:]
        self.m.d.comb += self.descriptor.eq(Cat(come[:35], come[48:64]))

    def _add(self):
        m, command = self.m, self.command
        self.base, self.by, self.host_base = Signal(Base), Signal(By), Signal(HostBase)
        base, host_base = Value.cast(self.base), Value.cast(self.host_base)
        link = self.fsm.state[:3]
        is_odd = Signal()
        self.link_value = Signal(16)
        addend = Signal(32)
        with m.Switch(self.by):
            with m.Case(By.PIECE):
                m.d.comb += addend.eq(self.piece)
            with m.Case(By.OFFSET):
                m.d.comb += addend.eq(self.offset)
            with m.Case(By.LINK):
                m.d.comb += addend.eq(self.link_value << 4)
            with m.Case(By.SKIP):
                m.d.comb += addend.eq(self.skip.value)
        self.link_after = Signal(16)
        self.beyond = Signal()               # no such descriptor
        self.card_sum = Signal(self.ram_log2 + 1)
        self.host_sum = Signal(64)
        m.d.comb += [
            is_odd.eq(link[0] & ~(link[2] & self.descriptor.next)),
            self.link_value.eq(Mux(
                link[2] & ~self.port.came, self.behind.value, Mux(
                    link[1], Mux(is_odd, self.first.value, self.descriptor.index),
                    Mux(is_odd, self.port.half, self.index.value)))),
            self.link_after.eq(self.link_value + 1),
            self.beyond.eq(self.link_value > self.context.mask),
            self.card_sum.eq(addend + _selected(
                (base[0], self.card.value),
                (base[1], self.context.desc_card),
                (base[2], self.context.avail_card),
                (base[3], self.context.used_card),
                (base[4], command.card_address[:self.ram_log2]))),
            self.context.select.eq(host_base),
            self.host_sum.eq((Mux(host_base[1:].any(), 0, self.host.value) | self.context.host)
                             + addend),
        ]

    def _measure(self):
        # The least of what the two sides have, and what remains of both.
        m = self.m
        # In the step behind one that sets this: of a list entry and of what the command needs.
        self.loads_entry = Signal()
        one = Signal(self.span_bits)
        other = self.entry.value
        self.least, self.one_rest, self.other_rest = (
            Signal(self.span_bits, name=name) for name in ("least", "one_rest", "other_rest"))
        difference = Signal(self.span_bits + 1)
        m.d.sync += self.loads_entry.eq(0)
        m.d.comb += [
            one.eq(Mux(self.loads_entry, self.need.value, self.buffer.value)),
            difference.eq(other - one),
            self.least.eq(Mux(difference[-1], other, one)),
            self.one_rest.eq(Mux(difference[-1], one - other, 0)),
            self.other_rest.eq(Mux(difference[-1], 0, difference)),
        ]
        self.left_after = Signal(self.span_bits)     # the segment
        m.d.comb += self.left_after.eq(self.left.value - self.piece)
        # The card's side of the run, as a whole.
        end = Signal(self.span_bits + 1)
        self.outside = Signal()
        m.d.comb += [
            end.eq(self.card.value + Mux(self.host_buffers, self.entry.value, self.buffer.value)),
            self.outside.eq(is_above(end, 1 << self.ram_log2)),
        ]
        # A power of two, one more than the mask: of its bits only one stays.
        self.entries = Signal(16)
        m.d.comb += self.entries.eq(Cat(1, self.context.mask) & ~self.context.mask)
        # virtio's vring_need_event(), in each of its uses: how far is the event that is in `index`
        # beyond what the other side had been told?
        self.ahead = Signal(16)
        m.d.comb += self.ahead.eq(self.index.value - Mux(
            self.opcode == Opcode.COMPLETE, self.context.used_idx, self.context.published))
        # What is new, and whether it wraps round the ring's end.
        published, mask = self.context.published, self.context.mask
        self.fresh = Signal(16)
        # Of the cycle before: `target`, `cursor` and `published` last for longer than that.
        self.is_new = Signal()               # something is
        self.too_many = Signal()             # more than the ring has
        self.batch = Signal(16)              # new entries up to the ring's end
        self.at_last = Signal()              # `cursor` is at the last new entry
        self.behind_last = Signal()          # ... or behind it
        m.d.sync += [
            self.at_last.eq((self.cursor.value + 1)[:16] == self.target.value),
            self.behind_last.eq(self.cursor.value == self.target.value),
        ]
        self.wraps = Signal()                # likewise
        before = Signal(16)
        m.d.sync += self.wraps.eq(((before ^ published) & ~mask).any())
        m.d.comb += [
            self.fresh.eq(self.target.value - published),
            before.eq(self.target.value - 1),
        ]
        m.d.sync += [
            self.is_new.eq(self.target.value != published),
            self.too_many.eq((self.fresh & ~(mask | self.entries)).any()
                             | ((self.fresh & self.entries).any() & (self.fresh & mask).any())),
        ]

    def _offsets(self):
        m = self.m
        published, mask = self.context.published, self.context.mask
        self.prepares = Signal()             # `offset` is prepared in this cycle
        #: In SIZE: the next part of the ring is not the first one; it is the avail ring's start.
        self.offset_is_near, self.offset_is_ring = Signal(), Signal()
        self.offset_aim = aim = Signal(_OffsetAim)
        place, number, near = Signal(16), Signal(17), Signal(3)
        is_far = aim.far & ~self.offset_is_near
        m.d.comb += [
            place.eq(Mux(aim.at_cursor, self.cursor.value,
                         Mux(aim.at_used_idx, self.context.used_idx, published)) & mask),
            number.eq(Mux(aim.whole, self.entries, Mux(aim.rest, place ^ mask, place))
                      + aim.extra),
            near.eq(Mux(self.offset_is_ring, 4, 2)),
        ]
        with m.If(self.prepares):
            m.d.sync += self.offset.eq(_selected(
                (aim.heads, self.link_value),
                (aim.shifts, self.offset << 1),
                (is_far & aim.early, number << 3),
                (is_far & ~aim.early, number << 1),
                (~self.offset_is_near, aim.fixed),
                (self.offset_is_near, near)))
        with m.If(aim.rest):
            m.d.sync += self.batch.eq(Mux(self.wraps, number, self.fresh))

    def _share_port(self):
        m, port, context, command = self.m, self.port, self.context, self.command
        self.port_read, self.port_write, self.port_word, self.port_second = (
            Signal(name=f"port_{name}") for name in ("read", "write", "word", "second"))
        self.port_ready = Signal()
        self.came = Signal()                 # a read of ours is answered
        self.arrived = Signal()              # the block that was asked for last has come
        arrived = Signal()                   # ... in a cycle before
        self.half_out = Signal(16)           # what two bytes are written
        self.scratch_card = Signal(self.ram_log2)
        m.d.comb += [
            port.read.eq((self.port_read & ~self.stopped) | context.asks),
            port.write.eq(self.port_write & ~self.stopped & ~context.asks),
            port.word.eq(self.port_word),
            port.address.eq(Mux(context.asks, context.row_address, self.card_sum)),
            port.data.eq(Mux(self.port_word, Mux(self.port_second, command.used_len,
                                                 command.used_id), self.half_out)),
            # No step that starts the context asks for anything else.
            self.port_ready.eq(port.ready & ~context.fetches),
            context.ready.eq(port.ready),
            context.came.eq(port.came),
            context.block.eq(port.block),
            self.came.eq(port.came & ~context.expects),
            self.arrived.eq(self.came | arrived),
            self.scratch_card.eq(Cat(Const(VRING_CONTEXT.size - BLOCK_BYTES, 6),
                                     command.card_address[6:])),
        ]
        with m.If(self.came):
            m.d.sync += arrived.eq(1)
        with m.If(self.port_read & self.port_ready):
            m.d.sync += arrived.eq(0)
        with m.Switch(self.opcode):
            with m.Case(Opcode.COMPLETE):
                m.d.comb += self.half_out.eq(context.used_idx + 1)
            with m.Case(Opcode.ARM):
                m.d.comb += self.half_out.eq(command.used_id)
            with m.Default():
                m.d.comb += self.half_out.eq(self.target.value)

    def register(self, name, shape, *, fast=False):
        """Let the steps have a :class:`~vop.copier.barrel.BarrelRegister`."""
        return BarrelRegister(self.m, name, shape, self.current, steps=self.fsm, fast=fast)

    def _aim_at(self, register, aim):
        if isinstance(aim, enum.Enum):
            return aim
        self.m.d.sync += register.eq(aim)
        return register

    def _offset_aim(self, kind):
        def aim_of(kind):
            return _OffsetAim.const(_OFFSETS[kind])

        if isinstance(kind, Offset):
            return aim_of(kind)
        m, register = self.m, Signal(_OffsetAim)
        with m.Switch(kind):
            for each in Offset:
                with m.Case(each):
                    m.d.sync += register.eq(aim_of(each))
        return register

    def finish(self):
        """When all steps have been described."""
        for kind, target in (("base", self.base), ("by", self.by), ("host_base", self.host_base)):
            self.fsm.choose(target, {step: self._aim_at(Signal.like(target), aims[kind])
                                     for step, aims in self._aims.items() if kind in aims})
        self.fsm.choose(self.offset_aim, {step: self._offset_aim(aims["offset"])
                                          for step, aims in self._aims.items() if "offset" in aims})
        for operand in self._operands:
            operand.finish()

    # What steps are made of.

    @property
    def next(self):
        """Name of the next step. To be set only."""
        raise AttributeError("The next step can be set only")

    @next.setter
    def next(self, name):
        self.fsm.go(name)

    @contextmanager
    def state(self, name, **aims):
        """A state, whatever the step before found.

        It aims the adders by ``base``, ``host_base`` and ``by``, and :meth:`prepare` by ``offset``,
        of the enumerations of these names. Expressions are taken in the cycle before.
        """
        self._aims[name] = aims
        with self.fsm.step(name):
            yield

    @contextmanager
    def step(self, name, **aims):
        """A state that is left at once if the step before found a fault, or the channel is mute.

        It may then still set operands, which nobody will use; card RAM is out of its reach.
        """
        with self.state(name, **aims):
            yield
            with self.m.If(self.stopped):
                self.next = "STOP"

    def check(self, fault, code):
        """If ``fault`` the next step does not happen, and the command ends with ``code``.

        Of several checks in a step the last one that fails counts.
        """
        with self.m.If(fault & ~self.bad):
            self.m.d.sync += [self.bad.eq(1), self.code.eq(code)]

    def fail(self, code):
        """End the command with ``code``."""
        self.check(1, code)
        self.next = "STOP"

    def prepare(self):
        """From the next cycle on ``offset`` is what the step says."""
        self.m.d.comb += self.prepares.eq(1)

    def read(self):
        """Ask for the block at ``card_sum``; the body of the ``with`` is for when that is taken."""
        self.m.d.comb += self.port_read.eq(1)
        return self.m.If(self.port_ready)

    def write(self, *, word=0, second=0):
        """Write ``half_out``, or a word of the used element, at ``card_sum``; as :meth:`read`."""
        self.m.d.comb += [
            self.port_write.eq(1),
            self.port_word.eq(word),
            self.port_second.eq(second),
        ]
        return self.m.If(self.port_ready)

    def saturate(self, length):
        """A length of 32 bits as a number of ``span_bits`` bits."""
        return Mux(length[self.span_bits:].any(), (1 << self.span_bits) - 1,
                   length[:self.span_bits])

    def leave(self, resume):
        """End the turn; the next one begins with step ``resume``."""
        self.resume.set(resume)
        self.next = "LEAVE"

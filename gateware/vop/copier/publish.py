# SPDX-License-Identifier: BSD-2-Clause
"""Command `publish`: mirror what the driver offered since last time into the host's ring."""

from amaranth.hdl import Signal

from ..regs.copier import CommandError
from .context import FLAG
from .machine import TURN_BUDGET, Base, By, HostBase, Offset, Stage

__all__ = ["Publish"]


class Publish:
    """Steps ASK_ENTRY to MIRROR_POST, and what they do in OPEN, SIZE, EMIT and WALK_ON.

    For each new avail entry: push the readable payload, if that is wanted; then walk the chain and
    gather neighbouring descriptors, across chains, into runs. Behind the last run go the avail
    entries, and then the avail index. Where a walk meets a fault the index stays as it was.

    Specification
    -------------
    virtio 1.3, 2.7.6 (The Virtqueue Available Ring), 2.7.13 (Supplying Buffers to The Device).

    Parameters
    ----------
    x : :class:`~vop.copier.machine.Machine`
        What the steps work on.
    walk : :class:`~vop.copier.walk.Walk`
        What judges descriptors.
    """

    def __init__(self, x, walk):
        self._x = x
        self._walk = walk
        m = x.m
        self._empty = Signal()               # no run has begun
        # Of the cycle before.
        self._index_is_new = Signal()
        self._adjoins = Signal()             # the descriptor at `index` is behind the run
        m.d.comb += self._empty.eq(x.first.value == x.behind.value)
        m.d.sync += [
            self._index_is_new.eq(0),
            self._adjoins.eq(x.index.value == x.behind.value),
        ]

    def open(self):
        """In OPEN: read the avail index as soon as it is known where it lies."""
        x, m = self._x, self._x.m
        x.prepare()
        x.steps.set(x.context.mask)
        x.pushing.set(x.context.flags[FLAG["push"]])
        with m.If(x.context.shaped), x.read():
            x.next = "ASK_ENTRY"

    def add_steps(self):
        """Add the steps."""
        x, m = self._x, self._x.m
        flags = x.context.flags
        pushes = flags[FLAG["push"]]

        # The first entry is asked for behind the index, on the chance that it is new.
        with x.step("ASK_ENTRY", offset=Offset.AVAIL_ENTRY):
            x.prepare()
            x.cursor.set(x.context.published)
            with m.If(x.context.placed):
                x.next = "READ_ENTRY"
        with x.step("READ_ENTRY", base=Base.AVAIL, by=By.OFFSET):
            with x.read():
                x.next = "TAKE_INDEX"
        with x.step("TAKE_INDEX"):
            with m.If(x.came):
                x.target.set(x.port.half)
                x.check(x.context.bad | flags[FLAG["desc_in_host"]] | flags[FLAG["avail_in_host"]]
                        | flags[FLAG["used_in_host"]], CommandError.BAD_CONTEXT)
                x.next = "TAKE_HEAD"

        with x.step("AIM_HEAD", offset=Offset.CURSOR_ENTRY):
            x.prepare()
            x.next = "READ_HEAD"
        with x.step("READ_HEAD", base=Base.AVAIL, by=By.OFFSET):
            with x.read():
                x.next = "TAKE_HEAD"
        settled = Signal()                   # what is derived from `target` is known
        waits = Signal()                     # a head has come before that
        m.d.sync += [settled.eq(0), waits.eq(0)]
        with x.step("TAKE_HEAD", base=Base.DESC, by=By.LINK, offset=Offset.HEAD):
            x.prepare()
            x.first.choose(x.link_value)
            # The head may come right behind the index.
            m.d.sync += [settled.eq(1), waits.eq(x.came & ~settled), self._index_is_new.eq(1)]
            with m.If(settled & (x.came | waits)):
                x.check(x.is_new & x.beyond, CommandError.BAD_DESCRIPTOR)
                x.check(x.too_many, CommandError.BAD_AVAIL)
                x.writable.set(0)
                x.total.set(0)
                with m.If(~x.is_new):
                    m.d.sync += x.raises.eq(flags[FLAG["always_notify"]])
                    x.next = "RETIRE"
                with m.Elif(x.pushing.value):
                    x.index.set(x.link_value)
                    x.total.set(x.steps.value)      # kept for the second walk of the chain
                    x.entry.set(1)
                    x.left.set(x.context.push_slot_log2)
                    m.d.sync += x.piece.eq(1)
                    x.next = "PUSH_SHIFT"
                with m.Else():
                    self.mirror(x.port.half == x.behind.value)

        with x.step("PUSH_SHIFT", offset=Offset.SHIFT):
            x.prepare()
            x.entry.set(x.entry.value << 1)
            x.left.set(x.left_after)
            with m.If(x.left.value == 1):
                x.next = "PUSH_AIM"
        with x.step("PUSH_AIM", by=By.OFFSET, host_base=HostBase.PUSH):
            x.host.set(x.host_sum)
            x.next = "WALK_READ"

        # Most chains are laid out one descriptor behind the other: the neighbour is read ahead.
        neighbour, adjoins = Signal(), Signal()
        m.d.comb += [
            adjoins.eq(x.descriptor.index == x.behind.value),
            neighbour.eq(x.guessed & adjoins & ~(x.others & (x.budget == TURN_BUDGET))),
        ]
        run = {"base": Base.DESC, "by": By.LINK, "host_base": HostBase.DESC, "offset": Offset.REST}
        with x.step("MIRROR_TAKE", **run):
            descriptor = x.descriptor
            m.d.sync += self._index_is_new.eq(1)
            x.first.choose(x.behind.value)
            with m.If(descriptor.next):
                x.first.choose(x.link_value)
            with m.If(~x.came):
                with m.If(~x.guessed), x.read():
                    m.d.sync += x.guessed.eq(1)
            with m.Else():
                m.d.sync += x.guessed.eq(0)
                m.d.comb += x.port.forget.eq(~(descriptor.next & neighbour))
                self._walk.count()
                self._walk.judge()
                x.check(descriptor.indirect & (~flags[FLAG["indirect"]] | pushes | descriptor.next),
                        CommandError.BAD_INDIRECT)
                x.writable.set(x.writable.value | descriptor.write)
                x.total.set(self._walk.total)
                with m.If(descriptor.next & neighbour):
                    x.index.set(x.link_value)
                    x.behind.set(x.link_after)
                with m.Elif(descriptor.next):
                    self.mirror(adjoins)
                with m.Else():
                    x.cursor.set(x.cursor.value + 1)
                    x.pushing.set(pushes)
                    with m.If(x.at_last):
                        self._post_run()
                    with m.Else():
                        x.next = "AIM_HEAD"
        with x.step("MIRROR_POST", **run):
            x.first.choose(x.behind.value)
            self._post_run()

    def mirror(self, adjoins):
        """Read the descriptor that is aimed at, or first post those that it does not join.

        ``adjoins``: it is the one behind them. `first` is aimed at it, if it is to begin a run.
        """
        x, m = self._x, self._x.m
        x.index.set(x.link_value)
        x.next = "WALK_READ"
        with m.If(~self._empty & ~adjoins):
            x.next = "MIRROR_POST"
        with m.Elif(~x.others | (x.budget != TURN_BUDGET)), x.read():
            x.behind.set(x.link_after)
            with m.If(self._empty):
                x.first.store()
            x.next = "MIRROR_TAKE"

    def walk_read(self):
        """In WALK_READ: as :meth:`mirror`, for the descriptor at `index`."""
        self._x.first.choose(self._x.link_value)
        with self._x.m.If(~self._index_is_new):
            self.mirror(self._adjoins)

    def _post_run(self):
        x = self._x
        x.host.set(x.host_sum)
        x.card.set(x.card_sum)
        x.left.set((x.behind.value - x.first.value)[:16] << 4)
        x.first.store()
        x.stage.set(Stage.MIRROR)
        x.next = "SIZE"

    def end_push(self):
        """In WALK_ON: what fits has been pushed; now walk the chain for its descriptors."""
        x = self._x
        x.pushing.set(0)
        x.steps.set(x.total.value)
        x.next = "AIM_HEAD"

    def prepare(self):
        """In SIZE: where what comes next belongs."""
        x, m = self._x, self._x.m
        stage = x.stage.value
        m.d.comb += [
            x.offset_is_near.eq(stage != Stage.MIRROR),
            x.offset_is_ring.eq((stage == Stage.ENTRIES) & x.wraps),
        ]
        with m.If((stage == Stage.MIRROR) | (stage == Stage.ENTRIES) | (stage == Stage.REST)
                  | (stage == Stage.ELEMENT)):
            x.prepare()

    def after(self, taken):
        """In EMIT, within the switch on the stage: what comes next."""
        x, m = self._x, self._x.m

        def next_part(stage, entries):
            x.left.set(entries << 1, when=taken)
            x.stage.set(stage, when=taken)
            x.next = "SIZE"

        with m.Case(Stage.MIRROR):
            with m.If(x.behind_last):
                next_part(Stage.ENTRIES, x.batch)
            with m.Else():
                x.next = "WALK_READ"
        with m.Case(Stage.ENTRIES):
            with m.If(x.wraps):
                next_part(Stage.REST, x.target.value & x.context.mask)
            with m.Else():
                next_part(Stage.INDEX, 1)
        with m.Case(Stage.REST):
            next_part(Stage.INDEX, 1)

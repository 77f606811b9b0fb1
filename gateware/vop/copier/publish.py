# SPDX-License-Identifier: BSD-2-Clause
"""Command `publish`: mirror what the driver offered since last time into the host's ring."""

from amaranth.hdl import Mux, Signal

from ..regs.copier import CommandError
from .context import DESC_HOST, FLAG, PUSH_HOST
from .machine import TURN_BUDGET, Base, By, Link, Offset, Stage

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

    def open(self):
        """In OPEN: read the avail index as soon as it is known where it lies."""
        x, m = self._x, self._x.m
        m.d.comb += x.offset_to.eq(Offset.INDEX)
        x.steps.set(x.context.mask)
        x.pushing.set(x.context.flags[FLAG["push"]])
        x.add_to(Base.AVAIL, By.OFFSET)
        with m.If(x.context.shaped), x.read():
            m.next = "ASK_ENTRY"

    def add_steps(self):
        """Add the steps."""
        x, m = self._x, self._x.m
        flags = x.context.flags
        pushes = flags[FLAG["push"]]

        # The first entry is asked for behind the index, on the chance that it is new.
        with x.step("ASK_ENTRY"):
            m.d.comb += x.offset_to.eq(Offset.AVAIL_ENTRY)
            x.cursor.set(x.context.published)
            with m.If(x.context.placed):
                m.next = "READ_ENTRY"
        with x.step("READ_ENTRY"):
            x.add_to(Base.AVAIL, By.OFFSET)
            with x.read():
                m.next = "TAKE_INDEX"
        with x.step("TAKE_INDEX"):
            with m.If(x.came):
                x.target.set(x.port.half)
                x.check(x.context.bad | flags[FLAG["desc_in_host"]] | flags[FLAG["avail_in_host"]]
                        | flags[FLAG["used_in_host"]], CommandError.BAD_CONTEXT)
                m.next = "TAKE_HEAD"

        with x.step("AIM_HEAD"):
            m.d.comb += x.offset_to.eq(Offset.CURSOR_ENTRY)
            m.next = "READ_HEAD"
        with x.step("READ_HEAD"):
            x.add_to(Base.AVAIL, By.OFFSET)
            with x.read():
                m.next = "TAKE_HEAD"
        with x.step("TAKE_HEAD"):
            m.d.comb += [x.link.eq(Link.HALF), x.offset_to.eq(Offset.HEAD)]
            x.add_to(Base.DESC, By.LINK)
            with m.If(x.came):
                new = x.fresh != 0
                x.check(new & x.beyond, CommandError.BAD_DESCRIPTOR)
                x.check(x.too_many, CommandError.BAD_AVAIL)
                x.writable.set(0)
                x.total.set(0)
                with m.If(~new):
                    m.d.sync += x.raises.eq(flags[FLAG["always_notify"]])
                    m.next = "RETIRE"
                with m.Elif(x.pushing.value):
                    x.index.set(x.link_value)
                    x.total.set(x.steps.value)      # kept for the second walk of the chain
                    x.entry.set(1)
                    x.left.set(x.context.push_slot_log2)
                    m.d.sync += x.piece.eq(1)
                    m.next = "PUSH_SHIFT"
                with m.Else():
                    self.mirror()

        with x.step("PUSH_SHIFT"):
            m.d.comb += x.offset_to.eq(Offset.SHIFT)
            x.entry.set(x.entry.value << 1)
            x.left.set(x.left_after)
            with m.If(x.left.value == 1):
                m.next = "PUSH_AIM"
        with x.step("PUSH_AIM"):
            m.d.comb += [x.host_base.eq(1), x.context.select.eq(PUSH_HOST), x.by.eq(By.OFFSET)]
            x.host.set(x.host_sum)
            m.next = "WALK_READ"

        # Most chains are laid out one descriptor behind the other: the neighbour is read ahead.
        neighbour = Signal()
        m.d.comb += neighbour.eq(x.guessed & (x.descriptor.index == x.behind.value)
                                 & ~(x.others & (x.budget == TURN_BUDGET)))
        with x.step("MIRROR_TAKE"):
            descriptor = x.descriptor
            self._aim_run()
            m.d.comb += x.link.eq(Mux(~x.came, Link.BEHIND,
                                      Mux(descriptor.next, Link.NEXT, Link.FIRST)))
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
                    self.mirror()
                with m.Else():
                    x.cursor.set(x.cursor.value + 1)
                    x.pushing.set(pushes)
                    with m.If(x.at_last):
                        self._post_run()
                    with m.Else():
                        m.next = "AIM_HEAD"
        with x.step("MIRROR_POST"):
            self._aim_run()
            m.d.comb += x.link.eq(Link.FIRST)
            self._post_run()

    def mirror(self):
        """Read the descriptor that ``link`` names, or first post those that it does not join.

        The adders are aimed at it.
        """
        x, m = self._x, self._x.m
        empty = Signal()
        joins = Signal()
        m.d.comb += [
            empty.eq(x.first.value == x.behind.value),
            joins.eq(empty | (x.link_value == x.behind.value)),
        ]
        x.index.set(x.link_value)
        m.next = "WALK_READ"
        with m.If(~joins):
            m.next = "MIRROR_POST"
        with m.Elif(~x.others | (x.budget != TURN_BUDGET)), x.read():
            x.behind.set(x.link_after)
            with m.If(empty):
                x.first.set(x.link_value)
            m.next = "MIRROR_TAKE"

    def _aim_run(self):
        x = self._x
        x.add_to(Base.DESC, By.LINK)
        x.m.d.comb += [x.host_base.eq(1), x.context.select.eq(DESC_HOST)]

    def _post_run(self):
        x, m = self._x, self._x.m
        x.host.set(x.host_sum)
        x.card.set(x.card_sum)
        x.left.set((x.behind.value - x.first.value)[:16] << 4)
        x.first.set(x.behind.value)
        x.stage.set(Stage.MIRROR)
        m.next = "SIZE"

    def end_push(self):
        """In WALK_ON: what fits has been pushed; now walk the chain for its descriptors."""
        x, m = self._x, self._x.m
        x.pushing.set(0)
        x.steps.set(x.total.value)
        m.next = "AIM_HEAD"

    def prepare(self):
        """In SIZE: where what comes next belongs."""
        x, m = self._x, self._x.m
        with m.Switch(x.stage.value):
            with m.Case(Stage.MIRROR):
                m.d.comb += x.offset_to.eq(Offset.AVAIL_ENTRY)
            with m.Case(Stage.ENTRIES):
                m.d.comb += x.offset_to.eq(Mux(x.wraps, Offset.RING, Offset.INDEX))
            with m.Case(Stage.REST, Stage.ELEMENT):
                m.d.comb += x.offset_to.eq(Offset.INDEX)

    def after(self, taken):
        """In EMIT, within the switch on the stage: what comes next."""
        x, m = self._x, self._x.m

        def next_part(stage, entries):
            x.left.set(entries << 1, when=taken)
            x.stage.set(stage, when=taken)
            m.next = "SIZE"

        with m.Case(Stage.MIRROR):
            with m.If(x.behind_last):
                next_part(Stage.ENTRIES, x.batch)
            with m.Else():
                m.next = "WALK_READ"
        with m.Case(Stage.ENTRIES):
            with m.If(x.wraps):
                next_part(Stage.REST, x.target.value & x.context.mask)
            with m.Else():
                next_part(Stage.INDEX, 1)
        with m.Case(Stage.REST):
            next_part(Stage.INDEX, 1)

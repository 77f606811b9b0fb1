# SPDX-License-Identifier: BSD-2-Clause
"""Commands `complete` and `arm`: the used ring, and who wants to be told of what."""

from contextlib import contextmanager

from amaranth.hdl import Mux, Signal

from ..regs.copier import CommandError, Opcode
from .context import AVAIL_HOST, FLAG, USED_HOST
from .machine import Base, By, Link, Offset, Stage

__all__ = ["Complete"]


class Complete:
    """Steps WRITE_ID to DECIDE, and what the commands do in OPEN and EMIT.

    The used element is written before the used index, and that before the driver's wish is read;
    `arm` stores the device's wish before it looks at what has been published, and `publish` says
    what it has published before it reads that wish. As the one executor does all of it in card RAM,
    whichever side is later sees what the other did. Elements and indexes that go to the host are
    first seen to leave, for the same reason.

    Specification
    -------------
    virtio 1.3, 2.7.7 (Used Buffer Notification Suppression), 2.7.8 (The Virtqueue Used Ring),
    2.7.10 (Available Buffer Notification Suppression).

    Parameters
    ----------
    x : :class:`~vop.copier.machine.Machine`
        What the steps work on.
    """

    def __init__(self, x):
        self._x = x
        flags = x.context.flags
        #: `publish` raises its vector without a look at the device's wish.
        self.surely_notifies = ~flags[FLAG["suppress"]] | flags[FLAG["always_notify"]]

    def open_complete(self):
        """In OPEN: see that the head is one, and aim at the element."""
        x, m = self._x, self._x.m
        m.d.comb += [x.offset_to.eq(Offset.USED_ID), x.link.eq(Link.INDEX)]
        with m.If(x.context.done):
            x.check(x.beyond | x.command.used_id[16:].any(), CommandError.BAD_DESCRIPTOR)
            x.check(x.context.bad, CommandError.BAD_CONTEXT)
            m.next = "WRITE_ID"
            with m.If(x.context.flags[FLAG["used_in_host"]]):
                m.next = "SEND_ELEMENT"

    def open_arm(self):
        """In OPEN: aim at the device's wish."""
        x, m = self._x, self._x.m
        m.d.comb += x.offset_to.eq(Mux(x.context.flags[FLAG["event_idx"]], Offset.AVAIL_EVENT,
                                       Offset.FLAGS))
        with m.If(x.context.done):
            x.check(x.context.bad, CommandError.BAD_CONTEXT)
            m.next = "WRITE_WISH"
            with m.If(x.context.flags[FLAG["used_in_host"]]):
                m.next = "SEND_WISH"

    def _send(self, stage, size):
        """Hand over ``size`` bytes for ``offset`` of the host's used ring."""
        x, m = self._x, self._x.m
        m.d.comb += [x.host_base.eq(1), x.context.select.eq(USED_HOST), x.by.eq(By.OFFSET)]
        x.host.set(x.host_sum)
        x.left.set(size)
        x.stage.set(stage)
        m.next = "SIZE"

    @contextmanager
    def keep(self):
        """In a step: let the context tell how far the ring is written, or published.

        The adders are aimed at it. The body of the ``with`` is for when that has been written.
        """
        x, m = self._x, self._x.m
        with x.write():
            m.next = "AIM_WISH"
            with m.If(x.is_publish & self.surely_notifies):
                m.next = "RETIRE"
            yield

    def after(self, taken):
        """In EMIT, within the switch on the stage."""
        x, m = self._x, self._x.m
        with m.Case(Stage.ELEMENT):
            x.left.set(2, when=taken)
            x.stage.set(Stage.USED_INDEX, when=taken)
            m.next = "SIZE"
        with m.Case(Stage.FLAGS):
            m.next = "DECIDE"

    def add_steps(self):
        """Add the steps."""
        x, m = self._x, self._x.m
        flags = x.context.flags
        event_idx = flags[FLAG["event_idx"]]

        for step, word, second, offset, following in (
                ("WRITE_ID", 1, 0, Offset.USED_LEN, "WRITE_LEN"),
                ("WRITE_LEN", 1, 1, Offset.INDEX, "WRITE_INDEX"),
                ("WRITE_INDEX", 0, 0, Offset.USED_IDX, "KEEP_INDEX")):
            with x.step(step):
                x.add_to(Base.USED, By.OFFSET)
                with x.write(word=word, second=second):
                    m.d.comb += x.offset_to.eq(offset)
                    m.next = following
        with x.step("SEND_ELEMENT"):
            self._send(Stage.ELEMENT, 8)

        with x.step("KEEP_INDEX"):
            x.add_to(Base.CONTEXT, By.OFFSET)
            with self.keep():
                pass

        with x.step("AIM_WISH"):
            m.d.comb += x.offset_to.eq(Mux(event_idx, Mux(
                x.is_publish, Offset.AVAIL_EVENT, Offset.USED_EVENT), Offset.FLAGS))
            m.next = "READ_WISH"
        with x.step("READ_WISH"):
            m.d.comb += [x.host_base.eq(1), x.context.select.eq(AVAIL_HOST)]
            x.add_to(Mux(x.is_publish, Base.USED, Base.AVAIL), By.OFFSET)
            with m.If(~x.is_publish & flags[FLAG["avail_in_host"]]):
                x.host.set(x.host_sum)
                x.left.set(2)
                x.stage.set(Stage.SCRATCH)
                m.next = "SIZE"
            with m.Else(), x.read():
                m.next = "TAKE_WISH"
        with x.step("TAKE_WISH"):
            with m.If(x.came):
                x.index.set(x.port.half)
                m.next = "DECIDE"

        with x.step("WRITE_WISH"):
            x.add_to(Base.USED, By.OFFSET)
            with x.write():
                m.next = "DECIDE"
        with x.step("SEND_WISH"):
            self._send(Stage.FLAGS, 2)

        wanted = Signal()
        ahead = x.ahead
        completes = x.opcode == Opcode.COMPLETE
        with x.step("DECIDE"):
            m.d.comb += wanted.eq(~x.index.value[0])
            with m.If(event_idx):
                m.d.comb += wanted.eq(Mux(completes, ahead == 0, ahead < x.fresh))
            m.d.sync += x.raises.eq(wanted)
            with m.If(x.opcode == Opcode.ARM):
                passed = event_idx & (ahead != 0) & ((ahead | x.context.mask) == 0xFFFF)
                m.d.sync += x.raises.eq(passed)
            with m.Elif(completes):
                m.d.comb += x.ports.used_interrupt.eq(wanted & ~x.driver_in_host & ~x.stopped)
                m.d.sync += x.raises.eq(wanted & x.driver_in_host)
            m.next = "RETIRE"

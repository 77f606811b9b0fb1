# SPDX-License-Identifier: BSD-2-Clause
"""Commands `complete` and `arm`: the used ring, and who wants to be told of what."""

from amaranth.hdl import Mux, Signal

from ..regs.copier import CommandError, Opcode
from .context import FLAG
from .machine import Base, By, Link, Offset, Stage

__all__ = ["Complete"]

_AVAIL, _USED = 1, 2     # host addresses of a context


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

    def open_complete(self):
        """In OPEN, when the context is valid: see that the head is one, and aim at the element."""
        x, m = self._x, self._x.m
        m.d.comb += x.offset_to.eq(Offset.USED_ID)
        m.d.comb += x.link.eq(Link.INDEX)
        x.check(x.beyond | x.command.used_id[16:].any(), CommandError.BAD_DESCRIPTOR)
        m.next = "WRITE_ID"
        with m.If(x.context.flags[FLAG["used_in_host"]]):
            m.next = "SEND_ELEMENT"

    def open_arm(self):
        """In OPEN, when the context is valid: aim at the device's wish."""
        x, m = self._x, self._x.m
        m.d.comb += x.offset_to.eq(Mux(x.context.flags[FLAG["event_idx"]], Offset.AVAIL_EVENT,
                                       Offset.FLAGS))
        m.next = "WRITE_WISH"
        with m.If(x.context.flags[FLAG["used_in_host"]]):
            m.next = "SEND_WISH"

    def _send(self, stage, size):
        """Hand over ``size`` bytes for ``offset`` of the host's used ring."""
        x, m = self._x, self._x.m
        self._aim_used()
        x.host.set(x.host_sum)
        x.left.set(size)
        x.stage.set(stage)
        m.next = "SIZE"

    def _aim_used(self):
        x = self._x
        x.m.d.comb += [x.host_base.eq(1), x.context.select.eq(_USED), x.by.eq(By.OFFSET)]

    def aim(self):
        """In EMIT for a last segment, within the switch on the stage: where the used index is."""
        with self._x.m.Case(Stage.ELEMENT):
            self._aim_used()

    def keep(self):
        """In a step: let the context tell how far the ring is written, or published."""
        x, m = self._x, self._x.m
        flags = x.context.flags
        event_idx = flags[FLAG["event_idx"]]
        with x.write(Base.CONTEXT):
            m.next = "READ_WISH"
            with m.If(x.is_publish):
                m.d.comb += x.offset_to.eq(Mux(event_idx, Offset.AVAIL_EVENT, Offset.FLAGS))
                m.d.sync += x.raises.eq(1)
                with m.If(~flags[FLAG["suppress"]] | flags[FLAG["always_notify"]]):
                    m.next = "RETIRE"
            with m.Else():
                m.d.comb += x.offset_to.eq(Mux(event_idx, Offset.USED_EVENT, Offset.FLAGS))

    def after(self):
        """In EMIT, within the switch on the stage."""
        x, m = self._x, self._x.m
        with m.Case(Stage.ELEMENT):
            x.left.set(2)
            x.stage.set(Stage.USED_INDEX)
            m.next = "SIZE"
        with m.Case(Stage.FLAGS):
            m.next = "DECIDE"

    def add_steps(self):
        """Add the steps."""
        x, m = self._x, self._x.m
        flags = x.context.flags
        event_idx = flags[FLAG["event_idx"]]

        with x.step("WRITE_ID"), x.write(Base.USED, word=1):
            m.d.comb += x.offset_to.eq(Offset.USED_LEN)
            m.next = "WRITE_LEN"
        with x.step("WRITE_LEN"), x.write(Base.USED, word=1, second=1):
            m.d.comb += x.offset_to.eq(Offset.INDEX)
            m.next = "WRITE_INDEX"
        with x.step("WRITE_INDEX"), x.write(Base.USED):
            m.d.comb += x.offset_to.eq(Offset.USED_IDX)
            m.next = "KEEP_INDEX"
        with x.step("SEND_ELEMENT"):
            self._send(Stage.ELEMENT, 8)

        with x.step("KEEP_INDEX"):
            self.keep()

        with x.step("READ_WISH"):
            with m.If(x.is_publish):
                with x.read(Base.USED, By.OFFSET):
                    m.next = "TAKE_WISH"
            with m.Elif(flags[FLAG["avail_in_host"]]):
                m.d.comb += [x.host_base.eq(1), x.context.select.eq(_AVAIL), x.by.eq(By.OFFSET)]
                x.host.set(x.host_sum)
                x.left.set(2)
                x.stage.set(Stage.SCRATCH)
                m.next = "SIZE"
            with m.Else(), x.read(Base.AVAIL, By.OFFSET):
                m.next = "TAKE_WISH"
        with x.step("TAKE_WISH"):
            with m.If(x.came):
                x.index.set(x.port.half)
                m.next = "DECIDE"

        with x.step("WRITE_WISH"), x.write(Base.USED):
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

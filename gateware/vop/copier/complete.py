# SPDX-License-Identifier: BSD-2-Clause
"""Commands `complete` and `arm`: the used ring, and who wants to be told of what."""

from contextlib import contextmanager

from amaranth.hdl import Mux, Signal

from ..regs.copier import CommandError, Opcode
from .context import FLAG
from .machine import Base, By, HostBase, Offset, Stage

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
        x.prepare()
        with m.If(x.context.done):
            x.check(x.beyond | x.command.used_id[16:].any(), CommandError.BAD_DESCRIPTOR)
            x.check(x.context.bad, CommandError.BAD_CONTEXT)
            x.next = "WRITE_ID"
            with m.If(x.context.flags[FLAG["used_in_host"]]):
                x.next = "SEND_ELEMENT"

    def open_arm(self):
        """In OPEN: aim at the device's wish."""
        x, m = self._x, self._x.m
        x.prepare()
        with m.If(x.context.done):
            x.check(x.context.bad, CommandError.BAD_CONTEXT)
            x.next = "WRITE_WISH"
            with m.If(x.context.flags[FLAG["used_in_host"]]):
                x.next = "SEND_WISH"

    def _send(self, stage, size):
        """Hand over ``size`` bytes for the place in the host's used ring that is aimed at."""
        x = self._x
        x.host.set(x.host_sum)
        x.left.set(size)
        x.stage.set(stage)
        x.next = "SIZE"

    @contextmanager
    def keep(self):
        """In a step aimed there: have the context tell how far the ring is written or published.

        The body of the ``with`` is for when that has been written.
        """
        x, m = self._x, self._x.m
        with x.write():
            x.next = "AIM_WISH"
            with m.If(x.is_publish & self.surely_notifies):
                x.next = "RETIRE"
            yield

    def after(self, taken):
        """In EMIT, within the switch on the stage."""
        x, m = self._x, self._x.m
        with m.Case(Stage.ELEMENT):
            x.left.set(2, when=taken)
            x.stage.set(Stage.USED_INDEX, when=taken)
            x.next = "SIZE"
        with m.Case(Stage.FLAGS):
            x.next = "DECIDE"

    def add_steps(self):
        """Add the steps."""
        x, m = self._x, self._x.m
        flags = x.context.flags
        event_idx = flags[FLAG["event_idx"]]

        for step, word, second, offset, following in (
                ("WRITE_ID", 1, 0, Offset.USED_LEN, "WRITE_LEN"),
                ("WRITE_LEN", 1, 1, Offset.INDEX, "WRITE_INDEX"),
                ("WRITE_INDEX", 0, 0, Offset.USED_IDX, "KEEP_INDEX")):
            with x.step(step, base=Base.USED, by=By.OFFSET, offset=offset):
                with x.write(word=word, second=second):
                    x.prepare()
                    x.next = following
        in_used = {"by": By.OFFSET, "host_base": HostBase.USED}
        with x.step("SEND_ELEMENT", **in_used):
            self._send(Stage.ELEMENT, 8)

        with x.step("KEEP_INDEX", base=Base.CONTEXT, by=By.OFFSET), self.keep():
            pass

        event = Mux(x.is_publish, Offset.AVAIL_EVENT, Offset.USED_EVENT)
        with x.step("AIM_WISH", offset=Mux(event_idx, event, Offset.FLAGS)):
            x.prepare()
            x.next = "READ_WISH"
        with x.step("READ_WISH", base=Mux(x.is_publish, Base.USED, Base.AVAIL), by=By.OFFSET,
                    host_base=HostBase.AVAIL):
            with m.If(~x.is_publish & flags[FLAG["avail_in_host"]]):
                x.host.set(x.host_sum)
                x.left.set(2)
                x.stage.set(Stage.SCRATCH)
                x.next = "SIZE"
            with m.Else(), x.read():
                x.next = "TAKE_WISH"
        with x.step("TAKE_WISH"):
            with m.If(x.came):
                x.index.set(x.port.half)
                x.next = "DECIDE"

        with x.step("WRITE_WISH", base=Base.USED, by=By.OFFSET), x.write():
            x.next = "DECIDE"
        with x.step("SEND_WISH", **in_used):
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
            x.next = "RETIRE"

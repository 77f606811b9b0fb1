# SPDX-License-Identifier: BSD-2-Clause
"""What a ring's command does as soon as enough of its context is known."""

from amaranth.hdl import Mux

from ..regs.copier import CommandError, Opcode
from .context import FLAG
from .machine import Base, By, Offset

__all__ = ["Open"]


class Open:
    """Step OPEN: the context is on its way.

    Reads of the ring may begin before the context has been judged. Its verdict is heard before
    anything is written or handed over.

    Parameters
    ----------
    x : :class:`~vop.copier.machine.Machine`
        What the steps work on.
    turn : :class:`~vop.copier.turn.Turn`
        Whom to tell that the command must wait.
    """

    def __init__(self, x, turn):
        self._x = x
        self._turn = turn

    def add_step(self, publish, complete):
        """Add the step."""
        x, m = self._x, self._x.m

        offset = Mux(x.is_publish, Offset.INDEX, Mux(
            x.opcode == Opcode.COMPLETE, Offset.USED_ID, Mux(
                x.context.flags[FLAG["event_idx"]], Offset.AVAIL_EVENT, Offset.FLAGS)))
        with x.step("OPEN", base=Base.AVAIL, by=By.OFFSET, offset=offset), \
                m.Switch(x.opcode):
            with m.Case(Opcode.PUBLISH):
                publish.open()
            with m.Case(Opcode.CHAIN):
                x.steps.set(x.context.mask)
                with m.If(x.context.shaped):
                    x.check(x.beyond, CommandError.BAD_DESCRIPTOR)
                    with m.If(x.host_buffers):
                        linear = x.command.host_address
                        x.card.set(linear)
                        x.check(linear[x.ram_log2:].any(), CommandError.BAD_CARD_ADDRESS)
                    x.next = "WALK_READ"
                    # What lies in host memory may be what an earlier command writes there.
                    earlier = x.ports.channels.inflight.bit_select(x.current, 1)
                    with m.If(x.table_in_host & earlier):
                        x.next = "OPEN"
                        with m.If(x.context.done):
                            self._turn.await_end()
            with m.Case(Opcode.COMPLETE):
                complete.open_complete()
            with m.Default():
                complete.open_arm()

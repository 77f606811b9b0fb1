# SPDX-License-Identifier: BSD-2-Clause
"""What has to be awaited within a command: writes that leave, and words that the host keeps."""

from amaranth.hdl import Mux

from ..regs.copier import CommandError
from .machine import Base, By, Offset, Resume, Stage

__all__ = ["AwaitHost"]


class AwaitHost:
    """Steps MARK_POSTED, AIM_POSTED, AWAIT_POSTED, AWAIT_SCRATCH and SCRATCH_READ.

    A channel that waits gives its turn to another, and is asleep until it may go on.

    Parameters
    ----------
    x : :class:`~vop.copier.machine.Machine`
        What the steps work on.
    turn : :class:`~vop.copier.turn.Turn`
        Who puts channels to sleep, and ends commands.
    decoder : :class:`~vop.copier.decode.Decoder`
        What hears of their end.
    """

    def __init__(self, x, turn, decoder):
        self._x = x
        self._turn = turn
        self._decoder = decoder

    def after(self, _taken):
        """In EMIT, within the switch on the stage."""
        x, m = self._x, self._x.m
        with m.Case(Stage.INDEX, Stage.USED_INDEX):
            x.next = "MARK_POSTED"
        with m.Case(Stage.SCRATCH):
            x.next = "AWAIT_SCRATCH"

    def add_steps(self, complete):
        """Add the steps; ``complete`` has what follows."""
        x, m, ports = self._x, self._x.m, self._x.ports

        with x.step("MARK_POSTED"):
            x.ticket.set(ports.ticket)
            x.next = "AIM_POSTED"
        with x.step("AIM_POSTED", offset=Mux(x.is_publish, Offset.PUBLISHED, Offset.USED_IDX)):
            x.prepare()
            m.d.sync += x.raises.eq(x.is_publish)
            x.next = "AWAIT_POSTED"
        with x.step("AWAIT_POSTED", base=Base.CONTEXT, by=By.OFFSET):
            with m.If(self._turn.writes_have_left):
                with m.If(ports.lost.bit_select(x.current, 1)):
                    x.fail(CommandError.BUS_MASTER_OFF)
                with m.Else(), complete.keep():
                    with m.If(x.is_publish & complete.surely_notifies & ~x.stopped):
                        self._turn.retire(self._decoder)
            with m.Elif(x.others):
                self._turn.sleep(reads=False)
                x.leave(Resume.AIM_POSTED)

        with x.step("AWAIT_SCRATCH", offset=Offset.SCRATCH):
            x.prepare()
            with m.If(ports.watch_busy):
                with m.If(x.others):
                    self._turn.sleep(reads=True)
                    x.leave(Resume.AWAIT_SCRATCH)
            with m.Elif(ports.watch_error != CommandError.OK):
                x.fail(ports.watch_error)
            with m.Else():
                x.next = "SCRATCH_READ"
        with x.step("SCRATCH_READ", base=Base.CONTEXT, by=By.OFFSET), x.read():
            x.next = "TAKE_WISH"
            with m.If(x.is_chain):
                x.next = "WALK_TAKE"

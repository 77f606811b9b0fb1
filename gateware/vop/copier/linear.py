# SPDX-License-Identifier: BSD-2-Clause
"""Command `copy`, and the lists from which it and `chain` take their linear side."""

from ..regs.copier import CommandError
from .machine import Base, By, Stage

__all__ = ["Linear"]


class Linear:
    """Steps LIST_READ, LIST_TAKE, LIST_CLAMP and RAN, and how a copy begins in JUDGE.

    A list entry gives an address of the linear side and how many bytes lie there; of the last one
    the command may need a part only.

    Parameters
    ----------
    x : :class:`~vop.copier.machine.Machine`
        What the steps work on.
    move : :class:`~vop.copier.move.Move`
        Where the bytes leave.
    """

    def __init__(self, x, move):
        self._x = x
        self._move = move

    def begin(self):
        """In JUDGE: the card's side is checked whole, before anything of it moves."""
        x, m = self._x, self._x.m
        x.check(x.outside, CommandError.BAD_CARD_ADDRESS)
        with m.If(x.listed):
            x.next = "LIST_READ"
        with m.Else():
            x.buffer.set(0)
            self._move.size()
            self._move.emit_or("SIZE")

    def add_steps(self):
        """Add the steps."""
        x, m = self._x, self._x.m

        with x.step("LIST_READ", base=Base.ZERO, by=By.LINK):
            with m.If(x.first.value == x.behind.value):
                x.fail(CommandError.BAD_LIST)
            with m.Else(), x.read():
                x.first.set(x.link_after)
                x.next = "LIST_TAKE"

        with x.step("LIST_TAKE"):
            m.d.sync += x.loads_entry.eq(1)
            with m.If(x.arrived):
                held = x.port.block
                length = held[64:96]
                x.check((length == 0) | held[96:].any(), CommandError.BAD_LIST)
                x.entry.set(x.saturate(length))
                with m.If(x.host_buffers):
                    x.card.set(held)
                    x.check(held[x.ram_log2:64].any(), CommandError.BAD_CARD_ADDRESS)
                with m.Else():
                    x.host.set(held[:64])
                x.next = "LIST_CLAMP"

        with x.step("LIST_CLAMP"):
            x.entry.set(x.least)
            x.need.set(x.one_rest)
            x.next = "RUN"

        # The run is done: more of the same side, or of both, or nothing.
        with x.step("RAN"):
            with m.If(x.buffer.value != 0):
                x.next = "RUN"
            with m.Elif(x.is_copy):
                x.next = "RETIRE"
            with m.Else():
                x.next = "WALK_ON"

    def after(self, _taken):
        """In EMIT, within the switch on the stage."""
        x, m = self._x, self._x.m
        with m.Case(Stage.RUN):
            x.next = "RAN"
            with m.If(x.is_copy & ~x.listed):
                x.next = "RETIRE"
            with m.Elif(x.spent & x.prefetched):
                x.next = "WALK_TAKE"

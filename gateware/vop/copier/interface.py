# SPDX-License-Identifier: BSD-2-Clause
"""What the channels and the executor of their commands agree upon."""

from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..regs.copier import COPIER_LIMITS
from ..requester.segment import CHANNELS, SLOTS, TICKETS
from .command import CommandLayout

__all__ = ["RetireLayout", "ExecutorSignature"]

#: A command of which every segment has been handed over, or that has failed.
RetireLayout = data.StructLayout({
    "channel":         range(CHANNELS),
    "tag":             16,   # as in the command
    "wants_record":    1,    # as in the command
    "wants_interrupt": 1,    # as in the command
    "bytes":           range(COPIER_LIMITS["max_bytes"] + 1),  # as the record shall say
    "error":           8,    # CommandError, OK unless the executor itself found a fault
    "ticket":          range(TICKETS),  # `writer.done` has it when the command's writes have left
    "raise_vector":    1,    # raise `vector` once the record is written
    "vector":          5,
})


class ExecutorSignature(wiring.Signature):
    """Commands towards the executor and their ends back, as the executor sees it.

    The executor looks at the command of one channel at a time, for as long as it likes, and may
    leave a command half done for that of another channel: it stays at the head of its channel until
    it is retired, or dropped because of ``mute``.

    Members
    -------
    ready : ``In(8)``
        Bit per channel: its oldest command may be begun. It may fall without the command having
        been taken (the channel is disabled, fails or is reset); a command once begun goes on unless
        ``mute`` rises.
    current : ``Out(3)``
        The channel whose command the executor wants to see.
    loaded : ``In(1)``
        ``command`` is the oldest of the channel that was ``current`` in the cycle before, which was
        ``ready`` then and has not been retired in that cycle. It may pause.
    command : ``In(CommandLayout)``
        The command; from the first ``loaded`` until the cycle after ``current`` changes or the
        command is retired.
    slot : ``In(range(SLOTS))``
        Combinational with ``current``: the slot that its oldest command has, and has to name in its
        read segments.
    inflight : ``In(8)``
        Bit per channel: commands were retired on ``retire`` that have not ended yet. It rises in
        the cycle after ``retire`` was accepted.
    mute : ``In(8)``
        Bit per channel: it has failed or is being reset. The executor drops the command that it
        holds of that channel, without ``retire``; what has been handed over is dropped by others.
    underway : ``Out(8)``
        Bit per channel: the executor holds something of it that is neither retired nor dropped, or
        an access to card RAM on its behalf. Falls within bounded time after ``mute`` rose, and then
        stays low until ``mute`` falls.
    retire : ``Out(stream.Signature(RetireLayout))``
        A command has been executed: it leaves its channel, and its slot stays taken until it has
        ended. Accepted within a few cycles, as ``ready`` promises a free slot. For a channel that
        is muted in that cycle it is accepted and dropped.
    """

    def __init__(self):
        super().__init__({
            "ready":    In(CHANNELS),
            "current":  Out(range(CHANNELS)),
            "loaded":   In(1),
            "command":  In(CommandLayout),
            "slot":     In(range(SLOTS)),
            "inflight": In(CHANNELS),
            "mute":     In(CHANNELS),
            "underway": Out(CHANNELS),
            "retire":   Out(stream.Signature(RetireLayout)),
        })

    def __eq__(self, other):
        return isinstance(other, ExecutorSignature)

    def __repr__(self):
        return "ExecutorSignature()"

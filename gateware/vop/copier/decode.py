# SPDX-License-Identifier: BSD-2-Clause
"""A command's first step: is it well formed, must it wait, and what are its operands."""

from amaranth.hdl import Cat, Mux, Signal
from amaranth.lib import enum

from ..regs.copier import COMMAND_BITS, COPIER_LIMITS, CommandError, Opcode
from .barrel import BarrelRegister
from .machine import Stage, is_above

__all__ = ["Decoder"]

_ENTRY_LOG2 = COPIER_LIMITS["list_entry_bytes"].bit_length() - 1
_CONTEXT_LOG2 = 6


class _Group(enum.Enum, shape=2):
    """What the commands of a channel have in common that have not ended yet."""

    OTHER = 0
    TO_HOST = 1   #: copies and chains
    TO_CARD = 2   #: copies, each above all before


class Decoder:
    """Judge the command that has been loaded, and set up its operands.

    Parameters
    ----------
    x : :class:`~vop.copier.machine.Machine`
        What the steps work on.
    """

    def __init__(self, x):
        self._x = x
        m, command = x.m, x.command
        self._opcode = command.control[:4]
        self._copies = Signal()
        self._chains = Signal()
        self._moves = Signal()
        self._to_host = command.control[COMMAND_BITS["to_host_lsb"]]
        self._listed = command.control[COMMAND_BITS["list_lsb"]]
        m.d.comb += [
            self._copies.eq(self._opcode == Opcode.COPY),
            self._chains.eq(self._opcode == Opcode.CHAIN),
            self._moves.eq(self._copies | self._chains),
        ]
        # The commands under way, and the end of the highest copy to the card among them.
        self._group = BarrelRegister(m, "group", _Group, x.current)
        self._ceiling = BarrelRegister(m, "ceiling", x.ram_log2 + 1, x.current)
        #: The command must not begin before all of its channel's have ended.
        self.must_wait = Signal()
        may_join = Mux(
            self._to_host, self._moves & (self._group.value == _Group.TO_HOST),
            self._copies & (self._group.value == _Group.TO_CARD)
            & (command.card_address[:x.ram_log2] >= self._ceiling.value))
        m.d.comb += self.must_wait.eq(
            x.ports.channels.inflight.bit_select(x.current, 1) & ~may_join)

    def begin(self):
        """In FETCH: the command is loaded, and its turn has come."""
        x, command = self._x, self._x.command
        listed = self._listed & self._moves
        bytes_ = command.bytes[:x.span_bits]
        list_first = command.host_address[_ENTRY_LOG2:_ENTRY_LOG2 + 16]
        list_end = Signal(17)
        x.m.d.comb += list_end.eq(list_first + command.entries)
        self._judge(list_end)

        x.host.set(command.host_address)
        x.card.set(command.card_address)
        x.left.set(bytes_)
        x.buffer.set(bytes_)
        x.entry.set(Mux(listed, 0, bytes_))
        x.need.set(Mux(listed, bytes_, 0))
        x.index.set(Mux(self._chains, command.head, command.used_id[:16]))
        x.skip.set(command.used_id)
        x.total.set(0)
        # Without a list, both are zero where anyone asks.
        x.first.set(list_first)
        x.behind.set(list_end)
        x.writable.set(0)
        x.inside.set(0)
        x.pushing.set(0)
        x.stage.set(Stage.RUN)
        with x.m.If(self._copies):
            x.m.next = "CHECK_COPY"
        with x.m.Else():
            x.m.d.comb += x.context.start.eq(1)
            x.m.next = "OPEN"

    def finish(self):
        """When all steps have been added."""
        self._group.finish()
        self._ceiling.finish()

    def note_end(self):
        """In RETIRE: remember what the next commands may overlap with."""
        x = self._x
        self._group.set(Mux(x.to_host & (x.is_copy | x.is_chain), _Group.TO_HOST, Mux(
            ~x.to_host & x.is_copy, _Group.TO_CARD, _Group.OTHER)))
        self._ceiling.set(x.card.value)

    def _judge(self, list_end):
        x, command = self._x, self._x.command
        opcode = self._opcode
        completes = opcode == Opcode.COMPLETE
        arms = opcode == Opcode.ARM
        listed = self._listed

        stray = Signal()
        x.m.d.comb += stray.eq(
            command.control[10:16].any()
            | (~self._moves & Cat(command.control[6:10], command.bytes, command.host_address,
                                  command.entries).any())
            | (~self._chains & command.head.any())
            | (~(self._chains | completes | arms) & command.used_id.any())
            | (arms & command.used_id[16:].any())
            | (~completes & command.used_len.any())
            | (~listed & command.entries.any())
            | (opcode == Opcode.NONE) | (opcode > Opcode.ARM))
        high = x.ram_log2
        x.check(command.card_address[high:].any()
                | (~self._copies & command.card_address[:_CONTEXT_LOG2].any())
                | (self._moves & listed
                   & (command.host_address[:_ENTRY_LOG2].any() | command.host_address[high:].any()
                      | is_above(list_end, 1 << high - _ENTRY_LOG2))),
                CommandError.BAD_CARD_ADDRESS)

        def outside(value, most):
            return (value == 0) | is_above(value, COPIER_LIMITS[most])

        x.check(listed & outside(command.entries, "max_list"), CommandError.BAD_LIST)
        x.check(self._moves & outside(command.bytes, "max_bytes"), CommandError.BAD_LENGTH)
        x.check(stray, CommandError.BAD_OPCODE)

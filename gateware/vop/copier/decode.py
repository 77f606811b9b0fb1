# SPDX-License-Identifier: BSD-2-Clause
"""A command's first steps: is it well formed, must it wait, and what are its operands."""

from amaranth.hdl import Cat, Mux, Signal
from amaranth.lib import enum

from ..regs.copier import COMMAND_BITS, COPIER_LIMITS, CommandError, Opcode
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

    FETCH sees the command for the first time: it takes the operands, and keeps what the command
    means in registers for JUDGE. Block RAM's delay leaves no time for both.

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
        self._group = x.register("group", _Group)
        self._ceiling = x.register("ceiling", x.ram_log2 + 1)
        #: In JUDGE: the command must not begin before all of its channel's have ended.
        self.must_wait = Signal()
        self._inflight = Signal()
        self._opens = Signal()               # its context has been asked for
        self._faults = []                    # (what JUDGE is to see, error)
        may_join = Mux(
            self._to_host, self._moves & (self._group.value == _Group.TO_HOST),
            self._copies & (self._group.value == _Group.TO_CARD)
            & (command.card_address[:x.ram_log2] >= self._ceiling.value))
        m.d.comb += self._inflight.eq(x.ports.channels.inflight.bit_select(x.current, 1))
        m.d.sync += self.must_wait.eq(self._inflight & ~may_join)
        self._list_first = command.host_address[_ENTRY_LOG2:_ENTRY_LOG2 + 16]
        self._list_end = Signal(17)
        m.d.comb += self._list_end.eq(self._list_first + command.entries)
        self._find_faults()

    def look(self, begun):
        """In FETCH, when the command is loaded: take its operands, unless it has ``begun``.

        If nothing can keep it, its context is asked for.
        """
        x, command = self._x, self._x.command
        new, opens = Signal(), Signal()
        x.m.d.comb += [
            new.eq(~begun),
            opens.eq(new & ~self._inflight & ~self._copies),
            x.context.start.eq(opens),
        ]
        x.m.d.sync += self._opens.eq(opens)

        listed = self._listed & self._moves
        bytes_ = command.bytes[:x.span_bits]
        for operand, value in (
                (x.host, command.host_address),
                (x.card, command.card_address),
                (x.left, bytes_),
                (x.buffer, bytes_),
                (x.entry, Mux(listed, 0, bytes_)),
                (x.need, Mux(listed, bytes_, 0)),
                (x.index, Mux(self._chains, command.head, command.used_id[:16])),
                (x.skip, command.used_id),
                (x.total, 0),
                # Without a list, both are zero where anyone asks.
                (x.first, self._list_first),
                (x.behind, self._list_end),
                (x.writable, 0),
                (x.inside, 0),
                (x.pushing, 0),
                (x.stage, Stage.RUN)):
            operand.set(value, when=new)

    def begin(self):
        """In JUDGE: the command's turn has come."""
        x = self._x
        for fault, code in self._faults:
            x.check(fault, code)
        with x.m.If(~x.is_copy):
            x.m.d.comb += x.context.start.eq(~self._opens)
            x.next = "OPEN"

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

    def _find_faults(self):
        x, command = self._x, self._x.command
        opcode = self._opcode
        completes = opcode == Opcode.COMPLETE
        arms = opcode == Opcode.ARM
        listed = self._listed

        def find(fault, code):
            found = Signal()
            x.m.d.sync += found.eq(fault)
            self._faults.append((found, code))

        stray = (
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
        find(command.card_address[high:].any()
             | (~self._copies & command.card_address[:_CONTEXT_LOG2].any())
             | (self._moves & listed
                & (command.host_address[:_ENTRY_LOG2].any() | command.host_address[high:].any()
                   | is_above(self._list_end, 1 << high - _ENTRY_LOG2))),
             CommandError.BAD_CARD_ADDRESS)

        def outside(value, most):
            return (value == 0) | is_above(value, COPIER_LIMITS[most])

        find(listed & outside(command.entries, "max_list"), CommandError.BAD_LIST)
        find(self._moves & outside(command.bytes, "max_bytes"), CommandError.BAD_LENGTH)
        find(stray, CommandError.BAD_OPCODE)

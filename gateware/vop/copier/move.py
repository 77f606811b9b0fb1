# SPDX-License-Identifier: BSD-2-Clause
"""How bytes leave the executor: a run, cut into segments, each past the guard."""

from amaranth.hdl import Cat, Mux, Signal

from ..regs.copier import COMMAND_BITS, CommandError
from ..requester.segment import SEGMENT_BYTES
from .machine import (
    SHORT_SEGMENT,
    TURN_BUDGET,
    Base,
    By,
    HostBase,
    Offset,
    Resume,
    Stage,
    is_above,
)

__all__ = ["Move"]

_SEGMENT_LOG2 = SEGMENT_BYTES.bit_length() - 1


class Move:
    """Steps RUN, SIZE and EMIT.

    RUN takes from the two sides of a copy what both have in one piece. SIZE cuts it at multiples of
    1024 host bytes, so that a segment stays within its page. EMIT is the one place where anything
    is handed over, and where the guard has its say; a turn ends in SIZE, before the next segment.

    Parameters
    ----------
    x : :class:`~vop.copier.machine.Machine`
        What the steps work on.
    """

    def __init__(self, x):
        self._x = x
        m, ports = x.m, x.ports
        stage, config = x.stage.value, ports.config
        control = x.command.control
        #: The segment goes to the host.
        self.outward = Signal()
        self._payload = Signal()
        self._rooms = Signal(2)              # the reader's, the writer's
        self._room = Signal()
        m.d.sync += self._rooms.eq(Cat(ports.read.ready, ports.write.ready))
        m.d.comb += [
            self._payload.eq(stage == Stage.RUN),
            self.outward.eq((stage != Stage.SCRATCH) & (~self._payload | x.to_host)),
            self._room.eq(Mux(self.outward, self._rooms[1], self._rooms[0])),
        ]

        # Only payload that one host channel or the other named by itself needs no consent.
        self._free = Signal()
        m.d.comb += self._free.eq(self._payload & ~x.card_owned & ~x.listed & ~x.host_buffers
                                  & ~x.is_publish)
        relaxed = self._payload & control[COMMAND_BITS["relaxed_lsb"]] & config.relaxed_ordering
        no_snoop = self._payload & control[COMMAND_BITS["no_snoop_lsb"]] & config.no_snoop

        read, write = ports.read.payload, ports.write.payload
        immediate = Signal()
        self._to_boundary = Signal(_SEGMENT_LOG2 + 1)
        self._whole = Signal()               # ... and no more than that is left
        behind = Signal(_SEGMENT_LOG2 + 2)   # where the run ends, from the boundary before
        m.d.comb += [
            self._to_boundary.eq(SEGMENT_BYTES - x.host.value[:_SEGMENT_LOG2]),
            behind.eq(x.host.value[:_SEGMENT_LOG2] + x.left.value[:_SEGMENT_LOG2 + 1]),
            self._whole.eq(~is_above(behind, SEGMENT_BYTES)
                           & ~x.left.value[_SEGMENT_LOG2 + 1:].any()),
        ]
        m.d.comb += [
            immediate.eq((stage == Stage.INDEX) | (stage == Stage.ELEMENT)
                         | (stage == Stage.USED_INDEX) | (stage == Stage.FLAGS)),
            write.host_address.eq(x.host.value),
            write.card_address.eq(Mux(immediate, 0, x.card.value)),
            write.bytes.eq(x.piece),
            write.channel.eq(x.current),
            write.immediate.eq(immediate),
            # A used element may be cut in half.
            write.data.eq(Cat(Mux(stage == Stage.ELEMENT, Mux(x.left.value[3], x.command.used_id,
                                                              x.command.used_len),
                                  x.half_out), x.command.used_len)),
            write.relaxed.eq(relaxed),
            write.no_snoop.eq(no_snoop),
            read.host_address.eq(x.host.value),
            read.card_address.eq(Mux(stage == Stage.SCRATCH, x.scratch_card, x.card.value)),
            read.bytes.eq(x.piece),
            read.slot.channel.eq(x.current),
            read.slot.index.eq(ports.channels.slot),
            read.relaxed.eq(relaxed),
            read.no_snoop.eq(no_snoop),
        ]

    def size(self):
        """Cut the next segment off the run, and ask the guard about it."""
        x, m = self._x, self._x.m
        m.d.comb += x.guard.ask.eq(1)
        m.d.sync += [
            x.piece.eq(Mux(self._whole, x.left.value, self._to_boundary)),
            x.last.eq(self._whole),
            x.spent.eq(x.buffer.value == 0),
            x.exempt.eq(self._free),
        ]

    def emit_or(self, otherwise):
        """Go to EMIT if a segment can be handed over at once, else to ``otherwise``."""
        with self._x.m.If(self._room):
            self._x.next = "EMIT"
        with self._x.m.Else():
            self._x.next = otherwise

    def add_steps(self, *, prepare, after):
        """Add the steps.

        ``prepare`` is called within SIZE; ``after`` within EMIT for the last segment of a run, for
        what comes when it is taken, as its argument says.
        """
        x, m, ports = self._x, self._x.m, self._x.ports
        stage = x.stage.value

        with x.step("RUN"):
            with m.If(x.entry.value == 0):
                with m.If(x.need.value != 0):
                    x.next = "LIST_READ"
                with m.Else():
                    x.next = "RAN"
                    x.buffer.set(0)
            with m.Else():
                x.check(x.outside, CommandError.BAD_CARD_ADDRESS)
                x.left.set(x.least)
                x.buffer.set(x.one_rest)
                x.entry.set(x.other_rest)
                x.next = "SIZE"

        with x.step("SIZE", offset=Offset.AVAIL_ENTRY):
            self.size()
            prepare()
            with m.If(x.others & ((x.budget == TURN_BUDGET) | ~self._room)):
                x.leave(Resume.SIZE)
            with m.Else():
                self.emit_or("SIZE")

        # An offer stands until it is taken, even if the channel is muted meanwhile.
        offers = Signal()
        taken = Signal()
        # Behind the last segment of a ring's part the adders are aimed at the next part.
        ends_part = Signal()
        m.d.comb += ends_part.eq(
            self._whole & ((stage == Stage.MIRROR) | (stage == Stage.ENTRIES)
                           | (stage == Stage.REST) | (stage == Stage.ELEMENT)))
        with x.state("EMIT", base=Mux(ends_part, Base.AVAIL, Base.CARD),
                     by=Mux(ends_part, By.OFFSET, By.PIECE),
                     host_base=Mux(ends_part, Mux(stage == Stage.ELEMENT, HostBase.USED,
                                                HostBase.AVAIL), HostBase.OWN)):
            m.d.comb += [
                offers.eq(~x.bad & (x.exempt | x.guard.allowed)),
                ports.read.valid.eq(offers & ~self.outward),
                ports.write.valid.eq(offers & self.outward),
                taken.eq(offers & Mux(self.outward, ports.write.ready, ports.read.ready)),
            ]
            x.host.set(x.host_sum, when=taken)
            x.card.set(x.card_sum, when=taken & (stage != Stage.SCRATCH))
            x.left.set(x.left_after, when=taken)
            x.next = "SIZE"
            with m.If(x.last):
                after(taken)
            with m.If(taken):
                m.d.sync += x.budget.eq(Mux((x.budget == TURN_BUDGET) | (x.piece >= SHORT_SEGMENT),
                                            TURN_BUDGET, x.budget + 1))
            with m.Else():
                x.next = "EMIT"
            with m.If(x.bad):
                x.next = "STOP"
            with m.Elif(~x.exempt & x.guard.refused):
                m.d.comb += ports.guard_refused.eq(1)
                x.fail(CommandError.GUARD)

# SPDX-License-Identifier: BSD-2-Clause
"""One descriptor chain, validated as it is walked: for `chain`, and for what `publish` pushes."""

from amaranth.hdl import Mux, Signal

from ..regs.copier import CommandError
from .context import FLAG
from .machine import TURN_BUDGET, Base, By, HostBase, Resume, Stage

__all__ = ["Walk"]

_BLOCK_BYTES = 16


class Walk:
    """Steps WALK_READ, WALK_TAKE, SKIP, ROOT and WALK_ON.

    The next descriptor is read while the bytes of one are on their way. Of a chain only the part in
    the direction of the command moves, but all of it is walked, so that a fault anywhere is found.
    A chain has at most as many descriptors as its ring; one that names a table of descriptors does
    not count.

    Specification
    -------------
    virtio 1.3, 2.7.4 (Message Framing), 2.7.5 (The Virtqueue Descriptor Table).

    Parameters
    ----------
    x : :class:`~vop.copier.machine.Machine`
        What the steps work on.
    """

    def __init__(self, x):
        self._x = x
        m, descriptor = x.m, x.descriptor
        flags = x.context.flags
        total = Signal(33)
        #: With the lengths of those before.
        self.total = total
        #: Faults of the descriptor that has come, whoever walks.
        self.out_of_order = Signal()
        m.d.comb += [
            total.eq(x.total.value + descriptor.length),
            self.out_of_order.eq(x.writable.value & ~descriptor.write & ~descriptor.indirect),
        ]
        # Of the chain's readable and writable part this one moves.
        self._wanted = Signal()
        m.d.comb += self._wanted.eq(Mux(
            x.is_chain, descriptor.write ^ (x.to_host ^ flags[FLAG["buffers_in_host"]]),
            ~descriptor.write))

    def count(self):
        """A descriptor has come."""
        x = self._x
        x.m.d.sync += x.budget.eq(Mux(x.budget == TURN_BUDGET, TURN_BUDGET, x.budget + 1))
        x.steps.set(x.steps.value - 1)

    def judge(self):
        """Refuse the descriptor that has come, as far as that does not depend on who walks.

        The link is its next index.
        """
        x = self._x
        x.check(self.total[32], CommandError.CHAIN_OVERFLOW)
        x.check(x.descriptor.next & x.beyond, CommandError.BAD_DESCRIPTOR)
        x.check(self.out_of_order, CommandError.BAD_ORDER)
        x.check(x.steps.value[15], CommandError.LOOP)

    def add_steps(self, publish):
        """Add the steps; ``publish`` has what `publish` does differently."""
        x, m = self._x, self._x.m
        flags = x.context.flags
        descriptor = x.descriptor

        with x.step("WALK_READ", base=Base.DESC, by=By.LINK,
                    host_base=HostBase.DESC):
            with m.If(x.others & (x.budget == TURN_BUDGET)):
                x.leave(Resume.WALK_READ)
            with m.Elif(x.is_publish & ~x.pushing.value):
                publish.walk_read()
            with m.Elif(x.table_in_host):
                x.check(x.context.done & x.context.bad, CommandError.BAD_CONTEXT)
                with m.If(x.context.done):
                    x.host.set(x.host_sum)
                    x.left.set(_BLOCK_BYTES)
                    x.stage.set(Stage.SCRATCH)
                    x.next = "SIZE"
            with m.Else(), x.read():
                x.next = "WALK_TAKE"

        address = x.port.block[:64]
        rest = Signal(33)        # of what is to be skipped; bit 32: the descriptor has more
        more = Signal(32)        # one less than the bytes behind what is skipped
        in_card = Signal()
        m.d.comb += [
            rest.eq(x.skip.value - descriptor.length),
            more.eq(~rest[:32]),
            in_card.eq(~x.host_buffers),
        ]
        limit = x.span_bits - 1

        with x.step("WALK_TAKE", base=Base.DESC, by=By.LINK):
            with m.If(x.arrived):
                m.d.sync += x.prefetched.eq(0)
                x.writable.set(x.writable.value | (descriptor.write & ~descriptor.indirect))
                x.following.set(descriptor.next)
                x.index.set(descriptor.index)
                x.stage.set(Stage.RUN)
                x.buffer.set(Mux(descriptor.indirect, x.saturate(descriptor.length),
                                 Mux(more[limit:].any(), (1 << x.span_bits) - 1,
                                     more[:limit] + 1)))
                with m.If(in_card):
                    x.card.set(address)
                with m.Else():
                    x.host.set(address)
                self.count()
                with m.If(x.is_chain):
                    x.total.set(self.total)

                with m.If(x.pushing.value & (descriptor.write | descriptor.indirect)):
                    x.following.set(0)
                    x.next = "WALK_ON"
                with m.Elif(descriptor.indirect):
                    x.steps.set(x.steps.value)
                    x.total.set(x.total.value)
                    x.next = "ROOT"
                with m.Else():
                    x.next = "WALK_ON"
                    with m.If(self._wanted):
                        with m.If(rest[32]):
                            x.check(in_card & (address[x.ram_log2:].any()
                                               | descriptor.length[x.ram_log2:].any()),
                                    CommandError.BAD_CARD_ADDRESS)
                            x.next = "RUN"
                            with m.If(x.skip.value != 0):
                                x.next = "SKIP"
                        with m.Else():
                            x.skip.set(rest)
                    with m.If(descriptor.next & ~x.listed & ~x.table_in_host):
                        with x.read():
                            m.d.sync += x.prefetched.eq(1)

                with m.If(x.is_chain):
                    self.judge()
                    with m.If(descriptor.indirect):
                        table = descriptor.length
                        x.check(~flags[FLAG["indirect"]] | x.inside.value | descriptor.next
                                | (table == 0) | table[:4].any() | (in_card & address[:4].any()),
                                CommandError.BAD_INDIRECT)
                with m.Else():
                    x.check(x.steps.value[15], CommandError.LOOP)
                    x.check(descriptor.next & x.beyond, CommandError.BAD_DESCRIPTOR)
                x.check(x.context.bad, CommandError.BAD_CONTEXT)

        with x.step("SKIP", base=Base.CARD, by=By.SKIP):
            with m.If(in_card):
                x.card.set(x.card_sum)
            with m.Else():
                x.host.set(x.host_sum)
            x.skip.set(0)
            x.next = "RUN"

        # From here on the table is another one.
        with x.step("ROOT"):
            length = descriptor.length
            m.d.comb += [
                x.context.reroot.eq(1),
                x.context.last.eq(Mux(length[20:].any(), 0xFFFF, length[4:20] - 1)),
            ]
            x.inside.set(1)
            x.index.set(0)
            x.check(in_card & (x.outside | address[x.ram_log2:].any()),
                    CommandError.BAD_CARD_ADDRESS)
            x.next = "WALK_READ"

        with x.step("WALK_ON"):
            with m.If(~x.following.value):
                with m.If(x.is_publish):
                    publish.end_push()
                with m.Else():
                    x.next = "RETIRE"
            with m.Elif(x.prefetched):
                x.next = "WALK_TAKE"
            with m.Else():
                x.next = "WALK_READ"

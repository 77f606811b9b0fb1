# SPDX-License-Identifier: BSD-2-Clause
"""Walk the descriptor chains that a driver has made available."""

from amaranth import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..regs.copier import CommandError
from .block import BLOCK_BYTES, AccessLayout, AccessSteps
from .command import ContextLayout

__all__ = ["DESCRIPTOR_LOG2", "AVAIL_RING", "RunLayout", "ChainWalker"]

#: Log2 of the bytes of a descriptor (virtio 1.3, 2.7.5).
DESCRIPTOR_LOG2 = 4

#: Offset of the first entry in the avail ring (virtio 1.3, 2.7.6).
AVAIL_RING = 4

# Bits of a descriptor's flags, and where flags and next lie in it (virtio 1.3, 2.7.5).
_FLAGS_LSB = 96
_NEXT_LSB = 112
_NEXT = 0
_INDIRECT = 2

#: Descriptors that lie side by side in the table.
RunLayout = data.StructLayout({
    "first": 16,
    "count": 16,   # 1 or more
})


class ChainWalker(wiring.Component):
    """Visit every descriptor of the chains in avail entries ``first`` to ``target`` - 1.

    Nothing that the driver wrote is trusted: an index beyond the ring, an indirect descriptor, and
    more descriptors than the ring has, which means that one came up twice, end the walk. So it
    takes no more steps than the ring has entries, twice.

    Specification
    -------------
    virtio 1.3, 2.7.5 (The Virtqueue Descriptor Table), 2.7.6 (The Virtqueue Available Ring).

    Parameters
    ----------
    card_bits : :class:`int`
        Bits of a card address.

    Members
    -------
    start : ``In(1)``
        Strobe: begin. At least one entry is to be visited, and no more than the ring has.
    context : ``In(ContextLayout)``, first, target : ``In(16)``
        The virtqueue, and free-running avail indexes. Stable from ``start`` to ``result``.
    cancel : ``In(1)``
        Level: end soon.
    run : ``Out(stream.Signature(RunLayout))``
        Neighbouring descriptors, in the order in which they were visited.
    result : ``Out(stream.Signature(8, always_ready=True))``
        ``CommandError``: OK, BAD_DESCRIPTOR, LOOP or RESET. All runs have been taken before OK.
    access, answer
        Towards :class:`~vop.copier.block.BlockAccess`.
    """

    def __init__(self, *, card_bits):
        super().__init__({
            "start":   In(1),
            "context": In(ContextLayout),
            "first":   In(16),
            "target":  In(16),
            "cancel":  In(1),
            "run":     Out(stream.Signature(RunLayout)),
            "result":  Out(stream.Signature(8, always_ready=True)),
            "access":  Out(stream.Signature(AccessLayout(card_bits))),
            "answer":  In(stream.Signature(8 * BLOCK_BYTES, always_ready=True)),
        })

    def elaborate(self, platform):
        m = Module()
        context = self.context
        run = self.run.payload
        entry = Signal(16)        # avail entry under way
        descriptor = Signal(16)   # descriptor under way
        walked = Signal(17)       # descriptors visited
        slot = Signal(16)
        m.d.comb += slot.eq(entry & (context.num - 1))
        step = AccessSteps(m, self.access, self.answer)

        def end(error):
            m.d.comb += [self.result.valid.eq(1), self.result.payload.eq(error)]
            m.next = "IDLE"

        with m.FSM():
            with m.State("IDLE"):
                m.d.sync += [entry.eq(self.first), walked.eq(0), run.count.eq(0)]
                with m.If(self.start):
                    m.next = "READ_HEAD"
            with m.State("READ_HEAD"):
                with step(context.avail_card + AVAIL_RING + (slot << 1)):
                    m.d.sync += descriptor.eq(self.answer.payload[:16])
                    m.next = "CHECK"
            with m.State("CHECK"):
                m.next = "READ_DESCRIPTOR"
                with m.If(self.cancel):
                    end(CommandError.RESET)
                with m.Elif(descriptor >= context.num):
                    end(CommandError.BAD_DESCRIPTOR)
                with m.Elif(walked == context.num):
                    end(CommandError.LOOP)
                with m.Elif((run.count != 0) & (descriptor != run.first + run.count)):
                    m.next = "GIVE_RUN"
            with m.State("GIVE_RUN"):
                m.d.comb += self.run.valid.eq(1)
                with m.If(self.run.ready):
                    m.d.sync += run.count.eq(0)
                    m.next = "READ_DESCRIPTOR"
                    with m.If(entry == self.target):
                        m.next = "FINISH"
            with m.State("READ_DESCRIPTOR"):
                with step(context.desc_card + (descriptor << DESCRIPTOR_LOG2)):
                    flags = self.answer.payload[_FLAGS_LSB:_NEXT_LSB]
                    with m.If(run.count == 0):
                        m.d.sync += run.first.eq(descriptor)
                    m.d.sync += [
                        run.count.eq(run.count + 1),
                        walked.eq(walked + 1),
                        descriptor.eq(self.answer.payload[_NEXT_LSB:]),
                    ]
                    with m.If(flags[_INDIRECT]):
                        end(CommandError.BAD_DESCRIPTOR)
                    with m.Elif(flags[_NEXT]):
                        m.next = "CHECK"
                    with m.Else():
                        m.d.sync += entry.eq(entry + 1)
                        m.next = "READ_HEAD"
                        with m.If((entry + 1)[:16] == self.target):
                            m.next = "GIVE_RUN"
            with m.State("FINISH"):
                end(CommandError.OK)
        return m

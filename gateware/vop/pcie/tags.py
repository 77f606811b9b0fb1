# SPDX-License-Identifier: BSD-2-Clause
"""Free-list of PCIe tags for non-posted requests."""

from amaranth import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["TagAllocator"]


class TagAllocator(wiring.Component):
    """Hand out tags for non-posted requests and take them back.

    A tag is *outstanding* from the cycle it is accepted on ``alloc`` until it is returned on
    ``free``. All tags start free. Returning a tag that is not outstanding pulses ``error`` and
    changes nothing else. Tags are handed out in turn, so that a tag rests as long as possible
    before it is used again.

    Specification
    -------------
    PCIe Base 4.0, 2.2.6.2 (Transaction Descriptor, Transaction ID field).

    Parameters
    ----------
    count : :class:`int`
        Tags to manage. A power of two, 2 to 256.

    Members
    -------
    alloc : ``Out(stream.Signature(range(count)))``
        The next free tag. ``valid`` is low while every tag is outstanding, and for one cycle after
        an accept.
    free : ``In(stream.Signature(range(count), always_ready=True))``
        A tag whose last completion has arrived, whatever its status (SC, UR or CA).
    outstanding : ``Out(range(count + 1))``
        Outstanding tags, in tags. Updated the cycle after an accept or a return.
    error : ``Out(1)``
        One-cycle pulse: a tag was returned that was not outstanding. Idle low.

    Raises
    ------
    ValueError
        If ``count`` is not a power of two from 2 to 256.
    """

    def __init__(self, *, count):
        if not isinstance(count, int) or not 2 <= count <= 256 or count & (count - 1):
            raise ValueError(f"Tag count must be a power of two from 2 to 256, not {count!r}")
        self._count = count
        super().__init__({
            "alloc":       Out(stream.Signature(range(count))),
            "free":        In(stream.Signature(range(count), always_ready=True)),
            "outstanding": Out(range(count + 1)),
            "error":       Out(1),
        })

    @property
    def count(self):
        """Tags managed."""
        return self._count

    def elaborate(self, platform):
        m = Module()

        taken = Signal(self._count)
        accepted = Signal()
        returned = Signal()
        following = Signal(range(self._count))  # the free tag that is next in turn
        found = Signal()

        m.d.comb += [
            accepted.eq(self.alloc.valid & self.alloc.ready),
            returned.eq(self.free.valid & taken.bit_select(self.free.payload, 1)),
            found.eq(~taken.all()),
        ]
        # The last assignment wins: the lowest free tag above the last one, else the lowest of all.
        for tag in reversed(range(self._count)):
            with m.If(~taken[tag]):
                m.d.comb += following.eq(tag)
        for tag in reversed(range(self._count)):
            with m.If(~taken[tag] & (tag > self.alloc.payload)):
                m.d.comb += following.eq(tag)

        with m.If(accepted):
            m.d.sync += [
                taken.bit_select(self.alloc.payload, 1).eq(1),
                self.alloc.valid.eq(0),
            ]
        with m.Elif(~self.alloc.valid):
            m.d.sync += [
                self.alloc.payload.eq(following),
                self.alloc.valid.eq(found),
            ]
        with m.If(returned):
            m.d.sync += taken.bit_select(self.free.payload, 1).eq(0)

        m.d.sync += [
            self.outstanding.eq(self.outstanding + Mux(accepted, 1, 0) - Mux(returned, 1, 0)),
            self.error.eq(self.free.valid & ~returned),
        ]
        return m

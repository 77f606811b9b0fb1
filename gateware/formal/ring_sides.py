# SPDX-License-Identifier: BSD-2-Clause
"""A model of who wakes whom at a ring whose driver is on the card and whose device on the host."""

from amaranth.hdl import Assert, Cover, Module, Signal
from amaranth.lib import data
from vop.shallow_queue import ShallowQueue

from .proof import Harness

__all__ = ["WakeUps"]

_BITS = 3      # of an index: virtio has 16, and nothing here depends on it
_MOST = 3      # entries that the device may be behind

_Posted = data.StructLayout({"is_vector": 1, "index": _BITS})


class WakeUps(Harness):
    """Commands `publish` and `arm` step by step, and posted writes of any delay in both directions.

    `publish` posts the avail index, stores what it has published, then reads the wish, and posts a
    vector if that is passed (virtio 1.3, 2.7.10: ``wish - old < new - old``). The device takes what
    it sees; when it sees no more it posts its wish, as command `arm`, and sleeps. `arm` stores the
    wish, then looks at what has been published, and posts a vector if the wish is passed already.
    The steps of the two interleave in any way. Posted writes stay in order (Base 4.0, 2.4.1).

    The decisions are written here once more; those of the gateware are in `copier/complete.py`.
    """

    def elaborate(self, platform):
        """Build both sides and what is posted between them."""
        m = Module()
        m.submodules.to_host = to_host = ShallowQueue(_Posted, depth=4)
        m.submodules.to_card = to_card = ShallowQueue(_BITS, depth=2)
        offered, published, wish = Signal(_BITS), Signal(_BITS), Signal(_BITS)
        seen, taken = Signal(_BITS), Signal(_BITS)
        posts = to_host.i.payload
        arrives = to_host.o.payload
        acts = self.any(2, "acts")     # whether publish, or the device, goes on in this cycle
        m.d.comb += [
            to_host.o.ready.eq(self.any(1, "reaches_host")),
            to_card.i.payload.eq(taken),
        ]
        woken = Signal()
        with m.If(to_host.o.valid & to_host.o.ready):
            m.d.comb += woken.eq(arrives.is_vector)
            with m.If(~arrives.is_vector):
                m.d.sync += seen.eq(arrives.index)

        # One executor, so one of them posts at a time.
        old = Signal(_BITS)
        event = Signal(_BITS)
        with m.FSM(name="publish") as publish:
            with m.State("OFFER"):
                with m.If(acts[0] & ((offered - taken)[:_BITS] < _MOST)):
                    m.d.sync += offered.eq(offered + 1)
                    m.next = "POST_INDEX"
            with m.State("POST_INDEX"):
                m.d.comb += [posts.index.eq(offered), to_host.i.valid.eq(acts[0])]
                with m.If(acts[0] & to_host.i.ready):
                    m.next = "STORE_PUBLISHED"
            with m.State("STORE_PUBLISHED"):
                with m.If(acts[0]):
                    m.d.sync += [old.eq(published), published.eq(offered)]
                    m.next = "READ_WISH"
            with m.State("READ_WISH"):
                with m.If(acts[0]):
                    m.d.sync += event.eq(wish)
                    m.next = "DECIDE"
            with m.State("DECIDE"):
                ahead = (event - old)[:_BITS]
                with m.If(acts[0]):
                    m.next = "OFFER"
                    with m.If(ahead < (published - old)[:_BITS]):
                        m.d.comb += [posts.is_vector.eq(1), to_host.i.valid.eq(1)]
                        with m.If(~to_host.i.ready):
                            m.next = "DECIDE"

        with m.FSM(name="arm") as arm:
            with m.State("STORE_WISH"):
                m.d.comb += to_card.o.ready.eq(self.any(1, "reaches_card"))
                with m.If(to_card.o.valid & to_card.o.ready):
                    m.d.sync += wish.eq(to_card.o.payload)
                    m.next = "LOOK"
            with m.State("LOOK"):
                behind = (published - wish)[:_BITS]
                with m.If(~acts[0]):
                    m.next = "STORE_WISH"
                    with m.If(behind != 0):
                        m.d.comb += [posts.is_vector.eq(1), to_host.i.valid.eq(1)]
                        with m.If(~to_host.i.ready):
                            m.next = "LOOK"

        with m.FSM(name="device") as device:
            with m.State("WORK"):
                with m.If(acts[1]):
                    with m.If(seen != taken):
                        m.d.sync += taken.eq(taken + 1)
                    with m.Else():
                        m.next = "POST_WISH"
            with m.State("POST_WISH"):
                m.d.comb += to_card.i.valid.eq(1)
                with m.If(to_card.i.ready):
                    m.next = "SLEEP"
            with m.State("SLEEP"):
                with m.If(woken):
                    m.next = "WORK"

        asleep, quiet = Signal(), Signal()
        slept = Signal()
        m.d.sync += slept.eq(slept | asleep)
        m.d.comb += [
            asleep.eq(device.ongoing("SLEEP")),
            # Nothing is under way that might wake it.
            quiet.eq(publish.ongoing("OFFER") & arm.ongoing("STORE_WISH") & (to_host.level == 0)
                     & (to_card.level == 0)),
            Assert(~asleep | ~quiet | (published == taken)),
            Cover(asleep & quiet & (taken == 2)),
            Cover(asleep & arm.ongoing("LOOK") & (published != wish)),
        ]
        return m

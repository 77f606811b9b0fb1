# SPDX-License-Identifier: BSD-2-Clause
"""The arbiter towards the link: whole TLPs, in turn."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..soc.round_robin import RoundRobin
from .tlp import TxBeatLayout

__all__ = ["Sender"]


class Sender(wiring.Component):
    """Merge three streams of TLPs into one.

    TLPs leave in the order in which they are accepted, and nothing is held here, so a completion
    never passes a posted write accepted before it (Base 4.0, 2.4.1). A stream waits for at most
    one TLP of each other stream. No cycle is lost between TLPs.

    Parameters
    ----------
    width : :class:`int`
        Payload bits per beat.

    Members
    -------
    completions, reads, writes : ``In(stream.Signature(TxBeatLayout(width)))``
        TLPs to send.
    hold : ``In(1)``
        High: no TLP is begun. One that has begun goes on.
    tx : ``Out(stream.Signature(TxBeatLayout(width)))``
        To the link.
    """

    def __init__(self, width):
        super().__init__({
            "completions": In(stream.Signature(TxBeatLayout(width))),
            "reads":       In(stream.Signature(TxBeatLayout(width))),
            "writes":      In(stream.Signature(TxBeatLayout(width))),
            "hold":        In(1),
            "tx":          Out(stream.Signature(TxBeatLayout(width))),
        })

    def elaborate(self, platform):
        m = Module()
        sources = (self.completions, self.reads, self.writes)
        m.submodules.turns = turns = RoundRobin(count=len(sources))

        chosen = Signal(len(sources))
        owner = Signal(len(sources))         # of the TLP under way; zero between TLPs
        offered = Signal(len(sources))       # offered and not taken: a valid offer must stand
        accepted = Signal()
        m.d.comb += [
            turns.requests.eq(Mux(offered != 0, offered,
                                  Cat(source.valid for source in sources))),
            accepted.eq(self.tx.valid & self.tx.ready),
            turns.advance.eq(accepted & self.tx.payload.first),
            chosen.eq(turns.grants),
        ]
        with m.If(owner != 0):
            m.d.comb += chosen.eq(owner)
        with m.Elif(self.hold & (offered == 0)):
            m.d.comb += chosen.eq(0)
        for index, source in enumerate(sources):
            with m.If(chosen[index]):
                m.d.comb += [
                    self.tx.payload.eq(source.payload),
                    self.tx.valid.eq(source.valid),
                    source.ready.eq(self.tx.ready),
                ]
        m.d.sync += offered.eq(0)
        with m.If(accepted):
            m.d.sync += owner.eq(chosen & ~self.tx.payload.last.replicate(len(sources)))
        with m.Elif(self.tx.valid):
            m.d.sync += offered.eq(chosen)
        return m

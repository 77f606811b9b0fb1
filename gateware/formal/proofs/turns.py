# SPDX-License-Identifier: BSD-2-Clause
"""Who waits, and for how long: the arbiters."""

from amaranth.hdl import Assert, Assume, Cover, Module, Mux, Signal
from vop.copier.turns import next_turn
from vop.pcie.sender import Sender
from vop.soc.memory_merge import ReadScheduler
from vop.soc.turns import Turns

from ..proof import Harness, Plant, Proof

__all__ = ["PROOFS"]

_COUNT = 3
_PATIENCE = 3


class Turn(Harness):
    """Some requesters of which one asks until it is served; the others do what they like.

    Until it is served each other one is served once at most, and no more than one chance beside
    those is lost.

    Parameters
    ----------
    arbiter : callable
        Called with the module, the requests and whether one is served in this cycle; returns the
        number of the one that is, and how many chances may be lost.
    """

    def __init__(self, arbiter):
        super().__init__()
        self._arbiter = arbiter

    def elaborate(self, platform):
        m = Module()
        requests = self.any(_COUNT, "requests")
        served = self.any(1, "served")
        watched = self.fixed(m, range(_COUNT), "watched")
        turn, may_lose = self._arbiter(m, requests, served)
        asks = Signal()
        waits = Signal()          # it asked in the cycle before, and was not served
        mine = Signal()
        lost = Signal(4)
        m.d.comb += [
            Assume(watched < _COUNT),
            asks.eq(requests.bit_select(watched, 1)),
            Assume(~waits | asks),
            mine.eq(served & (turn == watched)),
            Assert(lost <= may_lose),
        ]
        m.d.sync += waits.eq(asks & ~mine)
        with m.If(~asks | mine):
            m.d.sync += lost.eq(0)
        with m.Elif(served & ~requests.bit_select(turn, 1)):
            m.d.sync += lost.eq(lost + 1)
        for other in range(_COUNT):
            passes = Signal(2, name=f"passes{other}")
            with m.If(~asks | mine):
                m.d.sync += passes.eq(0)
            with m.Elif(served & requests[other] & (turn == other)):
                m.d.sync += passes.eq(passes + 1)
            m.d.comb += [
                Assert(passes <= 1),
                Cover(mine & (passes == 1)),
            ]
        return m


def _turns(m, requests, served):
    m.submodules.dut = dut = Turns(count=_COUNT)
    standing = Signal(_COUNT)     # requests are not withdrawn
    m.d.comb += [
        dut.requests.eq(requests),
        dut.served.eq(served),
        Assume((standing & ~requests) == 0),
    ]
    m.d.sync += standing.eq(requests & ~(served << dut.turn))
    return dut.turn, 1


def _channels(m, requests, served):
    last = Signal(range(_COUNT))
    turn = Signal(range(_COUNT))
    m.d.comb += turn.eq(next_turn(requests, last))
    with m.If(served):
        m.d.sync += last.eq(turn)
    return turn, 0


class Link(Harness):
    """The sender, with four sources that offer until they are served, and a link that goes on.

    While the link takes a beat in each cycle and nothing is held, no source waits for more than the
    TLP under way and two of each other one; a write for no more than one once it has waited for
    ``PATIENCE`` cycles. All TLPs have ``beats`` beats.
    """

    _NAMES = ("completions", "reads", "writes", "messages")

    def __init__(self, *, patience, beats):
        super().__init__()
        self._patience = patience
        self._beats = beats

    def elaborate(self, platform):
        m = Module()
        dut = Sender(64)
        dut.PATIENCE = self._patience
        m.submodules.dut = dut
        m.d.comb += [
            dut.tx.ready.eq(1),
            dut.reads_waiting.eq(self.any(1, "reads_waiting")),
            dut.shallow.eq(self.any(1, "shallow")),
        ]
        taken = {}
        for name in self._NAMES:
            source = getattr(dut, name)
            payload = self.any(source.payload.shape(), name)
            beat = Signal(range(self._beats), name=f"{name}_beat")
            offered = Signal(name=f"{name}_offered")
            taken[name] = Signal(name=f"{name}_taken")
            m.d.comb += [
                source.valid.eq(self.any(1, f"{name}_valid")),
                source.payload.eq(payload),
                source.payload.first.eq(beat == 0),
                source.payload.last.eq(beat == self._beats - 1),
                # Offered until it is taken, and whole without a pause.
                Assume(source.valid | ~offered),
                taken[name].eq(source.valid & source.ready & source.payload.last),
            ]
            m.d.sync += offered.eq(source.valid & ~(source.ready & source.payload.last))
            with m.If(source.valid & source.ready):
                m.d.sync += beat.eq(Mux(source.payload.last, 0, beat + 1))
        self.keeps(m, dut.tx, "tx")

        for name in self._NAMES:
            source = getattr(dut, name)
            waits = source.valid & ~source.ready & source.payload.first
            for other in self._NAMES:
                if other == name:
                    continue
                # One more may have been under way.
                passes = Signal(3, name=f"{name}_{other}")
                with m.If(~waits):
                    m.d.sync += passes.eq(0)
                with m.Elif(taken[other]):
                    m.d.sync += passes.eq(passes + 1)
                if name != "writes":
                    m.d.comb += Assert(passes <= 3)
        waited = Signal(range(64))
        writes = dut.writes
        with m.If(writes.valid & ~writes.ready & writes.payload.first):
            m.d.sync += waited.eq(waited + 1)
        with m.Else():
            m.d.sync += waited.eq(0)
        m.d.comb += [
            Assert(waited <= self._patience + self._beats),
            Cover(waited > self._patience),
        ]
        return m


class Banks(Harness):
    """The scheduler of card RAM's banks: the second reader waits for so many cycles at most."""

    def elaborate(self, platform):
        m = Module()
        m.submodules.dut = dut = ReadScheduler(line_bits=3, patience=_PATIENCE)
        for index, read in enumerate(dut.reads):
            waits = Signal(name=f"waits{index}")
            waited = Signal(4, name=f"waited{index}")
            m.d.comb += [
                read.valid.eq(self.any(1, f"valid{index}")),
                read.payload.eq(self.any(3, f"line{index}")),
                Assume(read.valid | ~waits),
                Assert(waited <= (1, _PATIENCE)[index]),
                Cover(waited == (1, _PATIENCE)[index]),
            ]
            m.d.sync += [
                waits.eq(read.valid & ~read.ready),
                waited.eq(Mux(read.valid & ~read.ready, waited + 1, 0)),
            ]
        first, second = dut.reads
        m.d.comb += Assert(~(first.valid & first.ready & second.valid & second.ready)
                           | (first.payload[0] != second.payload[0]))
        return m


PROOFS = (
    Proof("turns-card-ram", "A requester of Turns waits for each other one once, and one chance.",
          lambda: Turn(_turns), 14, (
              Plant("the turn stays where it is while its owner asks", "vop.soc.turns",
                    "self.served | ~self.requests[owner]", "~self.requests[owner]"),
          )),
    Proof("turns-channels", "A channel waits for one turn of each other one.",
          lambda: Turn(_channels), 14, (
              Plant("who had the turn may have it again", "vop.copier.turns",
                    "last < n", "last <= n"),
          )),
    Proof("turns-link", "A TLP waits for two of each other kind at most, and a write for its time.",
          lambda: Link(patience=5, beats=2), 16, (
              Plant("a message goes first every time", "vop.pcie.sender",
                    "has_message & ~message_was_last", "has_message"),
              Plant("a write that has waited is no more urgent", "vop.pcie.sender",
                    "urgent.eq(has_write & impatient)",
                    "urgent.eq(has_write & impatient & self.shallow)"),
              Plant("reads go before completions every time", "vop.pcie.sender",
                    "chosen[reads] | (read_went", "(read_went"),
          )),
    Proof("turns-banks", "Neither reader of a bank waits for longer than it must.", Banks, 12, (
        Plant("patience never ends", "vop.soc.memory_merge",
              "impatient.eq(waited == self._patience - 1)", "impatient.eq(0)"),
    )),
)

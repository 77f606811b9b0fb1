# SPDX-License-Identifier: BSD-2-Clause
"""Streams on the way to the link: an offer stands, unchanged, until it is taken."""

from amaranth.hdl import Assume, Const, Cover, Module, Signal, Value
from amaranth.lib import stream
from amaranth.lib.wiring import In
from vop.copier.announcer import Announcer
from vop.copier.segment_merge import SegmentMerge
from vop.pcie.answerer import CompletionBuilder
from vop.pcie.frame import PayloadFramer
from vop.pcie.tlp import Kind
from vop.requester.issue import ReadIssuer
from vop.requester.line_asker import LineAsker
from vop.requester.write_intake import WriteIntake
from vop.requester.write_outlet import WriteOutlet
from vop.shallow_queue import ShallowQueue
from vop.stream import Skid

from ..proof import Harness, Plant, Proof

__all__ = ["PROOFS"]


class Contract(Harness):
    """A component whose inputs may be anything, and whose input streams keep the contract.

    Parameters
    ----------
    component : wiring.Component
        Streams that are arrays have their members treated alike.
    keeps : str
        Name of the stream that must keep the contract.
    fickle : tuple of str
        Input streams whose offers may change and be withdrawn.
    steady : tuple of str
        Inputs that keep their value.
    assume : callable or None
        Called with the module and the component: what its neighbours do.
    """

    def __init__(self, component, *, keeps, fickle=(), steady=(), assume=None):
        super().__init__()
        self._component = component
        self._keeps = keeps
        self._fickle = fickle
        self._steady = steady
        self._assume = assume

    def elaborate(self, platform):
        m = Module()
        m.submodules.dut = dut = self._component
        for path, member, port in dut.signature.flatten(dut):
            if member.flow == In and not isinstance(port, Const):
                self._drive(m, path, port)
        for name, member in dut.signature.members.items():
            if member.is_signature and isinstance(member.signature, stream.Signature) \
                    and member.flow == In and name not in self._fickle:
                ports = [getattr(dut, name)] if not member.dimensions else list(getattr(dut, name))
                for number, port in enumerate(ports):
                    m.d.comb += Assume(self.kept(m, port, f"{name}{number}"))
        if self._assume is not None:
            self._assume(m, dut)
        kept = getattr(dut, self._keeps)
        self.keeps(m, kept, self._keeps)
        waited = Signal()
        m.d.sync += waited.eq(kept.valid & ~kept.ready)
        m.d.comb += Cover(waited & kept.valid & kept.ready)
        return m

    def _drive(self, m, path, port):
        name = "_".join(str(part) for part in path)
        shape = port.shape()
        m.d.comb += port.eq(self.fixed(m, shape, name) if path[0] in self._steady
                            else self.any(shape, name))


def _rests(m, port):
    """The payload of ``port`` stays until it is taken, also where it is not on offer yet.

    Where nothing is needed from it, it shows in lanes that do not count.
    """
    taken = Signal(init=1)
    before = Signal.like(port.payload)
    m.d.sync += [taken.eq(port.valid & port.ready), before.eq(port.payload)]
    m.d.comb += Assume(taken | (Value.cast(port.payload) == Value.cast(before)))


def _writes(m, dut):
    """What comes to the framer are memory writes of two beats, 3 or 4 DWs."""
    payload = dut.i.payload
    header = payload.header
    within = Signal()
    before = Signal(header.shape())
    m.d.comb += [
        Assume(payload.first == ~within),
        Assume(payload.last == within),
        Assume(header.kind == Kind.MEMORY_WRITE),
        Assume((header.length_dw == 3) | (header.length_dw == 4)),
        Assume(~within | (header.as_value() == before.as_value())),
    ]
    m.d.sync += before.eq(header)
    with m.If(dut.i.valid & dut.i.ready):
        m.d.sync += within.eq(~within)
    _rests(m, dut.i)


PROOFS = (
    Proof("contract-skid", "A skid buffer keeps its offers.",
          lambda: Contract(Skid(3), keeps="o"), 8, (
              Plant("what is kept is overwritten", "vop.stream",
                    "with m.If(self.i.ready):\n            m.d.sync += kept",
                    "with m.If(1):\n            m.d.sync += kept"),
          ), inductive=True),
    Proof("contract-shallow-queue", "A queue in distributed RAM keeps its offers.",
          lambda: Contract(ShallowQueue(3, depth=4), keeps="o"), 12, (
              Plant("a full queue takes one more", "vop.shallow_queue",
                    "self.i.ready.eq(has_room)", "self.i.ready.eq(1)"),
          )),
    Proof("contract-segment-merge", "Records and commands take turns between offers only.",
          lambda: Contract(SegmentMerge(card_bits=4), keeps="o"), 8, (
              Plant("a record goes before a command that is on offer", "vop.copier.segment_merge",
                    "self.records.valid & ~standing", "self.records.valid"),
          ), inductive=True),
    Proof("contract-announcer", "A vector that is on offer stays so.",
          lambda: Contract(Announcer(), keeps="o", fickle=("announcement", "vector"),
                           steady=("done",)), 8, (
              Plant("another vector takes its place", "vop.copier.announcer",
                    "Mux(full, held.vector, first.payload.vector)", "first.payload.vector"),
          )),
    Proof("contract-write-intake", "A segment's head stays until it is taken.",
          lambda: Contract(WriteIntake(card_bits=8, width=64), keeps="head", fickle=("segment",)),
          8, (
              Plant("a new segment takes the place of one that waits",
                    "vop.requester.write_intake", "~self.head.valid & ~closed", "~closed"),
          )),
    Proof("contract-line-asker", "A line that was asked for is asked for until it comes.",
          lambda: Contract(LineAsker(card_bits=8, width=64), keeps="request", fickle=("plan",)),
          8, (
              Plant("the request falls when there is no room any more",
                    "vop.requester.line_asker", "self.may_ask | stands", "self.may_ask"),
          )),
    Proof("contract-write-outlet", "A write that is on offer is neither changed nor withdrawn.",
          lambda: Contract(WriteOutlet(width=64), keeps="tlp"), 9, (
              Plant("a write is dropped after it was offered", "vop.requester.write_outlet",
                    "asks.eq(is_open & first & ~self.beat.valid)", "asks.eq(is_open & first)"),
          )),
    Proof("contract-read-issuer", "A read that is on offer is neither changed nor withdrawn.",
          lambda: Contract(ReadIssuer(card_bits=8, width=64, free_shape=6), keeps="tlp",
                           fickle=("segment",), steady=("next_tag",)), 9, (
              Plant("a read is withdrawn when the table is busy", "vop.requester.issue",
                    "self.tlp.valid.eq(self.open | offering)",
                    "self.tlp.valid.eq(self.open | (offering & ~self.blocked))"),
          )),
    Proof("contract-framer", "A beat of a framed TLP stays until it is taken.",
          lambda: Contract(PayloadFramer(64), keeps="o", steady=("id", "may_start", "bus_master"),
                           assume=_writes), 9, (
              Plant("payload moves on although nobody took it", "vop.pcie.frame",
                    "with m.If(i.valid & o.ready):\n                    m.d.sync += held",
                    "with m.If(i.valid):\n                    m.d.sync += held"),
          )),
    Proof("contract-completions", "A beat of a completion stays until it is taken.",
          lambda: Contract(CompletionBuilder(64), keeps="tx",
                           assume=lambda m, dut: _rests(m, dut.lines)), 9, (
              Plant("a beat counts as sent although nobody took it", "vop.pcie.answerer",
                    "with m.If(tx.valid & tx.ready):", "with m.If(tx.valid):"),
          )),
)

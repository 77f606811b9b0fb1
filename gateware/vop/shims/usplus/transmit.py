# SPDX-License-Identifier: BSD-2-Clause
"""The one stream of the TLP contract to both streams to the block, RQ and CC."""

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ...pcie.tlp import TxBeatLayout
from ...stream import Stage
from .completions import CompletionSender
from .frame import PacketBeatLayout
from .order import COUNT_BITS, SequenceReport, WriteOrder
from .receive import KeptRequestLayout
from .requests import RequestSender, RequestUserLayout
from .route import TxRouter

__all__ = ["BlockSender"]

#: Writes in the block up to which its queue counts as shallow.
_SHALLOW = 2


class BlockSender(wiring.Component):
    """Route, frame and number TLPs; keep completions behind the writes before them.

    Parameters
    ----------
    width : :class:`int`
        Payload bits per beat: 128 or 256.

    Members
    -------
    tx : ``In(stream.Signature(TxBeatLayout(width)))``
        TLPs to the host.
    id : ``In(16)``, bus_master : ``In(1)``
        From the configuration.
    kept_request : ``In(KeptRequestLayout)``, kept : ``In(1)``
        See `RefusalKeeper`.
    nonposted_credits : ``In(4)``
        ``pcie_tfc_nph_av``.
    reports : ``In(SequenceReport)`` array of 2
        ``pcie_rq_seq_num0`` and ``1``.
    rq : ``Out(stream.Signature(PacketBeatLayout(width, RequestUserLayout)))``
    cc : ``Out(stream.Signature(PacketBeatLayout(width, 0)))``
        Packets to the block, registered.
    latest, passed : ``Out(COUNT_BITS)``
        See `WriteOrder`.
    dropped : ``Out(1)``
        One-cycle pulse: a memory request was dropped, as bus mastering is off.
    drained : ``Out(1)``
        High while every TLP accepted on ``tx`` has been taken, and every write has come so far that
        nothing passes it.
    shallow : ``Out(1)``
        High while few writes wait in the block.
    """

    def __init__(self, width):
        self._width = width
        super().__init__({
            "tx":                In(stream.Signature(TxBeatLayout(width))),
            "id":                In(16),
            "bus_master":        In(1),
            "kept_request":      In(KeptRequestLayout),
            "kept":              In(1),
            "nonposted_credits": In(4),
            "reports":           In(SequenceReport).array(2),
            "rq":                Out(stream.Signature(PacketBeatLayout(width, RequestUserLayout))),
            "cc":                Out(stream.Signature(PacketBeatLayout(width, 0))),
            "latest":            Out(COUNT_BITS),
            "passed":            Out(COUNT_BITS),
            "dropped":           Out(1),
            "drained":           Out(1),
            "shallow":           Out(1, init=1),
        })

    def elaborate(self, platform):
        m = Module()
        width = self._width
        m.submodules.router = router = TxRouter(width)
        m.submodules.requests = requests = RequestSender(width)
        m.submodules.completions = completions = CompletionSender(width)
        m.submodules.order = order = WriteOrder()
        m.submodules.rq_stage = rq_stage = Stage(PacketBeatLayout(width, RequestUserLayout))
        m.submodules.cc_stage = cc_stage = Stage(PacketBeatLayout(width, 0))
        wiring.connect(m, wiring.flipped(self.tx), router.tx)
        wiring.connect(m, router.requests, requests.i)
        wiring.connect(m, router.completions, completions.i)
        wiring.connect(m, requests.o, rq_stage.i)
        wiring.connect(m, completions.o, cc_stage.i)
        wiring.connect(m, rq_stage.o, wiring.flipped(self.rq))
        wiring.connect(m, cc_stage.o, wiring.flipped(self.cc))
        m.d.comb += [
            router.bus_master.eq(self.bus_master),
            requests.id.eq(self.id),
            requests.nonposted_credits.eq(self.nonposted_credits),
            requests.sequence.eq(order.sequence),
            requests.hold_writes.eq(order.full),
            order.began.eq(requests.write_began),
            order.forget.eq(~self.bus_master),
            completions.id.eq(self.id),
            completions.kept_request.eq(self.kept_request),
            completions.kept.eq(self.kept),
            completions.latest.eq(order.latest),
            completions.passed.eq(order.passed),
            self.latest.eq(order.latest),
            self.passed.eq(order.passed),
            self.dropped.eq(router.dropped),
            self.drained.eq(requests.idle & completions.idle & ~rq_stage.o.valid
                            & ~cc_stage.o.valid & (order.waiting == 0)),
        ]
        for ours, theirs in zip(order.reports, self.reports, strict=True):
            m.d.comb += ours.eq(theirs)
        m.d.sync += self.shallow.eq(order.waiting <= _SHALLOW)
        return m

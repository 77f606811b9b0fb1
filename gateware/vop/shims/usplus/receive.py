# SPDX-License-Identifier: BSD-2-Clause
"""Both streams from the block, CQ and RC, to the one of the TLP contract."""

from amaranth.hdl import C, Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...pcie.encode import HeaderEncoder
from ...pcie.tlp import NONPOSTED, RxBeatLayout
from ...stream import Stage
from .align import DescribedBeatLayout, DescriptorAligner
from .decode import CompletionDecoder, CompletionLayout, RequestDecoder
from .merge import OrderedMerge
from .packet_buffer import PacketBuffer
from .pins import CqUserLayout, RcUserLayout

__all__ = ["BlockReceiver", "KeptRequestLayout"]

#: A non-posted request as the block described it.
KeptRequestLayout = data.StructLayout({"descriptor": 128, "enables": 8})

#: The block's largest Max_Payload_Size.
MOST_PAYLOAD_BYTES = 1024
#: Non-posted requests that may be on their way from the block.
_NONPOSTED_CREDITS = 2


class BlockReceiver(wiring.Component):
    """Buffer, align and merge what the block delivers; ask it for few non-posted requests at once.

    Parameters
    ----------
    width : :class:`int`
        Payload bits per beat: 128 or 256.

    Members
    -------
    cq, rc : ``In(...)`` each of ``data``, ``last``, ``user``, ``valid`` and ``ready``
        ``m_axis_cq`` and ``m_axis_rc``.
    np_req : ``Out(2)``, np_req_count : ``In(6)``
        ``pcie_cq_np_req`` and ``pcie_cq_np_req_count``.
    hold_nonposted : ``In(1)``
        See ``phy.Signature``.
    rx : ``Out(stream.Signature(RxBeatLayout(width)))``
        TLPs from the host.
    kept_request : ``Out(KeptRequestLayout)``, kept : ``Out(1)``
        A non-posted request, and that it comes in this cycle.
    discarded : ``Out(1)``
        One-cycle pulse: the block discontinued a TLP, which is dropped.
    idle : ``Out(1)``
        High while nothing is held.
    """

    def __init__(self, width):
        self._width = width

        def axis(user_shape):
            return wiring.Signature({
                "data": Out(width), "last": Out(1), "user": Out(user_shape), "valid": Out(1),
                "ready": In(1)})

        super().__init__({
            "cq":             In(axis(CqUserLayout)),
            "rc":             In(axis(RcUserLayout)),
            "np_req":         Out(2),
            "np_req_count":   In(6),
            "hold_nonposted": In(1),
            "rx":             Out(stream.Signature(RxBeatLayout(width))),
            "kept_request":   Out(KeptRequestLayout),
            "kept":           Out(1),
            "discarded":      Out(1),
            "idle":           Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        width, cq, rc = self._width, self.cq, self.rc
        # Almost twice the largest packet: one may leave while the next comes.
        depth = 2 * MOST_PAYLOAD_BYTES // (width // 8)
        beat = DescribedBeatLayout(width)
        request_decoder, completion_decoder = RequestDecoder(), CompletionDecoder()
        m.submodules.requests = requests = PacketBuffer(beat, depth=depth)
        m.submodules.completions = completions = PacketBuffer(beat, depth=depth)
        m.submodules.request_aligner = request_aligner = DescriptorAligner(width, request_decoder)
        m.submodules.completion_aligner = completion_aligner = DescriptorAligner(
            width, completion_decoder)
        m.submodules.merge = merge = OrderedMerge(width, depth=depth)
        m.submodules.output = output = Stage(RxBeatLayout(width))
        m.submodules.encoder = encoder = HeaderEncoder()

        wiring.connect(m, requests.o, request_aligner.i)
        wiring.connect(m, completions.o, completion_aligner.i)
        wiring.connect(m, request_aligner.o, merge.requests)
        wiring.connect(m, completion_aligner.o, merge.completions)
        wiring.connect(m, merge.rx, output.i)
        m.d.comb += [
            encoder.header.eq(output.o.payload.header),
            self.rx.payload.eq(output.o.payload),
            self.rx.payload.raw.eq(encoder.dwords),
            self.rx.valid.eq(output.o.valid),
            output.o.ready.eq(self.rx.ready),
        ]

        rc_begins = Signal(init=1)           # the next beat of RC is a descriptor's
        with m.If(rc.valid & rc.ready):
            m.d.sync += rc_begins.eq(rc.last)
        is_notice = Signal()
        error = data.View(CompletionLayout, rc.data[:96]).error
        m.d.comb += is_notice.eq(rc_begins & CompletionDecoder.is_notice(error))

        for buffer, axis, unless in ((requests, cq, C(0)), (completions, rc, is_notice)):
            incoming = buffer.i.payload
            m.d.comb += [
                incoming.last.eq(axis.last),
                incoming.discard.eq(axis.user.discontinue | unless),
                incoming.beat.last.eq(axis.last),
                incoming.beat.data.eq(axis.data),
                buffer.i.valid.eq(axis.valid),
                axis.ready.eq(buffer.i.ready),
            ]
        m.d.comb += [
            requests.i.payload.beat.enables.eq(cq.user.as_value()[:8]),
            requests.i.payload.beat.be.eq(cq.user.byte_en),
            completions.i.payload.beat.be.eq(C(-1, width // 8)),
            merge.request_kept.eq(requests.kept),
            merge.completion_kept.eq(completions.kept),

            self.discarded.eq(requests.discarded | (completions.discarded & ~is_notice)),
            self.kept_request.descriptor.eq(requests.o.payload.data),
            self.kept_request.enables.eq(requests.o.payload.enables),
            # A credit for each one that the card has room for. The count lags by a few cycles.
            self.np_req.eq(~self.hold_nonposted & (self.np_req_count < _NONPOSTED_CREDITS)),
            self.idle.eq(requests.idle & completions.idle & request_aligner.idle
                         & completion_aligner.idle & ~output.o.valid & ~cq.valid & ~rc.valid),
        ]
        for kind in NONPOSTED:
            with m.If(request_decoder.header.kind == kind):
                m.d.comb += self.kept.eq(request_aligner.begins)
        return m

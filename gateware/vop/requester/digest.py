# SPDX-License-Identifier: BSD-2-Clause
"""What a completion's header says by itself, before anyone has asked what was expected."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..pcie.tlp import CompletionStatus, HeaderLayout, Kind, RxBeatLayout
from .credits import MAX_BLOCKS

__all__ = ["DigestLayout", "CompletionDigest"]

_RCB_DW_LOG2 = 4   # completions may split at every 64 bytes

_FIELDS = ("kind", "traffic_class", "no_snoop", "relaxed", "poisoned", "length_dw", "requester",
           "tag", "completer", "status", "byte_count", "lower_address")


def DigestLayout(width):
    """One beat of a completion. All but the last three fields tell of the whole completion."""
    return data.StructLayout({
        "header":     HeaderLayout,  # the fields that a completion has
        "ours":       1,      # it echoes our id, and a tag that we may have used
        "good":       1,      # successful, with data, and of a length that its byte count allows
        "blocks":     range(MAX_BLOCKS + 1),   # 64-byte blocks that it touches, if it is expected
        "first":      1,
        "last":       1,
        "bytes":      range(width // 8 + 1),   # of this beat, from the first that was asked for
    })


class CompletionDigest(wiring.Component):
    """Register each beat, and reduce its header to what the checks need.

    The length of a completion is allowed if it ends the request, or ends at a read completion
    boundary before that, so that no host sends more completions than the credits cover.

    Specification
    -------------
    PCIe Base 4.0, 2.2.9 (completion rules), 2.3.1.1 (read completion boundary).

    Parameters
    ----------
    width : :class:`int`
        Bits of a beat.
    tags : :class:`int`
        Tags that we use.

    Members
    -------
    completions : ``In(stream.Signature(RxBeatLayout(width), always_ready=True))``
        From the link.
    id : ``In(16)``
        Our BDF.
    valid : ``Out(1)``, digest : ``Out(DigestLayout(width))``, data : ``Out(width)``
        The beat of the cycle before.
    within : ``Out(1)``
        No beat in this cycle, but a completion has begun and not ended.
    """

    def __init__(self, *, width, tags):
        self._width = width
        self._tags = tags
        super().__init__({
            "completions": In(stream.Signature(RxBeatLayout(width), always_ready=True)),
            "id":          In(16),
            "valid":       Out(1),
            "digest":      Out(DigestLayout(width)),
            "data":        Out(width),
            "within":      Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        lanes = self._width // 32
        incoming = self.completions.payload
        beat = Signal(data.StructLayout({
            "header": incoming.header.shape(),
            "first":  1,
            "last":   1,
            "lanes":  lanes,                  # DWs that hold payload
        }))
        begun = Signal()
        m.d.sync += [
            self.valid.eq(self.completions.valid),
            self.data.eq(incoming.data),
            beat.header.eq(incoming.header),
            beat.first.eq(incoming.first),
            beat.last.eq(incoming.last),
            beat.lanes.eq(Cat(incoming.byte_enable[4 * lane] for lane in range(lanes))),
        ]
        with m.If(self.valid):
            m.d.sync += begun.eq(~beat.last)

        header = beat.header
        offset = header.lower_address[:2]
        needed_dw = Signal(range(1024 + 2))   # payload if it ends its request
        end_dw = Signal(_RCB_DW_LOG2 + 5)     # DWs from the start of its first block
        whole_dw = Signal(range(lanes + 1))
        digest = self.digest
        m.d.comb += [
            needed_dw.eq((offset + header.byte_count + 3) >> 2),
            end_dw.eq(header.lower_address[2:6] + header.length_dw[:8]),
            whole_dw.eq(lanes),
            digest.ours.eq((header.requester == self.id) & (header.tag < self._tags)),
            digest.good.eq(
                (header.kind == Kind.COMPLETION_DATA)
                & (header.status == CompletionStatus.SUCCESSFUL)
                & ((header.length_dw == needed_dw)
                   | ((header.length_dw < needed_dw) & (header.length_dw != 0)
                      & (end_dw[:_RCB_DW_LOG2] == 0)))),
            digest.blocks.eq((end_dw + (1 << _RCB_DW_LOG2) - 1) >> _RCB_DW_LOG2),
            digest.first.eq(beat.first),
            digest.last.eq(beat.last),
            digest.bytes.eq((whole_dw << 2) - Mux(beat.first, offset, 0)),
            self.within.eq(~self.valid & begun),
        ]
        m.d.comb += [digest.header[name].eq(header[name]) for name in _FIELDS]
        # Lanes fill from 0 on.
        for lane in reversed(range(lanes)):
            with m.If(~beat.lanes[lane]):
                m.d.comb += whole_dw.eq(lane)
        return m

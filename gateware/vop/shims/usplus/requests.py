# SPDX-License-Identifier: BSD-2-Clause
"""Memory requests to the block's RQ stream: writes in order, reads as there are credits."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...pcie.tlp import Kind, TxBeatLayout
from ...stream import Queue
from .encode import request_descriptor
from .frame import DescriptorFramer, PacketBeatLayout

__all__ = ["RequestSender", "RequestUserLayout"]

_DESCRIPTOR_DW = 4
_WAITING_READS = 32
#: ``pcie_tfc_nph_av`` says 15 for 15 or more, and is a few cycles late.
_PLENTY = 15
_COUNT_DELAY = 8

#: What goes into ``s_axis_rq_tuser`` with the first beat.
RequestUserLayout = data.StructLayout({"first_be": 4, "last_be": 4, "sequence": 6})

_ReadLayout = data.StructLayout({"descriptor": 128, "first_be": 4, "last_be": 4})


class RequestSender(wiring.Component):
    """Frame memory requests. A read that finds no credits waits, and holds nothing else up.

    A read goes behind every write that came before it, as writes do not wait here, and before
    writes that came later.

    Parameters
    ----------
    width : :class:`int`
        Payload bits per beat: 128 or 256.

    Members
    -------
    i : ``In(stream.Signature(TxBeatLayout(width)))``
        Memory reads and writes.
    id : ``In(16)``
        Our BDF.
    nonposted_credits : ``In(4)``
        ``pcie_tfc_nph_av``.
    sequence : ``In(6)``
        Sequence number of the next write.
    hold_writes : ``In(1)``
        High: no write is begun.
    write_began : ``Out(1)``
        One-cycle pulse: a write has begun, and ``sequence`` is used up.
    o : ``Out(stream.Signature(PacketBeatLayout(width, RequestUserLayout)))``
        Packets for RQ.
    idle : ``Out(1)``
        High while no request is held.
    """

    def __init__(self, width):
        self._width = width
        super().__init__({
            "i":                 In(stream.Signature(TxBeatLayout(width))),
            "id":                In(16),
            "nonposted_credits": In(4),
            "sequence":          In(6),
            "hold_writes":       In(1),
            "write_began":       Out(1),
            "o":                 Out(stream.Signature(PacketBeatLayout(width, RequestUserLayout))),
            "idle":              Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        i, o = self.i, self.o
        header = i.payload.header
        m.submodules.reads = reads = Queue(_ReadLayout, depth=_WAITING_READS)
        m.submodules.framer = framer = DescriptorFramer(
            self._width, dwords=_DESCRIPTOR_DW, user_shape=RequestUserLayout)
        wiring.connect(m, framer.o, wiring.flipped(o))

        is_read = Signal()
        descriptor = Signal(128)
        m.d.comb += [
            is_read.eq(header.kind == Kind.MEMORY_READ),
            descriptor.eq(request_descriptor(header, requester=self.id)),
            reads.i.payload.descriptor.eq(descriptor),
            reads.i.payload.first_be.eq(header.first_be),
            reads.i.payload.last_be.eq(header.last_be),
            reads.i.valid.eq(i.valid & is_read),
        ]

        pause = Signal(range(_COUNT_DELAY))  # until the count of credits can be believed again
        may_read = Signal()
        under_way = Signal()                 # a packet has begun, or is offered
        read_before = Signal()
        reading = Signal()
        writes = Signal()
        m.d.comb += [
            may_read.eq((self.nonposted_credits == _PLENTY)
                        | ((self.nonposted_credits != 0) & (pause == 0))),
            reading.eq(Mux(under_way, read_before, reads.o.valid & may_read)),
            writes.eq(i.valid & ~is_read & (under_way | ~self.hold_writes)),
        ]
        packet = framer.i.payload
        with m.If(reading):
            m.d.comb += [
                packet.descriptor.eq(reads.o.payload.descriptor),
                packet.user.first_be.eq(reads.o.payload.first_be),
                packet.user.last_be.eq(reads.o.payload.last_be),
                framer.i.valid.eq(reads.o.valid),
                reads.o.ready.eq(framer.i.ready),
            ]
        with m.Else():
            m.d.comb += [
                packet.descriptor.eq(descriptor),
                packet.payload_dw.eq(header.length_dw),
                packet.user.first_be.eq(header.first_be),
                packet.user.last_be.eq(header.last_be),
                packet.user.sequence.eq(self.sequence),
                packet.data.eq(i.payload.data),
                framer.i.valid.eq(writes),
            ]
        began = o.valid & o.ready & o.payload.first
        m.d.comb += [
            i.ready.eq(Mux(is_read, reads.i.ready, framer.i.ready & ~reading & framer.i.valid)),
            self.write_began.eq(began & ~reading),
            self.idle.eq((reads.level == 0) & ~framer.busy),
        ]
        with m.If(o.valid & o.ready & o.payload.last):
            m.d.sync += under_way.eq(0)
        with m.Elif(o.valid):
            m.d.sync += [under_way.eq(1), read_before.eq(reading)]
        with m.If(began & reading):
            m.d.sync += pause.eq(_COUNT_DELAY - 1)
        with m.Elif(pause != 0):
            m.d.sync += pause.eq(pause - 1)
        return m

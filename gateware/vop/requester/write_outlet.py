# SPDX-License-Identifier: BSD-2-Clause
"""Send planned memory writes, or drop them; tell what has left."""

from amaranth.hdl import C, Cat, Module, Mux, Signal
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

from ..pcie.tlp import Kind, TxBeatLayout
from .segment import CHANNELS, TICKETS
from .write_plan import MAX_TLP_BYTES, TlpLayout

__all__ = ["WriteOutlet"]

_TLPS = 32  # more than there are beats for


class WriteOutlet(wiring.Component):
    """Put beats behind headers. A TLP that has been offered leaves whole.

    Until its first beat is offered, a TLP is dropped when its channel is mute or has lost one
    before, or when bus mastering is off; its beats then go by at the usual pace.

    Specification
    -------------
    PCIe Base 4.0, 7.5.1.1.3 (Bus Master Enable).

    Parameters
    ----------
    width : :class:`int`
        Bits of a beat.

    Members
    -------
    tlp_plan : ``In(stream.Signature(TlpLayout(width), always_ready=True))``
        Headers, in order, at most as many as there are beats to come and one.
    beat : ``In(stream.Signature(width))``
        Payload.
    bus_master, mute, mend, lost, done, closed
        As in :class:`~vop.requester.writer.HostWriter`.
    tlp : ``Out(stream.Signature(TxBeatLayout(width)))``
        Memory writes.
    """

    def __init__(self, *, width):
        self._width = width
        super().__init__({
            "tlp_plan":   In(stream.Signature(TlpLayout(width), always_ready=True)),
            "beat":       In(stream.Signature(width)),
            "bus_master": In(1),
            "mute":       In(CHANNELS),
            "mend":       In(CHANNELS),
            "lost":       Out(CHANNELS),
            "done":       Out(range(TICKETS)),
            "closed":     Out(CHANNELS),
            "tlp":        Out(stream.Signature(TxBeatLayout(width))),
        })

    def elaborate(self, platform):
        m = Module()

        # Headers that wait.
        m.submodules.headers = headers = memory.Memory(
            shape=TlpLayout(self._width), depth=_TLPS, init=[])
        write = headers.write_port()
        read = headers.read_port(domain="comb")
        waiting = Signal()
        loads = Signal()
        m.d.comb += [
            write.data.eq(self.tlp_plan.payload),
            write.en.eq(1),                      # the place behind the last is free
            waiting.eq(write.addr != read.addr),
        ]
        m.d.sync += [
            write.addr.eq(write.addr + self.tlp_plan.valid),
            read.addr.eq(read.addr + loads),
        ]

        # The TLP under way.
        plan = Signal(TlpLayout(self._width))
        length_dw = Signal(range(MAX_TLP_BYTES // 4 + 1))
        is_open = Signal()
        silent = Signal()
        first = Signal()
        gone = Signal()
        last = Signal()
        m.d.comb += [
            last.eq(plan.beats_after == 0),
            self.tlp.valid.eq(is_open & self.beat.valid & ~silent),
            gone.eq(is_open & self.beat.valid & (self.tlp.ready | silent)),
            self.beat.ready.eq(is_open & (self.tlp.ready | silent)),
            loads.eq(waiting & (~is_open | (gone & last))),
        ]
        with m.If(loads):
            m.d.sync += [
                plan.eq(read.data),
                length_dw.eq(read.data.dword_span + 1),
                is_open.eq(1),
                first.eq(1),
            ]
        with m.Elif(gone):
            m.d.sync += [
                plan.beats_after.eq(plan.beats_after - 1),
                is_open.eq(~last),
                first.eq(0),
            ]

        header, beat = self.tlp.payload.header, self.tlp.payload
        m.d.comb += [
            header.kind.eq(Kind.MEMORY_WRITE),
            header.no_snoop.eq(plan.no_snoop),
            header.relaxed.eq(plan.relaxed),
            header.length_dw.eq(length_dw),
            header.first_be.eq(plan.first_be),
            header.last_be.eq(plan.last_be),
            header.address.eq(Cat(C(0, 2), plan.host_address[2:])),
            beat.first.eq(first),
            beat.last.eq(last),
            beat.data.eq(self.beat.payload),
        ]

        # Whether it may leave is asked until its first beat is there.
        asks = Signal()
        barred = Signal()                    # bus mastering was off when the TLP was loaded
        bars = Signal(CHANNELS)              # of that TLP's channel; `lost` follows
        shut = Signal(CHANNELS)              # channels of which nothing may leave
        m.d.sync += barred.eq(loads & ~self.bus_master)
        m.d.comb += [
            asks.eq(is_open & first & ~self.beat.valid),
            bars.eq(Mux(barred, C(1) << plan.channel, 0)),
            shut.eq(self.mute | self.lost | bars | (~self.bus_master).replicate(CHANNELS)),
        ]
        with m.If(loads):
            m.d.sync += silent.eq(shut.bit_select(read.data.channel, 1))
        with m.Elif(asks & shut.bit_select(plan.channel, 1)):
            m.d.sync += silent.eq(1)

        # The shim refuses a request that it is offered while bus mastering is off.
        refused = Signal()
        m.d.comb += refused.eq(self.tlp.valid & self.tlp.ready & first)
        for index in range(CHANNELS):
            with m.If(bars[index] | (~self.bus_master & (asks | refused)
                                     & (plan.channel == index))):
                m.d.sync += self.lost[index].eq(1)
            with m.Elif(self.mend[index]):
                m.d.sync += self.lost[index].eq(0)

        m.d.sync += self.closed.eq(0)
        with m.If(gone & last):
            m.d.sync += [
                self.done.eq(plan.done),
                self.closed.eq(Mux(plan.ends, C(1) << plan.channel, 0)),
            ]
        return m

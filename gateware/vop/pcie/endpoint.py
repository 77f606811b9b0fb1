# SPDX-License-Identifier: BSD-2-Clause
"""The endpoint: everything between the TLP contract and the card's own parts."""

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from .. import csr
from ..msi import Msi
from ..regs import CARD_ADDRESSES
from ..soc import memory_port
from . import phy
from .completer import Completer
from .faults import FaultRecordLayout, FaultReporter
from .receiver import Receiver
from .sender import Sender
from .tlp import HeaderLayout, RxBeatLayout, TxBeatLayout
from .traffic import CountedLayout, TrafficCounter

__all__ = ["Endpoint"]


class Endpoint(wiring.Component):
    """Receiver, completer, sender, vectors and fault reporter, wired to each other.

    Parameters
    ----------
    width : :class:`int`
        Payload bits per beat and bits of a card RAM line: 64, 128 or 256.
    ram_bytes : :class:`int`
        Size of card RAM, in bytes.
    raisers : :class:`int`
        Streams of vectors.

    Members
    -------
    phy : ``In(phy.Signature(width))``
        The shim.
    registers : ``Out(csr.Signature(16))``
        The host's register accesses, ``card`` = 0. An access stands until it is granted.
    registers_grant : ``In(1)``
        The access on ``registers`` is taken in this cycle; a read is answered in the next.
    request_hold : ``In(1)``
        High: no register access is begun, as the card's memories are being cleared; requests wait.
    memory_read : ``Out(memory_port.ReadSignature(line_bits, width))``
    memory_write : ``Out(memory_port.WriteSignature(line_bits, width))``
        The host's accesses to card RAM.
    completions : ``Out(stream.Signature(RxBeatLayout(width), always_ready=True))``
        Completions of our reads.
    reads, writes : ``In(stream.Signature(TxBeatLayout(width)))``
        Memory reads and memory writes to send. A beat that is accepted is on its way: completions
        and vectors stay behind it.
    reads_waiting : ``In(1)``
        A read is about to be offered: writes are begun only while the link's queue is shallow.
    vectors : ``In(stream.Signature(5)).array(raisers)``
        Vectors to raise, each taken within a few cycles, the last stream first; each leaves behind
        every TLP accepted before.
    msi_registers, msix_registers : ``In(csr.Signature(16))``
        Blocks `msi` and `msix`. Who may write is checked before them.
    config : ``Out(phy.ConfigLayout)``
        What the host has configured.
    tx_drained : ``Out(1)``
        High while every beat accepted on ``reads`` and ``writes`` has been taken by the hard block.
    reset_request : ``Out(1)``
        High while the host holds the function in reset.
    error : ``In(phy.ErrorLayout)``
        Faults that others have found, to be reported to the host; ``header`` is not used. Idle all
        zero.
    error_header : ``In(HeaderLayout)``
        Of the completion at fault. Valid with a fault in ``error`` other than a timeout.
    first_fault : ``Out(FaultRecordLayout)``, first_fault_clear : ``In(1)``
        The first fault, and the pulse that forgets it.
    counted : ``Out(CountedLayout)``
        Pulses for block `stats`.
    idle : ``Out(1)``
        High while no request is held, every TLP accepted has left, and no vector is on its way.
    """

    def __init__(self, width=128, *, ram_bytes=CARD_ADDRESSES["default_ram_bytes"], raisers=2):
        self._width = width
        self._ram_bytes = ram_bytes
        self._raisers = raisers
        line_bits = ceil_log2(ram_bytes // (width // 8))
        super().__init__({
            "phy":               In(phy.Signature(width)),
            "registers":         Out(csr.Signature(ceil_log2(CARD_ADDRESSES["bar0_bytes"]))),
            "registers_grant":   In(1),
            "request_hold":      In(1),
            "memory_read":       Out(memory_port.ReadSignature(line_bits, width)),
            "memory_write":      Out(memory_port.WriteSignature(line_bits, width)),
            "completions":       Out(stream.Signature(RxBeatLayout(width), always_ready=True)),
            "reads":             In(stream.Signature(TxBeatLayout(width))),
            "writes":            In(stream.Signature(TxBeatLayout(width))),
            "reads_waiting":     In(1),
            "vectors":           In(stream.Signature(5)).array(raisers),
            "msi_registers":     In(csr.Signature(16)),
            "msix_registers":    In(csr.Signature(16)),
            "config":            Out(phy.ConfigLayout),
            "tx_drained":        Out(1),
            "reset_request":     Out(1),
            "error":             In(phy.ErrorLayout),
            "error_header":      In(HeaderLayout),
            "first_fault":       Out(FaultRecordLayout),
            "first_fault_clear": In(1),
            "counted":           Out(CountedLayout),
            "idle":              Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        link = self.phy
        completer = Completer(self._width, register_bytes=CARD_ADDRESSES["bar0_bytes"],
                              ram_bytes=self._ram_bytes)
        receiver = Receiver(self._width, offset_bits=completer.offset_bits)
        m.submodules.receiver = receiver
        m.submodules.completer = completer
        m.submodules.sender = sender = Sender(self._width)
        m.submodules.msi = msi = Msi(self._width, raisers=self._raisers)
        m.submodules.faults = faults = FaultReporter()
        m.submodules.traffic = traffic = TrafficCounter()

        wiring.connect(m, wiring.flipped(link.rx), receiver.rx)
        wiring.connect(m, receiver.completions, wiring.flipped(self.completions))
        wiring.connect(m, receiver.heads, completer.heads)
        wiring.connect(m, receiver.beats, completer.beats)
        wiring.connect(m, receiver.nonposted, completer.nonposted)
        wiring.connect(m, completer.registers, wiring.flipped(self.registers))
        wiring.connect(m, completer.memory_read, wiring.flipped(self.memory_read))
        wiring.connect(m, completer.memory_write, wiring.flipped(self.memory_write))
        wiring.connect(m, completer.tx, sender.completions)
        wiring.connect(m, wiring.flipped(self.reads), sender.reads)
        wiring.connect(m, wiring.flipped(self.writes), sender.writes)
        wiring.connect(m, msi.message, sender.messages)
        wiring.connect(m, sender.tx, wiring.flipped(link.tx))
        for theirs, ours in zip(self.vectors, msi.vectors, strict=True):
            wiring.connect(m, wiring.flipped(theirs), ours)
        wiring.connect(m, wiring.flipped(self.msi_registers), msi.bus)
        wiring.connect(m, wiring.flipped(self.msix_registers), msi.table_bus)
        wiring.connect(m, msi.msi, wiring.flipped(link.msi))

        starts = link.rx.valid & link.rx.ready & link.rx.payload.first
        m.d.sync += [
            link.error.eq(faults.error),
            completer.hold_registers.eq(self.request_hold | msi.resetting),
        ]
        m.d.comb += [
            link.hold_nonposted.eq(receiver.hold_nonposted),
            completer.registers_grant.eq(self.registers_grant),
            completer.max_payload.eq(link.config.max_payload),
            sender.hold.eq(msi.hold),
            sender.reads_waiting.eq(self.reads_waiting),
            sender.shallow.eq(link.tx_shallow),
            msi.config.eq(link.config),
            msi.tx_drained.eq(self.tx_drained),
            msi.reset.eq(link.reset_request),
            faults.starts.eq(starts),
            faults.header.eq(link.rx.payload.header),
            faults.raw.eq(link.rx.payload.raw),
            faults.refusal.eq(receiver.refusal),
            faults.reported.eq(self.error),
            faults.reported_header.eq(self.error_header),
            faults.ecrc.eq(link.rx_ecrc),
            faults.clear.eq(self.first_fault_clear | link.reset_request),
            traffic.received.eq(starts),
            traffic.sent.eq(link.tx.valid & link.tx.ready & link.tx.payload.first),
            traffic.rx.eq(link.rx.payload.header),
            traffic.tx.eq(link.tx.payload.header),
            traffic.refusal.eq(receiver.refusal),
            traffic.msi_sent.eq(link.msi.valid & link.msi.ready),
            traffic.msix_sent.eq(msi.message.valid & msi.message.ready),
            traffic.tx_dropped.eq(link.tx_dropped),
            traffic.ecrc_error.eq(link.rx_ecrc),
            self.config.eq(link.config),
            self.tx_drained.eq(link.tx_drained & ~link.tx.valid),
            self.reset_request.eq(link.reset_request),
            self.first_fault.eq(faults.record),
            self.counted.eq(traffic.counted),
            self.idle.eq(receiver.idle & completer.idle & msi.idle & self.tx_drained
                         & ~link.rx.valid),
        ]
        return m

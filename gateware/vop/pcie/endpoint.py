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
from .faults import FaultReporter
from .receiver import Receiver
from .sender import Sender
from .tlp import RxBeatLayout, TxBeatLayout
from .traffic import CountedLayout, TrafficCounter

__all__ = ["Endpoint"]


class Endpoint(wiring.Component):
    """Receiver, completer, sender, MSI and fault reporter, wired to each other.

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
    memory_read : ``Out(memory_port.ReadSignature(line_bits, width))``
    memory_write : ``Out(memory_port.WriteSignature(line_bits, width))``
        The host's accesses to card RAM.
    completions : ``Out(stream.Signature(RxBeatLayout(width), always_ready=True))``
        Completions of our reads.
    reads, writes : ``In(stream.Signature(TxBeatLayout(width)))``
        Memory reads and memory writes to send. A beat that is accepted is on its way: completions
        and vectors stay behind it.
    vectors : ``In(stream.Signature(5)).array(raisers)``
        MSI vectors to raise, taken at once; each leaves behind every TLP accepted before.
    msi_registers : ``In(csr.Signature(16))``
        Block `msi`. Who may write is checked before it.
    config : ``Out(phy.ConfigLayout)``
        What the host has configured.
    tx_drained : ``Out(1)``
        High while every beat accepted on ``reads`` and ``writes`` has been taken by the hard block.
    reset_request : ``Out(1)``
        High while the host holds the function in reset.
    error : ``In(phy.ErrorLayout)``
        Faults that others have found, to be reported to the host. Idle all zero.
    fault : ``Out(1)``, fault_header : ``Out(128)``
        A request was refused, and its header, DW 0 in bits 31:0.
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
            "phy":             In(phy.Signature(width)),
            "registers":       Out(csr.Signature(ceil_log2(CARD_ADDRESSES["bar0_bytes"]))),
            "registers_grant": In(1),
            "memory_read":     Out(memory_port.ReadSignature(line_bits, width)),
            "memory_write":    Out(memory_port.WriteSignature(line_bits, width)),
            "completions":     Out(stream.Signature(RxBeatLayout(width), always_ready=True)),
            "reads":           In(stream.Signature(TxBeatLayout(width))),
            "writes":          In(stream.Signature(TxBeatLayout(width))),
            "vectors":         In(stream.Signature(5)).array(raisers),
            "msi_registers":   In(csr.Signature(16)),
            "config":          Out(phy.ConfigLayout),
            "tx_drained":      Out(1),
            "reset_request":   Out(1),
            "error":           In(phy.ErrorLayout),
            "fault":           Out(1),
            "fault_header":    Out(128),
            "counted":         Out(CountedLayout),
            "idle":            Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        link = self.phy
        m.submodules.receiver = receiver = Receiver(self._width)
        m.submodules.completer = completer = Completer(
            self._width, register_bytes=CARD_ADDRESSES["bar0_bytes"], ram_bytes=self._ram_bytes)
        m.submodules.sender = sender = Sender(self._width)
        m.submodules.msi = msi = Msi(raisers=self._raisers)
        m.submodules.faults = faults = FaultReporter()
        m.submodules.traffic = traffic = TrafficCounter(self._width)

        wiring.connect(m, wiring.flipped(link.rx), receiver.rx)
        wiring.connect(m, receiver.completions, wiring.flipped(self.completions))
        wiring.connect(m, receiver.posted, completer.posted)
        wiring.connect(m, receiver.nonposted, completer.nonposted)
        wiring.connect(m, completer.registers, wiring.flipped(self.registers))
        wiring.connect(m, completer.memory_read, wiring.flipped(self.memory_read))
        wiring.connect(m, completer.memory_write, wiring.flipped(self.memory_write))
        wiring.connect(m, completer.tx, sender.completions)
        wiring.connect(m, wiring.flipped(self.reads), sender.reads)
        wiring.connect(m, wiring.flipped(self.writes), sender.writes)
        wiring.connect(m, sender.tx, wiring.flipped(link.tx))
        for theirs, ours in zip(self.vectors, msi.vectors, strict=True):
            wiring.connect(m, wiring.flipped(theirs), ours)
        wiring.connect(m, wiring.flipped(self.msi_registers), msi.bus)
        wiring.connect(m, msi.msi, wiring.flipped(link.msi))

        for ours, theirs in ((traffic.rx, link.rx), (traffic.tx, link.tx), (traffic.msi, link.msi)):
            m.d.comb += [
                ours.payload.eq(theirs.payload),
                ours.valid.eq(theirs.valid),
                ours.ready.eq(theirs.ready),
            ]
        m.d.comb += [
            link.hold_nonposted.eq(receiver.hold_nonposted),
            link.error.eq(faults.error),
            completer.registers_grant.eq(self.registers_grant),
            completer.max_payload.eq(link.config.max_payload),
            sender.hold.eq(msi.hold),
            msi.config.eq(link.config),
            msi.tx_drained.eq(link.tx_drained),
            msi.reset.eq(link.reset_request),
            faults.refusal.eq(completer.refusal),
            faults.header.eq(completer.refused),
            faults.reported.eq(self.error),
            traffic.refusal.eq(completer.refusal),
            self.config.eq(link.config),
            self.tx_drained.eq(link.tx_drained),
            self.reset_request.eq(link.reset_request),
            self.fault.eq(faults.fault),
            self.fault_header.eq(faults.fault_header),
            self.counted.eq(traffic.counted),
            self.idle.eq(receiver.idle & completer.idle & msi.idle & link.tx_drained
                         & ~link.tx.valid & ~link.rx.valid),
        ]
        return m

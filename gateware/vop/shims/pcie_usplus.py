# SPDX-License-Identifier: BSD-2-Clause
"""Shim for the Xilinx UltraScale+ hard block.

Ref: Xilinx PG213 (UltraScale+ Devices Integrated Block for PCI Express).
"""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..pcie import phy
from .usplus.configuration import ConfigurationReader
from .usplus.msi import MsiRaiser
from .usplus.pins import PinsSignature
from .usplus.receive import BlockReceiver
from .usplus.reset import FunctionReset
from .usplus.transmit import BlockSender

__all__ = ["PcieUsplusShim"]


class PcieUsplusShim(wiring.Component):
    """The TLP contract on top of the UltraScale+ block's CQ, CC, RQ and RC streams.

    What differs from the contract below it: the block delivers and takes requests and completions
    apart, and muxes what it takes in any order. So a completion or a vector waits here until every
    write before it has come through; the only liberty taken is one that PCI Express gives: a
    request may overtake a completion sent before it.

    The IP's configuration: DW-aligned, straddling off, client tags on (our table of reads is the
    authority), extended tags of 8 bits, one physical function, MSI internal, MSI-X external (the
    message is a memory write of ours), poisoned writes dropped by the block. Our bound of a read
    must not be below the block's completion timeout: it tracks tags as well.

    A hot reset takes the link down: the block then raises ``user_reset``, which is the reset of the
    whole card. ``reset_request`` tells of a function-level reset.

    Faults: the block by itself reports poisoned and unexpected completions, and refusals, whose
    requests it gets back with the completion. The rest is reported as a correctable internal error:
    an uncorrectable one is fatal by default (Base 4.0, 7.8.4.4), and no peer shall provoke that.

    Parameters
    ----------
    width : :class:`int`
        Payload bits per beat: 128 or 256.
    capability : :class:`int`
        Byte offset of the PCI Express capability in configuration space.

    Members
    -------
    pins : ``In(PinsSignature(width))``
        The hard block.
    phy : ``Out(phy.Signature(width))``
        The TLP contract.
    idle : ``Out(1)``
        High while the shim holds no TLP and no vector.
    """

    #: ``cfg_local_error_out``: the block dropped what we sent on RQ or CC.
    PACKET_DROPPED = (0b10100, 0b10101)

    def __init__(self, width=256, *, capability=0x70):
        self._width = width
        self._capability = capability
        super().__init__({
            "pins": In(PinsSignature(width)),
            "phy":  Out(phy.Signature(width)),
            "idle": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        pins, link = self.pins, self.phy
        m.submodules.receiver = receiver = BlockReceiver(self._width)
        m.submodules.sender = sender = BlockSender(self._width)
        m.submodules.msi = msi = MsiRaiser()
        m.submodules.reader = reader = ConfigurationReader(capability=self._capability)
        m.submodules.reset = reset = FunctionReset()
        wiring.connect(m, receiver.rx, wiring.flipped(link.rx))
        wiring.connect(m, wiring.flipped(link.tx), sender.tx)
        wiring.connect(m, wiring.flipped(link.msi), msi.msi)

        # Streams.
        for axis, name in ((receiver.cq, "m_axis_cq"), (receiver.rc, "m_axis_rc")):
            m.d.comb += [
                axis.data.eq(getattr(pins, f"{name}_tdata")),
                axis.last.eq(getattr(pins, f"{name}_tlast")),
                axis.user.eq(getattr(pins, f"{name}_tuser")),
                axis.valid.eq(getattr(pins, f"{name}_tvalid")),
                getattr(pins, f"{name}_tready").eq(axis.ready),
            ]
        for packets, name in ((sender.rq, "s_axis_rq"), (sender.cc, "s_axis_cc")):
            m.d.comb += [
                getattr(pins, f"{name}_tdata").eq(packets.payload.data),
                getattr(pins, f"{name}_tkeep").eq(packets.payload.keep),
                getattr(pins, f"{name}_tlast").eq(packets.payload.last),
                getattr(pins, f"{name}_tvalid").eq(packets.valid),
                packets.ready.eq(getattr(pins, f"{name}_tready")),
            ]
        user, first = PinsSignature.request_user(pins), sender.rq.payload.user
        m.d.comb += [
            user.first_be.eq(first.first_be),
            user.last_be.eq(first.last_be),
            user.seq_num_low.eq(first.sequence[:4]),
            user.seq_num_high.eq(first.sequence[4:]),
        ]

        # Flow control and order.
        m.d.comb += [
            receiver.hold_nonposted.eq(link.hold_nonposted),
            receiver.np_req_count.eq(pins.pcie_cq_np_req_count),
            pins.pcie_cq_np_req.eq(receiver.np_req),
            sender.kept_request.eq(receiver.kept_request),
            sender.kept.eq(receiver.kept),
            sender.id.eq(link.config.id),
            sender.bus_master.eq(link.config.bus_master),
            sender.nonposted_credits.eq(pins.pcie_tfc_nph_av),
            sender.reports[0].number.eq(pins.pcie_rq_seq_num0),
            sender.reports[0].valid.eq(pins.pcie_rq_seq_num_vld0),
            sender.reports[1].number.eq(pins.pcie_rq_seq_num1),
            sender.reports[1].valid.eq(pins.pcie_rq_seq_num_vld1),
            link.tx_drained.eq(sender.drained),
            link.tx_shallow.eq(sender.shallow),
            link.tx_dropped.eq(sender.dropped),
        ]
        for code in self.PACKET_DROPPED:
            with m.If(pins.cfg_local_error_valid & (pins.cfg_local_error_out == code)):
                m.d.comb += link.tx_dropped.eq(1)

        # Interrupts.
        m.d.comb += [
            msi.allowed.eq(link.config.msi_enabled & link.config.bus_master),
            msi.latest.eq(sender.latest),
            msi.passed.eq(sender.passed),
            msi.sent.eq(pins.cfg_interrupt_msi_sent),
            msi.failed.eq(pins.cfg_interrupt_msi_fail),
            pins.cfg_interrupt_msi_int.eq(msi.raised),
        ]

        # Configuration and reset.
        m.d.comb += [
            reader.link_up.eq(pins.user_lnk_up),
            reader.bus_number.eq(pins.cfg_bus_number),
            reader.function_status.eq(pins.cfg_function_status),
            reader.max_payload.eq(pins.cfg_max_payload),
            reader.max_read_req.eq(pins.cfg_max_read_req),
            reader.msi_enable.eq(pins.cfg_interrupt_msi_enable),
            reader.msi_mmenable.eq(pins.cfg_interrupt_msi_mmenable),
            reader.msix_enable.eq(pins.cfg_interrupt_msix_enable),
            reader.msix_mask.eq(pins.cfg_interrupt_msix_mask),
            reader.poll.data.eq(pins.cfg_mgmt_read_data),
            reader.poll.done.eq(pins.cfg_mgmt_read_write_done),
            pins.cfg_mgmt_addr.eq(reader.poll_address),
            pins.cfg_mgmt_read.eq(reader.poll_read),
            link.config.eq(reader.config),
            reset.in_process.eq(pins.cfg_flr_in_process[0]),
            reset.quiet.eq(sender.drained & ~link.tx.valid),
            pins.cfg_flr_done[0].eq(reset.done),
            link.reset_request.eq(reset.reset_request),
        ]

        # Faults.
        error = link.error
        m.d.sync += pins.cfg_err_cor_in.eq(
            receiver.discarded | error.completion_timeout | (error.unsupported & error.posted))

        m.d.comb += self.idle.eq(receiver.idle & sender.drained & ~link.tx.valid & ~link.msi.valid
                                 & ~reset.reset_request)
        return m

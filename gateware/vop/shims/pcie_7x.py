# SPDX-License-Identifier: BSD-2-Clause
"""Shim for the Xilinx 7-series hard block ``pcie_7x``.

Ref: Xilinx PG054 (7 Series FPGAs Integrated Block for PCI Express).
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..errors import check_width
from ..pcie import phy
from ..pcie.align import PacketBeatLayout, PayloadAligner
from ..pcie.frame import FramedBeatLayout, PayloadFramer
from ..stream import Skid, Stage
from .report_7x import ErrorHeaderLayout, ErrorReporter
from .straddle import StraddledBeatLayout, Unstraddler

__all__ = ["ErrorHeaderLayout", "PinsSignature", "Pcie7xShim"]

class PinsSignature(wiring.Signature):
    """User side of the hard block, as the block offers it: member names are its pin names.

    Parameters
    ----------
    width : :class:`int`
        Interface_Width of the block, in bits: 64 or 128.
    """

    def __init__(self, width=128):
        check_width("pcie_7x", width, (64, 128))
        self.width = width
        super().__init__({
            "m_axis_rx_tdata":          Out(width),
            "m_axis_rx_tkeep":          Out(width // 8),
            "m_axis_rx_tlast":          Out(1),
            "m_axis_rx_tvalid":         Out(1),
            "m_axis_rx_tready":         In(1),
            "m_axis_rx_tuser":          Out(22),
            "s_axis_tx_tdata":          In(width),
            "s_axis_tx_tkeep":          In(width // 8),
            "s_axis_tx_tlast":          In(1),
            "s_axis_tx_tvalid":         In(1),
            "s_axis_tx_tready":         Out(1),
            "s_axis_tx_tuser":          In(4),
            "tx_buf_av":                Out(6),
            "tx_err_drop":              Out(1),
            "tx_cfg_req":               Out(1),
            "tx_cfg_gnt":               In(1),
            "rx_np_ok":                 In(1),
            "rx_np_req":                In(1),
            "cfg_interrupt":            In(1),
            "cfg_interrupt_rdy":        Out(1),
            "cfg_interrupt_di":         In(8),
            "cfg_interrupt_mmenable":   Out(3),
            "cfg_interrupt_msienable":  Out(1),
            "cfg_interrupt_msixenable": Out(1),
            "cfg_interrupt_msixfm":     Out(1),
            "cfg_bus_number":           Out(8),
            "cfg_device_number":        Out(5),
            "cfg_function_number":      Out(3),
            "cfg_command":              Out(16),
            "cfg_dcommand":             Out(16),
            "cfg_lcommand":             Out(16),
            "cfg_received_func_lvl_rst": Out(1),
            "user_lnk_up":              Out(1),
            "cfg_err_ur":               In(1),
            "cfg_err_cpl_timeout":      In(1),
            "cfg_err_cpl_abort":        In(1),
            "cfg_err_cpl_unexpect":     In(1),
            "cfg_err_poisoned":         In(1),
            "cfg_err_ecrc":             In(1),
            "cfg_err_posted":           In(1),
            "cfg_err_locked":           In(1),
            "cfg_err_tlp_cpl_header":   In(48),
            "cfg_err_cpl_rdy":          Out(1),
        })

    def __eq__(self, other):
        return isinstance(other, PinsSignature) and self.width == other.width

    def __repr__(self):
        return f"PinsSignature({self.width})"


class Pcie7xShim(wiring.Component):
    """The TLP contract on top of ``pcie_7x``.

    Reception runs at the block's rate, straddling included. Transmission adds no idle cycle
    between TLPs: 128 bytes of payload take 9 beats.

    A hot reset takes the link down: the block then raises ``user_reset``, which is the reset of the
    whole card. ``reset_request`` tells of a function-level reset.

    Parameters
    ----------
    width : :class:`int`
        Payload bits per beat: 64 or 128.

    Members
    -------
    pins : ``In(PinsSignature(width))``
        The hard block.
    phy : ``Out(phy.Signature(width))``
        The TLP contract.
    idle : ``Out(1)``
        High while the shim holds no TLP, no vector and no error report.
    """

    #: Free transmit buffers below which no TLP is begun, by width: the block throttles one below.
    MINIMUM_TX_BUFFERS = {64: 2, 128: 6}

    #: TLPs in the block up to which its queue counts as shallow: one that the link carries, two
    #: that wait. With one less the link runs dry where writes and reads take turns.
    SHALLOW = 3

    def __init__(self, width=128):
        self._width = width
        super().__init__({
            "pins": In(PinsSignature(width)),
            "phy":  Out(phy.Signature(width)),
            "idle": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        pins, link = self.pins, self.phy

        # Receive.
        m.submodules.rx_stage = rx_stage = Stage(PacketBeatLayout(self._width))
        m.submodules.rx_aligner = aligner = PayloadAligner(self._width)
        wiring.connect(m, rx_stage.o, aligner.i)
        wiring.connect(m, aligner.o, wiring.flipped(link.rx))
        bar_hit = Signal(3, init=7)
        m.d.comb += [
            bar_hit.eq(7),
            pins.rx_np_ok.eq(~link.hold_nonposted),
            pins.rx_np_req.eq(1),
        ]
        for bar in reversed(range(7)):       # a 64-bit BAR hits as both of its halves
            with m.If(pins.m_axis_rx_tuser[2 + bar]):
                m.d.comb += bar_hit.eq(bar)
        rx_idle = Signal()
        rx_ends = Signal()
        # [0] = ECRC error, told with the end of a TLP.
        m.d.sync += link.rx_ecrc.eq(pins.m_axis_rx_tvalid & pins.m_axis_rx_tready & rx_ends
                                    & pins.m_axis_rx_tuser[0])
        if self._width == 128:
            # is_sof and is_eof frame the TLPs; tkeep and tlast do not.
            m.submodules.rx_unstraddler = unstraddler = Unstraddler()
            # A beat more now and then, which the link makes up for: the block must not notice.
            m.submodules.rx_skid = skid = Skid(StraddledBeatLayout)
            wiring.connect(m, skid.o, unstraddler.i)
            wiring.connect(m, unstraddler.o, rx_stage.i)
            beat, tuser = skid.i.payload, pins.m_axis_rx_tuser
            m.d.comb += [
                beat.starts.eq(tuser[14]),
                beat.at_upper.eq(tuser[13]),
                beat.ends.eq(tuser[21]),
                beat.in_upper.eq(tuser[20]),
                beat.bar.eq(bar_hit),
                beat.data.eq(pins.m_axis_rx_tdata),
                skid.i.valid.eq(pins.m_axis_rx_tvalid),
                pins.m_axis_rx_tready.eq(skid.i.ready),
                rx_idle.eq(unstraddler.idle & ~skid.o.valid),
                rx_ends.eq(tuser[21]),
            ]
        else:
            m.d.comb += [
                rx_stage.i.payload.last.eq(pins.m_axis_rx_tlast),
                rx_stage.i.payload.bar.eq(bar_hit),
                rx_stage.i.payload.data.eq(pins.m_axis_rx_tdata),
                rx_stage.i.valid.eq(pins.m_axis_rx_tvalid),
                pins.m_axis_rx_tready.eq(rx_stage.i.ready),
                rx_idle.eq(1),
                rx_ends.eq(pins.m_axis_rx_tlast),
            ]

        # Transmit.
        m.submodules.tx_framer = framer = PayloadFramer(self._width)
        m.submodules.tx_output = tx_output = Stage(FramedBeatLayout(self._width))
        wiring.connect(m, wiring.flipped(link.tx), framer.i)
        wiring.connect(m, framer.o, tx_output.i)
        framed = tx_output.o.payload
        m.d.comb += [
            framer.id.eq(link.config.id),
            framer.bus_master.eq(link.config.bus_master),
            framer.may_start.eq(pins.tx_buf_av >= self.MINIMUM_TX_BUFFERS[self._width]),
            link.tx_dropped.eq(framer.dropped | pins.tx_err_drop),
            pins.s_axis_tx_tdata.eq(framed.data),
            pins.s_axis_tx_tkeep.eq(Cat(keep.replicate(4) for keep in framed.keep)),
            pins.s_axis_tx_tlast.eq(framed.last),
            pins.s_axis_tx_tvalid.eq(tx_output.o.valid),
            # [1] = poisoned; no ECRC, may pause within a TLP, never discontinued.
            pins.s_axis_tx_tuser.eq(framed.poisoned << 1),
            tx_output.o.ready.eq(pins.s_axis_tx_tready),
            pins.tx_cfg_gnt.eq(1),
            link.tx_drained.eq(~framer.busy & ~tx_output.o.valid),
        ]
        # How many TLPs the block can hold is a parameter of the IP: it shows when it holds none.
        capacity = Signal(6)
        with m.If(pins.tx_buf_av > capacity):
            m.d.sync += capacity.eq(pins.tx_buf_av)
        m.d.sync += link.tx_shallow.eq(pins.tx_buf_av + self.SHALLOW >= capacity)

        # Interrupts. Without MSI enabled, the block would take the request for INTx. A request
        # stands until it is taken, whatever becomes of bus mastering and MSI-X.
        m.d.comb += [
            pins.cfg_interrupt.eq(link.msi.valid & pins.cfg_interrupt_msienable),
            pins.cfg_interrupt_di.eq(link.msi.payload),
            link.msi.ready.eq(pins.cfg_interrupt_rdy & pins.cfg_interrupt_msienable),
        ]

        # Configuration, from registers, as it is asked for everywhere. Base 4.0, 7.5.3.4: 6 and 7
        # are reserved for MPS and MRRS; 5 is the largest.
        config, dcommand = link.config, pins.cfg_dcommand
        m.d.sync += [
            config.link_up.eq(pins.user_lnk_up),
            config.id.eq(Cat(pins.cfg_function_number, pins.cfg_device_number,
                             pins.cfg_bus_number)),
            config.bus_master.eq(pins.cfg_command[2]),
            config.max_payload.eq(Mux(dcommand[5:8] > 5, 5, dcommand[5:8])),
            config.max_read_request.eq(Mux(dcommand[12:15] > 5, 5, dcommand[12:15])),
            config.extended_tag.eq(dcommand[8]),
            config.relaxed_ordering.eq(dcommand[4]),
            config.no_snoop.eq(dcommand[11]),
            config.msi_enabled.eq(pins.cfg_interrupt_msienable),
            config.msi_vectors_log2.eq(Mux(pins.cfg_interrupt_mmenable > 5, 5,
                                           pins.cfg_interrupt_mmenable)),
            config.msix_enabled.eq(pins.cfg_interrupt_msixenable),
            config.msix_masked.eq(pins.cfg_interrupt_msixfm),
        ]
        m.d.comb += link.reset_request.eq(pins.cfg_received_func_lvl_rst)

        # Errors.
        m.submodules.reporter = reporter = ErrorReporter()
        m.d.comb += [
            reporter.found.eq(link.error),
            reporter.ready.eq(pins.cfg_err_cpl_rdy),
            pins.cfg_err_ur.eq(reporter.report.unsupported),
            pins.cfg_err_cpl_timeout.eq(reporter.report.completion_timeout),
            pins.cfg_err_cpl_abort.eq(reporter.report.completion_abort),
            pins.cfg_err_cpl_unexpect.eq(reporter.report.completion_unexpected),
            pins.cfg_err_poisoned.eq(reporter.report.poisoned),
            pins.cfg_err_ecrc.eq(reporter.report.ecrc),
            pins.cfg_err_locked.eq(reporter.report.locked),
            pins.cfg_err_posted.eq(reporter.report.posted),
            pins.cfg_err_tlp_cpl_header.eq(reporter.report.header),
        ]

        m.d.comb += self.idle.eq(link.tx_drained & ~link.tx.valid & ~link.msi.valid
                                 & ~pins.m_axis_rx_tvalid & rx_idle
                                 & ~rx_stage.o.valid & aligner.idle
                                 & reporter.idle)
        return m

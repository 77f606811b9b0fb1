# SPDX-License-Identifier: BSD-2-Clause
"""The UltraScale+ block: cocotbext-pcie's own model of its pins, made to look like ours.

    host model -- TLPs -- _Device -- m_axis_cq, m_axis_rc, s_axis_rq, s_axis_cc, cfg_* -- card

The pins are not our work. What their model leaves out is added here: function-level reset,
credits for reads. Everything else only watches, counts and slows down.

Ref: PG213 (UltraScale+ Devices Integrated Block for PCI Express).
"""

import logging
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import cocotb
from cocotb.triggers import Event, FallingEdge, First, Timer, ValueChange
from cocotbext.axi import AxiStreamBus
from cocotbext.pcie.core.tlp import Tlp, TlpType
from cocotbext.pcie.xilinx.us import UltraScalePlusPcieDevice
from cocotbext.pcie.xilinx.us.interface import UsPcieTransaction
from cocotbext.pcie.xilinx.us.tlp import ErrorCode, Tlp_us

from .completion_buffer import CompletionBuffer
from .function import FunctionConfiguration, describe_msix, identify, reset_registers
from .pace import Pace
from .traffic import Traffic
from .usplus_reports import UsplusReports

__all__ = ["PcieUsplus"]

# The model speaks to an older cocotb.
warnings.filterwarnings("ignore", category=DeprecationWarning, module="cocotbext")

CLOCK_NS = 8
_FREQUENCY = 1e9 / CLOCK_NS
#: PCIe generation and lanes that have this clock, by width.
_LINKS = {128: (2, 4), 256: (3, 4)}
#: TLPs from the card that may wait for the link before the block's pipeline stands.
_TRANSMIT_TLPS = 16
_RESET_CYCLES = 8
_RESET_LIMIT_NS = 1_000_000
_HOT_RESET_NS = 2_000
_CREDITS = 15

_CONFIGURATION = (TlpType.CFG_READ_0, TlpType.CFG_WRITE_0, TlpType.CFG_READ_1, TlpType.CFG_WRITE_1)
_MEMORY_READS = (TlpType.MEM_READ, TlpType.MEM_READ_64)
_PINS = (
    "pcie_rq_seq_num0",
    "pcie_rq_seq_num_vld0",
    "pcie_rq_seq_num1",
    "pcie_rq_seq_num_vld1",
    "pcie_cq_np_req",
    "pcie_cq_np_req_count",
    "cfg_mgmt_addr",
    "cfg_mgmt_function_number",
    "cfg_mgmt_write",
    "cfg_mgmt_write_data",
    "cfg_mgmt_byte_enable",
    "cfg_mgmt_read",
    "cfg_mgmt_read_data",
    "cfg_mgmt_read_write_done",
    "cfg_max_payload",
    "cfg_max_read_req",
    "cfg_function_status",
    "cfg_rcb_status",
    "cfg_bus_number",
    "cfg_local_error_out",
    "cfg_local_error_valid",
    "cfg_err_cor_in",
    "cfg_err_uncor_in",
    "cfg_interrupt_msi_enable",
    "cfg_interrupt_msi_mmenable",
    "cfg_interrupt_msi_int",
    "cfg_interrupt_msi_function_number",
    "cfg_interrupt_msi_sent",
    "cfg_interrupt_msi_fail",
    "cfg_interrupt_msix_enable",
    "cfg_interrupt_msix_mask",
    "user_lnk_up",
)


class _Device(UltraScalePlusPcieDevice):
    """The model, with its upstream side led through ``block``."""

    def __init__(self, block: "PcieUsplus", **options: Any):
        self.block = block
        super().__init__(**options)

    async def send(self, tlp: Tlp) -> None:
        """Send what the card made; the block's pipeline stands until there is room."""
        await self.block.take(tlp)

    async def upstream_recv(self, tlp: Tlp) -> None:
        """Take a TLP from the link."""
        if self.block.is_down:
            tlp.release_fc()
            return
        if tlp.is_completion() or (
            tlp.fmt_type not in _CONFIGURATION and self.functions[0].match_bar(tlp.address)
        ):
            self.block.bring(tlp)
        await super().upstream_recv(tlp)

    async def hot_reset(self) -> None:
        """Reset everything on this side of the link, which was down."""
        await self.block.hot_reset()

    def accept_unrouted(self, tlp: Tlp) -> None:
        """Give the card a request as if it had hit a BAR, whatever its kind."""
        self.block.bring(tlp)
        hit = self.functions[0].match_bar(tlp.address)
        request = Tlp_us(tlp)
        request.bar_id = hit[0] if hit else 0
        request.completer_id = self.functions[0].pcie_id
        self.cq_queue.put_nowait(request)


class PcieUsplus:
    """The block between TLPs and the pins of ``dut``. As `Pcie7x`, where a story can tell.

    Attributes
    ----------
    device
        The model; its ``upstream_port`` is the link.
    function
        Configuration space.
    """

    def __init__(self, dut: Any, *, pace: Pace, ram_bytes: int, width: int):
        self.dut, self.pace = dut, pace
        self.to_card, self.to_host = Traffic(), Traffic()
        self.msis = 0
        self.faults: list[str] = []
        self.watchers: list[Callable[[Tlp], bool]] = []
        self.listeners: list[Callable[[Tlp], None]] = []
        self.send_delay_ns = 0
        self.held_back = False
        self.is_down = False
        self.buffer = CompletionBuffer(self.faults.append)
        self._outbox: deque[Tlp] = deque()
        self._changed = Event()
        self._sending = False
        self._resetting = False
        logging.getLogger(f"cocotb.{dut._name}").setLevel(logging.WARNING)
        generation, lanes = _LINKS[width]
        pins = {name: getattr(dut, name) for name in _PINS}
        self.device = _Device(
            self,
            pcie_generation=generation,
            pcie_link_width=lanes,
            user_clk_frequency=_FREQUENCY,
            max_payload_size=512,
            enable_client_tag=True,
            enable_extended_tag=True,
            pf0_msi_enable=True,
            pf0_msi_count=32,
            pf0_msix_enable=True,
            user_clk=dut.clk,
            cq_bus=AxiStreamBus.from_prefix(dut, "m_axis_cq"),
            rc_bus=AxiStreamBus.from_prefix(dut, "m_axis_rc"),
            rq_bus=AxiStreamBus.from_prefix(dut, "s_axis_rq"),
            cc_bus=AxiStreamBus.from_prefix(dut, "s_axis_cc"),
            **pins,
        )
        self.function = self.device.functions[0]
        identify(self.function, ram_bytes)
        describe_msix(self.function.msix_cap)
        self._issue_msi = self.function.msi_cap.issue_msi_interrupt
        self.function.msi_cap.issue_msi_interrupt = self._send_or_fail_msi
        self.function.upstream_tx_handler = self._send_own
        read = self.function.read_config_register

        async def read_or_zero(register: int) -> int:
            return await read(register) or 0  # the model has None where there is no register

        self.function.read_config_register = read_or_zero
        self.function.pcie_cap.function_level_reset_capability = True
        self.function.pcie_cap.initiate_function_level_reset = self._function_level_reset
        self.configuration = FunctionConfiguration(self.function)
        self._reports = UsplusReports(
            self.device, dut, self.faults.append, is_off=lambda: self.is_down
        )

    async def power_up(self) -> None:
        """Start; return when the model has released the card from reset."""
        dut, device = self.dut, self.device
        dut.cfg_flr_in_process.value = 0
        dut.pcie_tfc_nph_av.value = _CREDITS
        if self.pace.name == "stuttering":
            for stream in (device.cq_source, device.rc_source, device.rq_sink, device.cc_sink):
                stream.set_pause_generator(self._pauses())
            cocotb.start_soon(self._vary_credits())
        cocotb.start_soon(self._send())
        dut.rst.value = 1
        for _ in range(_RESET_CYCLES):
            await FallingEdge(dut.clk)
        dut.rst.value = 0

    @property
    def reported(self) -> list[str]:
        """Names of what the host was told of, in order."""
        return self._reports.names

    @property
    def held_nonposted(self) -> bool:
        """Whether the card ever held non-posted requests back."""
        return self._reports.held_nonposted

    # What the link side calls.

    def forget_read(self, tag: int) -> None:
        """No completion will come for ``tag``: what the block's own timeout would find out."""
        self.buffer.forget(tag)
        self.device.active_request[tag] = None

    def deliver(self, tlp: Tlp) -> None:
        """Bring the card a TLP that no link has carried."""
        cocotb.start_soon(self.device.upstream_recv(tlp))

    def bring(self, tlp: Tlp) -> None:
        """Take note of a TLP for the card."""
        for listen in self.listeners:
            listen(tlp)
        self.to_card.count(tlp)
        if tlp.is_completion():
            self.buffer.release(tlp)

    def quiet(self) -> bool:
        """Tell whether nothing is under way here, in either direction."""
        device, dut = self.device, self.dut
        queues = (device.cq_queue, device.cq_np_queue, device.rc_queue, device.rq_np_queue)
        sources, sinks = (device.cq_source, device.rc_source), (device.rq_sink, device.cc_sink)
        return (
            not (self._outbox or self._sending or self._resetting or len(self.buffer))
            and all(queue.empty() for queue in queues)
            and all(source.empty() and source.drive_obj is None for source in sources)
            and all(sink.empty() and not sink.active for sink in sinks)
            and not any(
                pin.value
                for pin in (
                    dut.m_axis_cq_tvalid,
                    dut.m_axis_rc_tvalid,
                    dut.s_axis_rq_tvalid,
                    dut.s_axis_cc_tvalid,
                    dut.cfg_interrupt_msi_int,
                )
            )
        )

    # From the card.

    async def take(self, tlp: Tlp) -> None:
        """Judge a TLP of the card, and queue it for the link."""
        if self.is_down:
            return
        while len(self._outbox) >= _TRANSMIT_TLPS:
            self.held_back = True
            self._changed.clear()
            await self._changed.wait()
        verdicts = [watch(tlp) for watch in self.watchers]
        if not all(verdicts):
            return
        if tlp.fmt_type in _MEMORY_READS:
            self.buffer.reserve(tlp)
        self.to_host.count(tlp)
        self._queue(tlp)

    async def _send_own(self, tlp: Tlp) -> None:
        """Queue what the block makes by itself: completions of configuration requests, and MSI."""
        self.msis += not tlp.is_completion()
        self._queue(tlp)

    def _queue(self, tlp: Tlp) -> None:
        if not self.is_down:
            self._outbox.append(tlp)
            self._changed.set()

    async def _send(self) -> None:
        while True:
            while self._outbox:
                self._sending = True
                if self.send_delay_ns:
                    await Timer(self.send_delay_ns, "ns")
                if self._outbox:  # a reset may have emptied it
                    await self.device.upstream_send(self._outbox.popleft())
                    self._changed.set()
            self._sending = False
            self._changed.clear()
            await self._changed.wait()

    # What the model leaves out.

    async def hot_reset(self) -> None:
        """Take the link down for a while, and the card with it.

        The model knows no such thing. While the card is in reset, it takes what the model still
        has for it; what the card had begun is ended, and thrown away.
        """
        device, dut = self.device, self.dut
        self.is_down = True
        reset_registers(self.function, self.function.msi_cap, self.function.msix_cap)
        await FallingEdge(dut.clk)
        dut.rst.value = 1
        await FallingEdge(dut.clk)
        await FallingEdge(dut.clk)
        sinks: tuple[Any, ...] = (device.rq_sink, device.cc_sink)
        for sink in sinks:
            if sink.active:
                sink.sample_obj = UsPcieTransaction(tlast=1)
                sink.sample_sync.set()
        for queue in (device.cq_queue, device.cq_np_queue, device.rc_queue, device.rq_np_queue):
            while not queue.empty():
                queue.get_nowait()
        self._outbox.clear()
        self.buffer.clear()
        await Timer(_HOT_RESET_NS, "ns")
        await FallingEdge(dut.clk)
        device.active_request = [None] * 256
        device.cpld_credit_count = 0
        self.is_down = False
        dut.rst.value = 0

    async def _send_or_fail_msi(self, number: int = 0, **options: Any) -> None:
        """Send an MSI, or report the failure of one that the host has just forbidden.

        The card learns what the host forbids some cycles later; the model would end the story.
        """
        function, capability = self.function, self.function.msi_cap
        granted = 1 << capability.msi_multiple_message_enable
        if function.bus_master_enable and capability.msi_enable and number < granted:
            await self._issue_msi(number, **options)
        else:
            cocotb.start_soon(self._show_failed_msi())

    async def _show_failed_msi(self) -> None:
        """Overrule the model, which says that all it was asked for was sent."""
        self.dut.cfg_interrupt_msi_sent.value = 0
        self.dut.cfg_interrupt_msi_fail.value = 1

    async def _function_level_reset(self) -> None:
        """Reset configuration, show it on the pins until the card is done. Ref: PG213."""
        reset_registers(self.function, self.function.msi_cap, self.function.msix_cap)
        for tag, request in enumerate(self.device.active_request):
            if request is not None:
                self._tell_of_end(tag, request)
        self.device.active_request = [None] * 256
        self.buffer.clear()
        self._resetting = True
        cocotb.start_soon(self._show_reset())

    def _tell_of_end(self, tag: int, request: Tlp) -> None:
        """Show the card that its read was ended by the reset."""
        notice = Tlp_us()
        notice.fmt_type = TlpType.CPL
        notice.tag, notice.requester_id = tag, request.requester_id
        notice.error_code, notice.request_completed = ErrorCode.FLR, True
        self.device.rc_queue.put_nowait(notice)

    async def _show_reset(self) -> None:
        dut = self.dut
        await FallingEdge(dut.clk)
        dut.cfg_flr_in_process.value = 1
        done = ValueChange(dut.cfg_flr_done)
        if await First(done, Timer(_RESET_LIMIT_NS, "ns")) is not done:
            self.faults.append(f"cfg_flr_done must rise within {_RESET_LIMIT_NS} ns")
        await FallingEdge(dut.clk)
        await FallingEdge(dut.clk)
        dut.cfg_flr_in_process.value = 0
        self._resetting = False

    async def _vary_credits(self) -> None:
        """Let credits for reads run short, now and then."""
        while True:
            await Timer(CLOCK_NS * self.pace.rng.randrange(1, 200), "ns")
            await FallingEdge(self.dut.clk)
            self.dut.pcie_tfc_nph_av.value = self.pace.rng.choice((0, 1, 2, _CREDITS))

    def _pauses(self) -> Iterator[bool]:
        while True:
            yield self.pace.pauses()

# SPDX-License-Identifier: BSD-2-Clause
"""The 7-series PCIe hard block, as its user sees it: pins on one side, TLPs on the other.

    host model -- TLPs -- Pcie7x -- m_axis_rx, s_axis_tx, cfg_* -- shim -- card

Pins are driven at the falling clock edge and sampled there or, settled, in the read-only phase
behind it, for the rising edge that follows. While nothing happens no coroutine wakes.

Ref: PG054 (7 Series FPGAs Integrated Block for PCI Express).
"""

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, fields
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import Event, FallingEdge, ReadOnly, RisingEdge, Timer
from cocotb.utils import get_sim_time
from cocotbext.pcie.core.tlp import Tlp, TlpType

from .completion_buffer import CompletionBuffer
from .pace import Pace
from .rx_pins import RxPins
from .traffic import Traffic
from .tx_pins import TRANSMIT_BUFFERS, TxPins
from .wire import MalformedTlp, from_words

__all__ = ["CLOCK_NS", "ErrorReport", "Pcie7x", "PinConfiguration"]

CLOCK_NS = 8
RESET_CYCLES = 8

#: Cycles after bus mastering was switched off in which a memory request is dropped in silence.
BUS_MASTER_GRACE_CYCLES = 64
RESET_PULSE_CYCLES = 16
HOT_RESET_NS = 2_000
GRANT_LIMIT_CYCLES = 4096

_MEMORY_READS = (TlpType.MEM_READ, TlpType.MEM_READ_64)
_MEMORY_REQUESTS = (*_MEMORY_READS, TlpType.MEM_WRITE, TlpType.MEM_WRITE_64)
_ERROR_PINS = ("ur", "cpl_timeout", "cpl_abort", "cpl_unexpect", "poisoned", "ecrc")
#: Reports that the block ignores while `cfg_err_cpl_rdy` is low.
_NEEDING_READY = ("ur", "cpl_abort")


@dataclass
class PinConfiguration:
    """Configuration space as it shows on the pins, and the MSI message that the block sends."""

    bus_number: int = 0
    device_number: int = 0
    function_number: int = 0
    command: int = 0
    dcommand: int = 0x2810
    lcommand: int = 0
    interrupt_mmenable: int = 0
    interrupt_msienable: int = 0
    interrupt_msixenable: int = 0
    interrupt_msixfm: int = 0
    msi_address: int = 0
    msi_data: int = 0

    PINS = (
        "bus_number",
        "device_number",
        "function_number",
        "command",
        "dcommand",
        "lcommand",
        "interrupt_mmenable",
        "interrupt_msienable",
        "interrupt_msixenable",
        "interrupt_msixfm",
    )

    @property
    def bus_master(self) -> bool:
        """Whether memory requests and MSI may leave."""
        return bool(self.command & 1 << 2)

    @property
    def max_payload_bytes(self) -> int:
        """MPS, in bytes."""
        return 128 << (self.dcommand >> 5 & 7)

    @property
    def max_read_request_bytes(self) -> int:
        """MRRS, in bytes."""
        return 128 << (self.dcommand >> 12 & 7)

    @property
    def extended_tag(self) -> bool:
        """Whether tags have 8 bits instead of 5."""
        return bool(self.dcommand & 1 << 8)


@dataclass(frozen=True)
class ErrorReport:
    """One pulse of a `cfg_err_*` pin: which, whether `cfg_err_posted` was high, and the header."""

    name: str
    posted: bool
    header: int


class Pcie7x:
    """The block between TLPs and the pins of ``dut``.

    ``upstream`` is awaited for each TLP that leaves towards the host, in order. ``deliver`` takes
    TLPs from the host and only queues. Whatever the card may not do is appended to ``faults``.

    Parameters
    ----------
    dut
        Has the pins of pcie_7x, ``clk`` and ``rst``.
    upstream
        Sends a TLP towards the host.
    pace
        Flowing or stuttering; its random generator serves every random choice.
    width
        Bits of the streams: 64 or 128. Straddling exists at 128.

    Attributes
    ----------
    to_card, to_host : Traffic
        TLPs by kind, counted where they cross the pins. An MSI counts in ``msis`` only.
    reports : list[ErrorReport]
        Pulses of `cfg_err_*`.
    listeners
        Called with each TLP on its way to the card.
    watchers
        Called with each TLP that the card sends. One that answers False has complained of the TLP,
        which then goes no further.
    drops
        So many of the next TLPs from the card are dropped, with `tx_err_drop`.
    send_delay_ns
        How long the link takes for each TLP, beyond what ``upstream`` takes: a busy link.
    """

    def __init__(
        self,
        dut: Any,
        *,
        upstream: Callable[[Tlp], Awaitable[None]],
        pace: Pace | None = None,
        width: int = 128,
    ):
        if width not in (64, 128):
            raise ValueError(f"Width must be 64 or 128 bits, not {width!r}")
        self.dut = dut
        self.upstream = upstream
        self.pace = pace or Pace()
        self.configuration = PinConfiguration()
        self.to_card, self.to_host = Traffic(), Traffic()
        self.msis = 0
        self.faults: list[str] = []
        self.reports: list[ErrorReport] = []
        self.watchers: list[Callable[[Tlp], bool]] = []
        self.listeners: list[Callable[[Tlp], None]] = []
        self.send_delay_ns = 0
        self.drops = 0
        self._down = False
        self.buffer = CompletionBuffer(self.faults.append)
        self._clk = dut.clk
        self._rx = RxPins(dut, self.pace, width, begun=self._begin, ended=self._end)
        self._tx = TxPins(
            dut,
            self.pace,
            width,
            taken=self._take,
            held=lambda: len(self._outbox),
            complain=self.faults.append,
        )
        self._outbox: deque[Tlp] = deque()
        self._outgoing = Event()
        self._sending = False
        self._own: deque[Tlp] = deque()
        self._own_due = Event()
        self._changed = Event()
        self._reset_due = Event()
        self._master_off_since = 0

    async def power_up(self) -> None:
        """Start clock and models; return when the card is released from reset."""
        self.dut.rst.value = 1
        self.start()
        Clock(self._clk, CLOCK_NS, "ns").start()
        await Timer(RESET_CYCLES * CLOCK_NS, "ns")
        await FallingEdge(self._clk)
        self.dut.rst.value = 0

    def start(self) -> None:
        """Drive every input pin to its idle value and go to work."""
        dut = self.dut
        self._rx.idle()
        self._tx.idle()
        idle = {
            "tx_err_drop": 0,
            "tx_cfg_req": 0,
            "cfg_interrupt_rdy": 0,
            "cfg_received_func_lvl_rst": 0,
            "cfg_err_cpl_rdy": 1,
            "user_lnk_up": 1,
        }
        for pin, value in idle.items():
            getattr(dut, pin).value = value
        self._drive_configuration()
        loops = [
            self._rx.run(),
            self._tx.run(),
            self._send(),
            self._interrupt(),
            self._configure(),
            self._send_own(),
            self._pulse_reset(),
        ]
        loops += [self._watch_error(name) for name in _ERROR_PINS]
        if self.pace.name == "stuttering":
            loops.append(self._vary_report_ready())
        for loop in loops:
            cocotb.start_soon(loop)

    # What the link side calls.

    def forget_read(self, tag: int) -> None:
        """No completion will come for ``tag``."""
        self.buffer.forget(tag)

    def deliver(self, tlp: Tlp, bar: int | None = None) -> None:
        """Queue a TLP for the card; ``bar`` is the BAR it hit. Its credits return when it is in."""
        if self._down:
            tlp.release_fc()
            return
        for listen in self.listeners:
            listen(tlp)
        self._rx.put(tlp, bar)

    def send_own(self, tlp: Tlp) -> None:
        """Queue a TLP of the block itself (a configuration completion): it asks the card first."""
        self._own.append(tlp)
        self._own_due.set()

    def configure(self, **changes: int) -> None:
        """Change configuration; the pins follow at the next falling edge."""
        names = {field.name for field in fields(PinConfiguration)}
        was_master = self.configuration.bus_master
        for name, value in changes.items():
            if name not in names:
                raise ValueError(f"Configuration must be one of {sorted(names)}, not {name!r}")
            setattr(self.configuration, name, value)
        if was_master and not self.configuration.bus_master:
            self._master_off_since = get_sim_time("ns")
        self.buffer.rcb = 128 if self.configuration.lcommand & 1 << 3 else 64
        self._changed.set()

    def function_level_reset(self) -> None:
        """Pulse `cfg_received_func_lvl_rst`; reads under way are forgotten."""
        self.buffer.clear()
        self._reset_due.set()

    async def hot_reset(self) -> None:
        """Take the link down for a while, and the card with it: `user_reset` rises."""
        await FallingEdge(self._clk)
        self._down = True
        self.dut.user_lnk_up.value = 0
        self.dut.rst.value = 1
        await FallingEdge(self._clk)
        for what in (self._rx, self._tx):
            what.forget()
        for waiting in (self._outbox, self._own, self.buffer):
            waiting.clear()
        await Timer(HOT_RESET_NS, "ns")
        await FallingEdge(self._clk)
        self._down = False
        self.dut.user_lnk_up.value = 1
        self.dut.rst.value = 0

    def quiet(self) -> bool:
        """Tell whether nothing is under way here, in either direction."""
        return not (
            self._rx.busy
            or self._tx.busy
            or self._outbox
            or self._sending
            or self._own
            or len(self.buffer)
            or self._reset_due.is_set()
            or self._changed.is_set()
            or self.dut.s_axis_tx_tvalid.value
            or self.dut.cfg_interrupt.value
        )

    @property
    def reported(self) -> list[str]:
        """Names of what the host was told of, in order."""
        return [report.name for report in self.reports]

    @property
    def held_nonposted(self) -> bool:
        """Whether the card ever held non-posted requests back."""
        return self._rx.held

    @property
    def straddles(self) -> int:
        """Packets that began in the middle of a beat."""
        return self._rx.straddles

    @property
    def held_back(self) -> bool:
        """Whether the card was ever made to wait because many TLPs waited for the link."""
        return self._tx.least_room < TRANSMIT_BUFFERS // 2

    # TLPs at the pins.

    def _begin(self, tlp: Tlp) -> None:
        if tlp.is_completion():
            self.buffer.release(tlp)

    def _end(self, tlp: Tlp) -> None:
        self.to_card.count(tlp)
        tlp.release_fc()

    def _take(self, words: list[int], began_ns: float) -> None:
        """Judge a packet from the card and pass it on."""
        try:
            tlp = from_words(words)
        except MalformedTlp as reason:
            self.faults.append(f"s_axis_tx: {reason}")
            return
        if tlp.fmt_type in _MEMORY_REQUESTS and not self._may_master(began_ns, tlp):
            return
        if self.drops:
            self.drops -= 1
            cocotb.start_soon(self._tell_of_drop())
            return
        verdicts = [watch(tlp) for watch in self.watchers]
        if not all(verdicts):
            return  # no host could make sense of it
        if tlp.fmt_type in _MEMORY_READS:
            self.buffer.reserve(tlp)
        self.to_host.count(tlp)
        self._outbox.append(tlp)
        self._outgoing.set()

    async def _tell_of_drop(self) -> None:
        """Pulse `tx_err_drop`."""
        await FallingEdge(self._clk)
        self.dut.tx_err_drop.value = 1
        await FallingEdge(self._clk)
        self.dut.tx_err_drop.value = 0

    def _may_master(self, began_ns: float, what: object) -> bool:
        """Drop requests while bus mastering is off; those that came well after it are a fault."""
        if self.configuration.bus_master:
            return True
        grace_ns = BUS_MASTER_GRACE_CYCLES * CLOCK_NS
        if not self._master_off_since or began_ns > self._master_off_since + grace_ns:
            self.faults.append(f"sent while bus mastering is off: {what}")
        return False

    async def _send(self) -> None:
        """Send what was taken, in order."""
        while True:
            while self._outbox:
                self._sending = True
                if self.send_delay_ns:
                    await Timer(self.send_delay_ns, "ns")
                if self._outbox:  # a reset may have emptied it
                    await self.upstream(self._outbox.popleft())
                if self._tx.is_short:
                    await FallingEdge(self._clk)
                    self._tx.show_room()
            self._sending = False
            self._outgoing.clear()
            await self._outgoing.wait()

    # MSI.

    async def _interrupt(self) -> None:
        dut = self.dut
        while True:
            if not dut.cfg_interrupt.value:
                await RisingEdge(dut.cfg_interrupt)
            await FallingEdge(self._clk)
            for _ in range(1 + self.pace.cycles(6)):
                await FallingEdge(self._clk)
            dut.cfg_interrupt_rdy.value = 1
            await ReadOnly()
            if self._down:
                pass
            elif not dut.cfg_interrupt.value:
                self.faults.append("cfg_interrupt fell before cfg_interrupt_rdy")
            else:
                self._message(int(dut.cfg_interrupt_di.value))
            await FallingEdge(self._clk)
            dut.cfg_interrupt_rdy.value = 0
            await ReadOnly()
            await FallingEdge(self._clk)

    def _message(self, vector: int) -> None:
        """Queue an MSI behind everything that was taken before it."""
        configuration = self.configuration
        if not configuration.interrupt_msienable:
            self.faults.append(f"vector {vector} raised while MSI is disabled")
            return
        granted = 1 << configuration.interrupt_mmenable
        if vector >= granted:
            self.faults.append(f"vector must be below the {granted} granted, not {vector}")
            return
        if not self._may_master(get_sim_time("ns"), f"MSI vector {vector}"):
            return
        tlp = Tlp()
        wide = configuration.msi_address >> 32
        tlp.fmt_type = TlpType.MEM_WRITE_64 if wide else TlpType.MEM_WRITE
        tlp.requester_id = (
            configuration.bus_number,
            configuration.device_number,
            configuration.function_number,
        )
        data = configuration.msi_data & ~(granted - 1) | vector
        tlp.set_addr_be_data(configuration.msi_address, data.to_bytes(4, "little"))
        self.msis += 1
        self._outbox.append(tlp)
        self._outgoing.set()

    # Configuration, the block's own TLPs, reset, error reports.

    def _drive_configuration(self) -> None:
        for name in PinConfiguration.PINS:
            getattr(self.dut, f"cfg_{name}").value = getattr(self.configuration, name)

    async def _configure(self) -> None:
        while True:
            await self._changed.wait()
            await FallingEdge(self._clk)
            self._drive_configuration()
            await FallingEdge(self._clk)
            self._changed.clear()

    async def _send_own(self) -> None:
        dut = self.dut
        while True:
            while self._own:
                await FallingEdge(self._clk)
                dut.tx_cfg_req.value = 1
                for _ in range(GRANT_LIMIT_CYCLES):
                    await ReadOnly()
                    granted = dut.tx_cfg_gnt.value
                    await FallingEdge(self._clk)
                    if granted:
                        break
                else:
                    self.faults.append("tx_cfg_gnt withheld for too long")
                dut.tx_cfg_req.value = 0
                if self._own:
                    self._outbox.append(self._own.popleft())
                    self._outgoing.set()
            self._own_due.clear()
            await self._own_due.wait()

    async def _pulse_reset(self) -> None:
        while True:
            await self._reset_due.wait()
            await FallingEdge(self._clk)
            self.dut.cfg_received_func_lvl_rst.value = 1
            await Timer(RESET_PULSE_CYCLES * CLOCK_NS, "ns")
            await FallingEdge(self._clk)
            self.dut.cfg_received_func_lvl_rst.value = 0
            await FallingEdge(self._clk)
            self._reset_due.clear()

    async def _vary_report_ready(self) -> None:
        """Take no reports of refusals, now and then."""
        while True:
            await Timer(CLOCK_NS * self.pace.rng.randrange(1, 100), "ns")
            await FallingEdge(self._clk)
            self.dut.cfg_err_cpl_rdy.value = self.pace.rng.random() < 0.5

    async def _watch_error(self, name: str) -> None:
        pin = getattr(self.dut, f"cfg_err_{name}")
        while True:
            if not pin.value:
                await RisingEdge(pin)
            if self._clk.value:  # else it rose with cfg_err_cpl_rdy, for this half cycle only
                await FallingEdge(self._clk)
            await ReadOnly()
            ignored = name in _NEEDING_READY and not self.dut.cfg_err_cpl_rdy.value
            if pin.value and not ignored:
                posted = bool(self.dut.cfg_err_posted.value)
                header = int(self.dut.cfg_err_tlp_cpl_header.value)
                self.reports.append(ErrorReport(name, posted, header))
            await FallingEdge(self._clk)

# SPDX-License-Identifier: BSD-2-Clause
"""The 7-series PCIe hard block, as its user sees it: pins on one side, TLPs on the other.

    host model -- TLPs -- Pcie7x -- m_axis_rx, s_axis_tx, cfg_* -- shim -- card

Pins are driven at the falling clock edge and sampled, settled, in the read-only phase behind it,
for the rising edge that follows. While nothing happens no coroutine wakes.

Ref: PG054 (7 Series FPGAs Integrated Block for PCI Express), AXI4-Stream interface;
UG477 for the receive buffer.
"""

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, fields
from typing import Any

import cocotb
from cocotb.triggers import Event, FallingEdge, First, ReadOnly, RisingEdge, Timer
from cocotb.utils import get_sim_time
from cocotbext.pcie.core.tlp import Tlp, TlpType

from .completion_buffer import CompletionBuffer
from .pace import Pace
from .traffic import Traffic
from .wire import MalformedTlp, from_words, to_words

__all__ = ["CLOCK_NS", "ErrorReport", "Pcie7x", "PinConfiguration"]

CLOCK_NS = 8

#: TLPs that the block can hold for the link.
TRANSMIT_BUFFERS = 29
#: Non-posted requests that may still arrive once `rx_np_ok` has fallen.
NON_POSTED_SLACK = 2
#: Cycles after bus mastering was switched off in which a memory request is dropped in silence.
BUS_MASTER_GRACE_CYCLES = 64
RESET_PULSE_CYCLES = 16
GRANT_LIMIT_CYCLES = 4096

_MEMORY_READS = (TlpType.MEM_READ, TlpType.MEM_READ_64)
_MEMORY_REQUESTS = (*_MEMORY_READS, TlpType.MEM_WRITE, TlpType.MEM_WRITE_64)
_ERROR_PINS = ("ur", "cpl_timeout", "cpl_abort", "cpl_unexpect", "poisoned")


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


@dataclass
class _Waiting:
    """A TLP on its way to the card."""

    tlp: Tlp
    words: list[int]
    bar_hit: int
    non_posted: bool
    at: int = 0

    @property
    def left(self) -> int:
        return len(self.words) - self.at


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
    watchers
        Called with each TLP that the card sends. One that answers False has complained of the TLP,
        which then goes no further.
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
        self.buffer = CompletionBuffer(self.faults.append)
        self._lanes = width // 32
        self._all_bytes = (1 << width // 8) - 1
        self._straddles = width == 128
        self._clk = dut.clk

        self._waiting: deque[_Waiting] = deque()
        self._giving: _Waiting | None = None
        self._given = Event()
        self._np_after_hold = 0

        self._outbox: deque[Tlp] = deque()
        self._outgoing = Event()
        self._sending = False
        self._taking = False

        self._own: deque[Tlp] = deque()
        self._own_due = Event()
        self._changed = Event()
        self._resets = 0
        self._reset_due = Event()
        self._master_off_since = 0
        self._tasks: list[Any] = []

    def start(self) -> None:
        """Drive every input pin to its idle value and go to work."""
        dut = self.dut
        idle = {
            "m_axis_rx_tvalid": 0,
            "m_axis_rx_tdata": 0,
            "m_axis_rx_tuser": 0,
            "m_axis_rx_tkeep": 0,
            "m_axis_rx_tlast": 0,
            "s_axis_tx_tready": 1,
            "tx_buf_av": TRANSMIT_BUFFERS,
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
            self._give(),
            self._take(),
            self._send(),
            self._interrupt(),
            self._configure(),
            self._send_own(),
            self._pulse_reset(),
        ]
        loops += [self._watch_error(name) for name in _ERROR_PINS]
        self._tasks = [cocotb.start_soon(loop) for loop in loops]

    # What the link side calls.

    def deliver(self, tlp: Tlp, bar: int | None = None) -> None:
        """Queue a TLP for the card; ``bar`` is the BAR it hit. Its credits return when it is in."""
        hit = 0 if bar is None else 1 << bar
        if bar == 2:
            hit |= 1 << 3  # both halves of a 64-bit BAR are hit
        self._waiting.append(_Waiting(tlp, to_words(tlp), hit, tlp.is_nonposted()))
        self._given.set()

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
        self._resets += 1
        self._reset_due.set()

    def quiet(self) -> bool:
        """Tell whether nothing is under way here, in either direction."""
        return not (
            self._waiting
            or self._giving
            or self._outbox
            or self._sending
            or self._taking
            or self._own
            or len(self.buffer)
            or self._reset_due.is_set()
            or self._changed.is_set()
            or self.dut.s_axis_tx_tvalid.value
            or self.dut.cfg_interrupt.value
        )

    # Towards the card: m_axis_rx.

    def _next(self) -> _Waiting | None:
        """Pick the next TLP; completions and posted requests pass held non-posted ones."""
        if self.dut.rx_np_ok.value:
            self._np_after_hold = 0
            return self._waiting.popleft() if self._waiting else None
        for place, waiting in enumerate(self._waiting):
            if waiting.non_posted and self._np_after_hold >= NON_POSTED_SLACK:
                continue
            self._np_after_hold += waiting.non_posted
            del self._waiting[place]
            return waiting
        return None

    async def _give(self) -> None:
        dut, lanes = self.dut, self._lanes
        while True:
            if self._giving is None:
                self._giving = self._next()
            if self._giving is None:
                self._given.clear()
                if self._waiting:
                    await First(self._given.wait(), RisingEdge(dut.rx_np_ok))
                else:
                    await self._given.wait()
                await FallingEdge(self._clk)
                continue
            if self.pace.pauses():
                await FallingEdge(self._clk)
                continue
            beat, user, last, finished, begun = [0] * lanes, 0, 0, [], []
            lane = 0
            while self._giving is not None and lane < lanes:
                giving = self._giving
                if giving.at == 0:
                    begun.append(giving)
                    user |= (0b11000 if lane else 0b10000) << 10
                    user = user & ~(0x7F << 2) | giving.bar_hit << 2
                    user = user & ~2 | bool(giving.tlp.ep) << 1
                elif lane == 0:
                    user |= giving.bar_hit << 2 | bool(giving.tlp.ep) << 1
                take = min(lanes - lane, giving.left)
                beat[lane : lane + take] = giving.words[giving.at : giving.at + take]
                giving.at += take
                lane += take
                if giving.left:
                    break
                last = 1
                user |= (0b10000 | 4 * lane - 1) << 17
                finished.append(giving)
                self._giving = None
                if self._straddles and lane <= 2 and not self.pace.pauses():
                    self._giving, lane = self._next(), 2
            dut.m_axis_rx_tdata.value = sum(word << 32 * n for n, word in enumerate(beat))
            dut.m_axis_rx_tuser.value = user
            dut.m_axis_rx_tlast.value = last
            dut.m_axis_rx_tkeep.value = (
                self._all_bytes if self._straddles or not last else (1 << 4 * lane) - 1
            )
            dut.m_axis_rx_tvalid.value = 1
            await ReadOnly()
            while not dut.m_axis_rx_tready.value:
                await FallingEdge(self._clk)
                await ReadOnly()
            await FallingEdge(self._clk)
            dut.m_axis_rx_tvalid.value = 0
            for given in begun:
                if given.tlp.is_completion():
                    self.buffer.release(given.tlp)
            for given in finished:
                self.to_card.count(given.tlp)
                given.tlp.release_fc()

    # From the card: s_axis_tx.

    async def _take(self) -> None:
        dut, pace = self.dut, self.pace
        valid, last, data, keep = (
            dut.s_axis_tx_tvalid,
            dut.s_axis_tx_tlast,
            dut.s_axis_tx_tdata,
            dut.s_axis_tx_tkeep,
        )
        user, ready_pin = dut.s_axis_tx_tuser, dut.s_axis_tx_tready
        words: list[int] = []
        began_ns = 0.0
        shown, held = 1, None
        while True:
            if not valid.value:
                if held is not None:
                    self.faults.append("s_axis_tx: tvalid fell before tready")
                    held = None
                self._taking = bool(words)
                await RisingEdge(valid)
                if self._clk.value:
                    await FallingEdge(self._clk)
            self._taking = True
            room = bool(words) or len(self._outbox) < TRANSMIT_BUFFERS
            ready = int(room and not pace.pauses())
            if ready != shown:
                ready_pin.value = shown = ready
            await ReadOnly()
            if valid.value:
                beat = (int(data.value), int(last.value), int(keep.value), int(user.value))
                if held is not None and beat != held:
                    self.faults.append(f"s_axis_tx: beat changed before tready: {held} to {beat}")
                held = None if ready else beat
                if ready:
                    if not words:
                        began_ns = get_sim_time("ns")
                    self._append(words, *beat)
                    if beat[1]:
                        self._taken(words, beat[3], began_ns)
                        words = []
            await FallingEdge(self._clk)
            if not words:
                dut.tx_buf_av.value = TRANSMIT_BUFFERS - min(len(self._outbox), TRANSMIT_BUFFERS)

    def _append(self, words: list[int], data: int, last: int, keep: int, user: int) -> None:
        present = keep.bit_count() // 4
        if keep not in [(1 << 4 * n) - 1 for n in range(1, self._lanes + 1)]:
            self.faults.append(f"s_axis_tx: tkeep must be whole DWs from the bottom, not {keep:#x}")
        if not last and present != self._lanes:
            self.faults.append(f"s_axis_tx: tkeep must be full before the last beat, not {keep:#x}")
        words += [data >> 32 * n & 0xFFFF_FFFF for n in range(present)]

    def _taken(self, words: list[int], user: int, began_ns: float) -> None:
        """Judge a packet and pass it on."""
        if user & 0b1000:
            return  # discontinued by the source: the block drops it
        try:
            tlp = from_words(words)
        except MalformedTlp as reason:
            self.faults.append(f"s_axis_tx: {reason}")
            return
        if tlp.fmt_type in _MEMORY_REQUESTS and not self._may_master(began_ns, repr(tlp)):
            return
        verdicts = [watch(tlp) for watch in self.watchers]
        if not all(verdicts):
            return  # no host could make sense of it
        if tlp.fmt_type in _MEMORY_READS:
            self.buffer.reserve(tlp)
        self.to_host.count(tlp)
        self._outbox.append(tlp)
        self._outgoing.set()

    def _may_master(self, began_ns: float, what: str) -> bool:
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
                tlp = self._outbox.popleft()
                await self.upstream(tlp)
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
            if not dut.cfg_interrupt.value:
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

    async def _watch_error(self, name: str) -> None:
        pin = getattr(self.dut, f"cfg_err_{name}")
        while True:
            if not pin.value:
                await RisingEdge(pin)
            await FallingEdge(self._clk)
            await ReadOnly()
            if pin.value:
                posted = bool(self.dut.cfg_err_posted.value)
                header = int(self.dut.cfg_err_tlp_cpl_header.value)
                self.reports.append(ErrorReport(name, posted, header))
            await FallingEdge(self._clk)

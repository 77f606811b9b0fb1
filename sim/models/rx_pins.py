# SPDX-License-Identifier: BSD-2-Clause
"""`m_axis_rx`: TLPs on their way to the card, packed into beats, straddling where they can.

Ref: PG054, "Receive Interface": at 128 bits is_sof and is_eof in tuser frame the packets, not
tkeep and tlast; a packet may begin at byte 8 of the beat in which the one before ends.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cocotb.triggers import Event, FallingEdge, First, ReadOnly, RisingEdge
from cocotbext.pcie.core.tlp import Tlp

from .pace import Pace
from .wire import to_words

__all__ = ["RxPins"]

#: Non-posted requests that may still arrive once `rx_np_ok` has fallen.
NON_POSTED_SLACK = 2

_POISONED_LSB, _BAR_HIT_LSB, _SOF_LSB, _EOF_LSB = 1, 2, 10, 17
_PRESENT = 0b10000


@dataclass
class _Packet:
    """A TLP on its way; ``at`` DWs of it have been shown."""

    tlp: Tlp
    words: list[int]
    bar_hit: int
    at: int = 0

    @property
    def left(self) -> int:
        return len(self.words) - self.at

    @property
    def flags(self) -> int:
        """What tuser tells of it on every beat."""
        return self.bar_hit << _BAR_HIT_LSB | bool(self.tlp.ep) << _POISONED_LSB


class RxPins:
    """Shows queued TLPs on the pins of ``dut``.

    ``begun`` is called with a TLP when the card has taken its first beat, ``ended`` when it has
    taken its last. ``busy`` tells whether anything is queued or shown; ``straddles`` counts packets
    that began in the middle of a beat; ``held`` tells whether `rx_np_ok` ever held one back.
    """

    def __init__(
        self,
        dut: Any,
        pace: Pace,
        width: int,
        *,
        begun: Callable[[Tlp], None],
        ended: Callable[[Tlp], None],
    ):
        self._dut, self._clk, self._pace = dut, dut.clk, pace
        self._lanes = width // 32
        self._straddles = width == 128
        self._begun, self._ended = begun, ended
        self._waiting: deque[_Packet] = deque()
        self._showing: _Packet | None = None
        self._queued = Event()
        self._after_hold = 0
        self._shown: dict[str, int] = {}
        self.busy = False
        self.straddles = 0
        self.held = False

    def idle(self) -> None:
        """Drive the pins to their idle value."""
        self._shown = {}
        self._drive(tvalid=0, tdata=0, tuser=0, tkeep=0, tlast=0)

    def put(self, tlp: Tlp, bar: int | None) -> None:
        """Queue a TLP that hit ``bar``."""
        hit = 0 if bar is None else 1 << bar
        if bar == 2:
            hit |= 1 << 3  # both halves of a 64-bit BAR are hit
        self._waiting.append(_Packet(tlp, to_words(tlp), hit))
        self.busy = True
        self._queued.set()

    def forget(self) -> None:
        """Drop everything: the link is down. A beat that is shown is taken to its end."""
        lost = [packet.tlp for packet in self._waiting]
        if self._showing is not None:
            lost.append(self._showing.tlp)
        for tlp in lost:
            tlp.release_fc()
        self._waiting.clear()
        self._showing = None

    def _drive(self, **pins: int) -> None:
        for name, value in pins.items():
            if self._shown.get(name) != value:
                self._shown[name] = value
                getattr(self._dut, f"m_axis_rx_{name}").value = value

    def _next(self) -> _Packet | None:
        """Pick the next TLP; completions and posted requests pass held non-posted ones."""
        if not self._waiting:
            return None
        if self._dut.rx_np_ok.value:
            self._after_hold = 0
            return self._waiting.popleft()
        for place, packet in enumerate(self._waiting):
            held = packet.tlp.is_nonposted()
            if held and self._after_hold >= NON_POSTED_SLACK:
                self.held = True
                continue
            self._after_hold += held
            del self._waiting[place]
            return packet
        return None

    async def run(self) -> None:
        """Show what is queued, for ever."""
        while True:
            if self._showing is None:
                self._showing = self._next()
            if self._showing is None:
                await self._rest()
            elif self._pace.pauses():
                await FallingEdge(self._clk)
            else:
                await self._show()

    async def _rest(self) -> None:
        self._queued.clear()
        if self._waiting:
            await First(self._queued.wait(), RisingEdge(self._dut.rx_np_ok))
        else:
            self.busy = False
            await self._queued.wait()
        await FallingEdge(self._clk)

    async def _show(self) -> None:
        """Show one beat until it is taken."""
        begun, ended = self._load()
        await ReadOnly()
        while not self._dut.m_axis_rx_tready.value:
            await FallingEdge(self._clk)
            await ReadOnly()
        await FallingEdge(self._clk)
        if self._showing is None or self._pace.name == "stuttering":
            self._drive(tvalid=0)
        for packet in begun:
            self._begun(packet.tlp)
        for packet in ended:
            self._ended(packet.tlp)

    def _load(self) -> tuple[list[_Packet], list[_Packet]]:
        """Put the next beat on the pins; return the packets that begin and that end in it."""
        begun, ended = [], []
        data = user = last = lane = 0
        while self._showing is not None and lane < self._lanes:
            packet = self._showing
            if packet.at == 0:
                begun.append(packet)
                self.straddles += lane > 0
                user = user & ~(0xFF << _POISONED_LSB) | packet.flags
                user |= (_PRESENT | 4 * lane) << _SOF_LSB
            elif lane == 0:
                user |= packet.flags
            for word in packet.words[packet.at : packet.at + self._lanes - lane]:
                data |= word << 32 * lane
                lane += 1
                packet.at += 1
            if packet.left:
                break
            last = 1
            user |= (_PRESENT | 4 * lane - 1) << _EOF_LSB
            ended.append(packet)
            self._showing = None
            if self._straddles and lane <= 2 and not self._pace.pauses():
                self._showing, lane = self._next(), 2
        partial = last and not self._straddles
        keep = (1 << 4 * (lane if partial else self._lanes)) - 1
        self._drive(tdata=data, tuser=user, tlast=last, tkeep=keep, tvalid=1)
        return begun, ended

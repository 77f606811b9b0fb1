# SPDX-License-Identifier: BSD-2-Clause
"""`s_axis_tx`: beats from the card, judged and joined to packets.

Ref: PG054, "Transmit Interface". Stability of the beats: AMBA 4 AXI4-Stream, 2.2.1.
"""

from collections.abc import Callable
from typing import Any

from cocotb.triggers import FallingEdge, ReadOnly, RisingEdge
from cocotb.utils import get_sim_time

from .pace import Pace

__all__ = ["TRANSMIT_BUFFERS", "TxPins"]

#: TLPs that the block can hold for the link.
TRANSMIT_BUFFERS = 29
#: Held buffers that `tx_buf_av` does not show: a pin that moves with every TLP costs time. The card
#: takes a queue of so many for an empty one.
UNMENTIONED_BUFFERS = 2
_DISCONTINUED = 0b1000


class TxPins:
    """Takes packets from the pins of ``dut``.

    ``taken`` is called with the DWs of a packet and the time, in ns, of its first beat. ``held``
    tells how many TLPs the block holds already: it stops between packets when there is no room.
    ``complain`` takes a message. ``least_room`` is the least that `tx_buf_av` has shown.

    Flowing, beats are read at the falling edge, as a shim registers what it sends. Stuttering,
    they are read again when everything has settled, and must not have changed.
    """

    def __init__(
        self,
        dut: Any,
        pace: Pace,
        width: int,
        *,
        taken: Callable[[list[int], float], None],
        held: Callable[[], int],
        complain: Callable[[str], None],
    ):
        self._dut, self._clk, self._pace = dut, dut.clk, pace
        self._lanes = width // 32
        self._taken, self._held, self._complain = taken, held, complain
        self._words: list[int] = []
        self._waiting: tuple[int, int, int, int] | None = None  # a beat shown and not taken
        self._room_shown = self.least_room = TRANSMIT_BUFFERS
        self.busy = False

    def idle(self) -> None:
        """Drive the pins to their idle value."""
        self._dut.s_axis_tx_tready.value = 1
        self._dut.tx_buf_av.value = TRANSMIT_BUFFERS

    @property
    def is_short(self) -> bool:
        """Whether `tx_buf_av` tells of a shortage."""
        return self._room_shown < TRANSMIT_BUFFERS

    def show_room(self) -> None:
        """Show on `tx_buf_av` how many buffers are free; that a few are held goes unmentioned."""
        held = min(self._held(), TRANSMIT_BUFFERS)
        room = TRANSMIT_BUFFERS - held * (held > UNMENTIONED_BUFFERS)
        if room != self._room_shown:
            self._dut.tx_buf_av.value = self._room_shown = room
            self.least_room = min(self.least_room, room)

    def forget(self) -> None:
        """Drop what was begun: the card is in reset."""
        self._words = []
        self._waiting = None
        self.busy = False

    def _sample(self) -> tuple[int, int, int, int]:
        """Read data, last, keep and user of the beat that is shown."""
        dut = self._dut
        last = int(dut.s_axis_tx_tlast.value)
        keep, user = (1 << 4 * self._lanes) - 1, 0
        if last or self._pace.name == "stuttering":
            keep, user = int(dut.s_axis_tx_tkeep.value), int(dut.s_axis_tx_tuser.value)
        return int(dut.s_axis_tx_tdata.value), last, keep, user

    async def run(self) -> None:
        """Take packets, for ever."""
        valid, ready_pin = self._dut.s_axis_tx_tvalid, self._dut.s_axis_tx_tready
        shown = 1
        began_ns = 0.0
        while True:
            if not valid.value:
                if self._waiting is not None:
                    self._complain("s_axis_tx: tvalid must hold until tready, but fell")
                    self._waiting = None
                self.busy = bool(self._words)
                await RisingEdge(valid)
                if self._clk.value:
                    await FallingEdge(self._clk)
            self.busy = True
            beat = self._sample()
            ready = int(bool(self._words) or self._held() < TRANSMIT_BUFFERS)
            ready = int(ready and not self._pace.pauses())
            if ready != shown:
                ready_pin.value = shown = ready
            if self._pace.name == "stuttering":
                await ReadOnly()
                if self._sample() != beat:
                    self._complain("s_axis_tx: a beat must not depend on inputs of its cycle")
            if self._waiting not in (None, beat):
                self._complain(
                    f"s_axis_tx: a beat must hold until tready, but {self._waiting} became {beat}"
                )
            self._waiting = None if ready else beat
            if ready:
                began_ns = began_ns if self._words else get_sim_time("ns")
                self._append(*beat, began_ns)
            await FallingEdge(self._clk)
            if not self._words:
                self.show_room()

    def _append(self, data: int, last: int, keep: int, user: int, began_ns: float) -> None:
        present = keep.bit_count() // 4
        if not present or keep != (1 << 4 * present) - 1:
            self._complain(f"s_axis_tx: tkeep must be whole DWs from the bottom, not {keep:#x}")
        if not last and present != self._lanes:
            self._complain(f"s_axis_tx: tkeep must be full before the last beat, not {keep:#x}")
        self._words += [data >> 32 * lane & 0xFFFF_FFFF for lane in range(present)]
        if last:
            words, self._words = self._words, []
            if not user & _DISCONTINUED:  # the block drops what its source discontinues
                self._taken(words, began_ns)

# SPDX-License-Identifier: BSD-2-Clause
"""The host's answer to memory reads: split any legal way, late, out of order, or hostile.

Ref: PCIe Base 4.0, 2.3.1.1 (Data Return for Read Requests): completions may break at multiples of
RCB only; completions of different reads may pass each other, those of one read may not.
"""

import random
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import Enum, auto

import cocotb
from cocotb.triggers import Event, Timer
from cocotb.utils import get_sim_time
from cocotbext.pcie.core.tlp import CplStatus, Tlp
from cocotbext.pcie.core.utils import PcieId

from .wire import bytes_asked, first_byte

__all__ = ["Completer", "Fault"]

HOST_ID = PcieId(0, 0, 0)


class Fault(Enum):
    """What the host does to one read instead of answering it well."""

    NONE = auto()  #: nothing: a good answer, to skip a read in a list of faults
    SILENCE = auto()  #: no completion, ever
    UNSUPPORTED = auto()  #: status UR
    ABORT = auto()  #: status CA
    POISON = auto()  #: the last completion is poisoned
    LATE = auto()  #: a good answer after `late_ns`
    TWICE = auto()  #: every completion comes a second time: unexpected
    MISPLACED = auto()  #: the first completion's lower address is wrong
    HALF = auto()  #: good data up to a completion boundary, then status CA


@dataclass
class _Answer:
    due_ns: float
    completions: deque[Tlp] = field(default_factory=deque)


class Completer:
    """Answers reads of host memory.

    ``read(address, length)`` returns bytes, or None where there is no memory (answered UR);
    ``send`` is awaited for each completion.

    Attributes
    ----------
    latency_ns
        From request to first completion.
    max_payload_bytes, rcb_bytes
        Limits of the completions.
    split
        ``whole`` makes the largest completions, ``rcb`` breaks at every boundary, ``random`` at
        random ones.
    reorder
        Answers reads in random order.
    faults
        One for each coming read, first first; reads beyond it are answered well.
    on_silence
        Called with the tag of a read that will never be answered.
    """

    def __init__(
        self,
        read: Callable[[int, int], bytes | None],
        send: Callable[[Tlp], Awaitable[None]],
        rng: random.Random,
    ):
        self._read, self._send, self._rng = read, send, rng
        self.latency_ns = 0
        self.max_payload_bytes = 128
        self.rcb_bytes = 64
        self.split = "whole"
        self.reorder = False
        self.late_ns = 0
        self.faults: deque[Fault] = deque()
        self.on_silence: Callable[[int], None] = lambda tag: None
        self._answers: list[_Answer] = []
        self._late = 0
        self._work = Event()
        cocotb.start_soon(self._run())

    def take(self, tlp: Tlp) -> None:
        """Queue a read. What it reads is read now: behind every write that came before."""
        fault = self.faults.popleft() if self.faults else Fault.NONE
        if fault is Fault.SILENCE:
            self.on_silence(tlp.tag)
            return
        answer = _Answer(get_sim_time("ns") + self.latency_ns)
        answer.completions.extend(self._complete(tlp, fault))
        if fault is Fault.LATE:
            cocotb.start_soon(self._delay(answer))
        else:
            self._answers.append(answer)
            self._work.set()

    def forget(self) -> None:
        """Drop every answer that was not begun: whoever asked was reset."""
        self._answers.clear()

    @property
    def quiet(self) -> bool:
        """Whether every read has been answered."""
        return not self._answers and not self._late

    def _complete(self, tlp: Tlp, fault: Fault) -> list[Tlp]:
        data = self._read(tlp.address, 4 * tlp.length)
        if data is None or fault is Fault.UNSUPPORTED:
            return [self._refuse(tlp, CplStatus.UR)]
        if fault is Fault.ABORT:
            return [self._refuse(tlp, CplStatus.CA)]
        completions = list(self._pieces(tlp, data))
        if fault is Fault.POISON:
            completions[-1].ep = True
        elif fault is Fault.MISPLACED:
            completions[0].lower_address ^= 0x40
        elif fault is Fault.HALF:
            half = len(completions) // 2
            completions[half:] = [self._refuse(tlp, CplStatus.CA, completions[half].byte_count)]
        elif fault is Fault.TWICE:
            completions += [Tlp(completion) for completion in completions]
        return completions

    def _refuse(self, tlp: Tlp, status: CplStatus, left: int | None = None) -> Tlp:
        completion = Tlp.create_completion_for_tlp(tlp, HOST_ID, status=status)
        completion.byte_count = bytes_asked(tlp) if left is None else left
        completion.lower_address = first_byte(tlp) & 0x7F
        return completion

    def _pieces(self, tlp: Tlp, data: bytes):
        """Cut the answer at legal places."""
        address, left = first_byte(tlp), bytes_asked(tlp)
        base = tlp.address
        while left:
            end = self._cut(address, left)
            completion = Tlp.create_completion_data_for_tlp(tlp, HOST_ID)
            completion.byte_count = left
            completion.lower_address = address & 0x7F
            first = (address & ~3) - base
            completion.set_data(data[first : (end - base + 3) & ~3])
            left -= end - address
            address = end
            yield completion

    def _cut(self, address: int, left: int) -> int:
        """Where the completion that starts at ``address`` ends."""
        end = address + left
        furthest = (address & ~3) + self.max_payload_bytes
        boundaries = range(
            (address // self.rcb_bytes + 1) * self.rcb_bytes,
            min(furthest, end - 1) + 1,
            self.rcb_bytes,
        )
        if self.split == "rcb" and boundaries:
            return boundaries[0]
        if self.split == "random" and boundaries and self._rng.random() < 0.5:
            return self._rng.choice(boundaries)
        return end if end <= furthest else boundaries[-1]

    async def _delay(self, answer: _Answer) -> None:
        self._late += 1
        await Timer(max(self.late_ns, 1), "ns")
        self._late -= 1
        self._answers.append(answer)
        self._work.set()

    async def _run(self) -> None:
        while True:
            while self._answers:
                now = get_sim_time("ns")
                due = [answer for answer in self._answers if answer.due_ns <= now]
                if not due:
                    soonest = min(answer.due_ns for answer in self._answers)
                    await Timer(max(soonest - now, 1), "ns", round_mode="ceil")
                    continue
                answer = self._rng.choice(due) if self.reorder else due[0]
                await self._send(answer.completions.popleft())
                if not answer.completions and answer in self._answers:
                    self._answers.remove(answer)
            self._work.clear()
            await self._work.wait()

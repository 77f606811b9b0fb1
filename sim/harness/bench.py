# SPDX-License-Identifier: BSD-2-Clause
"""The bench: clock, hard block, host and card, powered up and watched.

    @story()
    async def a_doorbell_interrupts_the_cpu(bench):
        ...

A story never sees a signal, an offset or a clock edge: those belong to `Host` and `CardDriver`.
"""

import functools
import random
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, Timer, with_timeout
from cocotbext.pcie.core.tlp import Tlp

from sim.models.card import CardDriver
from sim.models.endpoint import CardFunction
from sim.models.host import Host
from sim.models.pace import Pace
from sim.models.pcie_7x import CLOCK_NS, Pcie7x

from .checkers import TlpChecker, WarningKeeper
from .simulate import parameters

__all__ = ["Bench", "story"]

RESET_CYCLES = 8
REST_LIMIT_NS = 200_000
STORY_LIMIT_NS = 4_000_000
DEFAULT_RAM_BYTES = 0x4_0000


class Bench:
    """Everything that a story touches.

    Attributes
    ----------
    host : Host
        Root complex and host memory.
    card : CardDriver
        The card, as the host's driver works it.
    block : Pcie7x
        The hard block between them.
    function : CardFunction
        Configuration space.
    rng : random.Random
        Seeded by the run.
    faults : list[str]
        What was wrong; a story that expects a fault takes it out with `expect_fault`.
    """

    def __init__(self, dut: Any, *, mps_log2: int = 0, mrrs_log2: int = 2, rcb_bytes: int = 64):
        run = parameters()
        self.dut = dut
        self.rng = random.Random(cocotb.RANDOM_SEED)
        self.warnings = WarningKeeper()
        self.pace = Pace(run.get("pace", "flowing"), self.rng)
        self.function = CardFunction(run.get("ram_bytes", DEFAULT_RAM_BYTES))
        self.block = Pcie7x(
            dut,
            upstream=self.function.transmit,
            pace=self.pace,
            width=len(dut.m_axis_rx_tdata),
        )
        self.function.block = self.block
        self.host = Host(
            self.function, self.rng, mps_log2=mps_log2, mrrs_log2=mrrs_log2, rcb_bytes=rcb_bytes
        )
        self.host.completer.on_silence = self.block.buffer.forget
        if self.pace.name == "stuttering":
            self.host.completer.split = "random"
            self.host.completer.reorder = True
        self.faults = self.block.faults
        self.checker = TlpChecker(self.block.configuration, self.faults.append)
        self.block.watchers.append(self.checker.check)
        self._deliver = self.block.deliver
        self.block.deliver = self._watched_delivery
        self.card = CardDriver(self.host)

    def _watched_delivery(self, tlp: Tlp, bar: int | None = None) -> None:
        self.checker.expect(tlp)
        self._deliver(tlp, bar)

    @classmethod
    async def powered_up(cls, dut: Any, *, enumerated: bool = True, **options: Any) -> "Bench":
        """Return a bench with the clock running, reset released and the card enumerated."""
        bench = cls(dut, **options)
        for pin in ("leap", "leap_to"):
            if hasattr(dut, pin):
                getattr(dut, pin).value = 0
        dut.rst.value = 1
        bench.block.start()
        Clock(dut.clk, CLOCK_NS, "ns").start()
        await Timer(RESET_CYCLES * CLOCK_NS, "ns")
        await FallingEdge(dut.clk)
        dut.rst.value = 0
        if enumerated:
            await bench.enumerate()
        return bench

    async def enumerate(self) -> None:
        """Let the host find the card."""
        self.warnings.enumerating = True
        await self.host.enumerate()
        self.warnings.enumerating = False

    async def reset_function(self) -> None:
        """Reset the function by the host's hand; it owes nothing afterwards."""
        await self.host.function_level_reset()
        self.checker.forget()

    @property
    def is_idle(self) -> bool:
        """Whether the card declares that nothing happens until the host or time does something."""
        return bool(self.dut.idle.value)

    async def leap(self, to_cycles: int) -> None:
        """Set the card's time, as the co-simulation does while the card is idle."""
        await FallingEdge(self.dut.clk)
        self.dut.leap_to.value = to_cycles
        self.dut.leap.value = 1
        await FallingEdge(self.dut.clk)
        self.dut.leap.value = 0

    def expect_fault(self, text: str) -> None:
        """Take one fault that contains ``text`` out of the list; it must be there."""
        for fault in self.faults:
            if text in fault:
                self.faults.remove(fault)
                return
        raise AssertionError(f"Fault with {text!r} must have occurred; there are {self.faults}")

    async def rest(self) -> None:
        """Wait until nothing is under way on the link."""
        for _ in range(REST_LIMIT_NS // 200):
            await Timer(200, "ns")
            if self.block.quiet() and self.host.completer.quiet and not self.checker.unanswered:
                await Timer(400, "ns")
                return
        raise AssertionError(
            f"Link must come to rest within {REST_LIMIT_NS} ns: {self.checker.unanswered} requests "
            f"unanswered, {len(self.block.buffer)} reads open"
        )

    async def finish(self) -> None:
        """Come to rest; nothing may have gone wrong."""
        await self.rest()
        wrong = [*self.faults, *self.host.faults, *self.warnings.kept]
        wrong += [
            f"guard bytes around {buffer.address:#x} were touched"
            for buffer in self.host.memory.buffers
            if not buffer.is_untouched_around
        ]
        assert not wrong, "\n".join(wrong)


def story(*, limit_ns: int = STORY_LIMIT_NS, **options: Any):
    """Make a cocotb test of ``async def name(bench, ...)``, on a bench built with ``options``.

    It must end within ``limit_ns`` of simulated time. The checkers have the last word.
    `cocotb.parametrize` goes above it.
    """

    def decorate(tell):
        @functools.wraps(tell)
        async def run(dut, **arguments):
            bench = await Bench.powered_up(dut, **options)
            await with_timeout(cocotb.start_soon(tell(bench, **arguments)), limit_ns, "ns")
            await bench.finish()

        return cocotb.test()(run)

    return decorate

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
from cocotb.triggers import FallingEdge, Timer, with_timeout

from sim.models.card import CardDriver
from sim.models.endpoint import CardDevice, CardFunction
from sim.models.host import Host
from sim.models.pace import Pace
from sim.models.pcie_7x import Pcie7x
from sim.models.pcie_usplus import PcieUsplus

from .checkers import TlpChecker, WarningKeeper
from .simulate import SKIPPED, parameters

__all__ = ["Bench", "story"]

REST_LIMIT_NS = 200_000
STORY_LIMIT_NS = 4_000_000
DEFAULT_RAM_BYTES = 0x4_0000
#: The card clears its memories and resets its channels meanwhile.
WAKE_NS = 10_000


def _plug_pcie_7x(dut: Any, pace: Pace, ram_bytes: int) -> tuple[Pcie7x, Any, Any]:
    """Return block, function, and the card's end of the link."""
    function = CardFunction(ram_bytes, msix=True)
    width = len(dut.m_axis_rx_tdata)
    function.block = Pcie7x(dut, upstream=function.transmit, pace=pace, width=width)
    return function.block, function, CardDevice(function)


def _plug_pcie_usplus(dut: Any, pace: Pace, ram_bytes: int) -> tuple[PcieUsplus, Any, Any]:
    """As `_plug_pcie_7x`."""
    width = len(dut.m_axis_cq_tdata)
    block = PcieUsplus(dut, pace=pace, ram_bytes=ram_bytes, width=width)
    return block, block.function, block.device


_BLOCKS = {"pcie_7x": _plug_pcie_7x, "pcie_usplus": _plug_pcie_usplus}


class Bench:
    """Everything that a story touches.

    Attributes
    ----------
    host : Host
        Root complex and host memory.
    card : CardDriver
        The card, as the host's driver works it.
    block : Pcie7x or PcieUsplus
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
        ram_bytes = run.get("ram_bytes", DEFAULT_RAM_BYTES)
        plug = _BLOCKS[run.get("block", "pcie_7x")]
        self.block, self.function, device = plug(dut, self.pace, ram_bytes)
        self.host = Host(
            device, self.rng, mps_log2=mps_log2, mrrs_log2=mrrs_log2, rcb_bytes=rcb_bytes
        )
        self.host.completer.on_silence = self.block.forget_read
        if self.pace.name == "stuttering":
            self.host.completer.split = "random"
            self.host.completer.reorder = True
        self.faults = self.block.faults
        self.checker = TlpChecker(self.block.configuration, self.faults.append)
        self.block.watchers.append(self.checker.check)
        self.block.listeners.append(self.checker.expect)
        self.card = CardDriver(self.host)

    @classmethod
    async def powered_up(cls, dut: Any, *, enumerated: bool = True, **options: Any) -> "Bench":
        """Return a bench with the clock running, reset released and the card enumerated."""
        bench = cls(dut, **options)
        for pin in ("leap", "leap_to"):
            if hasattr(dut, pin):
                getattr(dut, pin).value = 0
        await bench.block.power_up()
        if enumerated:
            await bench.enumerate()
        return bench

    async def enumerate(self) -> None:
        """Let the host find the card, and wait until that has come out of reset."""
        self.warnings.enumerating = True
        await self.host.enumerate()
        self.warnings.enumerating = False
        await Timer(WAKE_NS, "ns")

    async def reset_function(self) -> None:
        """Reset the function by the host's hand; it owes nothing afterwards."""
        # A block that follows reads is told of their end; what comes after it is unexpected.
        self.warnings.expected += ["Invalid tag", "Bus mastering disabled"]
        await self.host.function_level_reset()
        self.checker.forget()

    async def hot_reset(self) -> None:
        """Reset the card by taking its link down; it owes nothing afterwards."""
        self.warnings.expected += ["Invalid tag", "Bus mastering disabled"]
        await self.host.hot_reset()
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


def _reason_to_skip(unless: dict[str, str]) -> str | None:
    """Why a story is not told to this run's block: ``unless`` names blocks, or block and width."""
    run = parameters()
    block = run.get("block", "pcie_7x")
    return unless.get(block) or unless.get(f"{block}-{run.get('width', 128)}")


def story(*, limit_ns: int = STORY_LIMIT_NS, unless: dict[str, str] | None = None, **options: Any):
    """Make a cocotb test of ``async def name(bench, ...)``, on a bench built with ``options``.

    It must end within ``limit_ns`` of simulated time. The checkers have the last word.
    ``unless`` tells why it is skipped, by block or by block and width. `cocotb.parametrize` goes
    above it.
    """
    reason = _reason_to_skip(unless or {})

    def decorate(tell):
        if reason is not None:
            print(f"{SKIPPED}{tell.__name__}: {reason}")

        @functools.wraps(tell)
        async def run(dut, **arguments):
            bench = await Bench.powered_up(dut, **options)
            await with_timeout(cocotb.start_soon(tell(bench, **arguments)), limit_ns, "ns")
            await bench.finish()

        return cocotb.test(skip=reason is not None)(run)

    return decorate

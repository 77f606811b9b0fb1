# SPDX-License-Identifier: BSD-2-Clause
"""The card's computer, top to bottom."""

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from .. import csr
from ..regs import DOORBELLS
from .bus import DataBus, InstructionBus
from .cpu import Cpu
from .cpu_island import CpuIsland
from .intc import InterruptController
from .memory_port import ReadSignature, WriteSignature
from .timer import MachineTimer
from .uart import Uart

__all__ = ["LOCAL_BITS", "Soc"]

#: Address bits of the register space that the CPU sees; its first 64 KiB are shared with the host.
LOCAL_BITS = 18

_GROUPS = DOORBELLS["h2c_count"] // DOORBELLS["h2c_group"]


class Soc(wiring.Component):
    """CPU, machine timer, interrupt controller and UART, on two buses.

    Parameters
    ----------
    line_bits, width : :class:`int`
        Bits of a line number and of a line of card RAM.
    cpu : :class:`Cpu` or None
        The core; None for the default one.
    cpu_domain : :class:`str` or None
        Clock domain of the CPU; None: the card's own, ``sync``.
    uart_divisor : :class:`int` or None
        Cycles per bit after reset; None for the declared value.

    Members
    -------
    fetches, loads : ``Out(ReadSignature(line_bits, width))``, stores : ``Out(WriteSignature(...))``
        To card RAM.
    shared : ``Out(csr.Signature(16))``, shared_grant : ``In(1)``
        To the registers that are also BAR0. An access holds until granted; its answer comes two
        cycles later.
    hold : ``In(1)``
        Holds the CPU in reset.
    copier_interrupt, used_interrupt : ``In(1)``
        Pulses, latched.
    doorbell_groups : ``In(4)``
        Interrupt lines of the doorbells.
    idle : ``Out(1)``
        The CPU waits in ``intc.wait``, or is held.
    fault : ``Out(1)``
        Pulses for each access of the CPU to an address that holds nothing.
    mtime, mtimecmp : ``Out(64)``, leap : ``In(1)``, leap_to : ``In(64)``
        See :class:`MachineTimer`.
    uart_tx : ``Out(1)``, uart_rx : ``In(1)``
        Serial line. Idle high.
    uart_sent : ``Out(stream.Signature(8, always_ready=True))``
        Each character that the firmware writes.
    """

    def __init__(self, *, line_bits, width=128, cpu=None, cpu_domain=None, uart_divisor=None):
        self._line_bits = line_bits
        self._width = width
        self._cpu = Cpu() if cpu is None else cpu
        self._cpu_domain = cpu_domain
        self._uart_divisor = uart_divisor
        super().__init__({
            "fetches":          Out(ReadSignature(line_bits, width)),
            "loads":            Out(ReadSignature(line_bits, width)),
            "stores":           Out(WriteSignature(line_bits, width)),
            "shared":           Out(csr.Signature(16)),
            "shared_grant":     In(1),
            "hold":             In(1),
            "copier_interrupt": In(1),
            "used_interrupt":   In(1),
            "doorbell_groups":  In(_GROUPS),
            "idle":             Out(1),
            "fault":            Out(1),
            "mtime":            Out(64),
            "mtimecmp":         Out(64),
            "leap":             In(1),
            "leap_to":          In(64),
            "uart_tx":          Out(1, init=1),
            "uart_rx":          In(1, init=1),
            "uart_sent":        Out(stream.Signature(8, always_ready=True)),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.cpu = cpu = CpuIsland(self._cpu, domain=self._cpu_domain)
        m.submodules.instruction = instruction = InstructionBus(
            line_bits=self._line_bits, width=self._width)
        m.submodules.data = data = DataBus(
            line_bits=self._line_bits, width=self._width, local_bits=LOCAL_BITS)
        m.submodules.timer = timer = MachineTimer(address_bits=LOCAL_BITS)
        m.submodules.intc = intc = InterruptController(address_bits=LOCAL_BITS)
        m.submodules.uart = uart = Uart(address_bits=LOCAL_BITS, divisor=self._uart_divisor)

        connect(m, cpu.instruction, instruction.bus)
        connect(m, cpu.data, data.bus)
        connect(m, instruction.memory, flipped(self.fetches))
        connect(m, data.loads, flipped(self.loads))
        connect(m, data.stores, flipped(self.stores))
        connect(m, data.shared, flipped(self.shared))
        connect(m, uart.sent, flipped(self.uart_sent))
        csr.connect_all(m, data.local, (timer.bus, intc.bus, uart.bus))

        m.d.comb += [
            cpu.hold.eq(self.hold),
            timer.clear.eq(self.hold),
            intc.clear.eq(self.hold),
            cpu.timer_interrupt.eq(timer.timer_interrupt),
            cpu.software_interrupt.eq(timer.software_interrupt),
            cpu.interrupts.eq(intc.lines),
            data.shared_grant.eq(self.shared_grant),
            data.wake.eq(intc.wake),
            intc.timer_interrupt.eq(timer.timer_interrupt),
            intc.software_interrupt.eq(timer.software_interrupt),
            intc.uart.eq(uart.interrupt),
            intc.doorbell_groups.eq(self.doorbell_groups),
            intc.copier.eq(self.copier_interrupt),
            intc.used.eq(self.used_interrupt),
            self.idle.eq(data.parked | self.hold),
            self.fault.eq(data.fault | instruction.fault),
            self.mtime.eq(timer.mtime),
            self.mtimecmp.eq(timer.mtimecmp),
            timer.leap.eq(self.leap),
            timer.leap_to.eq(self.leap_to),
            self.uart_tx.eq(uart.tx),
            uart.rx.eq(self.uart_rx),
        ]
        return m

# SPDX-License-Identifier: BSD-2-Clause
"""The card's computer without a link: CPU, RAM and registers, the host's side as pins."""

import shutil
import subprocess
from pathlib import Path

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped
from vop import csr
from vop.doorbell import Doorbell
from vop.identity import Identity
from vop.link import Link
from vop.registers import BlockDecoder, RegisterArbiter
from vop.regs import CARD_ADDRESSES, DOORBELL, IDENTITY, INTC, LINK, STATS, TIMER, UART
from vop.soc.cpu import Cpu
from vop.soc.memory import CardMemory
from vop.soc.memory_port import WriteLayout
from vop.soc.soc import Soc
from vop.stats import Stats

__all__ = ["COMPILER", "Computer", "RAM_BYTES", "assemble"]

RAM_BYTES = 4096
LINE_BITS = 8

#: The cross compiler, or None.
COMPILER = shutil.which("riscv64-unknown-elf-gcc")

_PROGRAMS = Path(__file__).parent / "programs"
_DEFINITIONS = {
    "REGISTERS": CARD_ADDRESSES["registers"],
    "LINK_BOOT_STATE": LINK.address("boot_state"),
    "DOORBELL_H2C_PENDING": DOORBELL.address("h2c_pending"),
    "DOORBELL_H2C_ENABLE": DOORBELL.address("h2c_enable"),
    "STATS_MARKER": STATS.address("marker"),
    "TIMER": TIMER.base,
    "MTIMECMP_LO": TIMER.register("mtimecmp_lo").offset,
    "MTIME_LO": TIMER.register("mtime_lo").offset,
    "INTC": INTC.base,
    "INTC_ENABLE": INTC.register("enable").offset,
    "INTC_CLEAR": INTC.register("clear").offset,
    "INTC_WAIT": INTC.register("wait").offset,
    "UART": UART.base,
    "UART_STATUS": UART.register("status").offset,
}


def assemble(name, folder):
    """Assemble ``programs/<name>.S`` into ``folder`` and return its image for address 0."""
    elf, image = folder / f"{name}.elf", folder / f"{name}.bin"
    subprocess.run(
        [COMPILER, "-march=rv32im", "-misa-spec=2.2", "-mabi=ilp32", "-nostdlib", "-nostartfiles",
         "-Wl,-Ttext=0", *(f"-D{word}={value:#x}" for word, value in _DEFINITIONS.items()),
         "-o", str(elf), str(_PROGRAMS / f"{name}.S")],
        check=True)
    subprocess.run([COMPILER.removesuffix("gcc") + "objcopy", "-O", "binary", str(elf), str(image)],
                   check=True)
    return image.read_bytes()


class Computer(wiring.Component):
    """Everything of the card that needs no link.

    Members
    -------
    host : ``In(csr.Signature(16))``, host_grant : ``Out(1)``
        The host's register accesses.
    aperture : ``In(stream.Signature(WriteLayout(...)))``
        The host's writes of card RAM.
    other members
        As in :class:`Soc`.
    """

    host: In(csr.Signature(16))
    host_grant: Out(1)
    aperture: In(stream.Signature(WriteLayout(LINE_BITS, 128)))
    idle: Out(1)
    mtime: Out(64)
    mtimecmp: Out(64)
    leap: In(1)
    leap_to: In(64)
    uart_byte_valid: Out(1)
    uart_byte: Out(8)
    marker: Out(32)
    copier_interrupt: In(1)
    used_interrupt: In(1)

    def __init__(self, *, firmware=b"", cpu_run=0, cpu_domain=None):
        self._firmware = firmware
        self._cpu_run = cpu_run
        self._cpu_domain = cpu_domain
        self._cpu = Cpu()
        super().__init__()

    @property
    def sources(self):
        """Foreign Verilog."""
        return (self._cpu.source,)

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = memory = CardMemory(
            ram_bytes=RAM_BYTES, reads=3, writes=2, init=self._firmware)
        m.submodules.soc = soc = Soc(line_bits=memory.line_bits, cpu=self._cpu,
                                   cpu_domain=self._cpu_domain, uart_divisor=4)
        m.submodules.arbiter = arbiter = RegisterArbiter()
        m.submodules.decoder = decoder = BlockDecoder((IDENTITY, LINK, DOORBELL, STATS))
        m.submodules.identity = identity = Identity(ram_bytes=RAM_BYTES, clock_hz=125_000_000)
        m.submodules.link = link = Link(cpu_run=self._cpu_run)
        m.submodules.doorbell = doorbell = Doorbell()
        m.submodules.stats = stats = Stats()

        connect(m, flipped(self.host), arbiter.host)
        connect(m, soc.shared, arbiter.card)
        connect(m, arbiter.bus, decoder.bus)
        connect(m, decoder.identity, identity.bus)
        connect(m, decoder.link, link.bus)
        connect(m, decoder.doorbell, doorbell.bus)
        connect(m, decoder.stats, stats.bus)
        connect(m, soc.fetches, memory.reads[1])
        connect(m, soc.loads, memory.reads[2])
        connect(m, soc.stores, memory.writes[1])
        connect(m, flipped(self.aperture), memory.writes[0].request)

        m.d.comb += [
            self.host_grant.eq(arbiter.host_grant),
            soc.shared_grant.eq(arbiter.card_grant),
            soc.hold.eq(link.cpu_hold),
            soc.doorbell_groups.eq(doorbell.groups),
            soc.copier_interrupt.eq(self.copier_interrupt),
            soc.used_interrupt.eq(self.used_interrupt),
            stats.counted.register_refused.eq(decoder.refused),
            self.idle.eq(soc.idle),
            self.mtime.eq(soc.mtime),
            self.mtimecmp.eq(soc.mtimecmp),
            soc.leap.eq(self.leap),
            soc.leap_to.eq(self.leap_to),
            self.uart_byte_valid.eq(soc.uart_sent.valid),
            self.uart_byte.eq(soc.uart_sent.payload),
            self.marker.eq(stats.marker),
        ]
        return m

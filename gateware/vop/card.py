# SPDX-License-Identifier: BSD-2-Clause
"""The card, all but its hard block: endpoint, copier, computer, and the registers they share."""

from amaranth.hdl import Module, ResetInserter, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from .copier.copier import FEATURES, Copier
from .doorbell import Doorbell
from .identity import Identity
from .idle import IdleDetector
from .link import Link
from .pcie import phy
from .pcie.endpoint import Endpoint
from .registers import BlockDecoder, RegisterArbiter
from .regs import CARD_ADDRESSES, COPIER, DOORBELL, GUARD, IDENTITY, LINK, MSI, MSIX, STATS
from .reset_stretch import ResetStretch
from .soc.cpu import Cpu
from .soc.memory import CardMemory
from .soc.soc import Soc
from .stats import Stats

__all__ = ["Card"]


class Card(wiring.Component):
    """Everything above the TLP contract.

    From power-up, a hot reset (the reset of the domain) or a function-level reset
    (``phy.reset_request``) on, for RESET_CYCLES, the CPU, its peripherals, the doorbells, the
    statistics and block `link` are in reset, the copier drops its commands and closes its windows,
    and the host's register accesses wait. Behind a function-level reset what is on the link runs
    out. Card RAM keeps its content.

    Parameters
    ----------
    width : :class:`int`
        Payload bits per beat and bits of a card RAM line: 64, 128 or 256.
    ram_bytes : :class:`int`
        Size of card RAM. A power of two.
    firmware : :class:`bytes`
        Initial content of card RAM.
    cpu_run : :class:`int`
        Reset value of ``link.cpu.run``: 1 where ``firmware`` shall start by itself.
    cpu_variant : :class:`str`
        See :class:`vop.soc.cpu.Cpu`.
    cpu_domain : :class:`str` or None
        Clock domain of the CPU; None: the card's own.
    clock_hz : :class:`int`
        Frequency of the clock.
    build_id : :class:`int`
        What ``identity.build.id`` says.
    features : iterable of :class:`str`
        What ``identity.features`` says beyond what the copier can do.
    uart_divisor : :class:`int` or None
        Cycles per bit after reset; None for the declared value.
    timeout_cycles : :class:`int` or None
        Bound of a read of host memory; None for the copier's own.

    Members
    -------
    phy : ``In(phy.Signature(width))``
        The hard block's shim.
    idle : ``Out(1)``
        Nothing happens until the host or time does something: the CPU is parked or held, the copier
        has no command, no TLP and no vector is on its way.
    mtime, mtimecmp : ``Out(64)``, leap : ``In(1)``, leap_to : ``In(64)``
        See :class:`vop.soc.timer.MachineTimer`.
    uart_tx : ``Out(1)``, uart_rx : ``In(1)``
        Serial line. Idle high.
    uart_sent : ``Out(stream.Signature(8, always_ready=True))``
        Each character that the firmware writes.
    marker : ``Out(32)``
        What the firmware wrote to ``stats.marker``.
    """

    def __init__(self, width=128, *, ram_bytes=CARD_ADDRESSES["default_ram_bytes"], firmware=b"",
                 cpu_run=0, cpu_variant="Lite", cpu_domain=None, clock_hz=125_000_000,
                 build_id=0, features=(), uart_divisor=None, timeout_cycles=None):
        self._width = width
        self._ram_bytes = ram_bytes
        self._firmware = firmware
        self._cpu_run = cpu_run
        self._cpu = Cpu(variant=cpu_variant)
        self._cpu_domain = cpu_domain
        self._clock_hz = clock_hz
        self._build_id = build_id
        self._features = (*FEATURES, *features)
        self._uart_divisor = uart_divisor
        self._copier_bounds = {} if timeout_cycles is None else {"timeout_cycles": timeout_cycles}
        super().__init__({
            "phy":       In(phy.Signature(width)),
            "idle":      Out(1),
            "mtime":     Out(64),
            "mtimecmp":  Out(64),
            "leap":      In(1),
            "leap_to":   In(64),
            "uart_tx":   Out(1, init=1),
            "uart_rx":   In(1, init=1),
            "uart_sent": Out(stream.Signature(8, always_ready=True)),
            "marker":    Out(32),
        })

    @property
    def sources(self):
        """Paths of the foreign Verilog that the card instantiates."""
        return (self._cpu.source,)

    def elaborate(self, platform):
        m = Module()
        width, ram_bytes = self._width, self._ram_bytes
        endpoint = Endpoint(width, ram_bytes=ram_bytes, raisers=2)
        copier = Copier(width=width, ram_bytes=ram_bytes, **self._copier_bounds)
        memory = CardMemory(ram_bytes=ram_bytes, width=width, reads=6, writes=4,
                            init=self._firmware)
        soc = Soc(line_bits=memory.line_bits, width=width, cpu=self._cpu,
                  cpu_domain=self._cpu_domain, uart_divisor=self._uart_divisor)
        arbiter = RegisterArbiter()
        decoder = BlockDecoder((IDENTITY, LINK, DOORBELL, MSI, GUARD, STATS, COPIER, MSIX))
        identity = Identity(ram_bytes=ram_bytes, clock_hz=self._clock_hz,
                            build_id=self._build_id, features=self._features)
        link = Link(cpu_run=self._cpu_run)
        doorbell = Doorbell()
        stats = Stats()
        idle = IdleDetector()
        reset = ResetStretch()

        while_alive = ResetInserter(reset.active)
        m.submodules.reset = reset
        m.submodules.endpoint = endpoint
        m.submodules.copier = copier
        m.submodules.memory = memory
        m.submodules.soc = while_alive(soc)
        m.submodules.arbiter = arbiter
        m.submodules.decoder = while_alive(decoder)
        m.submodules.identity = identity
        m.submodules.link = while_alive(link)
        m.submodules.doorbell = while_alive(doorbell)
        m.submodules.stats = while_alive(stats)
        m.submodules.idle = idle

        # The link.
        connect(m, flipped(self.phy), endpoint.phy)
        connect(m, copier.reads, endpoint.reads)
        connect(m, copier.writes, endpoint.writes)
        connect(m, endpoint.completions, copier.completions)
        connect(m, copier.vector, endpoint.vectors[0])
        connect(m, doorbell.vectors, endpoint.vectors[1])
        m.d.comb += [
            copier.config.eq(endpoint.config),
            reset.request.eq(endpoint.reset_request),
            endpoint.request_hold.eq(reset.hold),
            copier.reset.eq(reset.active),
            endpoint.reads_waiting.eq(copier.reads_waiting),
            endpoint.error_header.eq(copier.fault_header),
            endpoint.error.completion_timeout.eq(copier.counted.completion_timeout),
            endpoint.error.completion_unexpected.eq(copier.counted.unexpected_completion),
            endpoint.error.poisoned.eq(copier.counted.poisoned),
        ]

        # Card RAM: completion data first, as that port must never wait.
        connect(m, copier.payload_write, memory.span)
        connect(m, copier.ring_write, memory.writes[0])
        connect(m, copier.record_write, memory.writes[1])
        connect(m, endpoint.memory_write, memory.writes[2])
        connect(m, soc.stores, memory.writes[3])
        connect(m, copier.payload_read, memory.reads[0])
        connect(m, copier.ring_read, memory.reads[1])
        connect(m, copier.command_read, memory.reads[2])
        connect(m, endpoint.memory_read, memory.reads[3])
        connect(m, soc.fetches, memory.reads[4])
        connect(m, soc.loads, memory.reads[5])

        # Registers.
        connect(m, endpoint.registers, arbiter.host)
        connect(m, soc.shared, arbiter.card)
        connect(m, arbiter.bus, decoder.bus)
        connect(m, decoder.identity, identity.bus)
        connect(m, decoder.link, link.bus)
        connect(m, decoder.doorbell, doorbell.bus)
        connect(m, decoder.msi, endpoint.msi_registers)
        connect(m, decoder.msix, endpoint.msix_registers)
        connect(m, decoder.guard, copier.guard_registers)
        connect(m, decoder.stats, stats.bus)
        connect(m, decoder.copier, copier.registers)
        m.d.comb += [
            endpoint.registers_grant.eq(arbiter.host_grant),
            soc.shared_grant.eq(arbiter.card_grant),
            stats.first_fault.eq(endpoint.first_fault),
            endpoint.first_fault_clear.eq(stats.clear),
            self.marker.eq(stats.marker),
        ]
        m.d.sync += stats.counted.eq(0)
        for name in stats.counted.shape().members:
            pulses = [getattr(counted, name) for counted in (endpoint.counted, copier.counted)
                      if name in counted.shape().members]
            pulses += {"register_refused": [decoder.refused],
                       "cpu_bus_fault": [soc.fault]}.get(name, [])
            for pulse in pulses:
                with m.If(pulse):
                    m.d.sync += getattr(stats.counted, name).eq(1)

        # The computer.
        cpu_hold = Signal(init=1)
        m.d.sync += cpu_hold.eq(link.cpu_hold | reset.active)
        connect(m, soc.uart_sent, flipped(self.uart_sent))
        m.d.comb += [
            soc.hold.eq(cpu_hold),
            soc.doorbell_groups.eq(doorbell.groups),
            soc.copier_interrupt.eq(copier.copier_interrupt),
            soc.used_interrupt.eq(copier.used_interrupt),
            soc.leap.eq(self.leap),
            soc.leap_to.eq(self.leap_to),
            soc.uart_rx.eq(self.uart_rx),
            self.mtime.eq(soc.mtime),
            self.mtimecmp.eq(soc.mtimecmp),
            self.uart_tx.eq(soc.uart_tx),
            idle.quiet.eq(soc.idle & copier.idle & endpoint.idle & ~doorbell.vectors.valid
                          & ~reset.active & ~self.leap),
            self.idle.eq(idle.idle),
        ]
        return m

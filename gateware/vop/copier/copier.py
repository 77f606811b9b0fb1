# SPDX-License-Identifier: BSD-2-Clause
"""The vring-copy engine: channels, guard, commands, and the two streams to host memory."""

from amaranth import Module
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from .. import csr
from ..pcie.phy import ConfigLayout
from ..pcie.tlp import RxBeatLayout, TxBeatLayout
from ..soc import memory_port

__all__ = ["CountedLayout", "Copier"]

#: One-cycle pulses, named like the counters of block `stats`.
CountedLayout = data.StructLayout({
    "poisoned":              1,
    "completion_error":      1,
    "completion_timeout":    1,
    "unexpected_completion": 1,
    "guard_refused":         1,
    "command_failed":        1,
    "register_refused":      1,
})


class Copier(wiring.Component):
    """Execute the commands of eight channels.

    Parameters
    ----------
    width : :class:`int`
        Payload bits per beat and bits of a card RAM line: 64, 128 or 256.
    ram_bytes : :class:`int`
        Size of card RAM, in bytes.
    timeout_cycles : :class:`int`
        Cycles after which a read that was not completed fails with TIMEOUT.

    Members
    -------
    registers, guard_registers : ``In(csr.Signature(16))``
        Blocks `copier` and `guard`, addressed from the start of the register space.
    config : ``In(ConfigLayout)``
        What the host has configured.
    link_drained : ``In(1)``
        High while the hard block has taken every beat accepted on ``reads`` and ``writes``. It may
        lag an accepted beat by three cycles.
    reset : ``In(1)``
        Level: drop every command, close every window, let stale completions run out.
    reads, writes : ``Out(stream.Signature(TxBeatLayout(width)))``
        Memory read and memory write TLPs. Independent of each other.
    completions : ``In(stream.Signature(RxBeatLayout(width), always_ready=True))``
        Completions, with and without data.
    payload_read : ``Out(memory_port.ReadSignature)``
        Card RAM lines on their way to the host.
    payload_write : ``Out(memory_port.WriteSignature)``
        Completion data on its way to card RAM. This port must have first claim: it never waits.
    ring_read : ``Out(memory_port.ReadSignature)``, ring_write : ``Out(memory_port.WriteSignature)``
        Contexts, rings and records in card RAM.
    vector : ``Out(stream.Signature(5))``
        MSI vector to raise. Offered only after every write that it announces was drained.
    copier_interrupt : ``Out(1)``
        One-cycle pulse: a command of a card-owned channel that asked for it has ended.
    used_interrupt : ``Out(1)``
        One-cycle pulse: `complete` wrote a used element that the driver wants to know of.
    idle : ``Out(1)``
        High while no command is under way or ready to start, and no TLP of ours is waiting.
    counted : ``Out(CountedLayout)``
        Pulses for block `stats`.
    """

    def __init__(self, *, width, ram_bytes, timeout_cycles=6_250_000):
        self._width = width
        self._ram_bytes = ram_bytes
        self._timeout_cycles = timeout_cycles
        line_bits = ceil_log2(ram_bytes // (width // 8))
        super().__init__({
            "registers":        In(csr.Signature(16)),
            "guard_registers":  In(csr.Signature(16)),
            "config":           In(ConfigLayout),
            "link_drained":     In(1),
            "reset":            In(1),
            "reads":            Out(stream.Signature(TxBeatLayout(width))),
            "writes":           Out(stream.Signature(TxBeatLayout(width))),
            "completions":      In(stream.Signature(RxBeatLayout(width), always_ready=True)),
            "payload_read":     Out(memory_port.ReadSignature(line_bits, width)),
            "payload_write":    Out(memory_port.WriteSignature(line_bits, width)),
            "ring_read":        Out(memory_port.ReadSignature(line_bits, width)),
            "ring_write":       Out(memory_port.WriteSignature(line_bits, width)),
            "vector":           Out(stream.Signature(5)),
            "copier_interrupt": Out(1),
            "used_interrupt":   Out(1),
            "idle":             Out(1),
            "counted":          Out(CountedLayout),
        })

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.idle.eq(1)
        return m

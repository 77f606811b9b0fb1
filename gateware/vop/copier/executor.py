# SPDX-License-Identifier: BSD-2-Clause
"""The machine that executes the commands of all channels, a few steps of one at a time."""

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped
from amaranth.utils import ceil_log2

from .. import csr
from ..pcie.phy import ConfigLayout
from ..requester.segment import (
    CHANNELS,
    TICKETS,
    ReadSegmentLayout,
    SlotLayout,
    WriteSegmentLayout,
)
from ..soc import memory_port
from .await_host import AwaitHost
from .complete import Complete
from .context import ContextStore
from .decode import Decoder
from .guard import Guard
from .interface import ExecutorSignature
from .linear import Linear
from .machine import Machine
from .move import Move
from .open import Open
from .publish import Publish
from .ring_port import RingPort
from .turn import Turn
from .walk import Walk

__all__ = ["Executor"]


class Executor(wiring.Component):
    """Turn commands into segments, and into reads and writes of rings in card RAM.

    What a channel is about lies in memories addressed by ``channels.current``, so a turn costs
    nothing to begin or end. It ends where the command has to wait, or after a few segments or
    descriptors if another channel wants one. Each command ends on ``channels.retire``: all of it
    has been handed over, or it failed with an error that names the fault.

    The steps, by the file that has them: ``turn`` (IDLE, SEEK, FETCH, JUDGE, LEAVE, STOP, RETIRE),
    ``move`` (RUN, SIZE, EMIT), ``linear`` (copies and lists), ``open`` (how commands of a ring
    begin), ``walk`` (descriptors), ``publish``, ``complete`` (and `arm`), ``await_host`` (writes
    that have to leave, words that come from the host). ``machine`` has what they share.

    Parameters
    ----------
    ram_bytes : :class:`int`
        Size of card RAM, 2 MiB at most.
    width : :class:`int`
        Bits of a card RAM line: 64, 128 or 256.

    Members
    -------
    channels : ``Out(ExecutorSignature())``
        Where commands come from and end.
    config : ``In(ConfigLayout)``
        Whether relaxed ordering and no snoop are allowed.
    guard_registers : ``In(csr.Signature(16))``, guard_reset : ``In(1)``
        See :class:`~vop.copier.guard.Guard`; the reset lasts 16 cycles at least.
    guard_refused, refused_write : ``Out(1)``
        One-cycle pulses: a host address was refused; the card tried to write a window.
    read : ``Out(stream.Signature(ReadSegmentLayout(card_bits)))``, watch : ``Out(SlotLayout)``,
    watch_busy : ``In(1)``, watch_error : ``In(8)``, read_closed : ``In(8)``
        Towards the requester's reader.
    write : ``Out(stream.Signature(WriteSegmentLayout(card_bits)))``, ticket, done :
    ``In(range(TICKETS))``, lost : ``In(8)``
        Towards the requester's writer.
    ring_read : ``Out(memory_port.ReadSignature)``, ring_write : ``Out(memory_port.WriteSignature)``
        Rings and contexts in card RAM.
    used_interrupt : ``Out(1)``
        One-cycle pulse: `complete` wrote a used element that the driver on the card waits for.
    """

    def __init__(self, *, ram_bytes, width):
        self._ram_bytes = ram_bytes
        self._width = width
        self._card_bits = ceil_log2(ram_bytes)
        line_bits = self._card_bits - ceil_log2(width // 8)
        super().__init__({
            "channels":        Out(ExecutorSignature()),
            "config":          In(ConfigLayout),
            "guard_registers": In(csr.Signature(16)),
            "guard_reset":     In(1),
            "guard_refused":   Out(1),
            "refused_write":   Out(1),
            "read":            Out(stream.Signature(ReadSegmentLayout(self._card_bits))),
            "watch":           Out(SlotLayout),
            "watch_busy":      In(1),
            "watch_error":     In(8),
            "read_closed":     In(CHANNELS),
            "write":           Out(stream.Signature(WriteSegmentLayout(self._card_bits))),
            "ticket":          In(range(TICKETS)),
            "done":            In(range(TICKETS)),
            "lost":            In(CHANNELS),
            "ring_read":       Out(memory_port.ReadSignature(line_bits, width)),
            "ring_write":      Out(memory_port.WriteSignature(line_bits, width)),
            "used_interrupt":  Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.context = context = ContextStore(ram_bytes=self._ram_bytes)
        m.submodules.port = port = RingPort(card_bits=self._card_bits, width=self._width)
        m.submodules.guard = guard = Guard()
        connect(m, port.memory_read, flipped(self.ring_read))
        connect(m, port.memory_write, flipped(self.ring_write))
        connect(m, flipped(self.guard_registers), guard.registers)
        m.d.comb += [
            guard.reset.eq(self.guard_reset),
            self.refused_write.eq(guard.refused_write),
            self.watch.channel.eq(self.channels.current),
            self.watch.index.eq(self.channels.slot),
        ]

        machine = Machine(m, self, context=context, port=port, guard=guard,
                          ram_bytes=self._ram_bytes)
        turn = Turn(machine)
        decoder = Decoder(machine)
        move = Move(machine)
        linear = Linear(machine, move)
        walk = Walk(machine)
        publish = Publish(machine, walk)
        complete = Complete(machine)
        await_host = AwaitHost(machine, turn, decoder)

        def run_ended(taken):
            with m.Switch(machine.stage.value):
                for part in (linear, publish, complete, await_host):
                    part.after(taken)

        with machine.fsm.describe():
            turn.add_steps(decoder, linear)
            Open(machine, turn).add_step(publish, complete)
            linear.add_steps()
            walk.add_steps(publish)
            publish.add_steps()
            complete.add_steps()
            await_host.add_steps(complete)
            move.add_steps(prepare=publish.prepare, after=run_ended)
        machine.finish()
        decoder.finish()
        return m

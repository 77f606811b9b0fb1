# SPDX-License-Identifier: BSD-2-Clause
"""Channels: where commands come from, and in which state each channel is."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from .. import csr
from ..regs.copier import COMMAND_BITS, COPIER, COPIER_LIMITS, RECORD, ChannelState, CommandError
from .command import JobLayout

__all__ = ["Channels"]

_COUNT = COPIER_LIMITS["channels"]
_DEPTH = COPIER_LIMITS["queue_depth"]
_STRIDE_LOG2 = COPIER_LIMITS["channel_stride"].bit_length() - 1
_SIZE_LOG2 = COPIER.size.bit_length() - 1
_WORDS = 8


def _word(name):
    """Position of a channel's register among its words."""
    return COPIER.register(name).offset // 4


class Channels(wiring.Component):
    """Hold the inline commands of all channels, and hand them out one at a time.

    Channels take turns, a command each. A command leaves its queue when it is handed out, so a
    peer that counts records never finds the queue full. A command that ends with an error stops
    its channel: what it holds is dropped, what is written to it is ignored, until it is reset.

    A reset of the channel whose command is under way raises ``cancel`` until that command has
    ended; its end is not counted, and the state stays BUSY until then.

    Members
    -------
    registers : ``In(csr.Signature(16))``
        Block `copier`. Host and card each write their own channels only.
    job : ``Out(stream.Signature(JobLayout))``
        The next command.
    ended : ``In(1)``, ended_error : ``In(8)``
        Strobe: the command taken from ``job`` has ended, with this ``CommandError``.
    cancel : ``Out(1)``
        Level: the channel of the command under way was reset.
    idle : ``Out(1)``
        No command is under way or ready to start.
    refused_write : ``Out(1)``
        One-cycle pulse: a side wrote to a channel of the other.
    """

    registers: In(csr.Signature(16))
    job: Out(stream.Signature(JobLayout))
    ended: In(1)
    ended_error: In(8)
    cancel: Out(1)
    idle: Out(1)
    refused_write: Out(1)

    def elaborate(self, platform):
        m = Module()
        m.submodules.queue = queue = Memory(shape=32, depth=_COUNT * _DEPTH * _WORDS, init=[])
        write = queue.write_port(granularity=8)
        read = queue.read_port()

        def per_channel(shape, name):
            return Signal(data.ArrayLayout(shape, _COUNT), name=name)

        tail = per_channel(range(_DEPTH), "tail")
        queued = per_channel(range(_DEPTH + 1), "queued")
        error = per_channel(8, "error")
        sequence = per_channel(32, "sequence")
        position = per_channel(16, "position")       # records written since reset
        record_lo = per_channel(32, "record_lo")
        record_hi = per_channel(32, "record_hi")
        record_config = per_channel(32, "record_config")
        enabled = Signal(_COUNT)
        failed = Signal(_COUNT)

        # The command under way.
        active = Signal()
        current = Signal(range(_COUNT))
        job = self.job.payload
        records = Signal()
        m.d.comb += [
            job.channel.eq(current),
            job.card_owned.eq(current >= COPIER_LIMITS["host_channels"]),
            records.eq(job.command.control[COMMAND_BITS["record_lsb"]]),
        ]

        # Whose turn it is: the lowest channel above the last one, else the lowest of all.
        ready = Signal(_COUNT)
        turn = Signal(range(_COUNT))
        m.d.comb += [
            ready.eq(Cat(queued[n] != 0 for n in range(_COUNT)) & enabled & ~failed),
            self.idle.eq(~active & ~ready.any()),
        ]
        for n in reversed(range(_COUNT)):
            with m.If(ready[n]):
                m.d.comb += turn.eq(n)
        for n in reversed(range(_COUNT)):
            with m.If(ready[n] & (n > current)):
                m.d.comb += turn.eq(n)

        log2 = record_config[current][:4]
        slot = position[current] & ((1 << log2) - 1)
        index = Signal(range(_WORDS + 1))
        head = Signal(range(_DEPTH))
        taking = Signal()                            # the oldest command leaves its queue
        m.d.comb += [
            head.eq(tail[current] - queued[current]),
            read.addr.eq(Cat(index[:3], head, current)),
            read.en.eq(1),
        ]
        with m.FSM():
            with m.State("PICK"):
                m.d.sync += index.eq(0)
                with m.If(ready.any()):
                    m.d.sync += [current.eq(turn), active.eq(1)]
                    m.next = "FETCH"
            with m.State("FETCH"):
                m.d.sync += [
                    index.eq(index + 1),
                    job.command.eq(Cat(Cat(job.command)[32:], read.data)),
                ]
                with m.If(~ready.bit_select(current, 1)):
                    # It was reset, switched off or overflowed under our hands.
                    m.d.sync += [active.eq(0), self.cancel.eq(0)]
                    m.next = "PICK"
                with m.Elif(index == _WORDS):
                    m.d.comb += taking.eq(1)
                    m.d.sync += [
                        queued[current].eq(queued[current] - 1),
                        job.record_address.eq(
                            (Cat(record_lo[current], record_hi[current])
                             & ~(RECORD.size - 1)) + slot * RECORD.size),
                        job.record_phase.eq(~(position[current] >> log2)[0]),
                        job.sequence.eq(sequence[current] + 1),
                        job.vector.eq(record_config[current][8:13]),
                    ]
                    m.next = "OFFER"
            with m.State("OFFER"):
                m.d.comb += self.job.valid.eq(1)
                with m.If(self.job.ready):
                    m.next = "AWAIT"
            with m.State("AWAIT"):
                with m.If(self.ended):
                    m.d.sync += [active.eq(0), self.cancel.eq(0)]
                    m.next = "PICK"
                    with m.If(~self.cancel):
                        m.d.sync += [
                            sequence[current].eq(job.sequence),
                            position[current].eq(position[current] + records),
                        ]
                        with m.If((self.ended_error != CommandError.OK)
                                  & ~failed.bit_select(current, 1)):
                            m.d.sync += [
                                failed.bit_select(current, 1).eq(1),
                                error[current].eq(self.ended_error),
                                queued[current].eq(0),
                            ]

        # Registers. What the bus does comes last: it has its way where both touch a channel.
        bus = self.registers
        hit = Signal()
        channel = Signal(range(_COUNT))
        word = Signal(range(1 << (_STRIDE_LOG2 - 2)))
        owned = Signal()
        writes = Signal()
        is_failed = Signal()
        m.d.comb += [
            hit.eq(bus.address[_SIZE_LOG2:] == COPIER.base >> _SIZE_LOG2),
            channel.eq(bus.address[_STRIDE_LOG2:_SIZE_LOG2]),
            word.eq(bus.address[2:_STRIDE_LOG2]),
            owned.eq(bus.card == (channel >= COPIER_LIMITS["host_channels"])),
            writes.eq(hit & bus.write & owned),
            self.refused_write.eq(hit & bus.write & ~owned),
            is_failed.eq(failed.bit_select(channel, 1)),
            write.addr.eq(Cat(word[:3], tail[channel], channel)),
            write.data.eq(bus.write_data),
        ]
        with m.If(writes & (word < _WORDS) & ~is_failed & (queued[channel] != _DEPTH)):
            m.d.comb += write.en.eq(bus.write_strobe)

        submits = writes & (word == _word("command_7")) & ~is_failed
        with m.If(submits):
            with m.If(queued[channel] == _DEPTH):
                m.d.sync += [
                    failed.bit_select(channel, 1).eq(1),
                    error[channel].eq(CommandError.QUEUE_OVERFLOW),
                    queued[channel].eq(0),
                ]
            with m.Else():
                m.d.sync += [
                    tail[channel].eq(tail[channel] + 1),
                    queued[channel].eq(queued[channel] + 1
                                       - (taking & (current == channel))),
                ]
        with m.If(writes & (word == _word("control"))):
            control = {field.name: field for field in COPIER.register("control").fields}
            with m.If(bus.write_strobe[0]):
                m.d.sync += enabled.bit_select(channel, 1).eq(
                    bus.write_data[control["enable"].lsb])
                with m.If(bus.write_data[control["reset"].lsb]):
                    m.d.sync += [
                        queued[channel].eq(0),
                        failed.bit_select(channel, 1).eq(0),
                        error[channel].eq(CommandError.OK),
                        sequence[channel].eq(0),
                        position[channel].eq(0),
                    ]
                    with m.If(active & (current == channel) & ~self.ended):
                        m.d.sync += self.cancel.eq(1)
        for name, values in (("record_lo", record_lo), ("record_hi", record_hi),
                             ("record_config", record_config)):
            mask = sum(field.mask for field in COPIER.register(name).fields)
            merged = Cat(Mux(bus.write_strobe[n], bus.write_data[8 * n:8 * n + 8],
                             values[channel][8 * n:8 * n + 8]) for n in range(4))
            with m.If(writes & (word == _word(name))):
                m.d.sync += values[channel].eq(merged & mask)

        underway = active & (current == channel)
        status = Signal(32)
        lsb = {field.name: field.lsb for field in COPIER.register("status").fields}
        m.d.comb += [
            status[lsb["state"]:lsb["state"] + 2].eq(
                Mux(is_failed, ChannelState.FAILED,
                    Mux(underway | (queued[channel] != 0), ChannelState.BUSY, ChannelState.IDLE))),
            status[lsb["held"]:lsb["held"] + 8].eq(Mux(is_failed, 0, queued[channel]) + underway),
            status[lsb["error"]:lsb["error"] + 8].eq(error[channel]),
        ]
        m.d.sync += bus.read_data.eq(0)
        with m.If(hit & bus.read):
            with m.Switch(word):
                with m.Case(_word("control")):
                    m.d.sync += bus.read_data.eq(enabled.bit_select(channel, 1))
                with m.Case(_word("status")):
                    m.d.sync += bus.read_data.eq(status)
                with m.Case(_word("sequence")):
                    m.d.sync += bus.read_data.eq(sequence[channel])
                with m.Case(_word("record_lo")):
                    m.d.sync += bus.read_data.eq(record_lo[channel])
                with m.Case(_word("record_hi")):
                    m.d.sync += bus.read_data.eq(record_hi[channel])
                with m.Case(_word("record_config")):
                    m.d.sync += bus.read_data.eq(record_config[channel])
        return m

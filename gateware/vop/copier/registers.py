# SPDX-License-Identifier: BSD-2-Clause
"""Block `copier` on the register bus: who may write, what a store means, what a read shows."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from .. import csr
from ..regs.copier import COMMAND_BITS, COPIER, COPIER_LIMITS, Opcode
from ..requester.segment import CHANNELS
from .queue import InlineWriteLayout

__all__ = ["WORD_BITS", "ControlLayout", "StoreLayout", "StateLayout", "word_of", "keep_stores",
           "keep_mask", "Registers"]

_STRIDE_LOG2 = COPIER_LIMITS["channel_stride"].bit_length() - 1
_SIZE_LOG2 = COPIER.size.bit_length() - 1

#: Bits of a register's number within its channel.
WORD_BITS = _STRIDE_LOG2 - 2

#: Registers that hold what software wrote, and read as that. A reset of the channel clears its
#: ring_tail.
_HELD = ("record_lo", "record_hi", "record_config", "ring_base", "ring_config", "ring_tail",
         "coalesce")

#: A write to ``control`` of a channel.
ControlLayout = data.StructLayout({
    "valid":   1,
    "channel": range(CHANNELS),
    "enable":  1,
    "reset":   1,
})

#: A write to a register of a channel; the receiver picks those it holds. Idle: no strobe.
StoreLayout = data.StructLayout({
    "strobe":  4,
    "channel": range(CHANNELS),
    "word":    WORD_BITS,     # see `word_of`
    "data":    32,            # bits that the register lacks may be anything
    "clears":  1,             # `ring_tail` returns to its reset value, by no write of its own
})

#: What is to be read of a channel that others know.
StateLayout = data.StructLayout({
    "enabled":   1,
    "state":     2,           # ChannelState
    "held":      8,
    "error":     8,           # CommandError
})


def word_of(name):
    """Number of a register within its channel."""
    return COPIER.register(name).offset // 4


def keep_stores(m, memory, name, store):
    """Write what software stores in register ``name`` to ``memory``, a word for each channel."""
    write = memory.write_port(granularity=8)
    m.d.comb += [
        write.addr.eq(store.channel),
        write.data.eq(store.data),
        write.en.eq(Mux(store.word == word_of(name), store.strobe, 0)),
    ]


def keep_mask(m, memory, name, store):
    """Write to ``memory`` the mask of a place in the ring whose size register ``name`` has."""
    write = memory.write_port()
    log2 = store.data[:len(write.data).bit_length()]
    m.d.comb += [
        write.addr.eq(store.channel),
        write.data.eq(Cat(log2 > n for n in range(len(write.data)))),
        write.en.eq((store.word == word_of(name)) & store.strobe[0]),
    ]


class Registers(wiring.Component):
    """Turn accesses to block `copier` into writes to queues, parameters and states.

    Words of a command, quick registers too, are written whole: a write of some of their bytes is
    dropped. A quick register makes a command of its own. ``complete_id`` writes all words of a
    `complete` but the last, so nothing else may be written to the channel between its two halves.

    Members
    -------
    bus : ``In(csr.Signature(16))``
        Block `copier`, and no access outside it. Host and card each write their own channels only.
    reset : ``In(1)``
        Level: every parameter returns to zero. Writes are dropped meanwhile.
    clearing : ``Out(1)``
        High while parameters are being cleared: from the cycle after ``reset`` for as long as that
        lasts, and for 256 cycles at least.
    refused_write : ``Out(1)``
        One-cycle pulse: a side wrote to a channel of the other.
    inline : ``Out(InlineWriteLayout)``
        Command words. Combinational.
    store : ``Out(StoreLayout)``
        In the cycle after the access.
    control : ``Out(ControlLayout)``
        Combinational.
    channel : ``Out(3)``
        Channel of the access. Combinational.
    state : ``In(StateLayout)``
        Of ``channel``, combinational.
    sequence : ``In(32)``, ring_head : ``In(16)``
        Of the channel that ``channel`` was in the cycle before.
    """

    bus: In(csr.Signature(16))
    reset: In(1)
    clearing: Out(1)
    refused_write: Out(1)
    inline: Out(InlineWriteLayout)
    store: Out(StoreLayout)
    control: Out(ControlLayout)
    channel: Out(range(CHANNELS))
    state: In(StateLayout)
    sequence: In(32)
    ring_head: In(16)

    def elaborate(self, platform):
        m = Module()
        bus = self.bus
        word = Signal(WORD_BITS)
        owned = Signal()
        writes = Signal()
        m.d.comb += [
            self.channel.eq(bus.address[_STRIDE_LOG2:_SIZE_LOG2]),
            word.eq(bus.address[2:_STRIDE_LOG2]),
            owned.eq(bus.card == (self.channel >= COPIER_LIMITS["host_channels"])),
            writes.eq(bus.write & owned & ~self.clearing & ~self.reset),
            self.refused_write.eq(bus.write & ~owned),
        ]
        # A quick register makes all words of a command, zero but for a few.
        quick = Signal()
        cleared = Signal()                   # a register is
        data = Signal(32)                    # what is to be written
        m.d.comb += [
            quick.eq((word == word_of("arm")) | (word == word_of("complete_id"))),
            data.eq(Mux(quick | cleared, 0, bus.write_data)),
        ]
        self._write_commands(m, writes & bus.write_strobe.all(), word, quick, data)
        self._read(m, bus.read, word, self._write_parameters(m, writes, word, cleared, data))
        return m

    def _write_commands(self, m, writes, word, quick, data):
        inline = self.inline
        written = self.bus.write_data
        is_arm = writes & (word == word_of("arm"))
        is_id = writes & (word == word_of("complete_id"))
        is_len = writes & (word == word_of("complete_len"))
        last = len(inline.data) - 1
        m.d.comb += [
            inline.channel.eq(self.channel),
            inline.submit.eq((writes & (word == last)) | is_arm | is_len),
        ]
        opcode = Mux(word == word_of("arm"), Opcode.ARM, Opcode.COMPLETE)
        words = {
            "command_0": data | Mux(quick, opcode << COMMAND_BITS["opcode_lsb"], 0),
            "command_4": Mux(quick, Cat(Const(0, 6), written[16:]), written),
            "command_6": Cat(written[:16], data[16:]),
        }
        for n in range(len(inline.data)):
            ours = is_arm | (is_len if n == last else is_id)
            m.d.comb += [
                inline.data[n].eq(words.get(f"command_{n}", data)),
                inline.strobe[n].eq((writes & (word == n)) | ours),
            ]

    def _write_parameters(self, m, writes, word, cleared, data):
        """Returns what is stored, in the cycle of the access."""
        bus = self.bus
        store = Signal(StoreLayout)
        m.d.sync += [
            self.store.eq(store),
            self.store.clears.eq(store.clears & store.strobe[0]
                                 & (store.word == word_of("ring_tail"))),
        ]
        fields = {field.name: field.lsb for field in COPIER.register("control").fields}
        m.d.comb += [
            self.control.valid.eq(writes & (word == word_of("control")) & bus.write_strobe[0]),
            self.control.channel.eq(self.channel),
            self.control.enable.eq(bus.write_data[fields["enable"]]),
            self.control.reset.eq(bus.write_data[fields["reset"]]),
            store.channel.eq(self.channel),
            store.word.eq(word),
            store.strobe.eq(Mux(writes, bus.write_strobe, 0)),
            store.data.eq(data),
            cleared.eq(store.clears),
        ]
        with m.If(word == word_of("control")):
            m.d.comb += [
                store.word.eq(word_of("ring_tail")),
                store.strobe.eq((self.control.valid & self.control.reset).replicate(4)),
                store.clears.eq(1),
            ]

        # Clear all words of all channels once, and again for as long as `reset` lasts.
        swept = Signal()
        place = Signal(WORD_BITS + len(self.channel))
        with m.If(self.clearing):
            m.d.comb += [
                Cat(store.word, store.channel).eq(place),
                store.strobe.eq(0b1111),
                store.clears.eq(1),
            ]
            m.d.sync += place.eq(place + 1)
            with m.If(place.all()):
                m.d.sync += swept.eq(1)
            with m.If(~self.reset & (swept | place.all())):
                m.d.sync += self.clearing.eq(0)
        with m.Else():
            m.d.sync += [self.clearing.eq(self.reset), swept.eq(0), place.eq(0)]
        return store

    def _read(self, m, reads, word, store):
        m.submodules.held = held = Memory(
            shape=32, depth=CHANNELS << WORD_BITS, init=[], attrs={"ram_style": "block"})
        write = held.write_port(granularity=8)
        read = held.read_port()
        m.d.comb += [
            # At once: the next access may read it.
            write.addr.eq(Cat(store.word, store.channel)),
            write.data.eq(store.data),
            write.en.eq(store.strobe),
            read.addr.eq(Cat(word, self.channel)),
            read.en.eq(1),
        ]
        known = Signal(32)
        shown = Signal(32)                   # bits of the register that it holds
        shows_sequence = Signal()
        shows_head = Signal()
        m.d.sync += [
            known.eq(0),
            shown.eq(0),
            shows_sequence.eq(reads & (word == word_of("sequence"))),
            shows_head.eq(reads & (word == word_of("ring_head"))),
        ]
        lsb = {field.name: field.lsb for field in COPIER.register("status").fields}
        with m.If(reads):
            with m.Switch(word):
                with m.Case(word_of("control")):
                    m.d.sync += known.eq(self.state.enabled)
                with m.Case(word_of("status")):
                    m.d.sync += known.eq((self.state.state << lsb["state"])
                                         | (self.state.held << lsb["held"])
                                         | (self.state.error << lsb["error"]))
                for name in _HELD:
                    with m.Case(word_of(name)):
                        m.d.sync += shown.eq(
                            sum(field.mask for field in COPIER.register(name).fields))
        m.d.comb += self.bus.read_data.eq(known | (read.data & shown)
                                          | Mux(shows_sequence, self.sequence, 0)
                                          | Mux(shows_head, self.ring_head, 0))

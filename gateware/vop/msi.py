# SPDX-License-Identifier: BSD-2-Clause
"""Vectors towards the host: pending, masked, moderated, folded, and never ahead of their data."""

from amaranth.hdl import C, Cat, Module, Mux, Signal
from amaranth.lib import data, enum, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from . import csr
from .msix_table import MsixTable
from .pcie.phy import ConfigLayout
from .pcie.tlp import Kind, TxBeatLayout
from .regmap.model import Block
from .regmap.to_csr import CsrBank
from .regs import MSI, VECTORS
from .reset_sweep import ResetSweep

__all__ = ["Moderation", "VectorSender", "Msi"]

_COUNT = VECTORS["count"]

#: How often a vector may leave, as in `msi.moderation`.
_LimitsLayout = data.StructLayout({"interval": 16, "events": 8})

#: What is left of the interval, and how often it was raised since it left.
_StateLayout = data.StructLayout({"remaining": 16, "events": 8})


class _Look(enum.Enum, shape=2):
    """Why a vector is looked at."""

    SCAN   = 0  #: it is its turn
    TICK   = 1  #: it is its turn, and a unit of time has passed
    RAISE  = 2
    FINISH = 3  #: its message has left, or cannot


class Moderation(wiring.Component):
    """Say whether a vector may leave now, and keep account of it.

    Members
    -------
    bus : ``In(csr.Signature(16))``
        Registers `msi.moderation`. Who may write is checked before it.
    busy : ``Out(1)``
        The bus has asked for one, which is read in this cycle: ``stall`` must be high.
    vector : ``In(range(32))``, raises : ``In(1)``
        The vector to look at, and whether it is raised.
    stall : ``In(1)``
        High: nothing moves on.
    raised, ticked, left : ``In(1)``
        About the vector of the cycle before: it is raised, a unit of time has passed for it, it
        leaves. It must not be ``vector`` again in this cycle.
    due : ``Out(1)``
        About the vector of the cycle before: it may leave.
    sweeps : ``In(1)``, swept : ``In(range(32))``
        Forget everything of this vector; the bus must not write, and ``stall`` must be high
        meanwhile. See ``ResetSweep``.
    """

    bus:    In(csr.Signature(16))
    busy:   Out(1)
    vector: In(range(_COUNT))
    raises: In(1)
    stall:  In(1)
    raised: In(1)
    ticked: In(1)
    left:   In(1)
    due:    Out(1)
    sweeps: In(1)
    swept:  In(range(_COUNT))

    def elaborate(self, platform):
        m = Module()
        bus = self.bus
        selected = bus.address[7:] == MSI.address("moderation") >> 7
        asked = Signal(range(_COUNT))
        m.d.sync += [self.busy.eq(bus.read & selected), asked.eq(bus.address[2:7])]

        m.submodules.limits = limits = memory.Memory(shape=24, depth=_COUNT, init=[])
        write, read = limits.write_port(granularity=8), limits.read_port(domain="comb")
        limit = data.View(_LimitsLayout, read.data)
        m.d.comb += [
            write.addr.eq(Mux(self.sweeps, self.swept, bus.address[2:7])),
            write.data.eq(Mux(self.sweeps, 0, bus.write_data)),
            write.en.eq(Mux(self.sweeps, 0b111,
                            bus.write_strobe[:3] & (bus.write & selected).replicate(3))),
            read.addr.eq(Mux(self.busy, asked, self.vector)),
            bus.read_data.eq(Mux(self.busy, read.data, 0)),
        ]

        m.submodules.states = states = memory.Memory(shape=_StateLayout, depth=_COUNT, init=[])
        update, look = states.write_port(), states.read_port(domain="comb")
        vector = Signal(range(_COUNT))
        interval = Signal(16)
        remaining = Signal(16)
        events = Signal(8)                   # a raise in this cycle included
        is_over = Signal()                   # the interval
        enough = Signal()                    # events
        m.d.comb += look.addr.eq(self.vector)
        with m.If(~self.stall):
            m.d.sync += [
                vector.eq(self.vector),
                interval.eq(limit.interval),
                remaining.eq(look.data.remaining),
                is_over.eq(look.data.remaining == 0),
                events.eq(look.data.events + (self.raises & (look.data.events != 0xFF))),
                # A raise shows at the next look, which needs no sum before the comparison.
                enough.eq((limit.events != 0) & (look.data.events >= limit.events)),
            ]

        m.d.comb += [
            self.due.eq(is_over | enough),
            update.addr.eq(Mux(self.sweeps, self.swept, vector)),
            update.en.eq(self.raised | self.ticked | self.left | self.sweeps),
            update.data.events.eq(events),
            update.data.remaining.eq(Mux(self.ticked & ~is_over, remaining - 1, remaining)),
        ]
        with m.If(self.sweeps):
            m.d.comb += update.data.eq(0)
        with m.Elif(self.left):
            m.d.comb += [update.data.events.eq(0), update.data.remaining.eq(interval)]
        return m


class VectorSender(wiring.Component):
    """Keep raised vectors until they may leave, and send them one by one.

    One vector is looked at in each cycle: one that is raised, else the next in turn, so that a
    vector that was held back leaves within some 32 cycles of the moment when it may. A vector that
    may leave does so behind every TLP accepted before its raise: a message of MSI-X is a TLP
    itself; the hard block is asked for MSI once it has taken what was accepted before, and until
    then ``hold`` asks the sender to begin no TLP. A vector raised again before it has left merges
    with itself; raised while it leaves, it leaves again.

    ::

        cycle   0            1           2           3
                raise taken  looked up   judged      `msi` or `message` is offered, if the link
                                                     is idle

    Parameters
    ----------
    width : :class:`int`
        Payload bits per beat.
    raisers : :class:`int`
        Streams of vectors.

    Members
    -------
    vectors : ``In(stream.Signature(5)).array(raisers)``
        Vectors to raise, each taken within a few cycles; the last stream goes first.
    mask : ``In(32)``
        Vectors to hold back.
    config : ``In(ConfigLayout)``
        What the host has configured. While it lets no vector leave, they stay pending. A vector
        beyond those granted for MSI leaves modulo their number.
    tx_drained : ``In(1)``
        See ``phy.Signature``.
    reset : ``In(1)``
        High: forget every vector, an offered one too.
    lookup : ``Out(range(32))``, raises, raised, ticked, left : ``Out(1)``, due : ``In(1)``
        See ``Moderation``: ``lookup`` is its ``vector``.
    stall : ``In(1)``
        High: nothing moves on.
    index : ``Out(range(32))``
        Entry of the MSI-X table to show.
    address : ``In(64)``, data : ``In(32)``, masked : ``In(1)``
        The entry. Valid unless ``stall``.
    touched : ``In(1)``
        What holds vectors back has changed.
    hold : ``Out(1)``
        High while a vector waits for ``tx_drained``, a cycle late.
    pending : ``Out(32)``
        Vectors raised that have not left.
    idle : ``Out(1)``
        High while no vector is on its way: what is pending is masked, or may not leave.
    msi : ``Out(stream.Signature(5))``
        Vectors for the hard block. An offer stands until it is taken or MSI is switched off, also
        while bus mastering is off; it changes only with the number of vectors granted.
    message : ``Out(stream.Signature(TxBeatLayout(width)))``
        Messages of MSI-X. An offer is withdrawn when bus mastering goes off, and some cycles after
        the host has masked it.
    """

    def __init__(self, width, *, raisers=2):
        super().__init__({
            "vectors":    In(stream.Signature(5)).array(raisers),
            "mask":       In(_COUNT),
            "config":     In(ConfigLayout),
            "tx_drained": In(1),
            "reset":      In(1),
            "lookup":     Out(range(_COUNT)),
            "raises":     Out(1),
            "raised":     Out(1),
            "ticked":     Out(1),
            "left":       Out(1),
            "due":        In(1),
            "stall":      In(1),
            "index":      Out(range(_COUNT)),
            "address":    In(64),
            "data":       In(32),
            "masked":     In(1),
            "touched":    In(1),
            "hold":       Out(1),
            "pending":    Out(_COUNT),
            "idle":       Out(1),
            "msi":        Out(stream.Signature(5)),
            "message":    Out(stream.Signature(TxBeatLayout(width))),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config

        # May vectors leave at all, and by which way?
        by_msix = Signal()
        by_msi = Signal()
        m.d.sync += by_msix.eq(config.msix_enabled & ~config.msix_masked & config.bus_master)
        m.d.comb += by_msi.eq(config.msi_enabled & ~config.msix_enabled & config.bus_master)

        # The message under way.
        sending = Signal()                   # from the look that starts it to the one that ends it
        sent_vector = Signal(range(_COUNT))
        is_msix = Signal()
        closing = Signal()                   # it has left, or cannot
        finishes = Signal()                  # ... and is still to be looked at for that
        again = Signal()                     # its vector stays pending

        # Choose what to look at; never what is being looked up, as that may still change.
        scanned = Signal(range(_COUNT))
        chosen = Signal(_Look)
        chosen_vector = Signal(range(_COUNT))
        chooses = Signal()
        lookup, lookup_vector, looks_up = Signal(_Look), Signal(range(_COUNT)), Signal()
        moves = Signal()
        raises = Signal()
        scans = Signal()
        ticks = self._add_clock(m, scans & (scanned == _COUNT - 1))
        m.d.comb += [
            moves.eq(~self.stall),
            chosen.eq(Mux(ticks, _Look.TICK, _Look.SCAN)),
            chosen_vector.eq(scanned),
            chooses.eq(~looks_up | (scanned != lookup_vector)),
            scans.eq(moves & chooses & ~raises & (chosen != _Look.FINISH)),
        ]
        with m.If(finishes & (~looks_up | (sent_vector != lookup_vector))):
            m.d.comb += [chosen.eq(_Look.FINISH), chosen_vector.eq(sent_vector), chooses.eq(1)]
            m.d.sync += finishes.eq(~moves)
        with m.Else():
            taken = C(0, 1)
            for vectors in reversed(self.vectors):
                takes = (vectors.valid & (~looks_up | (vectors.payload != lookup_vector))
                         & ~taken)
                m.d.comb += vectors.ready.eq(takes & moves)
                with m.If(takes):
                    m.d.comb += [
                        raises.eq(1),
                        chosen.eq(_Look.RAISE),
                        chosen_vector.eq(vectors.payload),
                        chooses.eq(1),
                    ]
                taken = taken | vectors.valid
        with m.If(scans):
            m.d.sync += scanned.eq(scanned + 1)

        # Look it up.
        look, vector, judges = Signal(_Look), Signal(range(_COUNT)), Signal()
        was_pending, was_masked, entry_masked, was_sending = (Signal() for _ in range(4))
        m.d.comb += [
            self.lookup.eq(lookup_vector),
            self.raises.eq(looks_up & (lookup == _Look.RAISE)),
            self.index.eq(Mux(sending, sent_vector, lookup_vector)),
        ]
        with m.If(moves):
            m.d.sync += [
                looks_up.eq(chooses),
                lookup.eq(chosen),
                lookup_vector.eq(chosen_vector),
                judges.eq(looks_up),
                look.eq(lookup),
                vector.eq(lookup_vector),
                was_pending.eq(self.pending.bit_select(lookup_vector, 1)),
                was_masked.eq(self.mask.bit_select(lookup_vector, 1)),
                entry_masked.eq(self.masked),
                was_sending.eq(sending),     # then another entry was shown
            ]

        # Judge it.
        may_leave = Signal()                 # as far as the host is concerned
        fires = Signal()
        is_finish = Signal()
        bit = Signal(_COUNT)
        m.d.comb += [
            bit.eq(1 << vector),
            is_finish.eq(moves & judges & (look == _Look.FINISH)),
            may_leave.eq(judges & (was_pending | (look == _Look.RAISE)) & (look != _Look.FINISH)
                         & ~was_masked & (by_msi | (by_msix & ~entry_masked))),
            fires.eq(moves & may_leave & ~sending & ~was_sending & self.due),
            self.raised.eq(moves & judges & (look == _Look.RAISE)),
            self.ticked.eq(moves & judges & (look == _Look.TICK)),
            self.left.eq(fires),
        ]
        now_masked = Signal()                # the entry of `sent_vector`, as of the cycle before
        with m.If(moves & sending):
            m.d.sync += now_masked.eq(self.masked)
        with m.If(fires):
            m.d.sync += [
                now_masked.eq(0),
                sending.eq(1),
                closing.eq(0),
                again.eq(0),
                sent_vector.eq(vector),
                is_msix.eq(by_msix),
            ]
        with m.If(self.raised):
            m.d.sync += self.pending.eq(self.pending | bit)
            with m.If(sending & (vector == sent_vector)):
                m.d.sync += again.eq(1)
        with m.If(is_finish):
            m.d.sync += sending.eq(0)
            with m.If(~again):
                m.d.sync += self.pending.eq(self.pending & ~bit)

        self._add_messages(m, by_msi, by_msix & ~now_masked, sending & ~closing, sent_vector,
                           is_msix, Cat(closing, finishes), again)
        waiting = Cat(vectors.valid for vectors in self.vectors).any()
        self._add_idle(m, waiting | sending | may_leave, by_msi, by_msix)
        with m.If(self.reset):
            m.d.sync += [self.pending.eq(0), sending.eq(0), finishes.eq(0), looks_up.eq(0),
                         judges.eq(0)]
        return m

    def _add_clock(self, m, round_ends):
        """Return whether a unit of time has passed for the vector whose turn it is."""
        cycles = Signal(range(VECTORS["moderation_cycles"]))
        passed = Signal()
        ticks = Signal()                     # the same for a whole round
        m.d.sync += cycles.eq(cycles + 1)
        with m.If(round_ends):
            m.d.sync += [ticks.eq(passed), passed.eq(0)]
        with m.If(cycles == 0):
            m.d.sync += passed.eq(1)
        return ticks

    def _add_messages(self, m, by_msi, by_msix, active, sent_vector, is_msix, ends, again):
        """Offer the message under way until it is taken, or may no longer leave."""
        offered = Signal()                   # MSI: everything before the vector has been taken
        stands = Signal()                    # what a hard block was offered stays so, MSI-X or not
        ready = Signal()                     # MSI-X: the message may leave, as it is here
        address, data = Signal(64), Signal(32)
        m.d.comb += [
            stands.eq(offered & self.config.msi_enabled),
            self.msi.valid.eq(active & ~is_msix & (stands | (by_msi & self.tx_drained))),
            # The host may grant fewer while a vector stands here.
            self.msi.payload.eq(sent_vector & ((1 << self.config.msi_vectors_log2) - 1)[:5]),
            self.message.valid.eq(ready & ~ends[0] & self.config.bus_master),
            self.message.payload.first.eq(1),
            self.message.payload.last.eq(1),
            self.message.payload.data.eq(data),
            self.message.payload.header.kind.eq(Kind.MEMORY_WRITE),
            self.message.payload.header.length_dw.eq(1),
            self.message.payload.header.first_be.eq(0b1111),
            self.message.payload.header.address.eq(Cat(C(0, 2), address[2:])),
        ]
        m.d.sync += [
            offered.eq(self.msi.valid & ~self.msi.ready),
            ready.eq(active & is_msix & by_msix & (ready | ~self.stall)),
            self.hold.eq(active & ~is_msix & by_msi & ~offered & ~self.tx_drained),
        ]
        with m.If(~self.stall):
            m.d.sync += [address.eq(self.address), data.eq(self.data)]
        with m.If((self.msi.valid & self.msi.ready) | (self.message.valid & self.message.ready)):
            m.d.sync += ends.eq(0b11)
        with m.Elif(active & Mux(is_msix, ~by_msix, ~by_msi & ~stands)):
            m.d.sync += [ends.eq(0b11), again.eq(1)]

    def _add_idle(self, m, happens, by_msi, by_msix):
        """Idle when every vector had its turn, and none of them waits for time or the link."""
        calm = Signal(range(_COUNT + 3))     # looks since something happened
        ways = Signal(2)
        m.d.sync += ways.eq(Cat(by_msi, by_msix))
        m.d.comb += self.idle.eq((calm == _COUNT + 2) & ~happens)
        with m.If(happens | self.touched | (ways != Cat(by_msi, by_msix))):
            m.d.sync += calm.eq(0)
        with m.Elif(~self.stall & (calm != _COUNT + 2)):
            m.d.sync += calm.eq(calm + 1)


class Msi(wiring.Component):
    """Blocks `msi` and `msix`: the vectors and their registers.

    Parameters
    ----------
    width : :class:`int`
        Payload bits per beat.
    raisers : :class:`int`
        Streams of vectors.

    Members
    -------
    bus : ``In(csr.Signature(16))``
        Block `msi`. Who may write is checked before it.
    table_bus : ``In(csr.Signature(16))``
        Block `msix`, likewise.
    vectors, config, tx_drained, hold, idle, msi, message
        See ``VectorSender``.
    reset : ``In(1)``
        High: forget every vector, every mask and every limit; mask every entry of the table.
    resetting : ``Out(1)``
        High while that is under way: nobody may write registers.
    """

    def __init__(self, width, *, raisers=2):
        self._width = width
        self._raisers = raisers
        super().__init__({
            "bus":        In(csr.Signature(16)),
            "table_bus":  In(csr.Signature(16)),
            "vectors":    In(stream.Signature(5)).array(raisers),
            "config":     In(ConfigLayout),
            "tx_drained": In(1),
            "reset":      In(1),
            "resetting":  Out(1),
            "hold":       Out(1),
            "idle":       Out(1),
            "msi":        Out(stream.Signature(5)),
            "message":    Out(stream.Signature(TxBeatLayout(width))),
        })

    def elaborate(self, platform):
        m = Module()
        plain = Block(MSI.name, MSI.base, MSI.size, MSI.doc, tuple(
            register for register in MSI.registers if register.name != "moderation"))
        m.submodules.bank = bank = CsrBank(plain, restorable=("mask",))
        m.submodules.moderation = moderation = Moderation()
        m.submodules.table = table = MsixTable()
        m.submodules.sweep = sweep = ResetSweep(count=_COUNT)
        m.submodules.sender = sender = VectorSender(self._width, raisers=self._raisers)
        csr.connect_all(m, wiring.flipped(self.bus), (bank.bus, moderation.bus))
        wiring.connect(m, wiring.flipped(self.table_bus), table.bus)
        for theirs, ours in zip(self.vectors, sender.vectors, strict=True):
            wiring.connect(m, wiring.flipped(theirs), ours)
        wiring.connect(m, sender.msi, wiring.flipped(self.msi))
        wiring.connect(m, sender.message, wiring.flipped(self.message))
        m.d.comb += [
            bank.granted.enabled.eq(self.config.msi_enabled),
            bank.granted.vectors_log2.eq(self.config.msi_vectors_log2),
            bank.granted.msix_enabled.eq(self.config.msix_enabled),
            bank.granted.msix_masked.eq(self.config.msix_masked),
            bank.pending.vectors.eq(sender.pending),
            bank.restore.eq(self.reset),
            table.pending.eq(sender.pending),
            table.sweeps.eq(sweep.busy),
            table.swept.eq(sweep.index),
            table.index.eq(sender.index),
            moderation.sweeps.eq(sweep.busy),
            moderation.swept.eq(sweep.index),
            moderation.vector.eq(sender.lookup),
            moderation.raises.eq(sender.raises),
            moderation.stall.eq(sender.stall),
            moderation.raised.eq(sender.raised),
            moderation.ticked.eq(sender.ticked),
            moderation.left.eq(sender.left),
            sender.mask.eq(bank.mask.vectors),
            sender.config.eq(self.config),
            sender.tx_drained.eq(self.tx_drained),
            sender.reset.eq(self.reset),
            sender.stall.eq(table.busy | moderation.busy | sweep.busy),
            sender.due.eq(moderation.due),
            sender.address.eq(table.address),
            sender.data.eq(table.data),
            sender.masked.eq(table.masked),
            sender.touched.eq(self.bus.write | self.table_bus.write),
            sweep.reset.eq(self.reset),
            self.resetting.eq(sweep.busy),
            self.hold.eq(sender.hold),
            self.idle.eq(sender.idle),
        ]
        return m

# SPDX-License-Identifier: BSD-2-Clause
"""Block `msi`: vectors pending, masked, folded, and never ahead of the data they announce."""

from amaranth.hdl import Module, Mux, ResetInserter, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from . import csr
from .pcie.phy import ConfigLayout
from .regmap.to_csr import CsrBank
from .regs import MSI

__all__ = ["VECTORS", "MsiQueue", "Msi"]

#: Vectors that MSI can have (Base 4.0, 7.7.1).
VECTORS = 32


class MsiQueue(wiring.Component):
    """Hold raised vectors until they may leave, lowest first.

    A vector raised again before it has left merges with itself. It leaves only after every TLP
    that was accepted before the raise, or in its cycle, has been taken by the hard block; ``hold``
    asks the sender to begin no TLP while a vector waits for that, so that the wait ends. However
    fast vectors are raised, a TLP can be begun whenever the link is drained.

    Members
    -------
    vectors : ``In(stream.Signature(5)).array(raisers)``
        Vectors to raise, always taken at once.
    mask : ``In(32)``
        Vectors to hold back.
    config : ``In(ConfigLayout)``
        What the host has configured. While MSI or bus mastering is off, vectors stay pending. A
        vector beyond those granted leaves modulo their number.
    tx_drained : ``In(1)``
        See ``phy.Signature``.
    reset : ``In(1)``
        High: forget every vector, an offered one too.
    hold : ``Out(1)``
        High while a vector waits for ``tx_drained``.
    pending : ``Out(32)``
        Vectors raised, and not yet taken by the hard block.
    idle : ``Out(1)``
        High while no vector is on its way: what is pending is masked, or MSI is off.
    msi : ``Out(stream.Signature(5))``
        Vectors for the hard block. An offer stands until it is taken or MSI is switched off; it
        changes only with the number of vectors granted.
    """

    def __init__(self, *, raisers=2):
        super().__init__({
            "vectors":    In(stream.Signature(5)).array(raisers),
            "mask":       In(VECTORS),
            "config":     In(ConfigLayout),
            "tx_drained": In(1),
            "reset":      In(1),
            "hold":       Out(1),
            "pending":    Out(VECTORS),
            "idle":       Out(1),
            "msi":        Out(stream.Signature(5)),
        })

    def elaborate(self, platform):
        m = Module()
        raised = Signal(VECTORS)             # not yet behind their data
        ready = Signal(VECTORS)              # behind their data
        offered = Signal(VECTORS)            # one-hot: on `msi`, until it is taken
        vector = Signal(5)                   # the same as a number

        now = Signal(VECTORS)
        waiting = Signal(VECTORS)
        behind = Signal(VECTORS)
        enabled = Signal()
        m.d.comb += [
            enabled.eq(self.config.msi_enabled & self.config.bus_master),
            waiting.eq(Mux(enabled, raised & ~self.mask, 0)),
            behind.eq(Mux(self.tx_drained, waiting, 0)),
            self.hold.eq((waiting != 0) & ~self.tx_drained),
            self.pending.eq(raised | ready | offered),
        ]
        for vectors in self.vectors:
            m.d.comb += vectors.ready.eq(1)
            with m.If(vectors.valid):
                m.d.comb += now.bit_select(vectors.payload, 1).eq(1)

        chosen = Signal(VECTORS)             # one-hot
        leaving = Signal(VECTORS)
        m.d.comb += leaving.eq(Mux(enabled, ready & ~self.mask, 0))
        m.d.comb += chosen.eq(leaving & (~leaving + 1)[:VECTORS])
        free = Signal()
        m.d.comb += [
            free.eq((offered == 0) | (self.msi.valid & self.msi.ready)),
            self.msi.valid.eq(enabled & (offered != 0)),
            # The host may grant fewer while a vector stands here.
            self.msi.payload.eq(vector & ((1 << self.config.msi_vectors_log2) - 1)[:5]),
            self.idle.eq((waiting == 0) & (leaving == 0) & ~self.msi.valid),
        ]
        m.d.sync += raised.eq((raised & ~behind) | now)
        with m.If(free):
            m.d.sync += [
                ready.eq((ready | behind) & ~chosen),
                offered.eq(chosen),
            ]
            for number in range(VECTORS):
                with m.If(chosen[number]):
                    m.d.sync += vector.eq(number)
        with m.Else():
            m.d.sync += ready.eq(ready | behind)
        with m.If(self.reset):
            m.d.sync += [raised.eq(0), ready.eq(0), offered.eq(0)]
        return m


class Msi(wiring.Component):
    """Block `msi`: the queue and its registers.

    Members
    -------
    bus : ``In(csr.Signature(16))``
        Block `msi`. Who may write is checked before it.
    vectors, config, tx_drained, hold, idle, msi
        See ``MsiQueue``.
    reset : ``In(1)``
        High: forget every vector, and the mask.
    """

    def __init__(self, *, raisers=2):
        self._raisers = raisers
        super().__init__({
            "bus":        In(csr.Signature(16)),
            "vectors":    In(stream.Signature(5)).array(raisers),
            "config":     In(ConfigLayout),
            "tx_drained": In(1),
            "reset":      In(1),
            "hold":       Out(1),
            "idle":       Out(1),
            "msi":        Out(stream.Signature(5)),
        })

    def elaborate(self, platform):
        m = Module()
        bank = CsrBank(MSI)
        m.submodules.bank = ResetInserter(self.reset)(bank)
        m.submodules.queue = queue = MsiQueue(raisers=self._raisers)
        wiring.connect(m, wiring.flipped(self.bus), bank.bus)
        for theirs, ours in zip(self.vectors, queue.vectors, strict=True):
            wiring.connect(m, wiring.flipped(theirs), ours)
        wiring.connect(m, queue.msi, wiring.flipped(self.msi))
        m.d.comb += [
            bank.granted.enabled.eq(self.config.msi_enabled),
            bank.granted.vectors_log2.eq(self.config.msi_vectors_log2),
            bank.pending.vectors.eq(queue.pending),
            queue.mask.eq(bank.mask.vectors),
            queue.config.eq(self.config),
            queue.tx_drained.eq(self.tx_drained),
            queue.reset.eq(self.reset),
            self.hold.eq(queue.hold),
            self.idle.eq(queue.idle),
        ]
        return m

# SPDX-License-Identifier: BSD-2-Clause
"""Host memory to card RAM: memory reads, many in flight, completions in any order."""

from amaranth import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..pcie.phy import ConfigLayout
from ..pcie.tags import TagAllocator
from ..pcie.tlp import RxBeatLayout, TxBeatLayout
from ..regs.copier import CommandError
from ..soc import memory_port
from .checker import CompletionChecker
from .issuer import ReadIssuer
from .placer import LinePlacer
from .requests import TAGS, RequestTable
from .splitter import Splitter, TransferLayout

__all__ = ["CREDIT_BLOCKS", "ReadCountedLayout", "ReadControl", "HostReader"]

#: Receive buffer of the hard block: 36 completion headers and 461 units of 16 bytes. In 64-byte
#: completions a block takes one header and four units.
CREDIT_BLOCKS = min(36, 461 // 4)

# Reads beyond this size would leave too few credits for a second one to hide the latency of the
# first; those beyond 2 KiB could never be issued at all.
_MAX_REQUEST_LOG2 = 9

#: One-cycle pulses, named like the counters of block `stats`.
ReadCountedLayout = data.StructLayout({
    "poisoned":              1,
    "completion_error":      1,
    "completion_timeout":    1,
    "unexpected_completion": 1,
})


class ReadControl(wiring.Component):
    """Follow one transfer from its first read to its last byte, or to its first fault.

    Members
    -------
    start : ``In(1)``
        Strobe: a transfer begins. Only while ``ready`` is high.
    ready : ``Out(1)``
        No transfer is under way.
    cancel, bus_master : ``In(1)``
        Levels that end a transfer with RESET, or (when low) with BUS_MASTER_OFF.
    fault : ``In(1)``, fault_error : ``In(8)``, timeout : ``In(1)``
        Strobes that end it with that error, or with TIMEOUT.
    last : ``In(1)``
        Strobe: all reads of the transfer have been opened or dropped.
    quiet : ``In(1)``
        No read is live, no byte is on its way to card RAM. An open read shows the cycle after.
    stop : ``Out(1)``
        Drop the rest, abandon what is outstanding.
    result : ``Out(stream.Signature(8, always_ready=True))``
        ``CommandError`` of the transfer. No byte of it reaches card RAM from then on.
    """

    start: In(1)
    ready: Out(1)
    cancel: In(1)
    bus_master: In(1)
    fault: In(1)
    fault_error: In(8)
    timeout: In(1)
    last: In(1)
    quiet: In(1)
    stop: Out(1)
    result: Out(stream.Signature(8, always_ready=True))

    def elaborate(self, platform):
        m = Module()
        active = Signal()
        issued = Signal()
        error = Signal(8)

        m.d.comb += [
            self.ready.eq(~active),
            self.stop.eq(active & ((error != CommandError.OK) | self.cancel | ~self.bus_master)),
            self.result.valid.eq(active & issued & self.quiet),
            self.result.payload.eq(error),
        ]
        with m.If(self.start):
            m.d.sync += [active.eq(1), issued.eq(0), error.eq(CommandError.OK)]
        with m.Elif(active):
            with m.If(error == CommandError.OK):
                with m.If(self.fault):
                    m.d.sync += error.eq(self.fault_error)
                with m.Elif(self.timeout):
                    m.d.sync += error.eq(CommandError.TIMEOUT)
                with m.Elif(~self.bus_master):
                    m.d.sync += error.eq(CommandError.BUS_MASTER_OFF)
                with m.Elif(self.cancel):
                    m.d.sync += error.eq(CommandError.RESET)
            with m.If(self.last):
                m.d.sync += issued.eq(1)
            with m.If(self.result.valid):
                m.d.sync += active.eq(0)
        return m


class HostReader(wiring.Component):
    """Read transfers from host memory into card RAM, one transfer at a time, many reads in flight.

    A read that fails ends its transfer at once; the others of that transfer are abandoned: their
    completions are checked and dropped. A tag whose completion never comes is not used again for
    :data:`~vop.dma.requests.QUARANTINE_TIMEOUTS` timeouts more.

    Parameters
    ----------
    card_bits : :class:`int`
        Bits of a card address.
    width : :class:`int`
        Bits of a card RAM line and of a beat: 64, 128 or 256.
    timeout_cycles : :class:`int`
        Completion timeout, in cycles.

    Members
    -------
    config : ``In(ConfigLayout)``
        MRRS, our id, bus mastering.
    transfer : ``In(stream.Signature(TransferLayout(card_bits)))``
        The next transfer. Its card addresses lie in card RAM, its bytes are 1 to MAX_BYTES.
    cancel : ``In(1)``
        Level: end the transfer under way with RESET.
    result : ``Out(stream.Signature(8, always_ready=True))``
        ``CommandError`` of the transfer. All its bytes are in card RAM, and none will come later.
    idle : ``Out(1)``
        No transfer is under way and no read waits on ``tlp``.
    memory : ``Out(memory_port.WriteSignature)``
        Card RAM; must not wait.
    completions : ``In(stream.Signature(RxBeatLayout(width), always_ready=True))``
        From the link.
    tlp : ``Out(stream.Signature(TxBeatLayout(width)))``
        Memory reads.
    counted : ``Out(ReadCountedLayout)``
        Pulses for the counters.
    """

    def __init__(self, *, card_bits, width, timeout_cycles):
        self._card_bits = card_bits
        self._width = width
        self._timeout_cycles = timeout_cycles
        line_bits = card_bits - ((width // 8).bit_length() - 1)
        super().__init__({
            "config":      In(ConfigLayout),
            "transfer":    In(stream.Signature(TransferLayout(card_bits))),
            "cancel":      In(1),
            "result":      Out(stream.Signature(8, always_ready=True)),
            "idle":        Out(1),
            "memory":      Out(memory_port.WriteSignature(line_bits, width)),
            "completions": In(stream.Signature(RxBeatLayout(width), always_ready=True)),
            "tlp":         Out(stream.Signature(TxBeatLayout(width))),
            "counted":     Out(ReadCountedLayout),
        })

    def elaborate(self, platform):
        m = Module()
        shape = {"card_bits": self._card_bits, "width": self._width}
        m.submodules.control = control = ReadControl()
        m.submodules.splitter = splitter = Splitter(card_bits=self._card_bits)
        m.submodules.tags = tags = TagAllocator(count=TAGS)
        m.submodules.table = table = RequestTable(
            card_bits=self._card_bits, timeout_cycles=self._timeout_cycles,
            credit_blocks=CREDIT_BLOCKS)
        m.submodules.issuer = issuer = ReadIssuer(**shape, credit_blocks=CREDIT_BLOCKS)
        m.submodules.checker = checker = CompletionChecker(**shape)
        m.submodules.placer = placer = LinePlacer(**shape)

        opened = Signal()  # the table shows a read the cycle after it was opened
        m.d.sync += opened.eq(issuer.open)
        m.d.comb += [
            splitter.limit_log2.eq(Mux(self.config.max_read_request > _MAX_REQUEST_LOG2 - 7,
                                       _MAX_REQUEST_LOG2, self.config.max_read_request + 7)),
            self.transfer.ready.eq(control.ready & splitter.transfer.ready),
            splitter.transfer.valid.eq(self.transfer.valid & control.ready),
            splitter.transfer.payload.eq(self.transfer.payload),
            control.start.eq(self.transfer.valid & self.transfer.ready),
            control.cancel.eq(self.cancel),
            control.bus_master.eq(self.config.bus_master),
            control.fault.eq(checker.fault),
            control.fault_error.eq(checker.fault_error),
            control.timeout.eq(table.live_timeout),
            control.last.eq(issuer.last),
            control.quiet.eq(~table.live & ~opened & ~checker.busy & placer.idle),
            issuer.drop.eq(control.stop),
            issuer.room.eq(Mux(placer.crowded, 0, table.room)),
            table.open.eq(issuer.open),
            table.open_tag.eq(issuer.open_tag),
            table.open_request.eq(issuer.open_request),
            table.abandon.eq(control.stop),
            table.tag.eq(checker.tag),
            checker.is_open.eq(table.is_open),
            checker.is_abandoned.eq(table.is_abandoned),
            checker.request.eq(table.request),
            checker.id.eq(self.config.id),
            table.advance.eq(checker.advance),
            table.advanced.eq(checker.advanced),
            table.close.eq(checker.close),
            self.idle.eq(control.ready & ~issuer.tlp.valid),
            self.counted.poisoned.eq(checker.poisoned),
            self.counted.completion_error.eq(checker.failed),
            self.counted.completion_timeout.eq(table.timeout),
            self.counted.unexpected_completion.eq(checker.unexpected),
        ]
        wiring.connect(m, splitter.piece, issuer.piece)
        wiring.connect(m, tags.alloc, issuer.tag)
        wiring.connect(m, table.free, tags.free)
        wiring.connect(m, checker.placement, placer.placement)
        wiring.connect(m, wiring.flipped(self.completions), checker.completions)
        wiring.connect(m, wiring.flipped(self.memory), placer.memory)
        wiring.connect(m, wiring.flipped(self.tlp), issuer.tlp)
        wiring.connect(m, wiring.flipped(self.result), control.result)
        return m

# SPDX-License-Identifier: BSD-2-Clause
"""Card RAM: lines in two interleaved banks, shared by DMA, the host's aperture and the CPU."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, connect, flipped

from .memory_bank import Bank
from .memory_merge import ReadMerger, ReadScheduler, WriteMerger
from .memory_port import ReadSignature, WriteSignature
from .memory_span import SpanSignature, SpanSpread

__all__ = ["CardMemory"]

_BANKS = 2  # lowest bit of the line number


class CardMemory(wiring.Component):
    """Card RAM and the ways to it.

    In each cycle it takes one write (on ``span``, of two neighbouring lines), one read of the first
    port, and one read of the others if that is of the other bank. So a stream of reads and a stream
    of writes run at full width side by side, and others find the bank that the stream of reads does
    not use.

    A write and a read that are accepted in one cycle do not see each other: the read gives what was
    there before.

    Parameters
    ----------
    ram_bytes : :class:`int`
        Size. A power of two, at least four lines.
    width : :class:`int`
        Bits of a line: 64, 128 or 256.
    reads, writes : :class:`int`
        Read and write ports, beside ``span``. At least 2 reads, and 1 to 4 writes.
    init : :class:`bytes`
        Initial content from address 0; the rest is zero.
    patience : :class:`int`
        Cycles that another read gives way to those of the first port. At least 1.

    Members
    -------
    reads : ``In(ReadSignature(...)).array(reads)``
        Read ports. The first has a way of its own; the others take turns.
    span : ``In(SpanSignature(...))``
        The write port that never waits.
    writes : ``In(WriteSignature(...)).array(writes)``
        Write ports that take turns when ``span`` pauses.

    Raises
    ------
    ValueError
        If a parameter is out of range, or ``init`` is larger than the RAM.
    """

    def __init__(self, *, ram_bytes, width=128, reads=2, writes=1, init=b"", patience=3):
        if width not in (64, 128, 256):
            raise ValueError(f"Line width must be 64, 128 or 256 bits, not {width!r}")
        line_bytes = width // 8
        if ram_bytes & (ram_bytes - 1) or ram_bytes < 4 * line_bytes:
            raise ValueError("Card RAM must be a power of two of at least four lines, not "
                             f"{ram_bytes!r} bytes")
        if reads < 2 or not 1 <= writes <= 4:
            raise ValueError("Card RAM must have two read ports and one to four write ports, not "
                             f"{reads!r} and {writes!r}")
        if patience < 1:
            raise ValueError(f"Patience must be at least 1 cycle, not {patience!r}")
        if len(init) > ram_bytes:
            raise ValueError(f"Initial content must fit {ram_bytes} bytes of card RAM, not be "
                             f"{len(init)} bytes")
        self._width = width
        self._patience = patience
        self._line_bits = (ram_bytes // line_bytes - 1).bit_length()
        self._init = [int.from_bytes(init[at:at + line_bytes], "little")
                      for at in range(0, len(init), line_bytes)]
        super().__init__({
            "reads":  In(ReadSignature(self._line_bits, width)).array(reads),
            "span":   In(SpanSignature(self._line_bits, width)),
            "writes": In(WriteSignature(self._line_bits, width)).array(writes),
        })

    @property
    def line_bits(self):
        """Bits of a line number."""
        return self._line_bits

    def elaborate(self, platform):
        m = Module()
        first, *others = self.reads
        m.submodules.write_merger = writing = WriteMerger(
            line_bits=self._line_bits, width=self._width, writes=len(self.writes))
        m.submodules.read_merger = merger = ReadMerger(
            line_bits=self._line_bits, reads=len(others))
        m.submodules.scheduler = scheduler = ReadScheduler(
            line_bits=self._line_bits, patience=self._patience)
        m.submodules.spread = spread = SpanSpread(line_bits=self._line_bits, width=self._width)
        m.d.comb += [
            spread.i.request.payload.eq(writing.write),
            spread.i.request.valid.eq(1),
        ]
        banks = [self._add_bank(m, number, spread.o[number].payload, scheduler.addresses[number])
                 for number in range(_BANKS)]

        connect(m, flipped(self.span.request), writing.span)
        for port, source in zip(self.writes, writing.writes, strict=True):
            connect(m, flipped(port.request), source)
        connect(m, flipped(first.request), scheduler.reads[0])
        connect(m, merger.read, scheduler.reads[1])
        m.d.comb += merger.answer.eq(scheduler.answers[1])
        for port, source in zip(others, merger.reads, strict=True):
            connect(m, flipped(port.request), source)
        for ports, valids, bank in (([first], scheduler.answers[0], scheduler.banks[0]),
                                    (others, merger.answers, scheduler.banks[1])):
            line = Signal(self._width)
            m.d.comb += line.eq(Mux(bank, banks[1].read_data, banks[0].read_data))
            for port, valid in zip(ports, valids, strict=True):
                m.d.comb += [port.response.payload.eq(line), port.response.valid.eq(valid)]
        return m

    def _add_bank(self, m, number, write, address):
        m.submodules[f"bank{number}"] = bank = Bank(
            address_bits=self._line_bits - 1, width=self._width, init=self._init[number::_BANKS])
        m.d.comb += [
            bank.write_address.eq(write.line),
            bank.write_data.eq(write.data),
            bank.write_strobe.eq(write.strobe),
            bank.read_address.eq(address),
        ]
        return bank

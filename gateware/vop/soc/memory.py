# SPDX-License-Identifier: BSD-2-Clause
"""Card RAM: lines in two interleaved banks, shared by DMA, the host's aperture and the CPU."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from .memory_bank import Bank, BankArbiter
from .memory_port import CpuSignature, ReadSignature, WriteLayout, WriteSignature

__all__ = ["Spread", "Join", "CardMemory"]

_BANKS = 2  # lowest bit of the line number


class Spread(wiring.Component):
    """Send each access to the bank of its line.

    Parameters
    ----------
    line_bits : :class:`int`
        Bits of a line number.
    width : :class:`int`
        Bits of a line, or 0 where the accesses only read.

    Members
    -------
    i : ``In(stream.Signature(...))``
        Accesses: a line number, or :func:`WriteLayout` where ``width`` is given.
    o : ``Out(stream.Signature(...)).array(2)``
        The same by bank, with the address within the bank as line.
    """

    def __init__(self, *, line_bits, width=0):
        self._width = width

        def shape(bits):
            return WriteLayout(bits, width) if width else bits

        super().__init__({
            "i": In(stream.Signature(shape(line_bits))),
            "o": Out(stream.Signature(shape(line_bits - 1))).array(_BANKS),
        })

    def elaborate(self, platform):
        m = Module()
        line = self.i.payload.line if self._width else self.i.payload
        for number, o in enumerate(self.o):
            mine = line[0] == number
            m.d.comb += o.valid.eq(self.i.valid & mine)
            if self._width:
                m.d.comb += [
                    o.payload.line.eq(line[1:]),
                    o.payload.data.eq(self.i.payload.data),
                    o.payload.strobe.eq(self.i.payload.strobe),
                ]
            else:
                m.d.comb += o.payload.eq(line[1:])
            with m.If(mine):
                m.d.comb += self.i.ready.eq(o.ready)
        return m


class Join(wiring.Component):
    """Pick the answer to a read from the bank that gives it.

    Parameters
    ----------
    width : :class:`int`
        Bits of a line.

    Members
    -------
    accepted : ``In(2)``
        Bit n: bank n accepted this port's read in this cycle.
    lines : ``In(width).array(2)``
        What the banks give.
    line : ``Out(width)``
        The answer. Valid in the cycle after ``accepted``.
    response : ``Out(stream.Signature(width, always_ready=True))``
        The same, a cycle later, from a register.
    """

    def __init__(self, *, width):
        super().__init__({
            "accepted": In(_BANKS),
            "lines":    In(width).array(_BANKS),
            "line":     Out(width),
            "response": Out(stream.Signature(width, always_ready=True)),
        })

    def elaborate(self, platform):
        m = Module()
        accepted = Signal(_BANKS)
        m.d.comb += self.line.eq(self.lines[0])
        with m.If(accepted[1]):
            m.d.comb += self.line.eq(self.lines[1])
        m.d.sync += [
            accepted.eq(self.accepted),
            self.response.valid.eq(accepted.any()),
            self.response.payload.eq(self.line),
        ]
        return m


class CardMemory(wiring.Component):
    """Card RAM and the arbiters before it.

    Each bank takes one write and one read (or access of the CPU) in every cycle, so a stream of
    reads and a stream of writes run at full width side by side, and the CPU finds the bank that the
    stream of reads does not use. :class:`BankArbiter` has the rules.

    Parameters
    ----------
    ram_bytes : :class:`int`
        Size. A power of two, at least four lines.
    width : :class:`int`
        Bits of a line: 64, 128 or 256.
    reads, writes : :class:`int`
        Read and write ports. At least 1 each.
    init : :class:`bytes`
        Initial content from address 0; the rest is zero.
    patience : :class:`int`
        Cycles that the CPU gives way to reads. At least 1.

    Members
    -------
    reads : ``In(ReadSignature(...)).array(reads)``
        Read ports.
    writes : ``In(WriteSignature(...)).array(writes)``
        Write ports. The first never waits; another waits while the first uses its bank.
    cpus : ``In(CpuSignature(...)).array(2)``
        The CPU's data bus, then its instruction bus.

    Raises
    ------
    ValueError
        If a parameter is out of range, or ``init`` is larger than the RAM.
    """

    def __init__(self, *, ram_bytes, width=128, reads=1, writes=1, init=b"", patience=3):
        if width not in (64, 128, 256):
            raise ValueError(f"Line width must be 64, 128 or 256 bits, not {width!r}")
        line_bytes = width // 8
        if ram_bytes & (ram_bytes - 1) or ram_bytes < 4 * line_bytes:
            raise ValueError("Card RAM must be a power of two of at least four lines, not "
                             f"{ram_bytes!r} bytes")
        if reads < 1 or writes < 1:
            raise ValueError(f"Card RAM must have a read and a write port, not {reads!r} and "
                             f"{writes!r}")
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
            "writes": In(WriteSignature(self._line_bits, width)).array(writes),
            "cpus":   In(CpuSignature(self._line_bits, width)).array(2),
        })

    @property
    def line_bits(self):
        """Bits of a line number."""
        return self._line_bits

    def elaborate(self, platform):
        m = Module()
        banks = [self._add_bank(m, number) for number in range(_BANKS)]

        for index, port in enumerate(self.writes):
            self._add_spread(m, f"write{index}", port, [arbiter.writes[index]
                                                       for _bank, arbiter in banks], self._width)
        for index, port in enumerate(self.reads):
            spread = self._add_spread(m, f"read{index}", port, [arbiter.reads[index]
                                                               for _bank, arbiter in banks], 0)
            join = self._add_join(m, f"read{index}_join", spread, banks)
            connect(m, join.response, flipped(port.response))
        for index, port in enumerate(self.cpus):
            spread = self._add_spread(m, f"cpu{index}", port, [arbiter.cpus[index]
                                                              for _bank, arbiter in banks],
                                      self._width)
            join = self._add_join(m, f"cpu{index}_join", spread, banks)
            m.d.comb += port.response.eq(join.line)
        return m

    def _add_bank(self, m, number):
        bank = Bank(address_bits=self._line_bits - 1, width=self._width,
                    init=self._init[number::_BANKS])
        arbiter = BankArbiter(
            address_bits=self._line_bits - 1, width=self._width, reads=len(self.reads),
            writes=len(self.writes), cpus=len(self.cpus), patience=self._patience)
        m.submodules[f"bank{number}"] = bank
        m.submodules[f"bank{number}_arbiter"] = arbiter
        for name in ("write_address", "write_data", "write_strobe", "address", "data", "strobe",
                     "read"):
            m.d.comb += getattr(bank, name).eq(getattr(arbiter, name))
        return bank, arbiter

    def _add_spread(self, m, name, port, targets, width):
        spread = Spread(line_bits=self._line_bits, width=width)
        m.submodules[name] = spread
        connect(m, flipped(port.request), spread.i)
        for o, target in zip(spread.o, targets, strict=True):
            connect(m, o, target)
        return spread

    def _add_join(self, m, name, spread, banks):
        join = Join(width=self._width)
        m.submodules[name] = join
        for number, (bank, _arbiter) in enumerate(banks):
            m.d.comb += [
                join.accepted[number].eq(spread.o[number].valid & spread.o[number].ready),
                join.lines[number].eq(bank.read_data),
            ]
        return join

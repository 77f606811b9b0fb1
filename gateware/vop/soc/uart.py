# SPDX-License-Identifier: BSD-2-Clause
"""A serial line: 8 data bits, no parity, 1 stop bit."""

from amaranth.hdl import C, Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out, connect, flipped

from .. import csr
from ..regmap.to_csr import CsrBank
from ..regs import UART

__all__ = ["Transmitter", "Receiver", "Uart"]

_FRAME_BITS = 10  # start, 8 data, stop
_DIVISOR_BITS = UART.register("divisor").fields[0].width


class Transmitter(wiring.Component):
    """Send characters.

    Members
    -------
    divisor : ``In(16)``
        Cycles per bit; 0 counts as 1.
    i : ``In(stream.Signature(8))``
        Characters; accepted while no frame is on the line.
    tx : ``Out(1)``
        The line. Idle high.
    """

    divisor: In(_DIVISOR_BITS)
    i: In(stream.Signature(8))
    tx: Out(1, init=1)

    def elaborate(self, platform):
        m = Module()
        frame = Signal(_FRAME_BITS, init=(1 << _FRAME_BITS) - 1)
        bits = Signal(range(_FRAME_BITS + 1))
        cycles = Signal(_DIVISOR_BITS)
        m.d.comb += [
            self.tx.eq(frame[0]),
            self.i.ready.eq(bits == 0),
        ]
        with m.If(self.i.ready):
            with m.If(self.i.valid):
                m.d.sync += [
                    frame.eq(Cat(C(0, 1), self.i.payload, C(1, 1))),
                    bits.eq(_FRAME_BITS),
                    cycles.eq(self.divisor),
                ]
        with m.Elif(cycles > 1):
            m.d.sync += cycles.eq(cycles - 1)
        with m.Else():
            m.d.sync += [
                frame.eq(Cat(frame[1:], C(1, 1))),
                bits.eq(bits - 1),
                cycles.eq(self.divisor),
            ]
        return m


class Receiver(wiring.Component):
    """Receive characters. A frame without a stop bit is dropped; the next begins at an edge.

    Members
    -------
    divisor : ``In(16)``
        Cycles per bit, 4 or more.
    rx : ``In(1)``
        The line, asynchronous. Idle high.
    o : ``Out(stream.Signature(8, always_ready=True))``
        Characters, each for one cycle.
    """

    divisor: In(_DIVISOR_BITS)
    rx: In(1, init=1)
    o: Out(stream.Signature(8, always_ready=True))

    def elaborate(self, platform):
        m = Module()
        line = Signal(init=1)
        m.submodules.synchronizer = FFSynchronizer(self.rx, line, init=1)
        frame = Signal(_FRAME_BITS)
        bits = Signal(range(_FRAME_BITS + 1))
        cycles = Signal(_DIVISOR_BITS)
        before = Signal(init=1)
        m.d.sync += [self.o.valid.eq(0), before.eq(line)]
        with m.If(bits == 0):
            with m.If(before & ~line):
                # The first sample falls into the middle of the start bit.
                m.d.sync += [bits.eq(_FRAME_BITS), cycles.eq(self.divisor >> 1)]
        with m.Elif(cycles > 1):
            m.d.sync += cycles.eq(cycles - 1)
        with m.Else():
            m.d.sync += [
                frame.eq(Cat(frame[1:], line)),
                bits.eq(bits - 1),
                cycles.eq(self.divisor),
            ]
            with m.If((bits == _FRAME_BITS) & line):
                m.d.sync += bits.eq(0)  # a spike, not a start bit
            with m.If(bits == 1):
                m.d.sync += [
                    self.o.payload.eq(frame[2:]),
                    self.o.valid.eq(line),
                ]
        return m


class Uart(wiring.Component):
    """Registers around a transmitter and a receiver, each one character deep.

    Parameters
    ----------
    address_bits : :class:`int`
        Width of the bus address.
    divisor : :class:`int` or None
        Cycles per bit after reset; None for the declared value.

    Members
    -------
    bus : ``In(csr.Signature(address_bits))``
        Block ``uart``.
    tx : ``Out(1)``, rx : ``In(1)``
        The lines. Idle high.
    sent : ``Out(stream.Signature(8, always_ready=True))``
        Each character that software wrote, for one cycle, whether the line was ready or not.
    interrupt : ``Out(1)``
        High while a received character waits.
    """

    def __init__(self, *, address_bits, divisor=None):
        self._address_bits = address_bits
        self._resets = {} if divisor is None else {("divisor", "cycles"): divisor}
        super().__init__({
            "bus":       In(csr.Signature(address_bits)),
            "tx":        Out(1, init=1),
            "rx":        In(1, init=1),
            "sent":      Out(stream.Signature(8, always_ready=True)),
            "interrupt": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.bank = bank = CsrBank(UART, address_bits=self._address_bits,
                                           resets=self._resets)
        m.submodules.transmitter = transmitter = Transmitter()
        m.submodules.receiver = receiver = Receiver()
        connect(m, flipped(self.bus), bank.bus)
        received = Signal(8)
        overrun = Signal()
        waiting = Signal()
        m.d.comb += [
            transmitter.divisor.eq(bank.divisor.cycles),
            transmitter.i.payload.eq(bank.data.sent),
            transmitter.i.valid.eq(bank.data.was_written),
            self.tx.eq(transmitter.tx),
            self.sent.payload.eq(bank.data.sent),
            self.sent.valid.eq(bank.data.was_written),
            receiver.divisor.eq(bank.divisor.cycles),
            receiver.rx.eq(self.rx),
            bank.data.received.eq(received),
            bank.status.tx_ready.eq(transmitter.i.ready),
            bank.status.rx_valid.eq(waiting),
            bank.status.rx_overrun.eq(overrun),
            self.interrupt.eq(waiting),
        ]
        with m.If(bank.data.was_read):
            m.d.sync += [waiting.eq(0), overrun.eq(0)]
        with m.If(receiver.o.valid):
            m.d.sync += [
                received.eq(receiver.o.payload),
                waiting.eq(1),
                overrun.eq(waiting & ~bank.data.was_read),
            ]
        return m

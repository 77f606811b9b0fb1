# SPDX-License-Identifier: BSD-2-Clause
"""The top of a board's design: hard block, card, clocks, resets, and what else the board has."""

from amaranth.build import ResourceError
from amaranth.hdl import (
    Cat,
    ClockDomain,
    ClockSignal,
    Const,
    DomainRenamer,
    Instance,
    Module,
    ResetSignal,
    Signal,
)
from amaranth.lib import io, wiring
from amaranth.lib.cdc import ResetSynchronizer
from amaranth.lib.wiring import connect

from ..shims.pcie_7x_ip import Pcie7xBlock
from ..xc7.design import ShimmedCard
from ..xc7.pll import Pll
from .constraints import ASYNCHRONOUS_PINS, asynchronous_pins

__all__ = ["BoardTop", "BAUD", "CPU_HZ"]

#: Of the serial line, where the board has one.
BAUD = 115_200

#: What the core reaches with its buses, with a margin (docs/adr/0005).
CPU_HZ = 100_000_000

_BLINK_BIT = 25  # about a second


class BoardTop(wiring.Component):
    """A board.

    The card is in domain ``pcie``, at the block's user clock, and its CPU in ``cpu``. PERST# resets
    the block, and with it the card; the CPU's domain is in reset while the card is, or the PLL
    has not locked.

    ========  ==========================================
    LED       lit
    ========  ==========================================
    0         the link is up
    1         blinks: the card's clock runs
    2         blinks: the CPU's clock runs
    3         the host lets the card master the bus
    ========  ==========================================

    Parameters
    ----------
    board : :class:`vop.vivado.board.Board`
        The board.
    parameters
        Those of :class:`vop.card.Card` that the board does not decide.
    """

    def __init__(self, board, **parameters):
        self._board = board
        self._card = ShimmedCard(
            board.link.width, ram_bytes=board.ram_bytes, clock_hz=board.link.clock_hz,
            uart_divisor=round(board.link.clock_hz / BAUD), cpu_domain="cpu", **parameters)
        self._asynchronous_inputs = []
        self._asynchronous_outputs = []
        super().__init__({})

    def elaborate(self, platform):
        m = Module()
        board, link = self._board, platform.request("pcie", 0, dir="-")
        oscillator = platform.request(board.clock, 0, dir="-")

        # The block, and the card at its clock.
        reference = Signal()
        m.submodules.reference = Instance("IBUFDS_GTE2", i_I=link.clk.p, i_IB=link.clk.n,
                                          i_CEB=Const(0), o_O=reference)
        m.submodules.perst = perst = self._input(link.rst)
        m.submodules.pcie = block = Pcie7xBlock(board.link.width, rx=link.rx, tx=link.tx)
        m.domains.pcie = ClockDomain()
        m.submodules.card = card = DomainRenamer({"sync": "pcie"})(self._card)
        connect(m, block.pins, card.pins)
        m.d.comb += [
            block.sys_clk.eq(reference),
            block.sys_rst_n.eq(~perst.i),
            ClockSignal("pcie").eq(block.user_clk),
            ResetSignal("pcie").eq(block.user_reset),
        ]
        if hasattr(link, "clkreq"):
            m.submodules.clkreq = clkreq = self._output(link.clkreq)
            m.d.comb += clkreq.o.eq(1)  # the reference clock is always wanted

        # The CPU's clock: see docs/adr/0005.
        m.submodules.oscillator = source = io.Buffer("i", oscillator)
        m.submodules.cpu_clock = clock = Pll(
            input_hz=int(platform.lookup(board.clock).clock.frequency), clocks_hz={"clk": CPU_HZ})
        m.domains.cpu = ClockDomain()
        m.submodules.cpu_reset = ResetSynchronizer(block.user_reset | perst.i | ~clock.locked,
                                                   domain="cpu")
        m.d.comb += [clock.i.eq(source.i), ClockSignal("cpu").eq(clock.clk)]

        self._add_leds(m, platform, block.pins)
        self._add_serial_line(m, platform, card)
        platform.add_file(ASYNCHRONOUS_PINS, asynchronous_pins(self._asynchronous_inputs,
                                                               self._asynchronous_outputs))
        return m

    def _add_leds(self, m, platform, pins):
        # Both domains are in reset while the link is down, which is when somebody looks.
        pcie_blink = Signal(_BLINK_BIT + 1, reset_less=True)
        cpu_blink = Signal.like(pcie_blink)
        m.d.pcie += pcie_blink.eq(pcie_blink + 1)
        m.d.cpu += cpu_blink.eq(cpu_blink + 1)
        told = Cat(pins.user_lnk_up, pcie_blink[-1], cpu_blink[-1], pins.cfg_command[2])
        for number, lit in enumerate(told):
            led = _request(platform, "led", number)
            if led is not None:
                m.submodules[f"led{number}"] = buffer = self._output(led)
                m.d.comb += buffer.o.eq(lit)

    def _add_serial_line(self, m, platform, card):
        m.d.comb += card.uart_rx.eq(1)
        uart = _request(platform, "uart", 0)
        if uart is not None:
            m.submodules.uart_tx = transmit = self._output(uart.tx)
            m.submodules.uart_rx = receive = self._input(uart.rx)
            m.d.comb += [transmit.o.eq(card.uart_tx), card.uart_rx.eq(receive.i)]

    def _input(self, port):
        self._asynchronous_inputs.append(port.io.name)
        return io.Buffer("i", port)

    def _output(self, port):
        self._asynchronous_outputs.append(port.io.name)
        return io.Buffer("o", port)


def _request(platform, name, number):
    try:
        return platform.request(name, number, dir="-")
    except ResourceError:
        return None

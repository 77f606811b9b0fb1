# SPDX-License-Identifier: BSD-2-Clause
"""The guard: no page outside the host's windows is allowed, and none inside is refused."""

from unittest.mock import patch

from amaranth.hdl import Assert, Assume, Cover, Fragment, Module, Signal
from amaranth.lib import data
from vop.copier import guard
from vop.regs.guard import GUARD

from ..proof import Harness, Plant, Proof

__all__ = ["PROOFS"]

_WINDOWS = 2


class Windows(Harness):
    """The guard with two windows, written, read and reset by anybody at any time.

    The harness keeps what the host wrote, in the words of the register map.
    """

    def elaborate(self, platform):
        m = Module()
        with patch.object(guard, "_COUNT", _WINDOWS):
            dut = guard.Guard()
            m.submodules.dut = Fragment.get(dut, platform)
        bus = dut.registers
        number = self.any(1, "number")           # of the window that the bus is at
        offset = self.any(4, "offset")
        elsewhere = self.any(1, "elsewhere")
        m.d.comb += [
            bus.address.eq((GUARD.base ^ (elsewhere << 12)) + (number << 4) + offset),
            Assume((offset & 3) == 0),
            bus.write.eq(self.any(1, "write")),
            bus.read.eq(self.any(1, "read")),
            bus.card.eq(self.any(1, "card")),
            bus.write_data.eq(self.any(32, "write_data")),
            # Few values, at both ends of each field, keep the solver quick.
            Assume((bus.write_data & 0x3FF0_FFF8) == 0),
            bus.write_strobe.eq(self.any(4, "write_strobe")),
            Assume(~(bus.read & bus.write)),
            dut.reset.eq(self.any(1, "reset")),
            dut.ask.eq(self.any(1, "ask")),
            dut.channel.eq(self.any(3, "channel")),
            dut.page.eq(self.any(52, "page")),
        ]

        window = data.StructLayout({"base_lo": 32, "base_hi": 32, "pages": 32})
        windows = [Signal(window, name=f"window{n}") for n in range(_WINDOWS)]
        resets = Signal(range(_WINDOWS + 1))     # cycles that a reset has lasted
        with m.If(~dut.reset):
            m.d.sync += resets.eq(0)
        with m.Elif(resets != _WINDOWS):
            m.d.sync += resets.eq(resets + 1)
        m.d.comb += Assume(dut.reset | (resets == 0) | (resets == _WINDOWS))
        for n, kept in enumerate(windows):
            for register in GUARD.registers:
                for byte in range(4):
                    with m.If(bus.write & ~bus.card & ~elsewhere & ~dut.reset & (number == n)
                              & (offset == register.offset) & bus.write_strobe[byte]):
                        m.d.sync += kept[register.name].word_select(byte, 8).eq(
                            bus.write_data.word_select(byte, 8))
            with m.If(dut.reset & (resets >= _WINDOWS - 1)):
                m.d.sync += kept.eq(0)

        # Since the question, the cycle of the answer not included: was the page in a window, and
        # was it in one and the same all the time?
        asked, page, channel = Signal(), Signal(52), Signal(3)
        now = Signal(_WINDOWS)
        some, always = Signal(), Signal(_WINDOWS)
        fresh = Signal()                          # the question came in the cycle before
        ever_reset = Signal()
        for n, kept in enumerate(windows):
            start = Signal(53, name=f"start{n}")
            m.d.comb += [
                start.eq((kept.base_lo >> 12) | (kept.base_hi << 20)),
                now[n].eq((dut.page >= start) & (dut.page < start + kept.pages[:20])),
            ]
        # A question stays until its answer is no longer needed.
        m.d.comb += Assume(~asked | dut.ask | ((dut.page == page) & (dut.channel == channel)))
        m.d.sync += [
            asked.eq(asked | dut.ask), page.eq(dut.page), channel.eq(dut.channel),
            ever_reset.eq(ever_reset | dut.reset),
            some.eq(now.any() | (some & ~dut.ask)),
            always.eq(now & (always | dut.ask.replicate(_WINDOWS))),
            fresh.eq(dut.ask),
        ]
        waits = Signal(4)                         # cycles since, without a read by software
        with m.If(dut.ask):
            m.d.sync += waits.eq(0)
        with m.Elif(~bus.read):
            m.d.sync += waits.eq(waits + 1)
        m.d.comb += [
            Assert(~(dut.allowed & dut.refused)),
            Assert(~asked | ~dut.allowed | some),
            Assert(~asked | ~dut.refused | ever_reset | ~always.any()),
            Assert(~asked | (waits < _WINDOWS + 1) | dut.allowed | dut.refused),
            Assert(dut.refused_write == (bus.write & bus.card & ~elsewhere)),
            Cover(asked & dut.allowed & fresh),
            Cover(asked & dut.allowed & (waits == 2)),
            Cover(asked & dut.refused & (windows[0].pages != 0)),
        ]
        return m


PROOFS = (
    Proof("windows-guard", "A page outside the windows is never allowed, one inside never refused.",
          Windows, 8, (
              Plant("the card may open windows", "vop.copier.guard",
                    "mine & bus.write & ~bus.card", "mine & bus.write"),
              Plant("the page behind a window counts as inside", "vop.copier.guard",
                    "distance[:20] < pages", "distance[:20] <= pages"),
              Plant("a page far above a window counts as inside", "vop.copier.guard",
                    "& (distance[20:] == 0)", "& (distance[20:40] == 0)"),
              Plant("an answer outlives the next question", "vop.copier.guard",
                    "m.d.sync += [yes.eq(0), no.eq(0), ", "m.d.sync += [no.eq(0), "),
          )),
)

# SPDX-License-Identifier: BSD-2-Clause
"""The executor at its ports: nothing passes the guard unseen, and elements come before indexes."""

from unittest.mock import patch

from amaranth.hdl import Assert, Assume, Cat, Cover, Fragment, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from vop import csr
from vop.copier import guard
from vop.copier.executor import Executor
from vop.regs.copier import COMMAND_BITS, Opcode

from ..proof import Harness, Plant, Proof

__all__ = ["PROOFS"]

_WINDOWS = 2
_HOST_CHANNEL, _CARD_CHANNEL = 1, 5


class OpenGuard(wiring.Component):
    """In the place of ``Guard``: every page is allowed."""

    registers: In(csr.Signature(16))
    reset: In(1)
    ask: In(1)
    channel: In(3)
    page: In(52)
    allowed: Out(1, init=1)
    refused: Out(1)
    refused_write: Out(1)

    def elaborate(self, platform):
        return Module()


class Engine(Harness):
    """The executor with one command of one channel, and card RAM that says anything when read.

    Parameters
    ----------
    channel : int
        Whose command it is.
    open_guard : bool
        Every page is allowed; else the guard is the real one, with two windows, both closed.
    """

    def __init__(self, *, channel, open_guard=False):
        super().__init__()
        self._channel = channel
        self._open_guard = open_guard

    def elaborate(self, platform):
        m = Module()
        dut = Executor(ram_bytes=1 << 12, width=128)
        with patch.object(guard, "_COUNT", _WINDOWS):
            if self._open_guard:
                with patch("vop.copier.executor.Guard", OpenGuard):
                    m.submodules.dut = Fragment.get(dut, platform)
            else:
                m.submodules.dut = Fragment.get(dut, platform)

        channels = dut.channels
        here = Signal()
        retired = Signal()
        m.d.comb += [
            channels.ready.eq(Mux(retired, 0, 1 << self._channel)),
            channels.loaded.eq(here & ~retired),
            channels.command.eq(self.fixed(m, channels.command.shape(), "command")),
            channels.retire.ready.eq(1),
            dut.read.ready.eq(self.any(1, "read_ready")),
            dut.write.ready.eq(self.any(1, "write_ready")),
            dut.ring_read.request.ready.eq(1),
            dut.ring_write.request.ready.eq(1),
            dut.ring_read.response.payload.eq(self.any(128, "line")),
        ]
        asked = Signal(2)
        m.d.sync += [
            here.eq(channels.current == self._channel),
            asked.eq((asked << 1) | dut.ring_read.request.valid),
        ]
        m.d.comb += dut.ring_read.response.valid.eq(asked[1])
        with m.If(channels.retire.valid):
            m.d.sync += retired.eq(1)
        opcode = Signal(4)
        m.d.comb += opcode.eq(channels.command.control[:4])
        self._claim(m, dut, opcode)
        return m


class Closed(Engine):
    """With all windows closed, only what a host command names by itself leaves."""

    def _claim(self, m, dut, opcode):
        control = dut.channels.command.control
        named = Signal()       # by a host channel, as the linear side of a `copy` or `chain`
        leaves = Signal()
        m.d.comb += [
            named.eq((self._channel < 4) & ~control[COMMAND_BITS["list_lsb"]]
                     & ((opcode == Opcode.COPY) | (opcode == Opcode.CHAIN))),
            leaves.eq(dut.read.valid | dut.write.valid),
            Assert(~leaves | named),
        ]
        if self._channel < 4:
            m.d.comb += [Cover(dut.read.valid), Cover(dut.write.valid)]
        else:
            m.d.comb += Cover(dut.guard_refused)


class Used(Engine):
    """`complete`: the element is written before the index, in host memory or in card RAM.

    The writer keeps the order of segments, and card RAM that of writes.
    """

    def _claim(self, m, dut, opcode):
        write = dut.write.payload
        element = Signal(64)       # its host address
        sent = Signal(4)           # bytes of it
        sent_index = Signal()
        m.d.comb += Assume(opcode == Opcode.COMPLETE)
        ahead = Signal(64)         # of the element from the index
        m.d.comb += ahead.eq(element - write.host_address)
        with m.If(dut.write.valid & dut.write.ready):
            with m.If(sent == 8):
                m.d.sync += sent_index.eq(1)
                m.d.comb += [
                    Assert(write.bytes == 2),
                    Assert((ahead[:3] == 2) & (ahead[18:] == 0)),
                ]
            with m.Else():
                m.d.sync += sent.eq(sent + write.bytes)
                # It is cut, if at all, where its DWs meet.
                m.d.comb += Assert((sent + write.bytes <= 8) & (write.bytes[:2] == 0))
                with m.If(sent == 0):
                    m.d.sync += element.eq(write.host_address)
                    m.d.comb += Assert(write.host_address[:2] == 0)
                with m.Else():
                    m.d.comb += Assert(write.host_address == (element + sent)[:64])

        words = Signal(2)          # of the element, in card RAM
        stored = dut.ring_write.request
        is_word = Signal()
        m.d.comb += is_word.eq(Cat((stored.payload.strobe.word_select(word, 4) == 0xF)
                                   for word in range(4)).any())
        with m.If(stored.valid):
            with m.If(is_word):
                m.d.comb += Assert(words != 2)
                m.d.sync += words.eq(words + 1)
            with m.Else():
                m.d.comb += Assert((words == 2) | sent_index)
        m.d.comb += [
            Cover(sent_index),
            Cover(stored.valid & ~is_word & (words == 2)),
        ]


PROOFS = (
    Proof("engine-closed-card", "With all windows closed nothing of a card channel leaves.",
          lambda: Closed(channel=_CARD_CHANNEL), 15, (
              Plant("the card's own copies need no consent", "vop.copier.move",
                    "~x.card_owned & ~x.listed", "~x.listed"),
              Plant("a segment does not wait for the guard", "vop.copier.move",
                    "x.exempt | x.guard.allowed", "x.exempt | ~x.guard.refused"),
          )),
    Proof("engine-closed-host", "With all windows closed nothing leaves that a ring or list names.",
          lambda: Closed(channel=_HOST_CHANNEL), 15, (
              Plant("what a list names needs no consent", "vop.copier.move",
                    "~x.card_owned & ~x.listed", "~x.card_owned"),
          )),
    Proof("engine-used", "The used element is written before the used index.",
          lambda: Used(channel=_CARD_CHANNEL, open_guard=True), 18, (
              Plant("the index goes to the host first", "vop.copier.complete",
                    "self._send(Stage.ELEMENT, 8)", "self._send(Stage.USED_INDEX, 2)"),
              Plant("the index is stored before the length", "vop.copier.complete",
                    'Offset.USED_LEN, "WRITE_LEN"', 'Offset.INDEX, "WRITE_INDEX"'),
          )),
)

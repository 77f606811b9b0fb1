# SPDX-License-Identifier: BSD-2-Clause
"""A small host in logic, where a shim would be: a page of memory for the card to copy to."""

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..pcie import phy
from ..pcie.tlp import CompletionStatus, HeaderLayout, Kind
from ..regs import GUARD

__all__ = ["PAGE_BUS", "LoopbackPhy"]

#: Bus address of the page. More than 32 bits, so that both halves of an address are needed.
PAGE_BUS = 0x5_6789_A000

_PAGE_LOG2 = 12
_OUR_ID = 0x0100    # what such a host calls a card behind its first bridge
_WHOLE = 0xF


class LoopbackPhy(wiring.Component):
    """The TLP contract with one page of host memory behind it.

    It opens the guard's first window for its page, then stores what the card writes there, and
    answers each read with one completion: MPS and MRRS are 128 bytes. A read elsewhere is answered
    with Unsupported Request, and a write dropped. It takes a DW per cycle, two for a read: the
    least logic, as nobody measures it.

    Specification
    -------------
    PCIe Base 4.0, 2.2.7 (memory requests), 2.2.9 (completions).

    Parameters
    ----------
    width : :class:`int`
        Payload bits per beat: 64, 128 or 256.

    Members
    -------
    phy : ``Out(phy.Signature(width))``
        The TLP contract. No MSI, no bad ECRC, no reset.
    corrupt : ``In(1)``
        While high, bit 0 of each DW that is read arrives inverted.
    mute : ``In(1)``
        While high, reads get no answer.
    """

    def __init__(self, width):
        self._width = width
        super().__init__({
            "phy":     Out(phy.Signature(width)),
            "corrupt": In(1),
            "mute":    In(1),
        })

    def elaborate(self, platform):
        m = Module()
        link, lanes = self.phy, self._width // 32
        m.submodules.memory = memory = Memory(shape=32, depth=1 << _PAGE_LOG2 - 2, init=[])
        store = memory.write_port(granularity=8)
        load = memory.read_port()
        m.d.comb += [
            link.config.link_up.eq(1),
            link.config.id.eq(_OUR_ID),
            link.config.bus_master.eq(1),
        ]

        # The request under way, a beat of its payload or answer, and the DW that is next.
        request = Signal(HeaderLayout)
        beat = Signal(data.ArrayLayout(32, lanes))
        taken = Signal(lanes)
        index = Signal(range(1025))
        lane = index[:(lanes - 1).bit_length()]
        is_final = index + 1 == request.length_dw
        in_page = request.address[_PAGE_LOG2:] == PAGE_BUS >> _PAGE_LOG2
        word = (request.address[2:] + index)[:_PAGE_LOG2 - 2]
        m.d.comb += [store.addr.eq(word), store.data.eq(Array(beat)[lane]), load.addr.eq(word)]

        opening = list(_opening(lanes))
        opened = Signal(range(len(opening) + 1))
        answer = link.rx.payload
        m.d.comb += [answer.bar.eq(7), answer.header.eq(self._completion(m, request, in_page))]
        with m.FSM():
            with m.State("OPEN_WINDOW"):
                m.d.comb += link.rx.valid.eq(1)
                with m.Switch(opened):
                    for number, (words, enables) in enumerate(opening):
                        with m.Case(number):
                            m.d.comb += [
                                answer.header.eq(_window_header()),
                                answer.bar.eq(0),
                                answer.first.eq(number == 0),
                                answer.last.eq(number == len(opening) - 1),
                                answer.data.eq(Cat(words)),
                                answer.byte_enable.eq(enables),
                            ]
                with m.If(link.rx.ready):
                    m.d.sync += opened.eq(opened + 1)
                    with m.If(opened == len(opening) - 1):
                        m.next = "TAKE_REQUEST"
            with m.State("TAKE_REQUEST"):
                m.d.comb += [link.tx.ready.eq(1), link.tx_drained.eq(1)]
                m.d.sync += [
                    request.eq(link.tx.payload.header),
                    beat.eq(link.tx.payload.data),
                    taken.eq(0),
                    index.eq(0),
                ]
                with m.If(link.tx.valid & link.tx.payload.first):
                    with m.Switch(link.tx.payload.header.kind):
                        with m.Case(Kind.MEMORY_WRITE):
                            m.next = "STORE"
                        with m.Case(Kind.MEMORY_READ):
                            m.next = "LOAD"
            with m.State("STORE"):
                m.d.comb += store.en.eq(Mux(in_page, self._enable(request, index, is_final), 0))
                m.d.sync += index.eq(index + 1)
                with m.If(is_final):
                    m.next = "TAKE_REQUEST"
                with m.Elif(lane.all()):
                    m.next = "TAKE_BEAT"
            with m.State("TAKE_BEAT"):
                m.d.comb += link.tx.ready.eq(1)
                m.d.sync += beat.eq(link.tx.payload.data)
                with m.If(link.tx.valid):
                    m.next = "STORE"
            with m.State("LOAD"):
                m.next = "KEEP"
                with m.If(~in_page):
                    m.next = "ANSWER"
                with m.If(self.mute):
                    m.next = "TAKE_REQUEST"
            with m.State("KEEP"):
                m.d.sync += [
                    Array(beat)[lane].eq(load.data ^ self.corrupt),
                    taken.bit_select(lane, 1).eq(1),
                    index.eq(index + 1),
                ]
                m.next = "LOAD"
                with m.If(is_final | lane.all()):
                    m.next = "ANSWER"
            with m.State("ANSWER"):
                is_end = ~in_page | (index == request.length_dw)
                m.d.comb += [
                    link.rx.valid.eq(1),
                    answer.first.eq(~in_page | (index <= lanes)),
                    answer.last.eq(is_end),
                    answer.data.eq(beat),
                    answer.byte_enable.eq(Cat(bit.replicate(4) for bit in taken)),
                ]
                with m.If(link.rx.ready):
                    m.d.sync += taken.eq(0)
                    m.next = "LOAD"
                    with m.If(is_end):
                        m.next = "TAKE_REQUEST"
        return m

    @staticmethod
    def _enable(request, index, is_final):
        return Mux(index == 0, request.first_be, Mux(is_final, request.last_be, _WHOLE))

    @staticmethod
    def _completion(m, request, in_page):
        """Header of the answer to ``request``: 2.2.9."""
        skipped, spared = Signal(2), Signal(2)   # bytes around those wanted
        last_be = Mux(request.length_dw == 1, request.first_be, request.last_be)
        for at in reversed(range(4)):
            with m.If(request.first_be[at]):
                m.d.comb += skipped.eq(at)
        for at in range(4):
            with m.If(last_be[at]):
                m.d.comb += spared.eq(3 - at)
        header = Signal(HeaderLayout)
        wants_none = (request.length_dw == 1) & (request.first_be == 0)
        m.d.comb += [
            header.kind.eq(Mux(in_page, Kind.COMPLETION_DATA, Kind.COMPLETION)),
            header.status.eq(Mux(in_page, CompletionStatus.SUCCESSFUL,
                                 CompletionStatus.UNSUPPORTED)),
            header.traffic_class.eq(request.traffic_class),
            header.length_dw.eq(Mux(in_page, request.length_dw, 0)),
            header.requester.eq(_OUR_ID),
            header.tag.eq(request.tag),
            header.byte_count.eq(Mux(wants_none, 1,
                                     (request.length_dw << 2) - skipped - spared)),
            header.lower_address.eq(Cat(skipped, request.address[2:7])),
        ]
        return header


def _window_header():
    return HeaderLayout.const({
        "kind": Kind.MEMORY_WRITE, "length_dw": 3, "first_be": _WHOLE, "last_be": _WHOLE,
        "address": GUARD.address("base_lo")})


def _opening(lanes):
    """Beats of the write that opens the window: words, and which of their bytes count."""
    words = [PAGE_BUS & 0xFFFF_FFFF, PAGE_BUS >> 32, 1]     # base_lo, base_hi, pages
    for at in range(0, len(words), lanes):
        some = words[at:at + lanes]
        yield [Const(word, 32) for word in some], (1 << 4 * len(some)) - 1

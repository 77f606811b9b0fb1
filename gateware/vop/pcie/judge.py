# SPDX-License-Identifier: BSD-2-Clause
"""What shall become of a request: carried out, refused with a reason, or dropped."""

from amaranth.hdl import Module, Signal
from amaranth.lib import enum, wiring
from amaranth.lib.wiring import In, Out

from .tlp import NONPOSTED, HeaderLayout, Kind

__all__ = ["Refusal", "RequestJudge"]

_VENDOR_DEFINED_TYPE_0 = 0b0111_1110


class Refusal(enum.Enum, shape=3):
    """Why a request is not carried out."""

    NONE        = 0
    UNSUPPORTED = 1  #: non-posted: answered with Unsupported Request
    ABORT       = 2  #: non-posted: answered with Completer Abort
    DROPPED     = 3  #: posted, and not for us
    MESSAGE     = 4  #: a message: dropped in silence
    POISONED    = 5  #: a posted write whose data are declared bad


class RequestJudge(wiring.Component):
    """Judge one request by its header and BAR hit, combinationally.

    ===================================  ===========================================================
    request                              becomes
    ===================================  ===========================================================
    memory read, BAR0 or BAR2            carried out; crossing 4 KiB: Completer Abort, as it may
                                         leave its window, and only a broken host sends it
    memory write, BAR0 or BAR2           carried out; crossing 4 KiB or poisoned: dropped, reported
    any other non-posted one             Unsupported Request: no BAR or another one, I/O,
                                         configuration, AtomicOp, locked read
    any other posted one                 dropped, and reported as an unsupported posted request
    message                              dropped in silence, but Vendor_Defined Type 0 as the line
                                         above
    ===================================  ===========================================================

    BAR0 is registers and BAR2 is card RAM, both as large as their windows.

    Specification
    -------------
    PCIe Base 4.0, 2.2.7 (no request crosses 4 KiB), 2.2.8.6 (Vendor_Defined Messages), 2.3.1
    (Request Handling Rules), 2.7.2.2 (Rules For Use of Data Poisoning).

    Members
    -------
    header : ``In(HeaderLayout)``
        The header.
    message_code : ``In(8)``
        Message Code. Valid if it is a message.
    bar : ``In(3)``
        BAR hit, as in ``RxBeatLayout``.
    is_completion, is_nonposted, is_write : ``Out(1)``
        A completion, of whichever kind; a request that wants one; a memory write. At most one is
        high.
    is_memory : ``Out(1)``
        Card RAM is meant; else registers. Valid while ``refusal`` is ``NONE``.
    refusal : ``Out(Refusal)``
        The verdict. Valid unless ``is_completion``.
    """

    header:        In(HeaderLayout)
    message_code:  In(8)
    bar:           In(3)
    is_completion: Out(1)
    is_nonposted:  Out(1)
    is_write:      Out(1)
    is_memory:     Out(1)
    refusal:       Out(Refusal)

    def elaborate(self, platform):
        m = Module()
        header = self.header
        # The end is at most 1024: below, or just there, which needs no carry to be seen: a sum is
        # zero where each bit of it is one of the two, or both, in the place below.
        at_dw, length_dw = header.address[2:12], header.length_dw[:10]
        end_dw = Signal(11)
        ends_page = Signal()
        lies_in_window = Signal()
        m.d.comb += [
            self.is_memory.eq(self.bar == 2),
            end_dw.eq(at_dw + length_dw),
            ends_page.eq(at_dw ^ length_dw == ((at_dw | length_dw) << 1)[:10]),
            lies_in_window.eq(ends_page | ~(end_dw[10] | header.length_dw[10])),
        ]
        hits = (self.bar == 0) | (self.bar == 2)
        with m.Switch(header.kind):
            with m.Case(Kind.COMPLETION, Kind.COMPLETION_DATA):
                m.d.comb += self.is_completion.eq(1)
            with m.Case(Kind.MEMORY_WRITE):
                m.d.comb += self.is_write.eq(1)
                with m.If(header.poisoned):
                    m.d.comb += self.refusal.eq(Refusal.POISONED)
                with m.Elif(~(hits & lies_in_window)):
                    m.d.comb += self.refusal.eq(Refusal.DROPPED)
            with m.Case(Kind.MEMORY_READ):
                m.d.comb += self.is_nonposted.eq(1)
                with m.If(~hits):
                    m.d.comb += self.refusal.eq(Refusal.UNSUPPORTED)
                with m.Elif(~lies_in_window):
                    m.d.comb += self.refusal.eq(Refusal.ABORT)
            with m.Case(*(kind for kind in NONPOSTED if kind is not Kind.MEMORY_READ)):
                m.d.comb += [self.is_nonposted.eq(1), self.refusal.eq(Refusal.UNSUPPORTED)]
            with m.Case(Kind.MESSAGE):
                m.d.comb += self.refusal.eq(Refusal.MESSAGE)
                with m.If(self.message_code == _VENDOR_DEFINED_TYPE_0):
                    m.d.comb += self.refusal.eq(Refusal.DROPPED)
            with m.Default():
                m.d.comb += self.refusal.eq(Refusal.DROPPED)
        return m

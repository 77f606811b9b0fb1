# SPDX-License-Identifier: BSD-2-Clause
"""Decoded fields to the header DWs of a TLP.

Ref: PCI Express Base 4.0, 2.2.1 (Common Packet Header Fields), 2.2.4 to 2.2.9.
"""

from amaranth.hdl import C, Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .tlp import HeaderLayout, Kind

__all__ = ["HeaderEncoder"]


class HeaderEncoder(wiring.Component):
    """Encode a TLP header, combinationally.

    Every kind encodes to a header of its kind, so that a refused request can be shown as DWs; what
    the decoded fields do not keep (which atomic operation, which message) is encoded as zero.

    Members
    -------
    header : ``In(HeaderLayout)``
        The fields. An address above 4 GiB makes a header of four DWs, any other one of three: a
        header of four DWs whose upper address is zero is illegal (2.2.4.1).
    dwords : ``Out(ArrayLayout(32, 4))``
        Header DWs, byte 0 of each in bits 31:24. DW 3 is zero where the header has only three.
    is_completion : ``Out(1)``
        It is the header of a completion.
    four_dw : ``Out(1)``
        The header has four DWs.
    has_payload : ``Out(1)``
        ``length_dw`` DWs of payload belong behind the header.
    """

    header:        In(HeaderLayout)
    dwords:        Out(data.ArrayLayout(32, 4))
    is_completion: Out(1)
    four_dw:       Out(1)
    has_payload:   Out(1)

    def elaborate(self, platform):
        m = Module()
        header = self.header
        has_data = Signal()
        type_code = Signal(5)                    # table 2-3
        is_completion = Signal()
        with m.Switch(header.kind):
            with m.Case(Kind.MEMORY_WRITE):
                m.d.comb += has_data.eq(1)
            with m.Case(Kind.LOCKED_READ):
                m.d.comb += type_code.eq(0b00001)
            with m.Case(Kind.IO_READ):
                m.d.comb += type_code.eq(0b00010)
            with m.Case(Kind.IO_WRITE):
                m.d.comb += [type_code.eq(0b00010), has_data.eq(1)]
            with m.Case(Kind.CONFIG_READ):
                m.d.comb += type_code.eq(0b00100)
            with m.Case(Kind.CONFIG_WRITE):
                m.d.comb += [type_code.eq(0b00100), has_data.eq(1)]
            with m.Case(Kind.ATOMIC):
                m.d.comb += [type_code.eq(0b01100), has_data.eq(1)]
            with m.Case(Kind.MESSAGE):
                m.d.comb += [type_code.eq(0b10000), has_data.eq(header.length_dw != 0)]
            with m.Case(Kind.COMPLETION):
                m.d.comb += [type_code.eq(0b01010), is_completion.eq(1)]
            with m.Case(Kind.COMPLETION_DATA):
                m.d.comb += [type_code.eq(0b01010), is_completion.eq(1), has_data.eq(1)]
            with m.Case(Kind.COMPLETION_LOCK):
                m.d.comb += [type_code.eq(0b01011), is_completion.eq(1)]
            with m.Case(Kind.UNKNOWN):
                m.d.comb += type_code.eq(0b11111)

        upper, lower = header.address[32:], Cat(C(0, 2), header.address[2:32])
        m.d.comb += [
            self.four_dw.eq((~is_completion & (upper != 0)) | (header.kind == Kind.MESSAGE)),
            self.is_completion.eq(is_completion),
            self.has_payload.eq(has_data),
            self.dwords[0].eq(Cat(
                header.length_dw[:10], C(0, 2),
                header.no_snoop, header.relaxed, header.poisoned, C(0, 5),
                header.traffic_class, C(0, 1),
                type_code, self.four_dw, has_data, C(0, 1))),
        ]
        with m.If(is_completion):
            m.d.comb += [
                self.dwords[1].eq(Cat(header.byte_count[:12], C(0, 1), header.status,
                                      header.completer)),
                self.dwords[2].eq(Cat(header.lower_address, C(0, 1), header.tag,
                                      header.requester)),
            ]
        with m.Else():
            m.d.comb += [
                self.dwords[1].eq(Cat(header.first_be, header.last_be, header.tag,
                                      header.requester)),
                self.dwords[2].eq(Mux(self.four_dw, upper, lower)),
                self.dwords[3].eq(Mux(self.four_dw, lower, 0)),
            ]
        return m

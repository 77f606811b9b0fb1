# SPDX-License-Identifier: BSD-2-Clause
"""Header DWs of a received TLP to its kind and decoded fields.

Ref: PCI Express Base 4.0, 2.2.1 (Common Packet Header Fields), 2.2.4 to 2.2.9.
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .tlp import CompletionStatus, HeaderLayout, Kind

__all__ = ["HeaderDecoder", "KindDecoder"]


class KindDecoder(wiring.Component):
    """Tell the kind of a TLP, combinationally.

    A combination of Fmt and Type that Base 4.0 reserves, or a completion of a locked read, which
    nobody here asks for, decodes as ``Kind.UNKNOWN``. Of an unknown kind only the framing counts.

    Members
    -------
    fmt_type : ``In(8)``
        First byte of the header.
    kind : ``Out(Kind)``
        The kind.
    """

    fmt_type: In(8)
    kind:     Out(Kind)

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.kind.eq(Kind.UNKNOWN)
        with m.Switch(self.fmt_type):            # table 2-3
            for patterns, kind in (
                    (("00-00000",), Kind.MEMORY_READ),
                    (("01-00000",), Kind.MEMORY_WRITE),
                    (("00-00001",), Kind.LOCKED_READ),
                    (("00000010",), Kind.IO_READ),
                    (("01000010",), Kind.IO_WRITE),
                    (("0000010-",), Kind.CONFIG_READ),
                    (("0100010-",), Kind.CONFIG_WRITE),
                    (("01-01100", "01-01101", "01-01110"), Kind.ATOMIC),
                    (("00110---", "01110---"), Kind.MESSAGE),
                    (("00001010",), Kind.COMPLETION),
                    (("01001010",), Kind.COMPLETION_DATA)):
                with m.Case(*patterns):
                    m.d.comb += self.kind.eq(kind)
        return m


class HeaderDecoder(wiring.Component):
    """Decode the other fields of a TLP header, combinationally.

    Members
    -------
    kind : ``In(Kind)``
        See ``KindDecoder``.
    dwords : ``In(ArrayLayout(32, 4))``
        Header DWs, byte 0 of each in bits 31:24. DW 3 is ignored where the header has only three.
    header : ``Out(HeaderLayout)``
        The fields.
    """

    kind:   In(Kind)
    dwords: In(data.ArrayLayout(32, 4))
    header: Out(HeaderLayout)

    def elaborate(self, platform):
        m = Module()
        dw = self.dwords
        # Base 4.0, table 2-4: a Length of 0 means 1024.
        length_dw = Cat(dw[0][:10], dw[0][:10] == 0)

        header = self.header
        is_completion = Signal()
        m.d.comb += [
            is_completion.eq((self.kind == Kind.COMPLETION) | (self.kind == Kind.COMPLETION_DATA)),
            header.kind.eq(self.kind),
            header.traffic_class.eq(dw[0][20:23]),
            header.no_snoop.eq(dw[0][12]),
            header.relaxed.eq(dw[0][13]),
            header.poisoned.eq(dw[0][14]),
            header.length_dw.eq(length_dw),
            header.requester.eq(Mux(is_completion, dw[2][16:32], dw[1][16:32])),
            header.tag.eq(Mux(is_completion, dw[2][8:16], dw[1][8:16])),
            header.first_be.eq(dw[1][0:4]),
            header.last_be.eq(dw[1][4:8]),
            # 2.2.4.1: with four DWs the upper half comes first.
            header.address.eq(Mux(dw[0][29], Cat(dw[3], dw[2]), dw[2]) & ~0b11),
            header.completer.eq(dw[1][16:32]),
            header.status.eq(Mux(is_completion, dw[1][13:16], CompletionStatus.SUCCESSFUL)),
            header.byte_count.eq(Cat(dw[1][:12], dw[1][:12] == 0)),
            header.lower_address.eq(dw[2][:7]),
        ]
        return m

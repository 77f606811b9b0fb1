# SPDX-License-Identifier: BSD-2-Clause
"""Descriptors of received packets to decoded headers.

Ref: Xilinx PG213, "Completer Request Descriptor Formats", "Requester Completion Descriptor Format".
"""

from amaranth.hdl import C, Cat, Module, Mux, Signal
from amaranth.lib import data, enum, wiring
from amaranth.lib.wiring import In, Out

from ...pcie.tlp import HeaderLayout, Kind

__all__ = ["CompletionDecoder", "RequestDecoder", "RequestType"]


class RequestType(enum.Enum, shape=4):
    """Request Type of a descriptor."""

    MEMORY_READ    = 0b0000
    MEMORY_WRITE   = 0b0001
    IO_READ        = 0b0010
    IO_WRITE       = 0b0011
    FETCH_ADD      = 0b0100
    SWAP           = 0b0101
    COMPARE_SWAP   = 0b0110
    LOCKED_READ    = 0b0111
    CONFIG_READ_0  = 0b1000
    CONFIG_READ_1  = 0b1001
    CONFIG_WRITE_0 = 0b1010
    CONFIG_WRITE_1 = 0b1011
    MESSAGE        = 0b1100
    VENDOR_MESSAGE = 0b1101
    ATS_MESSAGE    = 0b1110


_KINDS = {
    RequestType.MEMORY_READ:    Kind.MEMORY_READ,
    RequestType.MEMORY_WRITE:   Kind.MEMORY_WRITE,
    RequestType.IO_READ:        Kind.IO_READ,
    RequestType.IO_WRITE:       Kind.IO_WRITE,
    RequestType.FETCH_ADD:      Kind.ATOMIC,
    RequestType.SWAP:           Kind.ATOMIC,
    RequestType.COMPARE_SWAP:   Kind.ATOMIC,
    RequestType.LOCKED_READ:    Kind.LOCKED_READ,
    RequestType.CONFIG_READ_0:  Kind.CONFIG_READ,
    RequestType.CONFIG_READ_1:  Kind.CONFIG_READ,
    RequestType.CONFIG_WRITE_0: Kind.CONFIG_WRITE,
    RequestType.CONFIG_WRITE_1: Kind.CONFIG_WRITE,
    RequestType.MESSAGE:        Kind.MESSAGE,
    RequestType.VENDOR_MESSAGE: Kind.MESSAGE,
    RequestType.ATS_MESSAGE:    Kind.MESSAGE,
}
_WITHOUT_PAYLOAD = (RequestType.MEMORY_READ, RequestType.IO_READ, RequestType.LOCKED_READ,
                    RequestType.CONFIG_READ_0, RequestType.CONFIG_READ_1)

#: What the descriptor of a memory, I/O or atomic request says. Others have no address.
RequestLayout = data.StructLayout({
    "address_type":    2,
    "address":         62,
    "length_dw":       11,
    "type":            RequestType,
    "reserved":        1,
    "requester":       16,
    "tag":             8,
    "function":        8,
    "bar":             3,    # 0 to 5; 6: expansion ROM
    "aperture":        6,
    "traffic_class":   3,
    "no_snoop":        1,
    "relaxed":         1,
    "id_based":        1,
    "reserved_2":      1,
})

#: What the descriptor of a completion says.
CompletionLayout = data.StructLayout({
    "lower_address":   12,
    "error":           4,
    "byte_count":      13,
    "locked":          1,
    "completed":       1,
    "reserved":        1,
    "length_dw":       11,
    "status":          3,
    "poisoned":        1,
    "reserved_2":      1,
    "requester":       16,
    "tag":             8,
    "completer":       16,
    "reserved_3":      1,
    "traffic_class":   3,
    "no_snoop":        1,
    "relaxed":         1,
    "id_based":        1,
    "reserved_4":      1,
})

#: Error codes that no TLP belongs to: the block ended the request by itself.
_ENDED_BY_FLR, _ENDED_BY_TIMEOUT = 0b1000, 0b1001
_POISONED = 0b0001


class RequestDecoder(wiring.Component):
    """Decode the descriptor of a completer request, combinationally.

    The block drops poisoned requests unless it is told not to; a descriptor has no room for poison.

    Members
    -------
    descriptor : ``In(128)``
        The four DWs.
    enables : ``In(8)``
        ``first_be`` and ``last_be`` from ``m_axis_cq_tuser``.
    header : ``Out(HeaderLayout)``, bar : ``Out(3)``
        As in ``RxBeatLayout``.
    payload_dw : ``Out(11)``
        DWs of payload behind the descriptor.
    """

    dwords = 4

    descriptor: In(128)
    enables:    In(8)
    header:     Out(HeaderLayout)
    bar:        Out(3, init=7)
    payload_dw: Out(11)

    def elaborate(self, platform):
        m = Module()
        request, header = data.View(RequestLayout, self.descriptor), self.header
        has_address = Signal()
        m.d.comb += [
            header.kind.eq(Kind.UNKNOWN),
            header.traffic_class.eq(request.traffic_class),
            header.no_snoop.eq(request.no_snoop),
            header.relaxed.eq(request.relaxed),
            header.length_dw.eq(request.length_dw),
            header.requester.eq(request.requester),
            header.tag.eq(request.tag),
            has_address.eq(~request.type.as_value()[3]),
            self.bar.eq(Mux(has_address, request.bar, 7)),
            self.payload_dw.eq(request.length_dw),
        ]
        with m.If(has_address):
            m.d.comb += [
                header.first_be.eq(self.enables[:4]),
                header.last_be.eq(self.enables[4:]),
                header.address.eq(Cat(C(0, 2), request.address)),
            ]
        for code, kind in _KINDS.items():
            with m.If(request.type == code):
                m.d.comb += header.kind.eq(kind)
        with m.Switch(request.type):
            with m.Case(*_WITHOUT_PAYLOAD):
                m.d.comb += self.payload_dw.eq(0)
        return m


class CompletionDecoder(wiring.Component):
    """Decode the descriptor of a requester completion, combinationally.

    What the block says of errors is not used: the card keeps its own table of reads, which must be
    right on blocks that check nothing. A completion of a locked read decodes as ``Kind.UNKNOWN``.

    Members
    -------
    descriptor : ``In(128)``
        The three DWs at the bottom; the rest is not used.
    enables : ``In(8)``
        Not used: completions have no byte enables.
    header : ``Out(HeaderLayout)``, bar : ``Out(3)``
        As in ``RxBeatLayout``.
    payload_dw : ``Out(11)``
        DWs of payload behind the descriptor.
    """

    dwords = 3

    descriptor: In(128)
    enables:    In(8)
    header:     Out(HeaderLayout)
    bar:        Out(3, init=7)
    payload_dw: Out(11)

    @staticmethod
    def is_notice(error):
        """Whether a descriptor with this error code is no TLP.

        The block tells so that it ended a request: after its own timeout, or because of a
        function-level reset. It ends nothing here: our own bound does.
        """
        return (error == _ENDED_BY_FLR) | (error == _ENDED_BY_TIMEOUT)

    def elaborate(self, platform):
        m = Module()
        completion, header = data.View(CompletionLayout, self.descriptor[:96]), self.header
        m.d.comb += [
            self.bar.eq(7),
            self.payload_dw.eq(completion.length_dw),
            header.traffic_class.eq(completion.traffic_class),
            header.no_snoop.eq(completion.no_snoop),
            header.relaxed.eq(completion.relaxed),
            header.poisoned.eq(completion.poisoned | (completion.error == _POISONED)),
            header.length_dw.eq(completion.length_dw),
            header.requester.eq(completion.requester),
            header.tag.eq(completion.tag),
            header.completer.eq(completion.completer),
            header.status.eq(completion.status),
            header.byte_count.eq(completion.byte_count),
            header.lower_address.eq(completion.lower_address),
        ]
        with m.If(completion.locked):
            m.d.comb += header.kind.eq(Kind.UNKNOWN)
        with m.Elif(completion.length_dw != 0):
            m.d.comb += header.kind.eq(Kind.COMPLETION_DATA)
        with m.Else():
            m.d.comb += header.kind.eq(Kind.COMPLETION)
        return m

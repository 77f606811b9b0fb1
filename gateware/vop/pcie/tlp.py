# SPDX-License-Identifier: BSD-2-Clause
"""TLP headers as decoded fields, in specification order.

Ref: PCI Express Base 4.0, 2.2 (Transaction Layer Protocol - Packet Definition).
"""

from amaranth.lib import data, enum

__all__ = ["Kind", "NONPOSTED", "CompletionStatus", "HeaderLayout", "RawHeaderLayout",
           "RxBeatLayout", "TxBeatLayout"]


class Kind(enum.Enum, shape=4):
    """What a TLP is for, decoded from Fmt and Type (table 2-3)."""

    MEMORY_READ     = 0
    MEMORY_WRITE    = 1
    COMPLETION      = 2   #: Cpl: without data
    COMPLETION_DATA = 3   #: CplD
    IO_READ         = 4
    IO_WRITE        = 5
    CONFIG_READ     = 6
    CONFIG_WRITE    = 7
    MESSAGE         = 8   #: Msg and MsgD
    LOCKED_READ     = 9   #: MRdLk
    ATOMIC          = 10  #: FetchAdd, Swap, CAS
    COMPLETION_LOCK = 11  #: CplLk: a locked read failed. Sent only; a received one is UNKNOWN
    UNKNOWN         = 15  #: a combination of Fmt and Type that Base 4.0 reserves


#: Kinds of request that want a completion (table 2-3). A reserved kind wants none.
NONPOSTED = (Kind.MEMORY_READ, Kind.LOCKED_READ, Kind.IO_READ, Kind.IO_WRITE, Kind.CONFIG_READ,
             Kind.CONFIG_WRITE, Kind.ATOMIC)


class CompletionStatus(enum.Enum, shape=3):
    """Completion Status field (table 2-34)."""

    SUCCESSFUL  = 0b000
    UNSUPPORTED = 0b001
    RETRY       = 0b010  #: Configuration Request Retry Status
    ABORT       = 0b100


#: A decoded header. Fields that a kind does not have may be anything.
HeaderLayout = data.StructLayout({
    "kind":          Kind,
    "traffic_class": 3,
    "no_snoop":      1,
    "relaxed":       1,
    "poisoned":      1,
    "length_dw":     11,                # payload, or bytes asked for, in DW: 1 to 1024
    "requester":     16,                # requester id (BDF), echoed in a completion
    "tag":           8,
    "first_be":      4,                 # requests only
    "last_be":       4,                 # requests only
    "address":       64,                # requests: byte address, bits 1:0 zero
    "completer":     16,                # completions: completer id (BDF)
    "status":        CompletionStatus,  # completions; SUCCESSFUL in a request received
    "byte_count":    13,                # completions: bytes left to deliver, 1 to 4096
    "lower_address": 7,                 # completions
})

#: A header as it is on the link: byte 0 of each DW in bits 31:24. DW 3 of three is zero.
RawHeaderLayout = data.ArrayLayout(32, 4)


def RxBeatLayout(width):
    """One beat of a TLP from the host, ``width`` bits of payload."""
    return data.StructLayout({
        "header":      HeaderLayout,    # the same on every beat of the TLP
        "raw":         RawHeaderLayout, # the same header as DWs, to be shown where it was at fault
        "bar":         3,               # BAR hit: 0 = BAR0, 2 = BAR2, 7 = none; requests only
        "first":       1,
        "last":        1,
        "data":        width,           # payload DW 0 of the TLP is in bits 31:0 of the first beat
        "byte_enable": width // 8,      # bytes of `data` that count: first_be, last_be, and all
    })                                  # between; of completions all bytes; zero without payload


def TxBeatLayout(width):
    """One beat of a TLP to the host, ``width`` bits of payload.

    DW 0 of the payload is in bits 31:0 of the first beat.
    ``header.length_dw`` tells how many DW count. A TLP without payload is one beat, first and last.
    The sender sets every header field of the kind but ``requester`` (of a request) and
    ``completer``: those the shim fills in from the configuration. Fields that the kind does not
    have may be anything, and change from beat to beat.
    """
    return data.StructLayout({
        "header": HeaderLayout,         # the same on every beat of the TLP
        "first":  1,
        "last":   1,
        "data":   width,                # memory order: byte 0 in bits 7:0
    })

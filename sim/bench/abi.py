# SPDX-License-Identifier: BSD-2-Clause
"""What the bench's C++ side and its Python side must agree on: structures, enums, sizes.

Declared once, here: `header` writes them for the compiler, ctypes reads them as they are.
"""

import ctypes
from enum import IntEnum

__all__ = ["HOST_BASE", "HOST_BYTES", "Counters", "Event", "Kind", "Pins", "Settings", "header"]

#: Host memory: its first bus address, below 4 GiB so that headers have 3 DW, and its size.
HOST_BASE = 0x1000_0000
HOST_BYTES = 8 << 20
#: Where the host has put the card's BARs.
BAR0_BASE = 0xE000_0000
BAR2_BASE = 0xE800_0000
#: Requester id of the card: bus 1, device 0, function 0.
CARD_ID = 0x0100


class Kind(IntEnum):
    """What an event is."""

    HOST_STORE = 0  #: a store of the host; the card has taken its last beat
    COMPLETION = 1  #: a completion with data; the card has taken its last beat
    WRITE = 2  #: a memory write of the card; the block has taken its last beat
    READ = 3  #: a memory read of the card; likewise
    OTHER = 4  #: any other TLP of the card; likewise
    MSI = 5  #: the block has taken a vector
    REGISTER = 6  #: a write has reached a register of block `copier`
    INTERRUPT = 7  #: an interrupt line of the CPU has risen


class Settings(ctypes.Structure):
    """What the host has configured, and how link and host behave."""

    _fields_ = [
        ("throttled", ctypes.c_uint32),  # 1: both directions at the pace of the link
        ("mps_log2", ctypes.c_uint32),  # MPS = 128 << mps_log2 bytes
        ("mrrs_log2", ctypes.c_uint32),  # MRRS = 128 << mrrs_log2 bytes
        ("completion_bytes", ctypes.c_uint32),  # size of completions: 64, 128, 256
        ("latency_cycles", ctypes.c_uint32),  # of a read, in the host
        ("jitter_cycles", ctypes.c_uint32),  # more of it, drawn uniformly for each read
        ("seed", ctypes.c_uint32),  # of that draw
    ]


class Event(ctypes.Structure):
    """Something that happened, in the order of `cycle`."""

    _fields_ = [
        ("cycle", ctypes.c_uint64),  # the last beat crossed the pins in this cycle
        ("began", ctypes.c_uint64),  # the first beat did in this one
        ("link_begin", ctypes.c_uint64),  # the link began to carry it, in sixteenths of a cycle
        ("link_end", ctypes.c_uint64),  # the link has carried it, likewise
        ("address", ctypes.c_uint64),  # first byte; of a register: its offset in BAR0
        ("kind", ctypes.c_uint32),
        ("bytes", ctypes.c_uint32),  # of payload asked for or carried, enabled ones only
        ("value", ctypes.c_uint32),  # a store's BAR, a read's tag, a vector, lines, register data
        ("by_card", ctypes.c_uint32),  # register: the CPU wrote it
    ]


class Counters(ctypes.Structure):
    """Totals since the machine was made, or since it last forgot."""

    _fields_ = [
        ("rx_stall_cycles", ctypes.c_uint64),  # cycles with m_axis_rx_tvalid and not tready
        ("credit_overruns", ctypes.c_uint64),  # reads whose completions might not have fitted
        ("peak_headers", ctypes.c_uint64),  # most completion headers that might have been due
        ("straddles", ctypes.c_uint64),  # packets that began in the middle of a receive beat
        ("least_tx_buffers", ctypes.c_uint64),  # least that tx_buf_av has shown
    ]


class Pins(ctypes.Structure):
    """Pins in the cycle just simulated."""

    _fields_ = [
        (name, ctypes.c_uint32)
        for name in (
            "tx_valid",
            "tx_ready",
            "tx_first",
            "tx_last",
            "tx_dw0",
            "rx_valid",
            "rx_ready",
            "interrupt",
            "interrupt_rdy",
            "buffers",
            "register_write",
            "register_address",
            "cpu_interrupts",
        )
    ]


_C_TYPES = {ctypes.c_uint32: "uint32_t", ctypes.c_uint64: "uint64_t"}


def header() -> str:
    """Return the C++ header that says the same."""
    lines = ["// Written by sim/bench/abi.py.", "#pragma once", "#include <cstdint>", ""]
    for name in ("HOST_BASE", "HOST_BYTES", "BAR0_BASE", "BAR2_BASE", "CARD_ID"):
        lines.append(f"constexpr uint64_t {name} = {globals()[name]:#x};")
    lines += [f"enum Kind : uint32_t {{ {', '.join(f'{k.name} = {k.value}' for k in Kind)} }};"]
    for struct in (Settings, Event, Counters, Pins):
        members = " ".join(f"{_C_TYPES[field[1]]} {field[0]};" for field in struct._fields_)
        lines.append(f"struct {struct.__name__} {{ {members} }};")
        lines.append(f"static_assert(sizeof({struct.__name__}) == {ctypes.sizeof(struct)});")
    return "\n".join([*lines, ""])

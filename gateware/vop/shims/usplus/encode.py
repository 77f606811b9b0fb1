# SPDX-License-Identifier: BSD-2-Clause
"""Decoded headers to the descriptors of packets to send.

Ref: Xilinx PG213, "Requester Request Descriptor Formats", "Completer Completion Descriptor Format".
The bus number in the ids is the block's to fill in: the bits that would overrule it are zero.
"""

from amaranth.hdl import C, Cat, Mux

from ...pcie.tlp import Kind
from .decode import RequestType

__all__ = ["completion_descriptor", "request_descriptor"]


def request_descriptor(header, *, requester):
    """Four DWs for a memory request; ``requester`` is our id."""
    is_write = header.kind == Kind.MEMORY_WRITE
    return Cat(
        C(0, 2), header.address[2:],
        header.length_dw, Mux(is_write, RequestType.MEMORY_WRITE, RequestType.MEMORY_READ),
        header.poisoned, requester,
        header.tag, C(0, 16), C(0, 1),
        header.traffic_class, header.no_snoop, header.relaxed, C(0, 2))


def completion_descriptor(header, *, completer, locked):
    """Three DWs for a completion; ``completer`` is our id."""
    has_data = header.kind == Kind.COMPLETION_DATA
    return Cat(
        header.lower_address, C(0, 9), header.byte_count, locked, C(0, 2),
        Mux(has_data, header.length_dw, 0), header.status, header.poisoned, C(0, 1),
        header.requester,
        header.tag, completer, C(0, 1),
        header.traffic_class, header.no_snoop, header.relaxed, C(0, 2))

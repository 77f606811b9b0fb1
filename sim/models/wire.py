# SPDX-License-Identifier: BSD-2-Clause
"""A TLP as the double words of an AXI stream, and back.

Ref: PG054, "Transaction interface": DW 0 of the TLP is in bits 31:0, and within a DW TLP byte 0 is
in bits 31:24. Headers are packed and unpacked by cocotbext-pcie, which shares nothing with the
gateware.
"""

import array
import sys

from cocotbext.pcie.core.tlp import Tlp

__all__ = ["MalformedTlp", "bytes_asked", "first_byte", "from_words", "to_words"]


class MalformedTlp(ValueError):
    """A packet that is no TLP."""


def first_byte(tlp: Tlp) -> int:
    """Address of the first byte that a request enables; of its first DW if it enables none."""
    return tlp.address + (tlp.get_first_be_offset() if tlp.first_be else 0)


def bytes_asked(tlp: Tlp) -> int:
    """Bytes from the first to the last enabled one; 1 for a read that enables none (2.2.9)."""
    return max(tlp.get_be_byte_count(), 1) if tlp.first_be else 1


def to_words(tlp: Tlp) -> list[int]:
    """Return the DWs of ``tlp``, header first."""
    words = array.array("I", bytes(tlp.pack()))
    if sys.byteorder == "little":
        words.byteswap()
    return words.tolist()


def from_words(words: list[int]) -> Tlp:
    """Return the TLP whose DWs are ``words``.

    Raises
    ------
    MalformedTlp
        If the header is unknown, or the packet is not as long as its header says.
    """
    packet = array.array("I", words)
    if sys.byteorder == "little":
        packet.byteswap()
    try:
        tlp = Tlp.unpack(bytearray(packet.tobytes()))
    except Exception as reason:  # the library raises nothing more precise
        raise MalformedTlp(
            f"unknown header {[hex(word) for word in words[:4]]}: {reason}"
        ) from None
    expected = tlp.get_header_size_dw() + (tlp.length if tlp.has_data() else 0)
    if len(words) != expected:
        raise MalformedTlp(f"packet must have {expected} DW by its header, not {len(words)}: {tlp}")
    return tlp

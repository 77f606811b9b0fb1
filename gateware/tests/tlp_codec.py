# SPDX-License-Identifier: BSD-2-Clause
"""A TLP codec of the tests' own, over bytes in link order, so that no table is shared with vop.

Ref: PCI Express Base 4.0, 2.2.
"""

import struct
from dataclasses import dataclass, replace

__all__ = ["Tlp", "be_bytes", "decode", "random_request"]

# Fmt and Type as one byte, for a header of three DWs; four DWs add 0x20.
_CODES = {
    "MRd": 0x00, "MRdLk": 0x01, "IORd": 0x02, "CfgRd0": 0x04, "CfgRd1": 0x05, "Cpl": 0x0A,
    "CplLk": 0x0B, "MWr": 0x40, "IOWr": 0x42, "CfgWr0": 0x44, "CfgWr1": 0x45, "CplD": 0x4A,
    "FetchAdd": 0x4C, "Swap": 0x4D, "CAS": 0x4E, "Msg": 0x14, "MsgD": 0x54,
}
_NAMES = {code: name for name, code in _CODES.items()}
_FOUR_DW = 0x20


@dataclass(frozen=True)
class Tlp:
    """One TLP. ``length`` counts DWs; ``payload`` is in memory order."""

    kind: str
    length: int = 0
    payload: bytes = b""
    requester: int = 0
    tag: int = 0
    address: int = 0
    first_be: int = 0
    last_be: int = 0
    completer: int = 0
    status: int = 0
    byte_count: int = 0
    lower_address: int = 0
    traffic_class: int = 0
    attr: int = 0
    poisoned: bool = False
    digest: bytes = b""

    @property
    def is_completion(self):
        return self.kind in ("Cpl", "CplD", "CplLk")

    def encode(self):
        """Bytes as they are on the link."""
        four_dw = self.kind in ("Msg", "MsgD") or self.address >> 32
        first = struct.pack(
            ">BBH", _CODES[self.kind] | (_FOUR_DW if four_dw else 0), self.traffic_class << 4,
            bool(self.digest) << 15 | self.poisoned << 14 | self.attr << 12 | self.length % 1024)
        if self.is_completion:
            second = struct.pack(">HHHBB", self.completer,
                                 self.status << 13 | self.byte_count % 4096,
                                 self.requester, self.tag, self.lower_address)
        else:
            second = struct.pack(">HBBQ" if four_dw else ">HBBI", self.requester, self.tag,
                                 self.last_be << 4 | self.first_be, self.address)
        return first + second + self.payload + self.digest

    def dwords(self):
        """DWs as the hard block shows them: byte 0 in bits 31:24."""
        return [dw for dw, in struct.iter_unpack(">I", self.encode())]

    def header_dwords(self):
        """The first three or four of ``dwords()``."""
        return self.dwords()[:len(self.encode()) // 4 - (len(self.payload) + len(self.digest)) // 4]

    def with_payload(self, payload):
        return replace(self, payload=payload, length=len(payload) // 4)


def decode(link_bytes):
    """The TLP in ``link_bytes``; refuses what Base 4.0 forbids."""
    code, traffic_class, word = struct.unpack_from(">BBH", link_bytes)
    four_dw = bool(code & _FOUR_DW)
    kind = _NAMES[code & ~_FOUR_DW]
    length = word & 0x3FF or 1024
    header_bytes = 16 if four_dw else 12
    payload = link_bytes[header_bytes:]
    assert not word & 0x8C00, "no digest, no reserved bits"
    assert not traffic_class & 0x8F, "reserved bits must be zero"
    fields = {"kind": kind, "payload": payload, "traffic_class": traffic_class >> 4,
              "attr": word >> 12 & 3, "poisoned": bool(word >> 14 & 1)}
    if code & 0x40:
        assert len(payload) == 4 * length, f"length {length} with {len(payload)} bytes"
    else:
        assert not payload, "a TLP without data has no payload"
        length = 0 if kind in ("Cpl", "CplLk") else length
    if kind in ("Cpl", "CplD", "CplLk"):
        completer, word, requester, tag, lower = struct.unpack_from(">HHHBB", link_bytes, 4)
        assert not word & 0x1000
        assert not lower & 0x80
        return Tlp(**fields, length=length, completer=completer, status=word >> 13,
                   byte_count=word & 0xFFF or 4096, requester=requester, tag=tag,
                   lower_address=lower)
    requester, tag, enables = struct.unpack_from(">HBB", link_bytes, 4)
    address, = struct.unpack_from(">Q" if four_dw else ">I", link_bytes, 8)
    assert bool(address >> 32) == four_dw, "four DWs exactly above 4 GiB"
    return Tlp(**fields, length=length, requester=requester, tag=tag, address=address,
               first_be=enables & 15, last_be=enables >> 4)


def be_bytes(first_be, last_be, length):
    """Whether each byte of a request is enabled."""
    enables = [15] * length
    enables[-1] = last_be
    enables[0] = first_be
    return [bool(enable >> byte & 1) for enable in enables for byte in range(4)]


def random_request(rng, kind, *, length, address, payload=None):
    """A request of ``kind`` with random tag, ids, class, attributes and legal byte enables."""
    first_be = rng.choice([8, 12, 14, 15]) if length > 1 else rng.randrange(16)
    last_be = rng.choice([1, 3, 7, 15]) if length > 1 else 0
    if payload is None:
        payload = rng.randbytes(4 * length) if kind in (
            "MWr", "IOWr", "CfgWr0", "CfgWr1", "FetchAdd", "Swap", "CAS") else b""
    return Tlp(kind, length, payload, requester=rng.randrange(1 << 16), tag=rng.randrange(256),
               address=address, first_be=first_be, last_be=last_be,
               traffic_class=rng.randrange(8), attr=rng.randrange(4))

# SPDX-License-Identifier: BSD-2-Clause
"""Counts what crosses the link: TLPs by kind, bytes and sizes, each direction."""

from collections import Counter

from cocotbext.pcie.core.tlp import CplStatus, Tlp, TlpType

__all__ = ["Traffic", "kind_of"]

_KINDS = {
    TlpType.MEM_READ: "memory_read",
    TlpType.MEM_READ_64: "memory_read",
    TlpType.MEM_WRITE: "memory_write",
    TlpType.MEM_WRITE_64: "memory_write",
    TlpType.CPL: "completion",
    TlpType.CPL_DATA: "completion_data",
}


def kind_of(tlp: Tlp) -> str:
    """Name of a TLP's kind; ``other`` for what the card never deals in."""
    return _KINDS.get(tlp.fmt_type, "other")


class Traffic:
    """TLPs in one direction.

    ``tlps`` counts by kind; ``bytes`` sums, by kind, payload carried, and of a read the bytes
    asked for. ``sizes[kind]`` is a histogram of those bytes. ``errors`` counts completions that
    are not successful, ``poisoned`` counts poisoned TLPs.
    """

    def __init__(self):
        self.tlps: Counter[str] = Counter()
        self.bytes: Counter[str] = Counter()
        self.sizes: dict[str, Counter[int]] = {}
        self.errors = 0
        self.poisoned = 0

    def count(self, tlp: Tlp) -> None:
        """Take one TLP into account."""
        kind = kind_of(tlp)
        if kind == "completion":
            size = 0
        elif kind == "completion_data":
            size = 4 * tlp.length
        else:
            size = tlp.get_be_byte_count()
        self.tlps[kind] += 1
        self.bytes[kind] += size
        self.sizes.setdefault(kind, Counter())[size] += 1
        self.errors += kind.startswith("completion") and tlp.status != CplStatus.SC
        self.poisoned += bool(tlp.ep)

    @property
    def total(self) -> int:
        """TLPs of every kind."""
        return sum(self.tlps.values())

    def snapshot(self) -> dict[str, object]:
        """Everything, as plain data for a report."""
        return {
            "tlps": dict(self.tlps),
            "bytes": dict(self.bytes),
            "sizes": {kind: dict(sorted(sizes.items())) for kind, sizes in self.sizes.items()},
            "errors": self.errors,
            "poisoned": self.poisoned,
        }

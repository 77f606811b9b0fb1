# SPDX-License-Identifier: BSD-2-Clause
"""Counts what crosses the link: TLPs by kind, bytes and sizes, each direction."""

from collections import Counter

from cocotbext.pcie.core.tlp import CplStatus, Tlp, TlpType

from .wire import first_byte

__all__ = ["BULK_BYTES", "Traffic", "kind_of"]

#: A run of requests for adjoining addresses is a bulk transfer from so many bytes on: more than any
#: ring has in a row.
BULK_BYTES = 4096

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


class _Run:
    """Requests of one kind, each beginning where the one before ended.

    Sizes of all but the first and the last of a bulk transfer are counted in ``inner``.
    """

    def __init__(self):
        self.inner: Counter[int] = Counter()
        self._end = -1
        self._bytes = 0
        self._sizes: Counter[int] = Counter()  # without the first, with the last
        self._last = 0

    def take(self, address: int, size: int) -> None:
        """Take the next request; the run that it does not continue is over."""
        if address == self._end:
            self._sizes[size] += 1
            self._bytes += size
        else:
            if self._bytes >= BULK_BYTES:
                self._sizes[self._last] -= 1
                self.inner += self._sizes
            self._sizes = Counter()
            self._bytes = size
        self._last = size
        self._end = address + size


class Traffic:
    """TLPs in one direction.

    ``tlps`` counts by kind; ``bytes`` sums, by kind, payload carried, and of a read the bytes
    asked for. ``sizes[kind]`` is a histogram of those bytes. ``inner_sizes[kind]`` is one of memory
    requests inside bulk transfers, first and last left out; a transfer counts when the next request
    begins another. ``errors`` counts completions that
    are not successful, ``poisoned`` counts poisoned TLPs.
    """

    def __init__(self):
        self.tlps: Counter[str] = Counter()
        self.bytes: Counter[str] = Counter()
        self.sizes: dict[str, Counter[int]] = {}
        self._runs = {"memory_read": _Run(), "memory_write": _Run()}
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
        if kind in self._runs:
            self._runs[kind].take(first_byte(tlp), size)
        self.errors += kind.startswith("completion") and tlp.status != CplStatus.SC
        self.poisoned += bool(tlp.ep)

    @property
    def inner_sizes(self) -> dict[str, Counter[int]]:
        """Sizes of memory requests inside bulk transfers, by kind."""
        return {kind: run.inner for kind, run in self._runs.items()}

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
            "inner_sizes": {kind: dict(sizes) for kind, sizes in self.inner_sizes.items()},
            "errors": self.errors,
            "poisoned": self.poisoned,
        }

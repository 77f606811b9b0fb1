# SPDX-License-Identifier: BSD-2-Clause
"""Small requests in a list of TLPs: what the host and the card send for each.

The bench's host must do what the host's driver does, so both are brought into one form. An exchange
begins with what the card writes, ends with the host's last store before the card writes again, and
is told as lines of who, what, how many bytes; bytes of payload are told as `up to 64`, as no two
requests are of one size.
"""

from collections.abc import Iterable

__all__ = ["SMALL_BYTES", "Line", "exchanges", "shape"]

#: What one write-combining line, or one slot of the push area, can hold.
SMALL_BYTES = 64

_WRITES_BEFORE_VECTOR = 4

#: Who sends it; `memory write`, `msi`, or any other kind; what it hits; address; bytes.
Line = tuple[str, str, str, int, int]


def exchanges(lines: Iterable[Line]) -> list[list[Line]]:
    """Split a list of TLPs into exchanges; what came before the first vector is left out."""
    found: list[list[Line]] = []
    current: list[Line] = []
    for line in lines:
        if line[0] == "card" and current and current[-1][0] == "host":
            found.append(current)
            current = []
        current.append(line)
    return found[1:]


def shape(exchange: list[Line]) -> tuple[str, ...] | None:
    """Return an exchange without what differs between requests; None if it is not a small one.

    Small: payload, descriptors, avail entry, avail index and a vector of the card; one reply of the
    host; neither payload nor reply larger than 64 bytes.
    """
    vectors = [place for place, line in enumerate(exchange) if line[1] == "msi"]
    replies = [line for line in exchange if line[2] == "bar2"]
    if len(vectors) != 1 or vectors[0] < _WRITES_BEFORE_VECTOR or len(replies) != 1:
        return None
    pushed = exchange[vectors[0] - _WRITES_BEFORE_VECTOR]
    if max(pushed[4], replies[0][4]) > SMALL_BYTES:
        return None
    words = []
    for line in exchange:
        who, kind, target, _, size = line
        told = f"up to {SMALL_BYTES}" if line is pushed or target == "bar2" else str(size)
        words.append(" ".join(filter(None, (who, kind, target, told))))
    return tuple(words)

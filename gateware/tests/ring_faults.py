# SPDX-License-Identifier: BSD-2-Clause
"""What a driver must not do to a ring of eight, of whichever bench. Each makes it available."""

from engine_rings import INDIRECT, NEXT


def head_beyond(ring):
    """A head beyond the ring."""
    ring.offer(1)
    ring.make_available(8)


def next_beyond(ring):
    """A next index beyond the ring."""
    ring.describe(2, 0, 4, NEXT, 0x8000)
    ring.make_available(2)


def indirect(ring):
    """An indirect descriptor where none is allowed."""
    ring.describe(2, 0, 16, INDIRECT)
    ring.make_available(2)


def self_loop(ring):
    """A descriptor that follows itself."""
    ring.describe(2, 0, 4, NEXT, 2)
    ring.make_available(2)


def long_loop(ring):
    """A loop of eight."""
    for n in range(8):
        ring.describe(n, 0, 4, NEXT, (n + 1) % 8)
    ring.make_available(0)

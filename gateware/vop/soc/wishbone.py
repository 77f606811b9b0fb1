# SPDX-License-Identifier: BSD-2-Clause
"""The CPU's buses, as its core speaks them.

Ref: Wishbone B4, 3.2 (classic bus cycles) and 4.1 (registered feedback, incrementing burst).
"""

from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["INCREMENTING", "Signature"]

#: Value of ``cti`` in a burst that goes on.
INCREMENTING = 0b010


class Signature(wiring.Signature):
    """Wishbone with 30-bit word addresses, as its initiator sees it.

    There is no ERR: this core hangs on it. Every access is acknowledged.

    Members
    -------
    cyc, stb : ``Out(1)``
        An access waits for ``ack`` while both are high.
    we : ``Out(1)``
        1: write.
    adr : ``Out(30)``
        Byte address / 4.
    sel : ``Out(4)``, dat_w : ``Out(32)``
        Bytes to write, and their values.
    cti : ``Out(3)``
        ``INCREMENTING`` in a burst that goes on, 7 at its last word, 0 otherwise.
    ack : ``In(1)``, dat_r : ``In(32)``
        One cycle for each access; ``dat_r`` is valid with ``ack``.
    """

    def __init__(self):
        super().__init__({
            "cyc":   Out(1),
            "stb":   Out(1),
            "we":    Out(1),
            "adr":   Out(30),
            "sel":   Out(4),
            "dat_w": Out(32),
            "cti":   Out(3),
            "ack":   In(1),
            "dat_r": In(32),
        })

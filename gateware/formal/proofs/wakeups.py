# SPDX-License-Identifier: BSD-2-Clause
"""Nobody sleeps while there is work, however long a posted write takes."""

from ..proof import Plant, Proof
from ..ring_sides import WakeUps

__all__ = ["PROOFS"]

_MODEL = "formal.ring_sides"

PROOFS = (
    Proof("wake-ups", "A device that sleeps is woken when there is something new (abstract model).",
          WakeUps, 20, (
              Plant("`arm` does not look at what has been published", _MODEL,
                    "with m.If(behind != 0):", "with m.If(0):"),
              Plant("`publish` does not say what it has published, but for itself", _MODEL,
                    "behind = (published - wish)[:_BITS]", "behind = (old - wish)[:_BITS]"),
              Plant("an event just behind the old index counts as not passed", _MODEL,
                    "with m.If(ahead < (published", "with m.If(ahead + 1 < (published"),
          )),
)

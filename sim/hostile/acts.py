# SPDX-License-Identifier: BSD-2-Clause
"""What a hostile host, a hostile ring and hostile firmware do: the list of all acts.

Each act is drawn from the stage's ``rng``. It may leave the card in any state; it waits for nothing
without a bound.
"""

from . import channel_acts, firmware_acts, link_acts, ring_acts, vector_acts
from .channel_acts import honest_copies

__all__ = ["ACTS", "honest_copies"]

#: Whatever a seed draws from these disturbs honest copies, which each seed makes besides.
ACTS = (*link_acts.ACTS, *channel_acts.ACTS, *ring_acts.ACTS, *vector_acts.ACTS,
        *firmware_acts.ACTS)  # fmt: skip

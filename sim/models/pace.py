# SPDX-License-Identifier: BSD-2-Clause
"""How eager the models are: at full speed, or with random pauses on every stream."""

import random

__all__ = ["Pace"]


class Pace:
    """Decides, beat by beat, whether a stream pauses.

    ``flowing`` never pauses; ``stuttering`` pauses with one chance in three, in runs that the
    random generator ``rng`` draws.
    """

    def __init__(self, name: str = "flowing", rng: random.Random | None = None):
        if name not in ("flowing", "stuttering"):
            raise ValueError(f"Pace must be 'flowing' or 'stuttering', not {name!r}")
        self.name = name
        self.rng = rng or random.Random(0)
        self._stutters = name == "stuttering"

    def pauses(self) -> bool:
        """Tell whether the stream withholds this beat."""
        return self._stutters and self.rng.random() < 0.33

    def cycles(self, most: int) -> int:
        """Draw a delay of 0 to ``most`` cycles; 0 while flowing."""
        return self.rng.randrange(most + 1) if self._stutters else 0

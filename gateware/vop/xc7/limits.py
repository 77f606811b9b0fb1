# SPDX-License-Identifier: BSD-2-Clause
"""What the card must reach, and what it has reached: a record that may only get better."""

import tomllib
from dataclasses import dataclass

__all__ = ["Limits", "LimitsError", "read_limits"]

_KEYS = {"fmax_mhz", "luts", "ffs"}


class LimitsError(Exception):
    """The file of limits is wrong. The text says where."""


@dataclass(frozen=True)
class Limits:
    """Least frequency of the clock, most lookup tables and flip-flops."""

    fmax_mhz: float
    luts: int
    ffs: int

    def misses(self, *, fmax_mhz, luts, ffs):
        """A sentence for each limit that these numbers miss."""
        missed = []
        if fmax_mhz < self.fmax_mhz:
            missed.append(f"{fmax_mhz:.1f} MHz are below {self.fmax_mhz:g} MHz")
        if luts > self.luts:
            missed.append(f"{luts} lookup tables are more than {self.luts}")
        if ffs > self.ffs:
            missed.append(f"{ffs} flip-flops are more than {self.ffs}")
        return missed


def read_limits(path, name):
    """Read table ``name`` of the file of limits.

    Raises
    ------
    LimitsError
        If the file cannot be read, has no such table, or that has not exactly the three numbers.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as reason:
        raise LimitsError(f"{path} is not a file of limits: {reason}") from None
    numbers = tables.get(name)
    if not isinstance(numbers, dict) or set(numbers) != _KEYS:
        raise LimitsError(f"Table {name!r} of {path} must have {', '.join(sorted(_KEYS))}, not "
                          f"{', '.join(sorted(numbers)) if isinstance(numbers, dict) else numbers}")
    for key, value in numbers.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value <= 0:
            raise LimitsError(f"{key} in table {name!r} of {path} must be a positive number, not "
                              f"{value!r}")
    return Limits(**numbers)

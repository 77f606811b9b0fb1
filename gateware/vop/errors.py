# SPDX-License-Identifier: BSD-2-Clause
"""Argument checks that several components share, and their wording."""

__all__ = ["check_width"]


def check_width(owner, width, allowed):
    """Refuse a data width that ``owner`` does not have; ``allowed`` ones, in bits, ascend.

    Raises
    ------
    ValueError
        If ``width`` is not one of ``allowed``.
    """
    if width not in allowed:
        *others, last = map(str, allowed)
        choice = f"{', '.join(others)} or {last}" if others else last
        raise ValueError(f"Width of {owner} must be {choice} bits, not {width!r}")

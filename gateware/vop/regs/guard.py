# SPDX-License-Identifier: BSD-2-Clause
"""Block `guard`: which host addresses the card's CPU and the rings may name."""

from ..regmap.model import Access, Block, Constants, Field, Register, Side

__all__ = ["GUARD", "GUARD_LIMITS"]

GUARD_LIMITS = Constants("guard_limits", "Sizes of the guard.", (
    ("windows", 16, "Windows of host memory that the guard can hold."),
))

_COUNT = GUARD_LIMITS["windows"]

GUARD = Block("guard", 0x0400, 0x100, "Host windows. A host address that the CPU or a ring "
              "supplies must lie in one of them, and so must every byte that is moved: each piece "
              "of a transfer is judged by itself, right before it is sent.", (
    Register("base_lo", 0x00, "Start of a window, low half.", (
        Field("value", 0, 32, Access.RW, "Host bus address bits 31 to 0; the low 12 are ignored."),
    ), written_by=Side.HOST, count=_COUNT, stride=16),
    Register("base_hi", 0x04, "Start of a window, high half.", (
        Field("value", 0, 32, Access.RW, "Host bus address bits 63 to 32."),
    ), written_by=Side.HOST, count=_COUNT, stride=16),
    Register("pages", 0x08, "Size of a window; written last, it opens the window.", (
        Field("value", 0, 20, Access.RW, "Size in pages of 4096 bytes; 0 closes the window."),
    ), written_by=Side.HOST, count=_COUNT, stride=16),
))

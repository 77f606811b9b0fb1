# SPDX-License-Identifier: BSD-2-Clause
"""Where each generated file goes, and whether it is current."""

import difflib
from pathlib import Path

from .model import Map
from .to_c import FIRMWARE, LINUX
from .to_c import emit as emit_c
from .to_markdown import emit as emit_markdown

__all__ = ["REPAIR", "generate", "difference"]

#: The command that repairs a stale file.
REPAIR = "run `make regs`"


def generate(regmap: Map) -> dict[str, str]:
    """Text of every generated file, by its path from the root of the repository."""
    return {
        "firmware/core/include/vop/regs/vop_regs.h": emit_c(regmap, FIRMWARE),
        "host-driver/kernel/regs/vop_regs.h": emit_c(regmap, LINUX),
        "docs/registers.md": emit_markdown(regmap),
    }


def difference(root: Path, path: str, text: str) -> str:
    """Unified diff from the file below ``root`` to ``text``; empty if it is current."""
    file = root / path
    present = file.read_text(encoding="utf-8") if file.exists() else ""
    return "".join(difflib.unified_diff(
        present.splitlines(keepends=True), text.splitlines(keepends=True),
        f"{path} (present)", f"{path} (declared)"))

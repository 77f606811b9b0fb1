# SPDX-License-Identifier: BSD-2-Clause
"""One visit to the bench: the library, the machines made of it, the runs already made."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from .build import library
from .host import Host
from .machine import Machine

__all__ = ["Session", "pattern"]


@dataclass
class Session:
    """What the workloads of one visit share.

    ``vcd`` is where each machine records its signals; the last one's stay.
    """

    vcd: Path | None = None
    results: dict[Any, Any] = field(default_factory=dict)

    @cached_property
    def library(self) -> Path:
        """The compiled bench."""
        return library(waves=self.vcd is not None)

    @contextmanager
    def host(self) -> Iterator[Host]:
        """A host with a card fresh from reset."""
        machine = Machine(self.library, vcd=self.vcd)
        try:
            yield Host(machine)
        finally:
            machine.close()

    def once(self, run: Any, *arguments: Any) -> Any:
        """Return ``run(self, *arguments)``, run only once in a visit."""
        key = (run, arguments)
        if key not in self.results:
            self.results[key] = run(self, *arguments)
        return self.results[key]


def pattern(length: int, seed: int = 1) -> bytes:
    """Bytes that repeat nowhere."""
    return random.Random(seed).randbytes(length)

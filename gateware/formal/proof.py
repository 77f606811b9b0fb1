# SPDX-License-Identifier: BSD-2-Clause
"""What a proof is: a harness with assertions, a depth, and bugs that it must find."""

from collections.abc import Callable
from dataclasses import dataclass

from amaranth.hdl import Assert, Assume, Elaboratable, Module, Signal, Value

__all__ = ["Plant", "Proof", "Harness"]


@dataclass(frozen=True)
class Plant:
    """A bug, as an edit to the source of one module.

    Attributes
    ----------
    bug : str
        What is wrong then, in a few words.
    module : str
        Name of the module, as it is imported.
    was, becomes : str
        Source text; ``was`` must stand in the module exactly once.
    """

    bug: str
    module: str
    was: str
    becomes: str

    def apply(self, source: str) -> str:
        """Return ``source`` with the bug in it.

        Raises
        ------
        ValueError
            If the text to replace is not there exactly once: the plant is stale.
        """
        count = source.count(self.was)
        if count != 1:
            raise ValueError(f"Text of plant {self.bug!r} must stand once in {self.module}, "
                             f"not {count} times: {self.was!r}")
        return source.replace(self.was, self.becomes)


@dataclass(frozen=True)
class Proof:
    """A harness whose assertions hold in every run of ``depth`` cycles from reset.

    Attributes
    ----------
    name : str
        Short, unique, for the command line.
    claim : str
        What is proved, as one sentence.
    harness : callable
        Returns the :class:`Harness`.
    depth : int
        Cycles.
    plants : tuple of Plant
        Bugs that make an assertion fail within ``depth`` cycles. At least one.
    inductive : bool
        ``depth`` cycles without a failure are followed by another, from any state: so the claim
        holds for ever.
    """

    name: str
    claim: str
    harness: Callable[[], "Harness"]
    depth: int
    plants: tuple[Plant, ...]
    inductive: bool = False

    def __post_init__(self):
        if not self.plants:
            raise ValueError(f"Proof {self.name!r} must have a planted bug that it finds")


class Harness(Elaboratable):
    """A circuit with free inputs, assertions, and at least one cover.

    A subclass has ``elaborate(platform)``. What it takes from :meth:`any` may have any value in any
    cycle. A cover that is never reached means that the proof says nothing, and fails it.
    """

    def __init__(self):
        self.inputs = []

    def any(self, shape, name):
        """A signal (or view) of ``shape`` that has any value in any cycle."""
        signal = Signal(shape, name=name)
        self.inputs.append(Value.cast(signal))
        return signal

    def fixed(self, m: Module, shape, name):
        """A signal of ``shape`` that has any value, the same one in all cycles."""
        now = self.any(shape, name)
        before = Signal.like(now, name=f"{name}_before")
        began = Signal(name=f"{name}_began")
        m.d.sync += [began.eq(1), before.eq(now)]
        m.d.comb += Assume(~began | (now == before))
        return now

    def offers(self, m: Module, stream, name):
        """Drive ``stream`` with anything that keeps the stream contract."""
        payload = Value.cast(stream.payload)
        m.d.comb += [
            stream.valid.eq(self.any(1, f"{name}_valid")),
            payload.eq(self.any(len(payload), f"{name}_payload")),
            Assume(self.kept(m, stream, name)),
        ]

    def keeps(self, m: Module, stream, name):
        """Assert the stream contract of ``stream``: an offer stands, unchanged, until taken."""
        m.d.comb += Assert(self.kept(m, stream, name))

    def kept(self, m: Module, stream, name):
        """The condition that the stream contract of ``stream`` holds in this cycle."""
        payload = Value.cast(stream.payload)
        offered = Signal(name=f"{name}_offered")
        before = Signal(len(payload), name=f"{name}_before")
        m.d.sync += [offered.eq(stream.valid & ~stream.ready), before.eq(payload)]
        return ~offered | (stream.valid & (payload == before))

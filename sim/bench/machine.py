# SPDX-License-Identifier: BSD-2-Clause
"""The machine under measurement: card, hard block, link and host, run a cycle at a time in C++.

The host only stores: up to 8 bytes to BAR0, up to 64 bytes of one write-combining line to BAR2.
Whatever the card does wrong raises `Misbehaved` at once.
"""

import ctypes
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from .abi import HOST_BASE, HOST_BYTES, Counters, Event, Kind, Pins, Settings

__all__ = ["CYCLE_NS", "TICKS_PER_CYCLE", "Machine", "Misbehaved"]

CYCLE_NS = 8
#: `Event.link_begin` and `link_end` count sixteenths of a cycle: the time of one byte at Gen2 x4.
TICKS_PER_CYCLE = 16

_STORE_BYTES = {0: 8, 2: 64}
_SETUP = {"mps_log2": 0, "mrrs_log2": 2, "completion_bytes": 128, "seed": 1}
_SILENCE_CYCLES = 20_000
_SETTLE_CYCLES = 2_000_000
# The card clears its memories and resets its channels.
_WAKE_CYCLES = 2048
_REST_CYCLES = 64


class Misbehaved(AssertionError):
    """The card broke a rule, or did not do in time what it was asked for."""


class _Library:
    """The functions of `model/machine.cc`."""

    def __init__(self, path: Path):
        self._cdll = ctypes.CDLL(str(path))
        handle, u64 = ctypes.c_void_p, ctypes.c_uint64
        for name, result, *arguments in (
            ("new", handle),
            ("delete", None, handle),
            ("configure", None, handle, ctypes.POINTER(Settings)),
            ("memory", handle, handle),
            ("cycle", u64, handle),
            ("quiet", ctypes.c_int, handle),
            ("record", ctypes.c_int, handle, ctypes.c_char_p),
            ("run", ctypes.c_int, handle, u64, ctypes.c_uint32),
            ("event_count", u64, handle),
            ("events", ctypes.POINTER(Event), handle),
            ("forget", None, handle),
            ("counters", None, handle, ctypes.POINTER(Counters)),
            ("pins", None, handle, ctypes.POINTER(Pins)),
            ("fault_count", u64, handle),
            ("fault", ctypes.c_char_p, handle, u64),
            ("store", None, handle, ctypes.c_int, u64, ctypes.c_char_p, ctypes.c_uint32),
        ):
            function = getattr(self, name)
            function.restype, function.argtypes = result, list(arguments)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cdll, f"machine_{name}")


class Machine:
    """A card that has just come out of reset, and everything that it can see.

    ``library`` is what `build.library` returns. It begins with neither throttle nor latency, as
    setting up is not measured; `behave` changes that. ``vcd`` is where to record every signal.
    """

    def __init__(self, library: Path, *, vcd: Path | None = None):
        self._library = _Library(library)
        self._handle = self._library.new()
        if vcd is not None and not self._library.record(self._handle, str(vcd).encode()):
            raise RuntimeError(f"{vcd} must be writable, and the library built with waves")
        address = self._library.memory(self._handle)
        self.memory = memoryview((ctypes.c_uint8 * HOST_BYTES).from_address(address)).cast("B")
        self._settings = dict(_SETUP)
        self.behave(throttled=False)
        self.run(_WAKE_CYCLES)
        self.forget()

    def close(self) -> None:
        """Give the memory back; the machine must not be used afterwards."""
        self.memory.release()
        self._library.delete(self._handle)
        self._handle = None

    def behave(
        self,
        *,
        throttled: bool,
        latency_ns: int = 0,
        jitter_ns: int = 0,
        **changes: int,
    ) -> None:
        """Set throttle, latency, and what `abi.Settings` names; the rest stays as it was."""
        self._settings.update(changes)
        settings = Settings(
            throttled=throttled,
            latency_cycles=latency_ns // CYCLE_NS,
            jitter_cycles=jitter_ns // CYCLE_NS,
            **self._settings,
        )
        self._library.configure(self._handle, ctypes.byref(settings))

    # Host memory.

    @staticmethod
    def _offset(address: int) -> int:
        return address - HOST_BASE

    def poke(self, address: int, data: bytes) -> None:
        """Write host memory, as the host's CPU."""
        at = self._offset(address)
        self.memory[at : at + len(data)] = data

    def peek(self, address: int, length: int) -> bytes:
        """Read host memory, as the host's CPU."""
        at = self._offset(address)
        return bytes(self.memory[at : at + length])

    # The host's stores.

    def store(self, bar: int, offset: int, data: bytes) -> None:
        """Store to a BAR, as one TLP."""
        limit = _STORE_BYTES[bar]
        if not data or offset % limit + len(data) > limit:
            raise ValueError(
                f"A store to BAR{bar} must lie in {limit} bytes, not {len(data)} at {offset:#x}"
            )
        self._library.store(self._handle, bar, offset, data, len(data))

    # Time.

    @property
    def cycle(self) -> int:
        """Cycles since the machine was made."""
        return self._library.cycle(self._handle)

    def run(self, cycles: int, *until: Kind) -> bool:
        """Run for ``cycles``, or until an event of these kinds; tell whether there was one."""
        mask = sum(1 << kind for kind in until)
        found = bool(self._library.run(self._handle, cycles, mask))
        if self._library.fault_count(self._handle):
            raise Misbehaved(self._library.fault(self._handle, 0).decode())
        return found

    def run_until(self, holds: Callable[[], object], *kinds: Kind) -> None:
        """Run until ``holds()`` is true, asked after each event of ``kinds``.

        Raises
        ------
        Misbehaved
            If there is no such event for long.
        """
        while not holds():
            if not self.run(_SILENCE_CYCLES, *kinds):
                names = " or ".join(kind.name for kind in kinds)
                raise Misbehaved(f"there must be a {names} within {_SILENCE_CYCLES} cycles")

    def settle(self) -> None:
        """Run until nothing is under way on the link, and has not been for a while."""
        still = 0
        for _ in range(_SETTLE_CYCLES):
            self.run(1)
            still = still + 1 if self._library.quiet(self._handle) else 0
            if still == _REST_CYCLES:
                return
        raise Misbehaved(f"the link must come to rest within {_SETTLE_CYCLES} cycles")

    # What happened.

    @property
    def event_count(self) -> int:
        """Events since they were last forgotten."""
        return self._library.event_count(self._handle)

    def events(self, *kinds: Kind, since: int = 0) -> list[Event]:
        """Events of these kinds, of all kinds if none is named, from number ``since`` on."""
        array = self._library.events(self._handle)
        found: Iterable[Event] = (array[n] for n in range(since, self.event_count))
        return [Event.from_buffer_copy(e) for e in found if not kinds or e.kind in kinds]

    def forget(self) -> None:
        """Begin a new list of events, and count from zero."""
        self._library.forget(self._handle)

    def counters(self) -> Counters:
        """Totals since they were last forgotten."""
        counters = Counters()
        self._library.counters(self._handle, ctypes.byref(counters))
        return counters

    def pins(self) -> Pins:
        """Pins in the latest cycle."""
        pins = Pins()
        self._library.pins(self._handle, ctypes.byref(pins))
        return pins

# SPDX-License-Identifier: BSD-2-Clause
"""What the acts of one seed share: buffers, windows, channels, and what must stay untouched."""

from collections.abc import Awaitable

from cocotb.triggers import Lock, Timer

from sim.harness.bench import Bench
from sim.models.card import Channel
from sim.models.memory import Buffer

__all__ = ["COMMANDS", "COMMANDS_END", "CONTEXTS", "CONTEXTS_END", "HOST_CHANNELS", "Stage"]

HOST_CHANNELS = 4
#: Card RAM. Commands and contexts may name what the host only may: no act scribbles on those of
#: another. Below them lies what the last check uses.
COMMANDS, COMMANDS_END = 0xC000, 0xE000
CONTEXTS, CONTEXTS_END = 0xE000, 0x1_0000
#: Acts may scribble here.
SCRATCH, SCRATCH_END = 0x1_0000, 0x4_0000


class Stage:
    """A bench with everything that hostile acts need.

    Attributes
    ----------
    bench : Bench
        With its source of randomness, ``rng``.
    channels : list[Channel]
        Host-owned channels that acts may break.
    has_msix : bool
        Whether vectors leave by MSI-X. MSI may be enabled beside it, which no host may do.
    arena : Buffer
        Host memory that a guard window covers.
    private : Buffer
        Host memory for the host's own commands, in no window.
    sink : Buffer
        Host memory below 4 GiB, in no window: whatever the host leads there is welcome.
    secret : Buffer
        Host memory that nobody may touch.
    hot_resets : int
        How often the link went down: who waits for a completion then waits in vain.
    """

    def __init__(self, bench: Bench):
        self.bench, self.rng = bench, bench.rng
        memory = bench.host.memory
        self.arena: Buffer = memory.allocate(0x1_0000)
        self.private: Buffer = memory.allocate(0x1_0000, high=self.rng.random() < 0.5)
        self.sink: Buffer = memory.allocate(0x1_0000)
        self.secret: Buffer = memory.allocate(0x1000)
        self._secret_before = self.secret.content
        self._resetting = Lock()
        self.has_msix = self.rng.random() < 0.4
        self.has_msi = not self.has_msix or self.rng.random() < 0.3
        self.channels: list[Channel] = []
        self.hot_resets = 0

    @classmethod
    async def open(cls, bench: Bench) -> "Stage":
        """Return a stage whose window, channels and vectors are open."""
        stage = cls(bench)
        if stage.has_msi:
            await bench.host.enable_msi(bench.rng.randrange(6))
        await stage.reopen()
        return stage

    async def reopen(self) -> None:
        """Open window, channels and vectors, for the first time or after a reset."""
        card = self.bench.card
        await card.open_window(self.rng.randrange(16), self.arena)
        self.channels = [await card.channel(number, number) for number in range(HOST_CHANNELS)]
        if self.has_msix:
            for vector in range(HOST_CHANNELS):
                await card.route_vector(vector)
            await self.bench.host.enable_msix()

    async def reset(self, *, hot: bool) -> None:
        """Reset the function, or the card behind its link; one at a time."""
        async with self._resetting:
            if hot:
                self.hot_resets += 1
            await (self.bench.hot_reset() if hot else self.bench.reset_function())
            await self.reopen()

    async def configure(self, access: Awaitable[None]) -> None:
        """Await the host's ``access`` to configuration space, but not in the middle of a reset.

        Who asks a link that goes down has no answer, and the models wait for one for good.
        """
        async with self._resetting:
            await access

    async def pause(self, most_ns: int = 2_000) -> None:
        """Let a little time pass."""
        await Timer(self.rng.randrange(8, most_ns), "ns")

    def card_address(self, length: int = 1) -> int:
        """A place in the scratch part of card RAM for ``length`` bytes."""
        return self.rng.randrange(SCRATCH, SCRATCH_END - length)

    def host_address(self) -> int:
        """An address, a multiple of 16, that a ring may name, or not."""
        return self.rng.choice((
            self.arena.address + self.rng.randrange(self.arena.length) & ~15,
            self.arena.address + self.arena.length - self.rng.randrange(64) & ~15,
            self.secret.address,
            self.rng.getrandbits(64) & ~15,
        ))  # fmt: skip

    def check_secret(self) -> None:
        """Raise AssertionError if secret memory was touched."""
        assert self.secret.content == self._secret_before, "secret memory was touched"

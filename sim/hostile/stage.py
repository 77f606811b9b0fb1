# SPDX-License-Identifier: BSD-2-Clause
"""What the acts of one seed share: buffers, windows, channels, and what must stay untouched."""

from vop.regs.copier import CommandError

from sim.harness.bench import Bench
from sim.models.card import Channel
from sim.models.memory import Buffer

__all__ = ["Stage"]

#: Card RAM that acts may scribble on; the last check uses what lies below.
SCRATCH, SCRATCH_END = 0x1_0000, 0x4_0000
_PROOF = 0x8000
_PROOF_BYTES = 3000


class Stage:
    """A bench with everything that hostile acts need.

    Attributes
    ----------
    bench : Bench
        With its source of randomness, ``rng``.
    channels : list[Channel]
        Host-owned channels that acts may break.
    arena : Buffer
        Host memory that a guard window covers.
    private : Buffer
        Host memory for the host's own commands, in no window.
    secret : Buffer
        Host memory that nobody may touch.
    """

    def __init__(self, bench: Bench):
        self.bench, self.rng = bench, bench.rng
        memory = bench.host.memory
        self.arena: Buffer = memory.allocate(0x1_0000)
        self.private: Buffer = memory.allocate(0x1_0000, high=self.rng.random() < 0.5)
        self.secret: Buffer = memory.allocate(0x1000)
        self._secret_before = self.secret.content
        self.channels: list[Channel] = []

    @classmethod
    async def open(cls, bench: Bench) -> "Stage":
        """Return a stage whose window and channels are open."""
        stage = cls(bench)
        await bench.host.enable_msi(bench.rng.randrange(6))
        await stage.reopen()
        return stage

    async def reopen(self) -> None:
        """Open window and channels, for the first time or after a reset."""
        card = self.bench.card
        await card.open_window(self.rng.randrange(16), self.arena)
        self.channels = [await card.channel(number, vector=number) for number in range(4)]

    def card_address(self, length: int = 1) -> int:
        """A place in the scratch part of card RAM for ``length`` bytes."""
        return self.rng.randrange(SCRATCH, SCRATCH_END - length)

    async def prove_that_the_card_works(self) -> None:
        """Quiet the host, reset the function, and move bytes both ways.

        Raises
        ------
        AssertionError
            If the card does not work, or something was touched that must not be.
        """
        bench = self.bench
        completer = bench.host.completer
        completer.faults.clear()
        completer.latency_ns = completer.late_ns = 0
        await bench.host.set_bus_master(True)
        await bench.reset_function()
        assert self.secret.content == self._secret_before, "secret memory was touched"

        channel = await bench.card.channel(self.rng.randrange(4))
        there, back = (bench.host.memory.allocate(_PROOF_BYTES) for _ in range(2))
        for buffer, to_host in ((there, False), (back, True)):
            record = await channel.copy(buffer, _PROOF, _PROOF_BYTES, to_host=to_host)
            assert record.error is CommandError.OK, f"copy must end well, not with {record.error!r}"
        assert back.content == there.content, "bytes must arrive as they left"
        assert await bench.card.get("identity.magic") == 0x31504F56

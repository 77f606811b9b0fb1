# SPDX-License-Identifier: BSD-2-Clause
"""A virtio driver as the card runs it: a queue in card RAM, published by a channel of the card.

What the CPU must do goes through the `Puppet`; contents of card RAM are laid down through BAR2.
"""

from vop.regs.copier import VRING_CONTEXT, CommandError, Opcode

from . import ring
from .card import CardDriver, Record, command
from .memory import Buffer
from .puppet import Puppet

__all__ = ["CARD_CHANNEL", "CardChannel", "GuestQueue"]

#: The first channel that belongs to the card.
CARD_CHANNEL = 4
RECORDS = 0xA000
RECORDS_LOG2 = 3
RECORD_POLLS = 2000
_RECORD_BYTES = 16


class CardChannel:
    """A card-owned copier channel; its records lie in card RAM."""

    def __init__(self, card: CardDriver, puppet: Puppet, number: int = CARD_CHANNEL):
        self._card, self._puppet, self.number = card, puppet, number
        self._taken = 0

    async def open(self) -> None:
        """Set the channel up from scratch."""
        self._taken = 0
        await self._card.load(RECORDS, bytes(_RECORD_BYTES << RECORDS_LOG2))
        at = self._puppet.address
        await self._puppet.obey(
            (at("copier.control", self.number), 2),
            (at("copier.record_lo", self.number), RECORDS),
            (at("copier.record_config", self.number), RECORDS_LOG2),
            (at("copier.control", self.number), 1),
        )

    async def run(
        self, opcode: int, *, host: int = 0, card: int = 0, length: int = 0, to_host: bool = False
    ) -> Record:
        """Run one command and return its record."""
        words = command(
            opcode, host=host, card=card, length=length, to_host=to_host, tag=self._taken
        )
        base = self._puppet.address("copier.command_0", self.number)
        await self._puppet.obey(*((base + 4 * n, word) for n, word in enumerate(words)))
        entries = 1 << RECORDS_LOG2
        phase = 1 - (self._taken // entries & 1)
        at = RECORDS + self._taken % entries * _RECORD_BYTES
        data = await self._card.dump(at, _RECORD_BYTES)
        for _ in range(RECORD_POLLS):
            if data[3] >> 7 == phase:
                break
            data = await self._card.dump(at, _RECORD_BYTES)
        else:
            raise AssertionError("a command of the card must leave a record in time")
        self._taken += 1
        word = [int.from_bytes(data[n : n + 4], "little") for n in range(0, _RECORD_BYTES, 4)]
        return Record(word[0] & 0xFFFF, CommandError(word[0] >> 16 & 0xFF), word[1], word[2])


class GuestQueue:
    """A virtqueue whose driver is on the card; ``mirror`` is its copy in host memory."""

    def __init__(
        self, card: CardDriver, channel: CardChannel, mirror: Buffer, num: int, base: int = 0x1_0000
    ):
        self._card, self.channel = card, channel
        self.layout = ring.Layout(base, num)
        self.num, self.mirror = num, mirror
        self._avail_at = 16 * num
        self._heads: list[int] = []
        self._descriptors: dict[int, ring.Descriptor] = {}
        self._vector = self._flags = 0

    @property
    def offered(self) -> int:
        """Avail index that the driver has reached."""
        return len(self._heads)

    @staticmethod
    def mirror_bytes(num: int) -> int:
        """Bytes of the mirror: descriptor table and avail ring."""
        return 16 * num + 6 + 2 * num

    async def reopen(self) -> None:
        """Reset the channel and prepare the queue as it was first prepared."""
        await self.channel.open()
        await self.prepare(vector=self._vector, flags=self._flags)

    async def spoil_context(self, **members: int) -> None:
        """Overwrite members of the context, by the names of the register map."""
        for name, value in members.items():
            member = VRING_CONTEXT.member(name)
            data = value.to_bytes(member.width, "little")
            await self._card.load(self.layout.context + member.offset, data)

    async def prepare(self, *, vector: int, flags: int = 0) -> None:
        """Zero the queue on both sides and write its context."""
        self._vector, self._flags = vector, flags
        self._heads, self._descriptors = [], {}
        layout = self.layout
        await self._card.load(layout.base, bytes(layout.end - layout.base))
        self.mirror.fill(bytes(self.mirror.length))
        await self._card.load(
            layout.context,
            ring.context(
                layout,
                desc_host=self.mirror.address,
                avail_host=self.mirror.address + self._avail_at,
                vector=vector,
                flags=flags,
            ),
        )

    async def offer(
        self,
        chains: dict[int, list[ring.Descriptor]],
        *,
        used_event: int = 0,
        flags: int = 0,
        ahead: int = 0,
    ) -> None:
        """Put chains, by head, into the card's own table and avail ring.

        ``ahead`` lets the avail index lie.
        """
        for head, chain in chains.items():
            for place, descriptor in enumerate(chain):
                self._descriptors[head + place] = descriptor
            self._heads.append(head)
        slots = [0] * self.num
        for place, head in enumerate(self._heads):
            slots[place % self.num] = head
        await self._card.load(self.layout.desc, ring.table(self._descriptors, self.num))
        await self._card.load(
            self.layout.avail,
            ring.avail_ring(
                slots, self.num, index=len(self._heads) + ahead, used_event=used_event, flags=flags
            ),
        )

    async def publish(self) -> Record:
        """Have the copier mirror what is new."""
        return await self.channel.run(Opcode.PUBLISH, card=self.layout.context)

    def mirrored(self) -> tuple[list[ring.Descriptor], int, list[int]]:
        """What the host sees: table, avail index, avail slots."""
        image = self.mirror.content
        index, slots = ring.read_avail(image[self._avail_at :], self.num)
        return ring.read_table(image[: self._avail_at]), index, slots

    async def used(self) -> tuple[int, list[tuple[int, int]]]:
        """Read the used ring: its index and its slots."""
        return ring.read_used(await self._card.dump(self.layout.used, 6 + 8 * self.num), self.num)

# SPDX-License-Identifier: BSD-2-Clause
"""The host: root complex, memory, BAR accesses of any shape, MSI vectors."""

import random
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import cocotb
from cocotb.triggers import Event, Timer, with_timeout
from cocotbext.pcie.core import RootComplex
from cocotbext.pcie.core.caps import PciCapId
from cocotbext.pcie.core.tlp import CplStatus, Tlp, TlpType
from cocotbext.pcie.core.utils import PcieId

from .completer import HOST_ID, Completer
from .memory import HostMemory
from .traffic import kind_of

__all__ = ["Host", "Refused"]

BUS_SETTLE_NS = 200
READ_TIMEOUT_NS = 50_000
_DEVICE_CONTROL = 0x08  # in the PCI Express capability
_COMMAND = 0x04
#: Base 4.0, 6.6.2 gives a function 100 ms; it drops what it had begun at a line each cycle.
_FLR_SETTLE_NS = 50_000


class Refused(Exception):
    """A read of the card that did not end well; ``status`` is None if no completion came."""

    def __init__(self, status: CplStatus | None):
        super().__init__(
            f"read ended with {status.name if status is not None else 'no completion'}"
        )
        self.status = status


class Host:
    """A root complex with one card behind it.

    Its memory is its own, not the library's: writes from the card land between guard bytes, and
    what lands elsewhere is recorded in ``faults``. The library's MSI region is replaced as well.

    Parameters
    ----------
    device
        The card's end of the link, which is made here.
    rng
        Source of randomness.
    mps_log2, mrrs_log2
        Codes of the Max_Payload_Size the root supports, and of Max_Read_Request_Size.

    Attributes
    ----------
    memory, completer
        Host memory, and who answers the card's reads of it.
    vectors
        How often each vector was raised.
    received : Counter[str]
        TLPs from the card, by kind.
    faults : list[str]
        What a host would call a broken card.
    lost : int
        Writes to `NOWHERE`, where no memory is: no fault, as only the host itself names it.
    """

    MSI_ADDRESS = 0xFEE0_1000
    #: Vector n is written to its own address.
    MSIX_ADDRESS, MSIX_DATA, MSIX_VECTORS = 0xFEE0_2000, 0x5A00, 32
    #: The first page: what a register names of which the host has written half.
    NOWHERE_HIGH = 0x5A
    NOWHERE = (range(0x1000), range(NOWHERE_HIGH << 32, NOWHERE_HIGH + 1 << 32))

    def __init__(
        self,
        device: Any,
        rng: random.Random,
        *,
        mps_log2: int = 0,
        mrrs_log2: int = 2,
        rcb_bytes: int = 64,
    ):
        self.device = device
        self.memory = HostMemory(rng)
        self.faults: list[str] = []
        self.vectors: Counter[int] = Counter()
        self.received: Counter[str] = Counter()
        self.sent_posted = self.lost = 0
        self.msi_data = 0x40
        self.granted = 0
        self._raised = Event()
        self.root = root = RootComplex()
        root.max_payload_size = mps_log2
        root.max_read_request_size = mrrs_log2
        root.read_completion_boundary = rcb_bytes == 128
        self.completer = Completer(self.memory.read, root.send, rng)
        self.completer.rcb_bytes = rcb_bytes
        for kind in (TlpType.MEM_READ, TlpType.MEM_READ_64):
            root.register_rx_tlp_handler(kind, self._take_read)
        for kind in (TlpType.MEM_WRITE, TlpType.MEM_WRITE_64):
            root.register_rx_tlp_handler(kind, self._take_write)
        root.make_port().connect(device.upstream_port)
        self.card = None
        self._mrrs_log2 = mrrs_log2

    # From the card.

    async def _take_read(self, tlp: Tlp) -> None:
        self.received[kind_of(tlp)] += 1
        self.completer.take(tlp)

    async def _take_write(self, tlp: Tlp) -> None:
        self.received[kind_of(tlp)] += 1
        address, data = tlp.address, bytes(tlp.data)
        if address == self.MSI_ADDRESS:
            self._take_message(tlp)
            return
        if 0 <= address - self.MSIX_ADDRESS < 4 * self.MSIX_VECTORS:
            self._take_msix(tlp, (address - self.MSIX_ADDRESS) // 4)
            return
        if any(address in hole for hole in self.NOWHERE):
            self.lost += 1
            return
        enables = [tlp.first_be] + [0xF] * (tlp.length - 2) + [tlp.last_be] * (tlp.length > 1)
        for index, enable in enumerate(enables):
            if enable == 0xF:
                continue
            for byte in range(4):
                at = address + 4 * index + byte
                if enable >> byte & 1 and not self.memory.write(at, data[4 * index + byte :][:1]):
                    self.faults.append(f"write outside host memory: {tlp!r}")
                    return
        whole = [index for index, enable in enumerate(enables) if enable == 0xF]
        if whole:
            first, end = 4 * whole[0], 4 * whole[-1] + 4
            if not self.memory.write(address + first, data[first:end]):
                self.faults.append(f"write outside host memory: {tlp!r}")
        self.memory.written.set()

    def _take_message(self, tlp: Tlp) -> None:
        value = int.from_bytes(tlp.data, "little")
        vector = value - self.msi_data
        if tlp.length != 1 or tlp.first_be != 0xF or not 0 <= vector < self.granted:
            self.faults.append(f"MSI must carry one of {self.granted} vectors, not {tlp!r}")
            return
        self.vectors[vector] += 1
        self._raised.set()

    def _take_msix(self, tlp: Tlp, vector: int) -> None:
        value = int.from_bytes(tlp.data, "little")
        if tlp.length != 1 or tlp.first_be != 0xF or value != self.MSIX_DATA + vector:
            self.faults.append(f"MSI-X vector {vector} must write its own data, not {tlp!r}")
            return
        self.vectors[vector] += 1
        self._raised.set()

    async def vector(self, number: int, timeout_ns: int = 200_000) -> None:
        """Wait until vector ``number`` has been raised, and take it."""

        async def wait() -> None:
            while not self.vectors[number]:
                self._raised.clear()
                await self._raised.wait()
            self.vectors[number] -= 1

        await with_timeout(cocotb.start_soon(wait()), timeout_ns, "ns")

    # Configuration.

    async def enumerate(self) -> None:
        """Find the card, map its BARs, set MPS, MRRS and RCB, enable it and its bus mastering."""
        await self.root.enumerate(timeout=READ_TIMEOUT_NS)
        self.card = self.root.find_device(PcieId(1, 0, 0))
        assert self.card is not None, "the card must answer enumeration"
        await self.card.enable_device()
        await self.card.set_master()
        await self.card.set_readrq(self._mrrs_log2)
        if self.completer.rcb_bytes == 128:
            await self.card.capability_write_word(PciCapId.EXP, 0x10, 1 << 3)
        self.completer.max_payload_bytes = 128 << await self.card.get_mps()

    async def enable_msi(self, vectors_log2: int) -> None:
        """Grant ``1 << vectors_log2`` vectors."""
        capability = PciCapId.MSI
        control = await self.card.capability_read_dword(capability, 0)
        await self.card.capability_write_dword(capability, 4, self.MSI_ADDRESS)
        await self.card.capability_write_dword(capability, 8, 0)
        await self.card.capability_write_dword(capability, 12, self.msi_data)
        control = control & ~(7 << 20) | vectors_log2 << 20 | 1 << 16
        await self.card.capability_write_dword(capability, 0, control)
        self.granted = 1 << vectors_log2
        await Timer(BUS_SETTLE_NS, "ns")

    async def enable_msix(self, *, masked: bool = False) -> None:
        """Enable MSI-X, masked as a whole or not; the table is the driver's to write."""
        control = await self.card.capability_read_dword(PciCapId.MSIX, 0)
        assert (control >> 16 & 0x7FF) + 1 == self.MSIX_VECTORS, "the table must have 32 entries"
        control = control & ~(1 << 30) | masked << 30 | 1 << 31
        await self.card.capability_write_dword(PciCapId.MSIX, 0, control)
        await Timer(BUS_SETTLE_NS, "ns")

    async def disable_msix(self) -> None:
        """Switch MSI-X off: vectors leave by MSI if that is enabled, else they wait."""
        control = await self.card.capability_read_dword(PciCapId.MSIX, 0)
        await self.card.capability_write_dword(PciCapId.MSIX, 0, control & ~(1 << 31))
        await Timer(BUS_SETTLE_NS, "ns")

    async def set_bus_master(self, enabled: bool) -> None:
        """Switch bus mastering."""
        await self.card.set_master(enabled)
        await Timer(BUS_SETTLE_NS, "ns")

    async def function_level_reset(self) -> None:
        """Reset the function, wait, and put its configuration back."""

        async def reset(control: int) -> None:
            await self.card.capability_write_word(PciCapId.EXP, _DEVICE_CONTROL, control | 1 << 15)
            await Timer(_FLR_SETTLE_NS, "ns")

        await self._reset_between(reset)

    async def hot_reset(self) -> None:
        """Take the link down and up again, and put the card's configuration back."""

        async def reset(_control: int) -> None:
            self.completer.forget()
            await self.device.hot_reset()
            self.completer.forget()

        await self._reset_between(reset)

    async def _reset_between(self, reset: Callable[[int], Awaitable[None]]) -> None:
        """Save configuration, reset by ``reset(device_control)``, restore configuration."""
        saved = await self.card.config_read(0, 256)
        control = await self.card.capability_read_word(PciCapId.EXP, _DEVICE_CONTROL)
        await reset(control)
        for offset in (0x10, 0x14, 0x18, 0x1C, 0x20, 0x24):
            await self.card.config_write(offset, saved[offset : offset + 4])
        await self.card.capability_write_word(PciCapId.EXP, _DEVICE_CONTROL, control)
        await self.card.config_write(_COMMAND, saved[_COMMAND : _COMMAND + 2])
        if self.granted:
            await self.enable_msi(self.granted.bit_length() - 1)
        await Timer(BUS_SETTLE_NS, "ns")

    # BARs.

    def bar_address(self, bar: int) -> int:
        """Bus address of a BAR."""
        return self.card.bar_addr[bar]

    async def request(self, tlp: Tlp, timeout_ns: int = READ_TIMEOUT_NS) -> list[Tlp]:
        """Send a non-posted request and return its completions; empty if none came in time."""
        tlp.requester_id = HOST_ID
        return await self.root.perform_nonposted_operation(tlp, timeout_ns, "ns")

    async def inject(self, tlp: Tlp, timeout_ns: int = READ_TIMEOUT_NS) -> list[Tlp]:
        """As `request`, past the library's routing, which knows nothing of rare kinds."""
        tlp.requester_id = HOST_ID
        tlp.tag = await self.root.alloc_tag()
        self.device.accept_unrouted(tlp)
        completion = await self.root.recv_cpl(tlp.tag, timeout_ns, "ns")
        self.root.release_tag(tlp.tag)
        return [completion] if completion else []

    async def read(self, bar: int, offset: int, length: int) -> bytes:
        """Read ``length`` bytes at ``offset`` of a BAR, with the fewest requests.

        Raises
        ------
        Refused
            If any of them is not completed successfully.
        """
        data = bytearray()
        address, end = self.bar_address(bar) + offset, self.bar_address(bar) + offset + length
        limit = 128 << self.root.max_read_request_size
        while address < end:
            stop = min(end, (address // limit + 1) * limit)
            tlp = self._tlp(address, TlpType.MEM_READ, TlpType.MEM_READ_64)
            tlp.set_addr_be(address, stop - address)
            data += self._gather(await self.request(tlp), address, stop - address)
            address = stop
        return bytes(data)

    async def read_nothing(self, bar: int, offset: int) -> list[Tlp]:
        """Send a read without any byte enable, which flushes; return its completions."""
        address = self.bar_address(bar) + offset
        tlp = self._tlp(address, TlpType.MEM_READ, TlpType.MEM_READ_64)
        tlp.address, tlp.length = address, 1
        return await self.request(tlp)

    def _gather(self, completions: list[Tlp], address: int, length: int) -> bytes:
        data = bytearray()
        for completion in completions:
            if completion.status != CplStatus.SC:
                raise Refused(completion.status)
            data += completion.data
        if not completions:
            raise Refused(None)
        return bytes(data[address & 3 : (address & 3) + length])

    async def write(self, bar: int, offset: int, data: bytes) -> None:
        """Write ``data`` at ``offset`` of a BAR, with the fewest requests; returns when queued."""
        address, end = self.bar_address(bar) + offset, self.bar_address(bar) + offset + len(data)
        limit = 128 << self.root.max_payload_size
        start = address
        while address < end:
            stop = min(end, (address // limit + 1) * limit)
            tlp = self._tlp(address, TlpType.MEM_WRITE, TlpType.MEM_WRITE_64)
            tlp.set_addr_be_data(address, data[address - start : stop - start])
            await self.post(tlp)
            address = stop

    async def write_enabled(
        self, bar: int, offset: int, words: list[int], first_be: int, last_be: int = 0
    ) -> None:
        """Write DWs with any byte enables."""
        address = self.bar_address(bar) + offset
        tlp = self._tlp(address, TlpType.MEM_WRITE, TlpType.MEM_WRITE_64)
        tlp.address, tlp.first_be, tlp.last_be = address, first_be, last_be
        tlp.set_data(b"".join(word.to_bytes(4, "little") for word in words))
        await self.post(tlp)

    async def post(self, tlp: Tlp) -> None:
        """Send a posted request."""
        tlp.requester_id = HOST_ID
        self.sent_posted += 1
        await self.root.send(tlp)

    @staticmethod
    def _tlp(address: int, narrow: TlpType, wide: TlpType) -> Tlp:
        tlp = Tlp()
        tlp.fmt_type = wide if address >> 32 else narrow
        return tlp

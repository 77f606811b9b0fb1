# SPDX-License-Identifier: BSD-2-Clause
"""The server's side of the vfio-user protocol, as QEMU's device `vfio-user-pci` speaks it.

What needs no simulated time is answered here: version, device and region information, DMA ranges,
interrupt descriptors. What the card must see is handed out as a :class:`Request`.

Ref: QEMU, docs/interop/vfio-user.rst; Linux, include/uapi/linux/vfio.h.
"""

import array
import json
import os
import select
import socket
import struct
from dataclasses import dataclass
from enum import IntEnum

from .guest_memory import GuestMemory

__all__ = ["Command", "Region", "Request", "ProtocolError", "VfioUserServer"]


class Command(IntEnum):
    """Message types."""

    VERSION = 1
    DMA_MAP = 2
    DMA_UNMAP = 3
    DEVICE_GET_INFO = 4
    DEVICE_GET_REGION_INFO = 5
    DEVICE_GET_IRQ_INFO = 7
    DEVICE_SET_IRQS = 8
    REGION_READ = 9
    REGION_WRITE = 10
    DEVICE_RESET = 13


class Region(IntEnum):
    """Regions of a PCI device, numbered as in VFIO; BARs 0 to 5 are their own numbers."""

    BAR0 = 0
    BAR2 = 2
    CONFIG = 7


REGIONS = 9
IRQ_INDEXES = 5
IRQ_MSI, IRQ_MSIX = 1, 2

HEADER = struct.Struct("<HHIII")  # id, command, size with this header, flags, error
TYPE_MASK, TYPE_REPLY, FLAG_NO_REPLY, FLAG_ERROR = 0xF, 0x1, 0x10, 0x20
MAX_MESSAGE_BYTES = 1 << 21
MAX_DESCRIPTORS = 8  # more than QEMU allows, and it gives up
EINVAL, ENOTSUP = 22, 95

DEVICE_IS_PCI_AND_RESETS = 0x3
REGION_READ_WRITE = 0x3
IRQ_EVENTFD_NORESIZE = 0x1 | 0x8
SET_DATA_NONE, SET_DATA_EVENTFD, SET_ACTION_TRIGGER = 0x1, 0x4, 0x20
DMA_MAP_WRITABLE = 0x2
DMA_UNMAP_ALL = 0x2


class ProtocolError(Exception):
    """QEMU sent what the protocol does not allow."""


@dataclass(frozen=True)
class Request:
    """What the card must see. ``reply`` of the server answers it.

    A `REGION_READ` asks for ``length`` bytes, a `REGION_WRITE` brings ``data``; ``DMA_UNMAP`` and
    ``DEVICE_RESET`` are to be answered once no TLP is under way.
    """

    number: int
    command: Command
    wants_reply: bool
    body: bytes
    region: int = 0
    offset: int = 0
    length: int = 0
    data: bytes = b""


class VfioUserServer:
    """One PCI device, offered to one QEMU.

    Parameters
    ----------
    path : path
        Where to listen. A stale socket there is removed.
    region_bytes : dict of :class:`int` to :class:`int`
        Size of each region that the device has.
    vectors : :class:`int`
        MSI vectors that the device can use.
    msix_vectors : :class:`int`
        Entries of its MSI-X table.
    """

    def __init__(self, path, *, region_bytes, vectors, msix_vectors=0):
        path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(1)
        self._connection = None
        self._region_bytes = region_bytes
        self._vectors = {IRQ_MSI: vectors, IRQ_MSIX: msix_vectors}
        self._eventfds = {IRQ_MSI: {}, IRQ_MSIX: {}}
        self._descriptors = []
        self.memory = GuestMemory()
        self._answers = {
            Command.VERSION: self._version,
            Command.DMA_MAP: self._dma_map,
            Command.DEVICE_GET_INFO: self._device_info,
            Command.DEVICE_GET_REGION_INFO: self._region_info,
            Command.DEVICE_GET_IRQ_INFO: self._irq_info,
            Command.DEVICE_SET_IRQS: self._set_irqs,
        }

    # Transport

    def accept(self, timeout_s):
        """Wait for QEMU; returns whether it came."""
        if not select.select([self._listener], [], [], timeout_s)[0]:
            return False
        self._connection, _ = self._listener.accept()
        return True

    def wait(self, timeout_s):
        """Block until QEMU has something to say, or ``timeout_s`` (``None``: for ever) is over.

        Returns whether there is something: a request, or the end of the connection.
        """
        return bool(select.select([self._connection], [], [], timeout_s)[0])

    def receive(self):
        """Take one message, and answer it if it is none of the card's business.

        Returns
        -------
        :class:`Request`, or ``None`` if it has been answered.

        Raises
        ------
        EOFError
            If QEMU is gone.
        ProtocolError
            If the message makes no sense.
        """
        number, code, size, flags, _ = HEADER.unpack(self._receive_exactly(HEADER.size))
        if flags & TYPE_MASK == TYPE_REPLY:
            raise ProtocolError(f"a reply to no request: command {code}")
        if not HEADER.size <= size <= MAX_MESSAGE_BYTES:
            raise ProtocolError(f"message of {size} bytes: command {code}")
        body = self._receive_exactly(size - HEADER.size)
        descriptors, self._descriptors = self._descriptors, []
        wants_reply = not flags & FLAG_NO_REPLY
        try:
            command = Command(code)
        except ValueError:
            self._send(number, code, b"", ENOTSUP)
            return None
        if command in self._answers:
            error, reply = 0, b""
            try:
                reply = self._answers[command](body, descriptors)
            except (ProtocolError, OSError, ValueError, struct.error):
                error = EINVAL
            if wants_reply:
                self._send(number, command, reply, error)
            return None
        return self._request(number, command, wants_reply, body)

    def reply(self, request, data=b""):
        """Answer ``request``, unless it wants no answer.

        A posted write that got one would put QEMU out of step.
        """
        if not request.wants_reply:
            return
        if request.command is Command.DMA_UNMAP:
            _, flags, address, _ = struct.unpack_from("<IIQQ", request.body)
            if flags & DMA_UNMAP_ALL:
                self.memory.unmap_all()
            else:
                self.memory.unmap(address)
            self._send(request.number, request.command, request.body[:24])
        elif request.command is Command.DEVICE_RESET:
            self._send(request.number, request.command, b"")
        else:
            self._send(request.number, request.command, request.body[:16] + data)

    def close(self):
        """Give everything back. QEMU, if it still runs, sees the device go."""
        for receivers in self._eventfds.values():
            self._close(receivers.values())
            receivers.clear()
        self.memory.unmap_all()
        for end in (self._connection, self._listener):
            if end is not None:
                end.close()

    @property
    def msix_wanted(self):
        """MSI-X vectors that have a receiver. What the guest writes to the table, QEMU keeps."""
        receivers = self._eventfds[IRQ_MSIX]
        return {vector for vector, given in receivers.items() if given is not None}

    def raise_vector(self, vector, *, msix=False):
        """Deliver ``vector`` to the guest; returns whether the guest has it enabled."""
        descriptor = self._eventfds[IRQ_MSIX if msix else IRQ_MSI].get(vector)
        if descriptor is None:
            return False
        os.write(descriptor, struct.pack("=Q", 1))
        return True

    def _request(self, number, command, wants_reply, body):
        if command in (Command.DMA_UNMAP, Command.DEVICE_RESET):
            return Request(number, command, wants_reply, body)
        offset, region, length = struct.unpack_from("<QII", body)
        size = self._region_bytes.get(region, 0)
        if length > MAX_MESSAGE_BYTES or offset + length > size:
            raise ProtocolError(f"{length} bytes at {offset:#x} of region {region} ({size} bytes)")
        data = body[16 : 16 + length] if command is Command.REGION_WRITE else b""
        return Request(number, command, wants_reply, body, region, offset, length, data)

    def _receive_exactly(self, length):
        """Read exactly ``length`` bytes.

        A descriptor belongs to the message whose first byte it came with; a larger read would give
        it to an earlier one.
        """
        data = b""
        while len(data) < length:
            try:
                piece, ancillary, _, _ = self._connection.recvmsg(
                    length - len(data), socket.CMSG_LEN(MAX_DESCRIPTORS * 4)
                )
            except ConnectionError:
                piece, ancillary = b"", []
            for level, kind, payload in ancillary:
                if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                    numbers = array.array("i")
                    numbers.frombytes(payload[: len(payload) - len(payload) % numbers.itemsize])
                    self._descriptors += numbers
            if not piece:
                raise EOFError("QEMU closed the connection")
            data += piece
        return data

    def _send(self, number, command, body, error=0):
        flags = TYPE_REPLY | (FLAG_ERROR if error else 0)
        header = HEADER.pack(number, command, HEADER.size + len(body), flags, error)
        try:
            self._connection.sendall(header + body)
        except ConnectionError:
            raise EOFError("QEMU closed the connection") from None

    # Answers

    def _version(self, body, _descriptors):
        # QEMU offers 0.0 and refuses any other answer.
        major, minor = struct.unpack_from("<HH", body)
        capabilities = {"max_msg_fds": MAX_DESCRIPTORS, "max_data_xfer_size": 1 << 20,
                        "pgsizes": 4096, "max_dma_maps": 65535}  # fmt: skip
        text = json.dumps({"capabilities": capabilities}).encode()
        return struct.pack("<HH", major, minor) + text + b"\0"

    def _dma_map(self, body, descriptors):
        _, flags, offset, address, size = struct.unpack_from("<IIQQQ", body)
        # ROM ranges come without a descriptor: they are no memory that a card may reach.
        if descriptors:
            self.memory.map(address, size, offset, bool(flags & DMA_MAP_WRITABLE), descriptors[0])
        return b""

    def _device_info(self, _body, _descriptors):
        return struct.pack("<IIII", 16, DEVICE_IS_PCI_AND_RESETS, REGIONS, IRQ_INDEXES)

    def _region_info(self, body, _descriptors):
        _, _, index = struct.unpack_from("<III", body)
        size = self._region_bytes.get(index, 0)
        flags = REGION_READ_WRITE if size else 0
        return struct.pack("<IIIIQQ", 32, flags, index, 0, size, 0)

    def _irq_info(self, body, _descriptors):
        _, _, index = struct.unpack_from("<III", body)
        count = self._vectors.get(index, 0)
        return struct.pack("<IIII", 16, IRQ_EVENTFD_NORESIZE, index, count)

    def _set_irqs(self, body, descriptors):
        _, flags, index, start, count = struct.unpack_from("<IIIII", body)
        receivers = self._eventfds.get(index, {})
        if start + count > self._vectors.get(index, 0):
            self._close(descriptors)
            raise ProtocolError(f"{count} interrupts from {start} of index {index}")
        if flags & SET_DATA_EVENTFD and flags & SET_ACTION_TRIGGER:
            # A vector without a descriptor is switched off.
            for number in range(count):
                given = descriptors[number] if number < len(descriptors) else None
                self._close([receivers.get(start + number)])
                receivers[start + number] = given
        elif flags & SET_DATA_NONE and count == 0:
            self._close(receivers.values())
            receivers.clear()
        return b""

    @staticmethod
    def _close(descriptors):
        for descriptor in descriptors:
            if descriptor is not None:
                os.close(descriptor)

# SPDX-License-Identifier: BSD-2-Clause
"""The host's address space as the guest has laid it out, for what the card sends up the link.

MSI-X as VFIO does it: the guest's table is QEMU's. The card's own table is written by us, as a
host's kernel would, so that each message names the vector: see `msix_entry`.
"""

from cocotbext.axi import Region

from .guest_memory import OutsideMemory

__all__ = ["HostSpace", "msix_entry"]

MESSAGE_BYTES = 4
#: Where x86 has no memory either: interrupt messages to a processor that no guest of ours has.
_MSIX_ADDRESS, _MSIX_DATA = 0xFEEF_F000, 0x4D58_0000


def msix_entry(vector):
    """Address and data of a vector's message, for the card's table."""
    return _MSIX_ADDRESS + MESSAGE_BYTES * vector, _MSIX_DATA + vector


class HostSpace(Region):
    """Guest memory, and the addresses that are interrupts.

    A write is an MSI only if its address and data, without the low bits that the guest granted,
    are those of the function's MSI capability; one of MSI-X only if they are those of an entry, and
    MSI-X is enabled and not masked. Any other access outside guest memory is a fault.

    Parameters
    ----------
    server : :class:`~sim.cosim.vfio_user.VfioUserServer`
        Has the guest's memory and its interrupt descriptors.
    msi, msix
        The function's capabilities.
    faults : list of :class:`str`
        Where faults are noted; a run that has any has failed.
    """

    def __init__(self, server, msi, msix, faults):
        super().__init__(2**64)
        self._server = server
        self._msi, self._msix = msi, msix
        self._faults = faults
        self.interrupts = 0

    async def read(self, address, length, **_options):
        """Read guest memory; the root complex model answers Completer Abort if this raises."""
        try:
            return self._server.memory.read(address, length)
        except OutsideMemory as reason:
            self._faults.append(f"stray read by the card: {reason}")
            raise

    async def write(self, address, data, **_options):
        """Write guest memory, or deliver an interrupt."""
        for vector, is_msix in ((self._vector(address, data), False),
                                (self._msix_vector(address, data), True)):  # fmt: skip
            if vector is None:
                continue
            self.interrupts += 1
            if not self._server.raise_vector(vector, msix=is_msix):
                self._faults.append(f"vector {vector} has no receiver in the guest")
            return
        try:
            self._server.memory.write(address, bytes(data))
        except OutsideMemory as reason:
            self._faults.append(f"stray write by the card: {reason}")

    def _msix_vector(self, address, data):
        """Number of the MSI-X vector that this write is, or ``None``."""
        vector = int.from_bytes(data, "little") - _MSIX_DATA
        if not self._msix.msix_enable or self._msix.msix_function_mask:
            return None
        if (address, len(data)) != (_MSIX_ADDRESS + MESSAGE_BYTES * vector, MESSAGE_BYTES):
            return None
        return vector

    def _vector(self, address, data):
        """Number of the MSI vector that this write is, or ``None``."""
        msi = self._msi
        if not msi.msi_enable or address != msi.msi_message_address or len(data) != MESSAGE_BYTES:
            return None
        granted = (1 << msi.msi_multiple_message_enable) - 1
        value = int.from_bytes(data, "little")
        if value & ~granted != msi.msi_message_data & ~granted:
            return None
        return value & granted

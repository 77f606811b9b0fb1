# SPDX-License-Identifier: BSD-2-Clause
"""The host's address space as the guest has laid it out, for what the card sends up the link."""

from cocotbext.axi import Region

from .guest_memory import OutsideMemory

__all__ = ["HostSpace"]

MSI_BYTES = 4


class HostSpace(Region):
    """Guest memory, and the one address that is an interrupt.

    A write is an MSI only if its address and data, without the low bits that the guest granted,
    are those of the function's MSI capability. Any other access outside guest memory is a fault.

    Parameters
    ----------
    server : :class:`~sim.cosim.vfio_user.VfioUserServer`
        Has the guest's memory and its interrupt descriptors.
    msi
        The function's MSI capability.
    faults : list of :class:`str`
        Where faults are noted; a run that has any has failed.
    """

    def __init__(self, server, msi, faults):
        super().__init__(2**64)
        self._server = server
        self._msi = msi
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
        vector = self._vector(address, data)
        if vector is not None:
            self.interrupts += 1
            if not self._server.raise_vector(vector):
                self._faults.append(f"vector {vector} has no receiver in the guest")
            return
        try:
            self._server.memory.write(address, bytes(data))
        except OutsideMemory as reason:
            self._faults.append(f"stray write by the card: {reason}")

    def _vector(self, address, data):
        """Number of the vector that this write is, or ``None``."""
        msi = self._msi
        if not msi.msi_enable or address != msi.msi_message_address or len(data) != MSI_BYTES:
            return None
        granted = (1 << msi.msi_multiple_message_enable) - 1
        value = int.from_bytes(data, "little")
        if value & ~granted != msi.msi_message_data & ~granted:
            return None
        return value & granted

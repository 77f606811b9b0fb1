# SPDX-License-Identifier: BSD-2-Clause
"""What every model of the card's function has in common: identity, BARs, what a reset leaves."""

from typing import Any

from vop.regs.card import CARD_ADDRESSES
from vop.regs.identity import VERSION
from vop.regs.msi import MSIX, VECTORS

__all__ = ["FunctionConfiguration", "describe_msix", "identify", "reset_registers"]

_DEFAULT_READ_REQUEST = 2  # 512 bytes


def identify(function: Any, ram_bytes: int) -> None:
    """Give a function the card's identity and BARs.

    BAR0 is 64 KiB; BAR2 is 64-bit, prefetchable and ``ram_bytes`` large.
    """
    function.ram_bytes = ram_bytes
    function.vendor_id = function.subsystem_vendor_id = VERSION["pci_vendor_id"]
    function.device_id = function.subsystem_id = VERSION["pci_device_id"]
    function.class_code = VERSION["pci_class_code"]
    function.configure_bar(0, CARD_ADDRESSES["bar0_bytes"])
    function.configure_bar(2, ram_bytes, ext=True, prefetch=True)


def describe_msix(msix: Any) -> None:
    """Say where the table and the pending bits lie: in BAR0."""
    msix.msix_table_size = VECTORS["count"] - 1
    msix.msix_table_bar_indicator_register = msix.msix_pba_bar_indicator_register = 0
    msix.msix_table_offset = MSIX.address("address_lo")
    msix.msix_pba_offset = MSIX.address("pending_lo")


def reset_registers(function: Any, msi: Any, msix: Any) -> None:
    """Put configuration back to its defaults, as a reset of the function does.

    Ref: Base 4.0, 6.6.2.
    """
    function.io_space_enable = function.memory_space_enable = function.bus_master_enable = False
    function.parity_error_response_enable = function.serr_enable = False
    function.interrupt_disable = False
    function.bar = [value & 0xF for value in function.bar]
    msi.msi_enable = False
    msi.msi_multiple_message_enable = 0
    msi.msi_message_address = msi.msi_message_data = 0
    msix.msix_enable = msix.msix_function_mask = False
    express = function.pcie_cap
    express.enable_relaxed_ordering = express.enable_no_snoop = True
    express.extended_tag_field_enable = False
    express.max_read_request_size = _DEFAULT_READ_REQUEST


class FunctionConfiguration:
    """Configuration space of a function of cocotbext-pcie, under the names that checkers read."""

    def __init__(self, function: Any):
        self._function = function

    @property
    def bus_number(self) -> int:
        """Captured bus number."""
        return self._function.bus_num

    @property
    def device_number(self) -> int:
        """Captured device number."""
        return self._function.device_num

    @property
    def function_number(self) -> int:
        """Function number."""
        return self._function.function_num

    @property
    def dcommand(self) -> int:
        """Device Control: which attributes are enabled."""
        express = self._function.pcie_cap
        return express.enable_relaxed_ordering << 4 | express.enable_no_snoop << 11

    @property
    def lcommand(self) -> int:
        """Link Control: the read completion boundary."""
        return self._function.pcie_cap.read_completion_boundary << 3

    @property
    def max_payload_bytes(self) -> int:
        """MPS, in bytes."""
        return 128 << self._function.pcie_cap.max_payload_size

    @property
    def max_read_request_bytes(self) -> int:
        """MRRS, in bytes."""
        return 128 << self._function.pcie_cap.max_read_request_size

    @property
    def extended_tag(self) -> bool:
        """Whether tags have 8 bits instead of 5."""
        return self._function.pcie_cap.extended_tag_field_enable

# SPDX-License-Identifier: BSD-2-Clause
"""The card's configuration space and BARs, joined to a link of cocotbext-pcie.

    RootComplex -- link -- CardDevice, CardFunction -- Pcie7x -- pins

The hard block answers configuration requests by itself; everything else goes to the pins.
"""

from cocotbext.pcie.core import Device, Endpoint
from cocotbext.pcie.core.caps import MsiCapability, MsixCapability
from cocotbext.pcie.core.port import FcChannelState
from cocotbext.pcie.core.tlp import Tlp, TlpType

from .function import describe_msix, identify, reset_registers
from .pcie_7x import Pcie7x

__all__ = ["CardDevice", "CardFunction"]

_CONFIGURATION = (TlpType.CFG_READ_0, TlpType.CFG_WRITE_0, TlpType.CFG_READ_1, TlpType.CFG_WRITE_1)
_ADDRESSED = (TlpType.MEM_READ, TlpType.MEM_READ_64, TlpType.MEM_WRITE, TlpType.MEM_WRITE_64)
#: PH, PD, NPH, NPD of the block, and infinite completion credits. Ref: UG477, table 2-12.
_CREDITS = [32, 437, 12, 24, 0, 0]
# Registers of the PCI Express capability, in DW.
_DEVICE_CONTROL, _LINK_CAPABILITIES = 2, 3
# What configuration space says of the link: 5 GT/s and four lanes, as on the boards.
_SPEED_CODE, _LANES = 2, 4


class CardFunction(Endpoint):
    """The one function of the card: identity, BARs, MSI and MSI-X, function-level reset.

    ``block`` is told of every change of configuration. ``mps_log2`` is the Max_Payload_Size
    Supported code. ``msix`` tells whether MSI-X is offered.
    """

    def __init__(self, ram_bytes: int, mps_log2: int = 2, *, msix: bool = False):
        super().__init__()
        self.block: Pcie7x | None = None
        self.mps_log2 = mps_log2
        identify(self, ram_bytes)
        self.msi = MsiCapability()
        self.msi.msi_64bit_address_capable = 1
        self.msi.msi_multiple_message_capable = 5
        self.register_capability(self.msi)
        self.msix = MsixCapability()
        describe_msix(self.msix)
        if msix:
            self.register_capability(self.msix)
        self.pcie_cap.function_level_reset_capability = True
        self.pcie_cap.max_payload_size_supported = mps_log2
        self.pcie_cap.max_link_speed = self.pcie_cap.current_link_speed = _SPEED_CODE
        self.pcie_cap.negotiated_link_width = _LANES
        self.pcie_cap.initiate_function_level_reset = self._function_level_reset

    async def read_config_register(self, reg: int) -> int:
        """Read a configuration register.

        The library has None where MSI has no register, and no width where the link's maximum is.
        """
        value = await super().read_config_register(reg) or 0
        if reg - _LINK_CAPABILITIES == self.pcie_cap.offset:
            value |= _LANES << 4
        return value

    async def write_config_register(self, reg: int, data: int, mask: int) -> None:
        """Write a configuration register, and show what changed on the pins."""
        await super().write_config_register(reg, data, mask)
        await self._show()

    async def _show(self) -> None:
        if self.block is None:
            return
        express, msi = self.pcie_cap, self.msi
        self.block.configure(
            bus_number=self.bus_num,
            device_number=self.device_num,
            function_number=self.function_num,
            command=await super().read_config_register(1) & 0xFFFF,
            dcommand=await express.read_register(_DEVICE_CONTROL) & 0xFFFF,
            lcommand=await express.read_register(4) & 0xFFFF,
            interrupt_msienable=int(msi.msi_enable),
            interrupt_mmenable=msi.msi_multiple_message_enable,
            interrupt_msixenable=int(self.msix.msix_enable),
            interrupt_msixfm=int(self.msix.msix_function_mask),
            msi_address=msi.msi_message_address,
            msi_data=msi.msi_message_data,
        )

    async def _function_level_reset(self) -> None:
        reset_registers(self, self.msi, self.msix)
        if self.block is not None:
            self.block.function_level_reset()

    async def upstream_send(self, tlp: Tlp) -> None:
        """Send what this function itself makes: configuration completions, through the block."""
        assert self.block is not None
        self.block.send_own(tlp)

    async def transmit(self, tlp: Tlp) -> None:
        """Send what the card made."""
        await self.upstream_tx_handler(tlp)

    def accept(self, tlp: Tlp) -> None:
        """Give a TLP to the card; only queues. The block refuses what hits no BAR."""
        assert self.block is not None
        if tlp.is_completion() or tlp.fmt_type not in _ADDRESSED:
            self.block.deliver(tlp)
            return
        hit = self.match_bar(tlp.address) if self.memory_space_enable else None
        if hit:
            self.block.deliver(tlp, hit[0])
            return
        tlp.release_fc()
        if tlp.is_nonposted():
            self.block.send_own(Tlp.create_ur_completion_for_tlp(tlp, self.pcie_id))

    def accept_unrouted(self, tlp: Tlp) -> None:
        """Give the card a request as if it had hit a BAR, whatever its kind."""
        assert self.block is not None
        hit = self.match_bar(tlp.address)
        self.block.deliver(tlp, hit[0] if hit else None)


class CardDevice(Device):
    """The card's end of the link.

    The link is faster than the block's pins, so that packets queue there, and straddle. That it
    has a speed at all lets acknowledgements and credits share DLLPs: half its cost in Python.
    """

    LINK_SPEED, LINK_WIDTH = 3, 8

    def __init__(self, function: CardFunction):
        super().__init__(function)
        self.function = function
        # A second port would leave the first one's coroutines talking to nobody.
        port = self.upstream_port
        port.fc_state = [FcChannelState(_CREDITS, port.start_fc_update_timer) for _ in range(8)]
        port.fc_state[0].active = True
        port.max_link_speed, port.max_link_width = self.LINK_SPEED, self.LINK_WIDTH

    async def hot_reset(self) -> None:
        """Reset everything on this side of the link, which was down."""
        reset_registers(self.function, self.function.msi, self.function.msix)
        assert self.function.block is not None
        await self.function.block.hot_reset()

    def accept_unrouted(self, tlp: Tlp) -> None:
        """Give the card a request as if it had hit a BAR, whatever its kind."""
        self.function.accept_unrouted(tlp)

    async def upstream_recv(self, tlp: Tlp) -> None:
        """Take a TLP from the link. It only queues: whoever waited here would stop the link."""
        if tlp.fmt_type in _CONFIGURATION:
            await super().upstream_recv(tlp)
        elif tlp.is_completion() and tlp.requester_id != self.function.pcie_id:
            tlp.release_fc()
            self.log.warning("Completion for another requester: %r", tlp)
        else:
            self.function.accept(tlp)

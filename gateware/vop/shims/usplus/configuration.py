# SPDX-License-Identifier: BSD-2-Clause
"""What the host has configured: from the block's pins, and what they leave out from a register.

Ref: Xilinx PG213, "Configuration Status Interface", "Configuration Management Interface"; PCI
Express Base 4.0, 7.5.3.4 (Device Control Register).
"""

from amaranth.hdl import C, Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ...pcie.phy import ConfigLayout

__all__ = ["ConfigurationReader", "PollLayout"]

#: Cycles between two readings of Device Control.
_PERIOD = 64
_DEVICE_CONTROL = 0x08       # byte offset in the PCI Express capability
_RELAXED_ORDERING, _EXTENDED_TAG, _NO_SNOOP = 4, 8, 11

#: The read-only use of ``cfg_mgmt``: what comes back.
PollLayout = data.StructLayout({"data": 32, "done": 1})


class ConfigurationReader(wiring.Component):
    """Gather the contract's configuration.

    The block shows neither extended tags nor the attributes allowed, so that Device Control is read
    again and again: a change shows within about 100 cycles. Until the first reading, neither is
    allowed.

    Parameters
    ----------
    capability : :class:`int`
        Byte offset of the PCI Express capability in configuration space, as the IP lays it out.

    Members
    -------
    link_up : ``In(1)``, bus_number : ``In(8)``, function_status : ``In(16)``,
    max_payload : ``In(2)``, max_read_req : ``In(3)``, msi_enable : ``In(4)``,
    msi_mmenable : ``In(12)``, msix_enable : ``In(4)``, msix_mask : ``In(4)``
        Pins of the block; function 0 counts.
    poll : ``In(PollLayout)``, poll_address : ``Out(10)``, poll_read : ``Out(1)``
        ``cfg_mgmt_read_data`` and ``cfg_mgmt_read_write_done``, ``cfg_mgmt_addr`` in DWs,
        ``cfg_mgmt_read``.
    config : ``Out(ConfigLayout)``
        What the host has configured.
    """

    link_up:         In(1)
    bus_number:      In(8)
    function_status: In(16)
    max_payload:     In(2)
    max_read_req:    In(3)
    msi_enable:      In(4)
    msi_mmenable:    In(12)
    msix_enable:     In(4)
    msix_mask:       In(4)
    poll:            In(PollLayout)
    poll_address:    Out(10)
    poll_read:       Out(1)
    config:          Out(ConfigLayout)

    def __init__(self, *, capability=0x70):
        if capability % 4 or not 0x40 <= capability < 0x100:
            raise ValueError("Offset of the PCI Express capability must be a multiple of 4 from "
                             f"0x40 to 0xFC, not {capability!r}")
        self._capability = capability
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        config = self.config
        wait = Signal(range(_PERIOD))
        device_control = Signal(16)
        with m.If(wait != 0):
            m.d.sync += wait.eq(wait - 1)
        with m.Elif(self.poll_read & self.poll.done):
            m.d.sync += [
                self.poll_read.eq(0),
                wait.eq(_PERIOD - 1),
                device_control.eq(self.poll.data),
            ]
        with m.Else():
            m.d.sync += self.poll_read.eq(1)

        def bounded(code):
            # Base 4.0, 7.5.3.4 and 7.7.1.2: 6 and 7 are reserved; 5 is the largest.
            return Mux(code > 5, 5, code)

        m.d.comb += [
            self.poll_address.eq((self._capability + _DEVICE_CONTROL) // 4),
            config.link_up.eq(self.link_up),
            # With one function, device and function number are 0.
            config.id.eq(Cat(C(0, 8), self.bus_number)),
            config.bus_master.eq(self.function_status[2]),
            config.max_payload.eq(self.max_payload),
            config.max_read_request.eq(bounded(self.max_read_req)),
            config.extended_tag.eq(device_control[_EXTENDED_TAG]),
            config.relaxed_ordering.eq(device_control[_RELAXED_ORDERING]),
            config.no_snoop.eq(device_control[_NO_SNOOP]),
            config.msi_enabled.eq(self.msi_enable[0]),
            config.msi_vectors_log2.eq(bounded(self.msi_mmenable[:3])),
            config.msix_enabled.eq(self.msix_enable[0]),
            config.msix_masked.eq(self.msix_mask[0]),
        ]
        return m

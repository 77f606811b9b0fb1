# SPDX-License-Identifier: BSD-2-Clause
"""The pins of pcie_7x with no card behind them: a test in Python plays the card."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["PINS", "Wires"]

#: Pins of pcie_7x, as the card sees them: name, direction, bits.
PINS = {
    "m_axis_rx_tdata": In(128),
    "m_axis_rx_tkeep": In(16),
    "m_axis_rx_tlast": In(1),
    "m_axis_rx_tvalid": In(1),
    "m_axis_rx_tready": Out(1),
    "m_axis_rx_tuser": In(22),
    "s_axis_tx_tdata": Out(128),
    "s_axis_tx_tkeep": Out(16),
    "s_axis_tx_tlast": Out(1),
    "s_axis_tx_tvalid": Out(1),
    "s_axis_tx_tready": In(1),
    "s_axis_tx_tuser": Out(4),
    "tx_buf_av": In(6),
    "tx_err_drop": In(1),
    "tx_cfg_req": In(1),
    "tx_cfg_gnt": Out(1),
    "rx_np_ok": Out(1),
    "rx_np_req": Out(1),
    "cfg_interrupt": Out(1),
    "cfg_interrupt_rdy": In(1),
    "cfg_interrupt_di": Out(8),
    "cfg_interrupt_mmenable": In(3),
    "cfg_interrupt_msienable": In(1),
    "cfg_interrupt_msixenable": In(1),
    "cfg_interrupt_msixfm": In(1),
    "cfg_bus_number": In(8),
    "cfg_device_number": In(5),
    "cfg_function_number": In(3),
    "cfg_command": In(16),
    "cfg_dcommand": In(16),
    "cfg_lcommand": In(16),
    "cfg_received_func_lvl_rst": In(1),
    "user_lnk_up": In(1),
    "cfg_err_ur": Out(1),
    "cfg_err_cpl_timeout": Out(1),
    "cfg_err_cpl_abort": Out(1),
    "cfg_err_cpl_unexpect": Out(1),
    "cfg_err_poisoned": Out(1),
    "cfg_err_ecrc": Out(1),
    "cfg_err_posted": Out(1),
    "cfg_err_locked": Out(1),
    "cfg_err_tlp_cpl_header": Out(48),
    "cfg_err_cpl_rdy": In(1),
}


class Wires(wiring.Component):
    """Each output pin NAME shows the input ``card_NAME`` in the same cycle.

    Members
    -------
    See `PINS`; beside each output an input of the same shape.
    """

    def __init__(self):
        outputs = {name: pin for name, pin in PINS.items() if pin.flow is Out}
        super().__init__(PINS | {f"card_{name}": In(pin.shape) for name, pin in outputs.items()})

    def elaborate(self, platform):
        """Connect."""
        m = Module()
        for name, pin in PINS.items():
            if pin.flow is Out:
                m.d.comb += getattr(self, name).eq(getattr(self, f"card_{name}"))
        alive = Signal()  # a clock port appears only where something uses it
        m.d.sync += alive.eq(~alive)
        return m

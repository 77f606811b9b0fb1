# SPDX-License-Identifier: BSD-2-Clause
"""The 7-series hard block as Vivado's IP `pcie_7x` 3.3 wraps it: foreign, every port named.

The IP's output is proprietary and no part of this project: Vivado makes it from the properties in
:mod:`vop.vivado.ip`, which also choose the groups of ports that are here.

Ref: Xilinx PG054 (7 Series FPGAs Integrated Block for PCI Express).
"""

from amaranth.hdl import Const, Instance, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .pcie_7x import PinsSignature

__all__ = ["MODULE", "Pcie7xBlock"]

#: Name of the IP's module.
MODULE = "pcie_7x_0"

#: Inputs that the card has no use for: width in bits. All are 0.
_IDLE_INPUTS = {
    # Groups "interrupt" and "control".
    "cfg_interrupt_assert":          1,
    "cfg_interrupt_stat":            1,
    "cfg_pciecap_interrupt_msgnum":  5,
    "cfg_trn_pending":               1,
    "cfg_pm_halt_aspm_l0s":          1,
    "cfg_pm_halt_aspm_l1":           1,
    "cfg_pm_force_state_en":         1,
    "cfg_pm_force_state":            2,
    "cfg_pm_wake":                   1,
    "cfg_pm_send_pme_to":            1,
    "cfg_dsn":                      64,
    "cfg_ds_bus_number":             8,
    "cfg_ds_device_number":          5,
    "cfg_ds_function_number":        3,
    # Group "error reporting".
    "cfg_err_cor":                   1,
    "cfg_err_atomic_egress_blocked": 1,
    "cfg_err_internal_cor":          1,
    "cfg_err_internal_uncor":        1,
    "cfg_err_malformed":             1,
    "cfg_err_mc_blocked":            1,
    "cfg_err_norecovery":            1,
    "cfg_err_acs":                   1,
    "cfg_err_aer_headerlog":       128,
    "cfg_aer_interrupt_msgnum":      5,
}

#: Outputs that nobody looks at: width in bits.
_OPEN_OUTPUTS = {
    "user_app_rdy":              1,
    "cfg_interrupt_do":          8,
    "cfg_err_aer_headerlog_set": 1,
    "cfg_aer_ecrc_check_en":     1,
    "cfg_aer_ecrc_gen_en":       1,
    # Group "status".
    "cfg_status":               16,
    "cfg_dstatus":              16,
    "cfg_lstatus":              16,
    "cfg_dcommand2":            16,
    "cfg_pcie_link_state":       3,
    "cfg_pmcsr_pme_en":          1,
    "cfg_pmcsr_powerstate":      2,
    "cfg_pmcsr_pme_status":      1,
    "cfg_vc_tcvc_map":           7,
    "cfg_bridge_serr_en":        1,
    "cfg_slot_control_electromech_il_ctl_pulse":  1,
    "cfg_root_control_pme_int_en":                1,
    "cfg_root_control_syserr_corr_err_en":        1,
    "cfg_root_control_syserr_non_fatal_err_en":   1,
    "cfg_root_control_syserr_fatal_err_en":       1,
    "cfg_aer_rooterr_corr_err_reporting_en":      1,
    "cfg_aer_rooterr_non_fatal_err_reporting_en": 1,
    "cfg_aer_rooterr_fatal_err_reporting_en":     1,
    "cfg_aer_rooterr_corr_err_received":          1,
    "cfg_aer_rooterr_non_fatal_err_received":     1,
    "cfg_aer_rooterr_fatal_err_received":         1,
}


class Pcie7xBlock(wiring.Component):
    """The hard block, its transceivers and their clocks.

    The host's request to prepare for power-off is granted at once: bus mastering is off by then.

    Parameters
    ----------
    width : :class:`int`
        Interface_Width of the block, in bits: 64 or 128.
    rx, tx : :class:`amaranth.lib.io.DifferentialPort`
        The lanes, lane 0 first.

    Members
    -------
    pins : ``Out(PinsSignature(width))``
        User side, synchronous to ``user_clk``.
    sys_clk : ``In(1)``
        Reference clock, from an IBUFDS_GTE2.
    sys_rst_n : ``In(1)``
        PERST#: low resets the block. Asynchronous.
    user_clk : ``Out(1)``
        Clock of the card. Stands while the reference clock or the block's clocks are not there.
    user_reset : ``Out(1)``
        Reset of the card, synchronous to ``user_clk``: at power-up, with PERST#, and while the
        link is down.
    """

    def __init__(self, width=128, *, rx, tx):
        self._rx, self._tx = rx, tx
        super().__init__({
            "pins":       Out(PinsSignature(width)),
            "sys_clk":    In(1),
            "sys_rst_n":  In(1),
            "user_clk":   Out(1),
            "user_reset": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        turn_off = Signal()
        pins = {}
        for name, member in self.pins.signature.members.items():
            direction = "o" if member.flow is Out else "i"
            pins[f"{direction}_{name}"] = getattr(self.pins, name)
        m.submodules.block = Instance(
            MODULE,
            i_pci_exp_rxp=self._rx.p,
            i_pci_exp_rxn=self._rx.n,
            o_pci_exp_txp=self._tx.p,
            o_pci_exp_txn=self._tx.n,
            i_sys_clk=self.sys_clk,
            i_sys_rst_n=self.sys_rst_n,
            o_user_clk_out=self.user_clk,
            o_user_reset_out=self.user_reset,
            o_cfg_to_turnoff=turn_off,
            i_cfg_turnoff_ok=turn_off,
            **pins,
            **{f"i_{name}": Const(0, width) for name, width in _IDLE_INPUTS.items()},
            **{f"o_{name}": Signal(width, name=f"open_{name}")
               for name, width in _OPEN_OUTPUTS.items()},
        )
        return m

# SPDX-License-Identifier: BSD-2-Clause
"""User side of the UltraScale+ hard block, under its own pin names.

Ref: Xilinx PG213 (UltraScale+ Devices Integrated Block for PCI Express), "Port Descriptions".
"""

from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ...errors import check_width

__all__ = ["CqUserLayout", "PinsSignature", "RcUserLayout", "RqUserLayout"]

#: ``m_axis_cq_tuser``. The byte enables of all DWs lie at the bottom of ``byte_en``.
CqUserLayout = data.StructLayout({
    "first_be":    4,
    "last_be":     4,
    "byte_en":     32,
    "sop":         1,
    "discontinue": 1,
    "tph":         11,   # present, type, steering tag: not used
    "parity":      32,   # not used: the parameter that enables it is off
    "reserved":    3,
})

#: ``m_axis_rc_tuser``.
RcUserLayout = data.StructLayout({
    "byte_en":     32,
    "sof_eof":     10,   # for straddling, which is off
    "discontinue": 1,
    "parity":      32,
})

#: ``s_axis_rq_tuser``.
RqUserLayout = data.StructLayout({
    "first_be":     4,
    "last_be":      4,
    "addr_offset":  3,   # zero: payload follows the descriptor
    "discontinue":  1,
    "tph":          12,
    "seq_num_low":  4,
    "parity":       32,
    "seq_num_high": 2,
})

_CC_USER_BITS = 33       # discontinue and parity: both zero


class PinsSignature(wiring.Signature):
    """User side of the hard block, as the block offers it: member names are its pin names.

    ``tready`` of the two streams into the block is one bit here: the block's four are copies.
    The IP must be configured with DW-aligned payload, no straddling, client tags, no parity, one
    physical function, and without its own MSI-X table.

    Parameters
    ----------
    width : :class:`int`
        AXI-Stream interface width of the block, in bits: 128 or 256.
    """

    def __init__(self, width=256):
        check_width("pcie_usplus", width, (128, 256))
        self.width = width

        def from_block(name, user_bits):
            return {
                f"{name}_tdata":  Out(width),
                f"{name}_tkeep":  Out(width // 32),
                f"{name}_tlast":  Out(1),
                f"{name}_tvalid": Out(1),
                f"{name}_tready": In(1),
                f"{name}_tuser":  Out(user_bits),
            }

        def to_block(name, user_bits):
            return {pin: member.flip() for pin, member in from_block(name, user_bits).items()}

        super().__init__({
            **from_block("m_axis_cq", CqUserLayout.size),
            **from_block("m_axis_rc", RcUserLayout.size),
            **to_block("s_axis_rq", RqUserLayout.size),
            **to_block("s_axis_cc", _CC_USER_BITS),
            "pcie_rq_seq_num0":                  Out(6),
            "pcie_rq_seq_num_vld0":              Out(1),
            "pcie_rq_seq_num1":                  Out(6),
            "pcie_rq_seq_num_vld1":              Out(1),
            "pcie_cq_np_req":                    In(2),
            "pcie_cq_np_req_count":              Out(6),
            "pcie_tfc_nph_av":                   Out(4),
            "cfg_mgmt_addr":                     In(10),
            "cfg_mgmt_function_number":          In(8),
            "cfg_mgmt_write":                    In(1),
            "cfg_mgmt_write_data":               In(32),
            "cfg_mgmt_byte_enable":              In(4),
            "cfg_mgmt_read":                     In(1),
            "cfg_mgmt_read_data":                Out(32),
            "cfg_mgmt_read_write_done":          Out(1),
            "cfg_max_payload":                   Out(2),
            "cfg_max_read_req":                  Out(3),
            "cfg_function_status":               Out(16),
            "cfg_rcb_status":                    Out(4),
            "cfg_bus_number":                    Out(8),
            "cfg_local_error_out":               Out(5),
            "cfg_local_error_valid":             Out(1),
            "cfg_err_cor_in":                    In(1),
            "cfg_err_uncor_in":                  In(1),
            "cfg_flr_in_process":                Out(4),
            "cfg_flr_done":                      In(4),
            "cfg_interrupt_msi_enable":          Out(4),
            "cfg_interrupt_msi_mmenable":        Out(12),
            "cfg_interrupt_msi_int":             In(32),
            "cfg_interrupt_msi_function_number": In(8),
            "cfg_interrupt_msi_sent":            Out(1),
            "cfg_interrupt_msi_fail":            Out(1),
            "cfg_interrupt_msix_enable":         Out(4),
            "cfg_interrupt_msix_mask":           Out(4),
            "user_lnk_up":                       Out(1),
        })

    @staticmethod
    def request_user(pins):
        """``s_axis_rq_tuser`` of ``pins`` as its fields."""
        return data.View(RqUserLayout, pins.s_axis_rq_tuser)

    def __eq__(self, other):
        return isinstance(other, PinsSignature) and self.width == other.width

    def __repr__(self):
        return f"PinsSignature({self.width})"

# SPDX-License-Identifier: BSD-2-Clause
"""Properties of Vivado's IP `pcie_7x` 3.3 that make it the card's hard block, and their Tcl.

Numbers that the card has too come from where they are declared: ids, BARs and vectors from
:mod:`vop.regs`, the link from the board.

Ref: Xilinx PG054. Numbers of ids and MSI-X are hexadecimal there, without a prefix.
"""

from ..regs import CARD_ADDRESSES, MSIX, VECTORS, VERSION
from ..shims.pcie_7x_ip import MODULE

__all__ = ["properties", "recipe"]

_KIB = 1 << 10
_LARGEST_KIB = 512  # beyond it the IP counts in megabytes


def properties(link, *, ram_bytes):
    """Properties by name, without ``CONFIG.``, for a card with ``ram_bytes`` on ``link``.

    Raises
    ------
    ValueError
        If card RAM is no BAR that the IP can make.
    """
    class_code = VERSION["pci_class_code"]
    return {
        "mode_selection":                  "Advanced",
        "Device_Port_Type":                "PCI_Express_Endpoint_device",
        # The link.
        "PCIe_Blk_Locn":                   "X0Y0",
        "Maximum_Link_Width":              f"X{link.lanes}",
        "Link_Speed":                      {1: "2.5_GT/s", 2: "5.0_GT/s"}[link.generation],
        "Trgt_Link_Speed":                 f"4'h{link.generation}",
        "Interface_Width":                 f"{link.width}_bit",
        "User_Clk_Freq":                   f"{link.clock_hz / 1e6:g}",
        "Ref_Clk_Freq":                    "100_MHz",
        "Xlnx_Ref_Board":                  "None",
        # Who the card is: as `vop_host` looks for it.
        "Vendor_ID":                       f"{VERSION['pci_vendor_id']:04X}",
        "Device_ID":                       f"{VERSION['pci_device_id']:04X}",
        "Subsystem_Vendor_ID":             f"{VERSION['pci_vendor_id']:04X}",
        "Subsystem_ID":                    f"{VERSION['pci_device_id']:04X}",
        "Revision_ID":                     "00",
        "Use_Class_Code_Lookup_Assistant": "false",
        "Class_Code_Base":                 f"{class_code >> 16:02X}",
        "Class_Code_Sub":                  f"{class_code >> 8 & 0xFF:02X}",
        "Class_Code_Interface":            f"{class_code & 0xFF:02X}",
        # BAR0: registers. BAR2 and its upper half: card RAM.
        **_bar(0, CARD_ADDRESSES["bar0_bytes"]),
        "Bar0_64bit":                      "false",
        "Bar0_Prefetchable":               "false",
        "Bar1_Enabled":                    "false",
        **_bar(2, ram_bytes),
        "Bar2_64bit":                      "true",
        "Bar2_Prefetchable":               "true",
        "Bar4_Enabled":                    "false",
        "Bar5_Enabled":                    "false",
        "Expansion_Rom_Enabled":           "false",
        # Interrupts: MSI and MSI-X, no INTx.
        "IntX_Generation":                 "false",
        "Legacy_Interrupt":                "None",
        "MSI_Enabled":                     "true",
        "MSI_64b":                         "true",
        "MSI_Vec_Mask":                    "false",
        "Multiple_Message_Capable":        f"{VECTORS['count']}_vectors",
        "MSIx_Enabled":                    "true",
        "MSIx_Table_Size":                 f"{VECTORS['count']:X}",
        "MSIx_Table_BIR":                  "BAR_0",
        "MSIx_Table_Offset":               f"{MSIX.address('address_lo'):X}",
        "MSIx_PBA_BIR":                    "BAR_0",
        "MSIx_PBA_Offset":                 f"{MSIX.address('pending_lo'):X}",
        # Traffic: 32 tags need no extended ones; as many completion credits as there are.
        "Max_Payload_Size":                "512_bytes",
        "Extended_Tag_Field":              "false",
        "Extended_Tag_Default":            "false",
        "Cpl_Finite":                      "false",
        "Perf_Level":                      "High",
        "Buf_Opt_BMA":                     "true",
        "Trans_Buf_Pipeline":              "None",
        # Left out: what the shim does not serve.
        "AER_Enabled":                     "false",
        "DSN_Enabled":                     "false",
        "VC_Cap_Enabled":                  "false",
        "VSEC_Enabled":                    "false",
        "PCI_CFG_Space":                   "false",
        "EXT_PCI_CFG_Space":               "false",
        # Clocks and transceivers are the block's own.
        "en_ext_clk":                      "false",
        "en_ext_gt_common":                "false",
        "en_ext_ch_gt_drp":                "false",
        "en_ext_pipe_interface":           "false",
        "en_ext_startup":                  "false",
        "en_transceiver_status_ports":     "false",
        "shared_logic_in_core":            "false",
        "pipe_mode_sim":                   "None",
        # Groups of ports: those of `Pcie7xBlock`.
        "cfg_status_if":                   "true",
        "cfg_ctl_if":                      "true",
        "err_reporting_if":                "true",
        "cfg_mgmt_if":                     "false",
        "cfg_fc_if":                       "false",
        "rcv_msg_if":                      "false",
        "pl_interface":                    "false",
        "pcie_id_if":                      "false",
        "PCIe_Debug_Ports":                "false",
    }


def recipe(link, *, ram_bytes):
    """Tcl that creates the IP, complains of each property that did not take, and makes it."""
    chosen = "".join(f"    CONFIG.{name:<31} {{{value}}} \\\n"
                     for name, value in properties(link, ram_bytes=ram_bytes).items())
    return f"""\
# The PCIe hard block. vop/vivado/ip.py wrote this.
create_ip -vendor xilinx.com -library ip -name pcie_7x -module_name {MODULE}
set chosen [list \\
{chosen}]
set_property -dict $chosen [get_ips {MODULE}]
foreach {{name value}} $chosen {{
    set came [get_property $name [get_ips {MODULE}]]
    if {{![string equal -nocase $came $value]}} {{
        puts "CRITICAL WARNING: $name of {MODULE} must be $value, but is $came"
    }}
}}
generate_target all [get_ips {MODULE}]
synth_ip [get_ips {MODULE}]
"""


def _bar(number, size):
    if size % _KIB or size & (size - 1) or size < 2 * _KIB:
        raise ValueError(f"BAR{number} must be a power of two of at least 2 KiB, not {size} bytes")
    kibibytes = size // _KIB
    scale, count = (("Kilobytes", kibibytes) if kibibytes <= _LARGEST_KIB
                    else ("Megabytes", kibibytes // _KIB))
    return {
        f"Bar{number}_Enabled": "true",
        f"Bar{number}_Type":    "Memory",
        f"Bar{number}_Scale":   scale,
        f"Bar{number}_Size":    f"{count}",
    }

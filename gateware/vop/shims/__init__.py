# SPDX-License-Identifier: BSD-2-Clause
"""One thin shim per PCIe hard block: its ports to `vop.pcie.phy.Signature`."""

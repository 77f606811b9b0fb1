# SPDX-License-Identifier: BSD-2-Clause
"""OpenVOP's gateware: a PCIe endpoint whose card side is a small computer that drives virtio."""

# SPDX-License-Identifier: BSD-2-Clause
"""Size and speed of the card in Xilinx 7-series logic, by open tools."""

# SPDX-License-Identifier: BSD-2-Clause
"""From a board to a Vivado project: the top of the design, the hard block's IP, constraints."""

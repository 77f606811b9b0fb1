# SPDX-License-Identifier: BSD-2-Clause
"""One file per board: pins, clocks, resets and the choice of shim. Nothing else knows a board."""

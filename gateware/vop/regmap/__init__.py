# SPDX-License-Identifier: BSD-2-Clause
"""The language in which `vop.regs` declares what crosses a boundary, and its emitters."""

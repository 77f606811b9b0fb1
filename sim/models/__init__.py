# SPDX-License-Identifier: BSD-2-Clause
"""Models of what surrounds the card: PCIe hard block, host, driver, rings.

They take *addresses* from `vop.regs`, and decode TLPs and rings with code of their own, so that
design and model cannot share a mistake.
"""

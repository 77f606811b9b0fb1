# SPDX-License-Identifier: BSD-2-Clause
"""Parts of the UltraScale+ shim: descriptors, their alignment, order, interrupts, reset."""

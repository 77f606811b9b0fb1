# SPDX-License-Identifier: BSD-2-Clause
"""A stock Linux kernel in QEMU, with the simulated card as one of its PCI devices."""

# SPDX-License-Identifier: BSD-2-Clause
"""The bench image: a card on a board's FPGA that tests itself, a small host in logic for a link."""

# SPDX-License-Identifier: BSD-2-Clause
"""The card's computer: CPU, card RAM, timer, interrupts, UART."""

# SPDX-License-Identifier: BSD-2-Clause
"""What the host finds behind our BARs: registers behind BAR0, card RAM behind BAR2."""

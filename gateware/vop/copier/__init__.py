# SPDX-License-Identifier: BSD-2-Clause
"""The copier, OpenVOP's vring-copy engine: channels, commands, the guard."""

# SPDX-License-Identifier: BSD-2-Clause
"""Hosts and rings that do what they must not, drawn from seeds; the card works afterwards."""

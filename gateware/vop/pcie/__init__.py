# SPDX-License-Identifier: BSD-2-Clause
"""The endpoint above the hard block: typed TLPs, completer, tags, and the arbiter to the link."""

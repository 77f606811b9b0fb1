# SPDX-License-Identifier: BSD-2-Clause
"""The endpoint above the hard block: typed TLPs, the completer, tags, and the arbiter to the link."""

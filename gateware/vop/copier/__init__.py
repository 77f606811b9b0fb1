# SPDX-License-Identifier: BSD-2-Clause
"""The vring-copy engine: channels, and the executor of their commands."""

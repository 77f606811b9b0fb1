# SPDX-License-Identifier: BSD-2-Clause
"""The requester: reads and writes of host memory, for several channels at once."""

# SPDX-License-Identifier: BSD-2-Clause
"""Only a skipped story: red, as nothing was shown."""

import cocotb


@cocotb.test(skip=True)
async def this_one_is_skipped(dut):
    """Skipped."""

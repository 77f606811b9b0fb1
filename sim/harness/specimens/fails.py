# SPDX-License-Identifier: BSD-2-Clause
"""One story that passes and one that fails: red."""

import cocotb


@cocotb.test()
async def this_one_passes(dut):
    """Passes."""


@cocotb.test()
async def this_one_fails(dut):
    """Fails."""
    raise AssertionError("as intended")

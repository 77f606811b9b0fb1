# SPDX-License-Identifier: BSD-2-Clause
"""A story that passes, with the parameters it was given."""

import cocotb
from cocotb.triggers import Timer

from sim.harness.simulate import parameters


@cocotb.test()
async def it_gets_its_parameters(dut):
    """The run's parameters arrive."""
    await Timer(1, "ns")

    assert parameters() == {"answer": 42}

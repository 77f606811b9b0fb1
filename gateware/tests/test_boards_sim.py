# SPDX-License-Identifier: BSD-2-Clause
"""The whole card becomes Verilog on each hard block, at each width."""

import pytest
from vop.boards.sim import SimCard
from vop.verilog import convert


@pytest.mark.parametrize(("block", "width", "pin"), [
    ("pcie_7x", 64, "input [63:0] m_axis_rx_tdata;"),
    ("pcie_7x", 128, "output [127:0] s_axis_tx_tdata;"),
    ("pcie_usplus", 128, "input [127:0] m_axis_cq_tdata;"),
    ("pcie_usplus", 256, "output [255:0] s_axis_rq_tdata;"),
])
def test_the_card_is_converted_with_the_pins_of_its_block(block, width, pin):
    text = convert(SimCard(block=block, width=width, ram_bytes=4096), name="sim_card")

    assert "module sim_card(" in text
    assert pin in text
    assert ("cfg_err_ur" in text) == (block == "pcie_7x")


def test_an_unknown_block_is_refused():
    with pytest.raises(ValueError, match="Hard block must be one of pcie_7x, pcie_usplus, not 'x'"):
        SimCard(block="x")

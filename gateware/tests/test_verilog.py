# SPDX-License-Identifier: BSD-2-Clause
"""Folded memories say what the long ones said."""

from amaranth.hdl import Module
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out
from vop.verilog import convert, fold_memories

LONG = """\
module top;
  initial begin
    data[0] = 8'h01;
    data[1] = 8'h01;
    data[2] = 8'h00;
    data[3] = 8'h00;
    data[4] = 8'h00;
    data[5] = 8'h00;
    data[6] = 8'h00;
    data[7] = 8'h00;
    data[8] = 8'h00;
    data[9] = 8'h00;
    data[10] = 8'h02;
  end
endmodule
"""

SHORT = """\
module top;
  initial begin : initial_content_0
    integer i;
    data[0] = 8'h01;
    data[1] = 8'h01;
    for (i = 2; i < 10; i = i + 1) data[i] = 8'h00;
    data[10] = 8'h02;
  end
endmodule
"""


class Rom(wiring.Component):
    """A large memory, almost empty."""

    address: In(12)
    data: Out(32)

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = words = memory.Memory(shape=32, depth=4096, init=[1, 2, 3])
        port = words.read_port()
        m.d.comb += [port.addr.eq(self.address), self.data.eq(port.data)]
        return m


def test_a_run_of_equal_words_becomes_a_loop():
    assert fold_memories(LONG) == SHORT


def test_a_large_empty_memory_makes_a_short_file():
    text = convert(Rom(), name="rom")

    assert "module rom(" in text
    assert "for (i = 3; i < 4096; i = i + 1)" in text
    assert len(text.splitlines()) < 100

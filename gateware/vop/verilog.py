# SPDX-License-Identifier: BSD-2-Clause
"""Verilog of a component, with the initial content of its memories folded into loops.

Amaranth writes one assignment for each word. A compiler of C++ takes more than ten minutes over the
function that Verilator makes of a card RAM's 16384; a loop takes nothing.
"""

import re
from itertools import count

from amaranth.back import verilog
from amaranth.hdl import Const, Signal, Value

__all__ = ["convert", "fold_memories"]

_INITIAL = re.compile(r"^  initial begin\n((?:    .+?\[\d+\] = \S+;\n)+)  end\n", re.MULTILINE)
_WORD = re.compile(r"    (.+?)\[(\d+)\] = (\S+);")
_LONG = 8  # words alike in a row that are worth a loop


def convert(component, *, name):
    """Verilog text of ``component`` as module ``name``.

    Members that are constant, as the ``ready`` of a stream that is always ready, are no ports.
    """
    members = [Value.cast(value) for _path, _member, value in
               component.signature.flatten(component)]
    ports = {} if not any(isinstance(value, Const) for value in members) else {
        "ports": [value for value in members if isinstance(value, Signal)]}
    return fold_memories(verilog.convert(component, name=name, emit_src=False, **ports))


def fold_memories(text):
    """Replace runs of equal words in initial blocks by loops."""
    numbers = count()
    return _INITIAL.sub(lambda block: _fold(block, next(numbers)), text)


def _fold(block, number):
    words = [(memory, int(index), value) for memory, index, value in _WORD.findall(block[1])]
    lines = []
    at = 0
    while at < len(words):
        memory, first, value = words[at]
        end = at
        while end < len(words) and words[end] == (memory, first + end - at, value):
            end += 1
        if end - at < _LONG:
            end = at + 1
            lines.append(f"    {memory}[{first}] = {value};")
        else:
            lines.append(f"    for (i = {first}; i < {first + end - at}; i = i + 1) "
                         f"{memory}[i] = {value};")
        at = end
    return "\n".join([f"  initial begin : initial_content_{number}", "    integer i;", *lines,
                      "  end", ""])

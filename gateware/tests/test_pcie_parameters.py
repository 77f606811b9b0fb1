# SPDX-License-Identifier: BSD-2-Clause
"""The parts of the endpoint refuse parameters that they cannot serve, and say why."""

import re

import pytest
from amaranth.back import rtlil
from amaranth.hdl import Module
from vop.counters import CounterMemory
from vop.pcie.align import PayloadAligner
from vop.pcie.completer import Completer
from vop.pcie.endpoint import Endpoint
from vop.pcie.frame import PayloadFramer
from vop.shallow_queue import ShallowQueue


@pytest.mark.parametrize(("make", "message"), [
    (lambda: PayloadAligner(256), "Width of the payload aligner must be 64 or 128 bits, not 256"),
    (lambda: PayloadFramer(256), "Width of the payload framer must be 64 or 128 bits, not 256"),
    (lambda: ShallowQueue(8, depth=31), "Queue depth must be a power of two from 2 to 64, not 31"),
    (lambda: CounterMemory(64), "Number of counters must be 2 to 63, not 64"),
    (lambda: Completer(128, register_bytes=6144, ram_bytes=4096),
     "Size of BAR0 must be a power of two of at least 4096, not 6144"),
    (lambda: Completer(128, register_bytes=4096, ram_bytes=2048),
     "Size of card RAM must be a power of two of at least 4096, not 2048"),
    (lambda: Endpoint(96), "Width of the TLP contract must be 64, 128 or 256 bits, not 96"),
])
def test_a_parameter_out_of_range_is_refused_by_name(make, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make()


@pytest.mark.parametrize("width", [64, 128, 256])
def test_the_endpoint_elaborates_at_every_width(width):
    top = Module()
    top.submodules.endpoint = Endpoint(width, ram_bytes=4096)

    assert "endpoint" in rtlil.convert(top, ports=[])

# SPDX-License-Identifier: BSD-2-Clause
"""The models are right before the card is judged by them."""

import pytest
from cocotbext.pcie.core.tlp import Tlp, TlpType

from sim.harness.build import build
from sim.harness.simulate import simulate
from sim.models.traffic import Traffic
from sim.models.wires import Wires


@pytest.fixture(scope="module")
def wires():
    return build(Wires(), name="wires")


@pytest.mark.parametrize("pace", ["flowing", "stuttering"])
def test_a_card_in_python_meets_the_models(wires, pace, seed):
    simulate(wires, "sim.stories.story_python_card", seed=seed, pace=pace)


def write_tlp(address, size):
    tlp = Tlp()
    tlp.fmt_type = TlpType.MEM_WRITE_64
    tlp.set_addr_be_data(address, bytes(size))
    return tlp


def inner_sizes(*sizes, start=1 << 32):
    """Inner sizes of writes that follow each other from ``start``; one elsewhere ends them."""
    traffic = Traffic()
    for size in sizes:
        traffic.count(write_tlp(start, size))
        start += size
    traffic.count(write_tlp(0x1000, 4))
    return dict(traffic.inner_sizes["memory_write"])


def test_the_ends_of_a_bulk_transfer_may_be_short():
    assert inner_sizes(23, *[128] * 40, 57, start=0x1_0000_0069) == {128: 40}


def test_a_short_request_inside_a_bulk_transfer_is_seen():
    assert inner_sizes(*[128] * 20, 64, 64, *[128] * 20) == {128: 38, 64: 2}
    assert inner_sizes(*[64] * 80) == {64: 78}


def test_the_entries_of_a_ring_are_no_bulk_transfer():
    assert inner_sizes(*[16] * 64) == {}

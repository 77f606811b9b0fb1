# SPDX-License-Identifier: BSD-2-Clause
"""A card is reset a hundred times by `vopctl selftest`, and is the same afterwards."""

import pytest

from .host_machine import HostMachine

pytestmark = [pytest.mark.cosim, pytest.mark.long]

RESETS = 100
TIMEOUT_S = 1200


def test_a_sound_card_passes_and_is_the_same_after_a_hundred_resets(tmp_path):
    with HostMachine("selftest", tmp_path) as machine:
        machine.load_driver()

        status, output = machine.guest.run(
            f"vopctl selftest 0 --lanes=4 --speed=5.0 --quick --resets={RESETS}", TIMEOUT_S)

        complaints = machine.guest.kernel_complaints()
    print(output)

    assert status == 0, output
    assert f"resets: {RESETS}, online after each: ok" in output
    assert output.endswith(" checks, 0 failed\n")
    assert complaints == ""
    assert machine.counters()["faults"] == []

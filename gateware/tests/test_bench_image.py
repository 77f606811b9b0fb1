# SPDX-License-Identifier: BSD-2-Clause
"""The bench firmware on the bench image's card, in RTL."""

import subprocess
from pathlib import Path

import pytest
from computer import COMPILER
from vop.bench_image.card import BenchCard
from vop.bench_image.top import CLOCKS_HZ

from sim.harness.build import build
from sim.harness.simulate import simulate

ROOT = Path(__file__).resolve().parents[2]

#: LEDs blink, and a read is given up, in the time of a simulation.
BLINK_US = 200
TIMEOUT_CYCLES = 2_000

@pytest.mark.slow
@pytest.mark.skipif(COMPILER is None, reason="needs gcc-riscv64-unknown-elf: run `make setup`")
def test_the_leds_tell_what_passes_and_what_does_not(tmp_path):
    subprocess.run(["make", "-s", "-C", ROOT / "firmware" / "baremetal", "PROGRAM=bench",
                    f"BUILD={tmp_path}", f"DEFINES_bench=-DBLINK_US={BLINK_US}u"], check=True)
    card = BenchCard(firmware=(tmp_path / "bench.bin").read_bytes(), clock_hz=CLOCKS_HZ["pcie_clk"],
                     timeout_cycles=TIMEOUT_CYCLES, uart_divisor=4, cpu_domain="cpu")

    verdict = simulate(build(card, name="bench_card"), "bench_image_story")

    assert verdict.passed == 2

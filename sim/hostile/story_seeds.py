# SPDX-License-Identifier: BSD-2-Clause
"""One test for each seed of this run: acts at once, honest traffic below them, then a proof."""

import random
from contextlib import suppress

import cocotb
from cocotb.triggers import Combine, SimTimeoutError, with_timeout

from sim.harness.bench import story
from sim.harness.simulate import parameters
from sim.models.host import Refused

from .acts import ACTS, honest_copies
from .proof import RECOVERIES, prove_that_the_card_works
from .stage import Stage

_FIRST, _COUNT = parameters().get("first", 0), parameters().get("count", 1)
_ACTS_LIMIT_NS = 400_000
#: What the models say of hosts such as these.
_COMPLAINTS = (
    "UR status",
    "CA status",
    "oisoned TLP",
    "nexpected completion",
    "Bad status",
    "Invalid tag",
    "No BAR match",
    "Lower address mismatch",
    "Mismatched fields",
    "Bus mastering disabled",
)


async def _perform(act, stage: Stage) -> None:
    """One act; a read that the host's own misdeeds spoil is no fault of the card's."""
    with suppress(Refused):
        await act(stage)


@cocotb.parametrize(seed=range(_FIRST, _FIRST + _COUNT))
@story(limit_ns=3_000_000)
async def the_card_survives(bench, seed):
    """Whatever the acts that ``seed`` draws do."""
    bench.rng.seed(seed)
    bench.warnings.expected += _COMPLAINTS
    stage = await Stage.open(bench)
    draw = random.Random(seed)
    chosen, recovery = draw.sample(ACTS, k=3), draw.choice(RECOVERIES)
    names = ", ".join(act.__name__ for act in chosen)
    bench.dut._log.info(f"seed {seed}: {names}; mended by: {recovery}")

    acts = [honest_copies, *chosen]
    tasks = [cocotb.start_soon(_perform(act, stage)) for act in acts]
    try:
        await with_timeout(Combine(*tasks), _ACTS_LIMIT_NS, "ns")
    except SimTimeoutError:
        late = [act.__name__ for act, task in zip(acts, tasks, strict=True) if not task.done()]
        raise AssertionError(f"{names}: not over after {_ACTS_LIMIT_NS} ns: {late}") from None

    await prove_that_the_card_works(stage, recovery)

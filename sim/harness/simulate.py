# SPDX-License-Identifier: BSD-2-Clause
"""Run a story module on a component, and judge it.

simulate(SimCard, "sim.stories.story_doorbell", pace="stuttering")
"""

import json
import logging
import os
import random
import re
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .build import BUILD_ROOT, Model, build
from .verdict import Red, Verdict, judge

__all__ = ["PARAMETERS", "SKIPPED", "new_seed", "parameters", "simulate"]

#: Environment variable that carries a run's parameters into the simulator.
PARAMETERS = "VOP_SIM_PARAMETERS"

#: How a line of the log begins that tells why a story was skipped.
SKIPPED = "skipped: "
_LOG_TAIL_LINES = 60


def new_seed() -> int:
    """Draw a seed that fits a command line."""
    return random.SystemRandom().randrange(1, 2**31)


def parameters() -> dict[str, Any]:
    """Return the parameters of this run; call it inside the simulator."""
    return json.loads(os.environ.get(PARAMETERS, "{}"))


@contextmanager
def _outside_pytest():
    """Hide pytest from the runner, which otherwise judges by itself and leaves by SystemExit."""
    current = os.environ.pop("PYTEST_CURRENT_TEST", None)
    try:
        yield
    finally:
        if current is not None:
            os.environ["PYTEST_CURRENT_TEST"] = current


def simulate(
    component: Any,
    story: str,
    *,
    seed: int | None = None,
    tests: str | None = None,
    waves: bool = False,
    name: str = "top",
    **parameters: Any,
) -> Verdict:
    """Build ``component`` unless it is a `Model`, run every test of module ``story``, judge.

    `build` says what else ``component`` may be. ``tests`` is a regular expression that selects
    among them. ``parameters`` reach the story through `parameters()`; they must be plain JSON.

    Raises
    ------
    Red
        If the run is not green. The message holds the seed and the end of the log.
    """
    from cocotb_tools.runner import get_runner

    model = component if isinstance(component, Model) else build(component, name=name, waves=waves)
    seed = new_seed() if seed is None else seed
    words = [story.rsplit(".", 1)[-1], *(f"{key}-{value}" for key, value in parameters.items())]
    run = BUILD_ROOT / "runs" / re.sub(r"[^\w.-]+", "_", "-".join(words))
    run.mkdir(parents=True, exist_ok=True)
    log, results = run / "log", run / "results.xml"
    results.unlink(missing_ok=True)
    print(f"{story} {parameters or ''}: seed {seed}, log {log.relative_to(BUILD_ROOT.parents[1])}")

    logging.getLogger("Verilator").setLevel(logging.ERROR)
    status = None
    with _outside_pytest():
        try:
            get_runner("verilator").test(
                test_module=story,
                hdl_toplevel=model.top,
                hdl_toplevel_lang="verilog",
                build_dir=model.directory,
                test_dir=run,
                results_xml=str(results),
                seed=seed,
                test_filter=tests,
                waves=waves and model.waves,
                log_file=log,
                extra_env={PARAMETERS: json.dumps(parameters), "COCOTB_ANSI_OUTPUT": "0"},
            )
        except SystemExit as leaving:
            status = leaving.code
    try:
        verdict = judge(results)
        if status:
            raise Red(f"Simulator must end with status 0, not {status}")
    except Red as reason:
        raise Red(f"{reason}\nseed {seed}; the log ends:\n{_tail(log)}") from None
    for line in log.read_text(errors="replace").splitlines():
        if line.startswith(SKIPPED):
            print(line)
    return verdict


def _tail(log: Path) -> str:
    if not log.exists():
        return "(no log)"
    return "\n".join(log.read_text(errors="replace").splitlines()[-_LOG_TAIL_LINES:])

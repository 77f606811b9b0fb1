# SPDX-License-Identifier: BSD-2-Clause
"""The project's Python environment `.venv`, with the packages that pyproject.toml asks for."""

import hashlib
import sys
import tomllib

from progress import run, say

__all__ = ["get_python"]


def get_python(root, extras=("test", "formal", "flash", "zephyr")):
    """Make ``root/.venv`` hold the dependencies and ``extras``; nothing to do if it already does.

    The repository's own packages are found by a path file, so `python -m sim.cosim.demo` works from
    any directory.
    """
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    wanted = list(project["dependencies"])
    for extra in extras:
        wanted += project["optional-dependencies"][extra]
    environment = root / ".venv"
    key = hashlib.sha256("\n".join([sys.version, str(root), *wanted]).encode()).hexdigest()[:16]
    stamp = environment / f"complete-{key}"
    if stamp.exists():
        say("python", f"{environment.name} is current")
        return
    say("python", f"installing {len(wanted)} Python packages and what they need")
    run(sys.executable, "-m", "venv", "--clear", environment)
    python = environment / "bin" / "python"
    run(python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *wanted)
    site = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    with open(f"{site}/openvop.pth", "w") as paths:
        paths.write(f"{root / 'gateware'}\n{root}\n")
    stamp.touch()
    say("python", "packages installed")

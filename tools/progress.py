# SPDX-License-Identifier: BSD-2-Clause
"""Progress lines with the time since the start, and commands that are silent unless they fail."""

import subprocess
import time

__all__ = ["SetupError", "say", "run"]

_START = time.monotonic()


class SetupError(Exception):
    """Setup cannot go on. The text says what to do; ``status`` is the exit status."""

    def __init__(self, text, status=1):
        super().__init__(text)
        self.status = status


def say(step, text):
    """Print one line: seconds since the start, the step, what it does."""
    print(f"[{time.monotonic() - _START:6.1f} s] {step:<8} {text}", flush=True)


def run(*command, timeout_s=1200, **options):
    """Run ``command`` and return its standard output as text.

    Raises
    ------
    SetupError
        If it fails, or is not done after ``timeout_s`` seconds; with the end of what it printed.
    """
    words = [str(word) for word in command]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=timeout_s, **options)
    except FileNotFoundError:
        raise SetupError(f"{words[0]} is not installed") from None
    except subprocess.TimeoutExpired:
        raise SetupError(f"{' '.join(words)}: not done after {timeout_s} s") from None
    if done.returncode:
        said = (done.stdout + done.stderr).strip().splitlines()[-20:]
        raise SetupError(f"{' '.join(words)}: exit status {done.returncode}\n" + "\n".join(said))
    return done.stdout

# SPDX-License-Identifier: BSD-2-Clause
"""Drives the card's shell through its console.

The shell brackets what it prints with OSC 133, which terminals hide: A before a prompt, C before a
command's output, D with the status after it. Ref: docs/protocol.md; freedesktop.org, "Semantic
Prompts" of terminal-wg.
"""

import re
import time
from dataclasses import dataclass

from .channel import Late

__all__ = ["CardShell", "Outcome"]

SILENCE_S = 10
MARK = re.compile(rb"\x1b\]133;([ACD])(?:;(\d+))?\x07")


@dataclass(frozen=True)
class Outcome:
    """What became of a command: what it printed, and its status: 0, or an errno number.

    ``status`` is ``None`` if the shell took the line and ran nothing.
    """

    command: str
    output: str
    status: int | None


class CardShell:
    """The shell behind ``channel``, which carries the card's console."""

    def __init__(self, channel):
        self._channel = channel
        self._received = b""

    def wait_prompt(self, timeout_s):
        """Wait until the shell takes a command.

        Raises
        ------
        Late
            If no prompt came in ``timeout_s`` seconds of wall time.
        """
        end = time.monotonic() + timeout_s
        while self._next_mark(end, "the card's prompt")[0] != b"A":
            pass

    def new_line(self, timeout_s):
        """End whatever somebody else has typed, and wait until the shell is done with it."""
        self._channel.send(b"\r")
        self.wait_prompt(timeout_s)

    def run(self, command, timeout_s, still_running=None):
        """Run one simple command; returns its :class:`Outcome`.

        ``still_running`` is called about every ten seconds in which the card prints nothing.

        Raises
        ------
        Late
            If the shell has not prompted again after ``timeout_s`` seconds.
        """
        end = time.monotonic() + timeout_s
        self._channel.send(command.encode() + b"\r")
        status, output, printed = None, b"", b""
        while True:
            mark, value, before = self._next_mark(end, command, still_running)
            printed += before
            if mark == b"D":
                output += before
                status = int(value or 0)
            elif mark == b"A":
                text = output if status is not None else printed
                return Outcome(command, text.decode(errors="replace").replace("\r\n", "\n"), status)

    def _next_mark(self, end, what, still_running=None):
        """The next mark, its value, and what came before it."""
        while True:
            found = MARK.search(self._received)
            if found:
                before = self._received[: found.start()]
                self._received = self._received[found.end() :]
                return found[1], found[2], before
            left_s = end - time.monotonic()
            if left_s <= 0:
                raise Late(f"{what}: the card did not answer in time")
            received = self._channel.receive(min(left_s, SILENCE_S))
            self._received += received
            if not received and still_running:
                still_running()

# SPDX-License-Identifier: BSD-2-Clause
"""Hands the card's console to the person at the terminal."""

import os
import select
import sys
import termios
import tty

from .channel import ChannelClosed

__all__ = ["LEAVE", "hand_over"]

SILENCE_S = 5
LEAVE = b"\x1d"  # Ctrl-], as telnet has it


def hand_over(console):
    """Relay between the terminal and ``console`` until Ctrl-], the end of input, or the guest's.

    A terminal is in raw mode meanwhile; input that is no terminal is passed on as it comes.
    """
    source, sink = sys.stdin.fileno(), sys.stdout.fileno()
    saved = termios.tcgetattr(source) if os.isatty(source) else None
    if saved is not None:
        tty.setraw(source)
    try:
        console.send(b"\r")
        _relay(console, source, sink)
    finally:
        if saved is not None:
            termios.tcsetattr(source, termios.TCSADRAIN, saved)


def _relay(console, source, sink):
    sources = [source, console]
    while True:
        # Once input has ended, what it asked for may still be under way.
        readable, _, _ = select.select(sources, [], [], None if source in sources else SILENCE_S)
        if not readable:
            return
        if console in readable:
            try:
                os.write(sink, console.receive(0))
            except ChannelClosed:
                return
        if source in readable:
            typed = os.read(source, 4096)
            console.send(typed.partition(LEAVE)[0])
            if LEAVE in typed:
                return
            if not typed:
                sources.remove(source)

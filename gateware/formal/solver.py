# SPDX-License-Identifier: BSD-2-Clause
"""Bitwuzla as smtbmc wants it: commands on standard input, each answered as soon as can be.

Its wheel brings a library and no executable. As the library forgets how deep the stack is from one
piece of text to the next, it is told of every push and pop by itself.
"""

import ctypes
import sys

from bitwuzla import Option, Options, Parser, TermManager

__all__ = ["main"]

_ANSWERED = ("(check-sat", "(get-value", "(echo")


def main() -> None:
    """Answer until ``(exit)`` or the end of the input."""
    options = Options()
    options.set(Option.PRODUCE_MODELS, True)
    parser = Parser(TermManager(), options)
    standard = ctypes.CDLL(None)
    unread: list[str] = []

    def read() -> None:
        if unread:
            parser.parse("".join(unread), False, False)
            unread.clear()
        standard.fflush(None)   # the library writes the answers itself

    for line in sys.stdin:
        if line.startswith("(exit"):
            return
        if line.startswith("(push"):
            read()
            parser.bitwuzla().push(1)
        elif line.startswith("(pop"):
            read()
            parser.bitwuzla().pop(1)
        else:
            unread.append(line)
            if line.startswith(_ANSWERED):
                read()


if __name__ == "__main__":
    main()

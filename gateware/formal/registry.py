# SPDX-License-Identifier: BSD-2-Clause
"""All proofs, found by their files in :mod:`formal.proofs`."""

import importlib
import pkgutil

from .proof import Proof

__all__ = ["all_proofs"]


def all_proofs() -> dict[str, Proof]:
    """Return every proof by its name, in the order of files and of what stands in them.

    Raises
    ------
    ValueError
        If two proofs have one name.
    """
    # Here, not above: a planted bug must come before the modules that the proofs import.
    from . import proofs

    found: dict[str, Proof] = {}
    for info in sorted(pkgutil.iter_modules(proofs.__path__), key=lambda info: info.name):
        module = importlib.import_module(f"{proofs.__name__}.{info.name}")
        for proof in module.PROOFS:
            if proof.name in found:
                raise ValueError(f"Name of a proof must be unique, not twice {proof.name!r}")
            found[proof.name] = proof
    return found

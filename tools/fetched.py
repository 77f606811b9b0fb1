# SPDX-License-Identifier: BSD-2-Clause
"""A folder of the cache, filled from Debian's packages: whole and current, or absent."""

import hashlib
import inspect
import json
import shutil

from private_apt import PrivateApt
from progress import SetupError, say

__all__ = ["fetched"]


def fetched(home, versions, fill, *, package, suite=None, megabytes):
    """Provide the folder ``home``, which ``fill(apt)`` fills; quick where it is there.

    It is made anew where it was made by another recipe: of other versions, by another text of the
    module of ``fill``, or in another place, as scripts in it hold its path.

    Parameters
    ----------
    home : :class:`pathlib.Path`
        Its name is that of the part.
    versions : :class:`dict`
        The part's table of versions.toml: ``suites``, ``known_good`` and what ``fill`` reads.
    fill : function
        Takes a :class:`PrivateApt` whose lists are fetched. Its files are removed afterwards.
    package : :class:`str`
        The package whose version is the part's.
    suite : :class:`str` or ``None``
        Which of the suites it comes from, where several have it.
    megabytes : :class:`int`
        How much is fetched, about.

    Raises
    ------
    SetupError
        If there is no such package, or ``fill`` cannot do its work.
    """
    part, suites = home.name, ", ".join(versions["suites"])
    stamp, recipe = home / "version", _recipe(home, versions, fill)
    if stamp.exists():
        version, _, made_by = stamp.read_text().strip().partition(" ")
        if made_by == recipe:
            say(part, f"{version} is there")
            return
        say(part, f"{version} is of an older recipe")
    shutil.rmtree(home, ignore_errors=True)
    say(part, f"reading the package lists of {suites}")
    apt = PrivateApt(home / "apt", versions["suites"])
    apt.update()
    version = apt.candidate(package, suite)
    if version is None:
        raise SetupError(
            f"the Debian server of this machine has no {package} in {suite or suites}"
        )
    if version != versions["known_good"]:
        say(part, f"note: tried with {versions['known_good']}, this is {version}")
    say(part, f"fetching {version} of {package} (about {megabytes} MB)")
    fill(apt)
    shutil.rmtree(home / "apt")
    stamp.write_text(f"{version} {recipe}\n")
    say(part, f"{version} is ready")


def _recipe(home, versions, fill):
    """Name of all that decides what is in ``home``, but the packages themselves."""
    parts = (str(home.resolve()), json.dumps(versions), inspect.getsource(inspect.getmodule(fill)))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]

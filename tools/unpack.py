# SPDX-License-Identifier: BSD-2-Clause
"""Unpacks Debian packages into a prefix, without installing them."""

import subprocess

from progress import SetupError

__all__ = ["unpack"]


def unpack(package, prefix, *patterns):
    """Unpack the file ``package`` below ``prefix``; with ``patterns``, only the members that match.

    Directories that are symbolic links in ``prefix`` stay links, as merged /usr needs.
    """
    prefix.mkdir(parents=True, exist_ok=True)
    selection = ["--wildcards", *patterns] if patterns else []
    command = ["tar", "-x", "-C", prefix, "--keep-directory-symlink", "--no-same-owner", *selection]
    source = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE)
    with source:
        tar = subprocess.run(command, stdin=source.stdout, capture_output=True, text=True)
    if tar.returncode:
        raise SetupError(f"cannot unpack {package.name}: {tar.stderr.strip()}")

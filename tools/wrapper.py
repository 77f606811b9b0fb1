# SPDX-License-Identifier: BSD-2-Clause
"""Programs of a private prefix, run through their own dynamic loader and C library."""

__all__ = ["LIBRARIES", "write_wrapper"]

#: Where a Debian package has its shared libraries, within the prefix.
LIBRARIES = "usr/lib/x86_64-linux-gnu"


def write_wrapper(program, prefix, options=""):
    """Write the script ``program``, which runs the one of its name in ``prefix/usr/bin``.

    ``options`` stand before what the script is given.
    """
    program.write_text(f"""#!/bin/sh
export PYTHONHOME='{prefix}/usr'
exec '{prefix}/usr/lib64/ld-linux-x86-64.so.2' --library-path '{prefix}/{LIBRARIES}' \\
    '{prefix}/usr/bin/{program.name}' {options} "$@"
""")
    program.chmod(0o755)

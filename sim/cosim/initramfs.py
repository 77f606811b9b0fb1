# SPDX-License-Identifier: BSD-2-Clause
"""The guest's user space: busybox, diod, the kernel modules, and our own programs."""

import gzip
import shutil
import subprocess
from pathlib import Path

from .artifacts import artifact
from .cpio import Archive

__all__ = ["build_initramfs"]

# Kernel modules for the share and the channels to the runner; what they need comes with them.
MODULES = ("virtio_pci", "virtio_console", "9pnet_virtio", "9p")
# From the build machine, with their shared libraries.
PROGRAMS = ("/bin/busybox", "/usr/sbin/diod", "/usr/bin/setpriv", "/usr/bin/lspci")
GUEST = Path(__file__).parent / "guest"


def build_initramfs(destination, *, programs=(), files=None):
    """Write a compressed initramfs to ``destination``.

    Parameters
    ----------
    destination : path
        Overwritten.
    programs : iterable of path
        More programs, put into `/bin` with the shared libraries that they need.
    files : dict of path in the guest to path on this machine
        For example ``{"/lib/firmware/vop/card.bin": ...}``.
    """
    archive = Archive()
    for directory in ("/dev", "/proc", "/sys", "/run", "/tmp", "/share", "/etc"):
        archive.directory(directory)
    archive.file("/init", (GUEST / "init").read_bytes(), 0o755)
    for script in sorted(GUEST.glob("bin/*")):
        archive.file(f"/bin/{script.name}", script.read_bytes(), 0o755)
    archive.file("/etc/passwd", b"root:x:0:0::/:/bin/sh\n")
    archive.file("/etc/group", b"root:x:0:\n")
    for program in PROGRAMS:
        _add_program(archive, Path(program), program)
    for program in programs:
        _add_program(archive, Path(program), f"/bin/{Path(program).name}")
    _add_modules(archive)
    for path, source in (files or {}).items():
        archive.file(path, Path(source).read_bytes())
    destination.write_bytes(gzip.compress(archive.finish(), compresslevel=1, mtime=0))
    return destination


def _add_program(archive, program, path):
    if not program.exists():
        found = shutil.which(program.name)
        if found is None:
            raise FileNotFoundError(f"{program} is missing for the guest: run `make setup`")
        program = Path(found)
    archive.file(path, program.read_bytes(), 0o755)
    for library in _libraries(program):
        if library not in archive:
            archive.file(library, Path(library).read_bytes(), 0o755)


def _libraries(program):
    """Paths of the shared libraries that the loader would take; none for a static program."""
    listing = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout
    words = [word for line in listing.splitlines() for word in line.split()]
    return [word for word in words if word.startswith("/")]


def _add_modules(archive):
    """Add :data:`MODULES` and what they depend on, with `/etc/modules` in loading order."""
    tree = artifact("modules")
    needs = {}
    for line in (tree / "modules.dep").read_text().splitlines():
        module, _, others = line.partition(":")
        needs[Path(module).stem.replace("-", "_")] = [module, *others.split()]
    order = []
    for name in MODULES:
        # modules.dep lists what must be loaded first last.
        order += [path for path in reversed(needs[name]) if path not in order]
    for path in order:
        archive.file(f"/lib/modules/{Path(path).name}", (tree / path).read_bytes())
    names = "".join(f"{Path(path).name}\n" for path in order)
    archive.file("/etc/modules", names.encode())

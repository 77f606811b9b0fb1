# SPDX-License-Identifier: BSD-2-Clause
"""Writes the archive format of an initramfs: cpio `newc`.

Ref: Linux, Documentation/driver-api/early-userspace/buffer-format.rst.
"""

import stat

__all__ = ["Archive"]


class Archive:
    """An archive in memory, every entry owned by root and dated 0, so that it is reproducible."""

    def __init__(self):
        self._data = bytearray()
        self._paths = set()

    def __contains__(self, path):
        return path in self._paths

    def directory(self, path):
        """Add the directory ``path`` (absolute) and those above it, unless they are there."""
        parts = path.strip("/").split("/")
        for count in range(1, len(parts) + 1):
            step = "/".join(parts[:count])
            if step and "/" + step not in self:
                self._entry("/" + step, stat.S_IFDIR | 0o755, b"")

    def file(self, path, content, mode=0o644):
        """Add the regular file ``path`` with the bytes ``content``."""
        self.directory(path.rpartition("/")[0])
        self._entry(path, stat.S_IFREG | mode, content)

    def link(self, path, target):
        """Add the symbolic link ``path``."""
        self.directory(path.rpartition("/")[0])
        self._entry(path, stat.S_IFLNK | 0o777, target.encode())

    def finish(self):
        """The whole archive."""
        self._entry("/TRAILER!!!", 0, b"")
        return bytes(self._data)

    def _entry(self, path, mode, content):
        self._paths.add(path)
        name = path.lstrip("/").encode() + b"\0"
        number = len(self._paths)
        fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name), 0)
        self._data += b"070701" + b"".join(b"%08x" % field for field in fields) + name
        self._pad()
        self._data += content
        self._pad()

    def _pad(self):
        self._data += bytes(-len(self._data) % 4)

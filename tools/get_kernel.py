# SPDX-License-Identifier: BSD-2-Clause
"""Debian 12's stock kernel to boot, and its headers to build against, in a private prefix."""

import lzma

from fetched import fetched
from progress import SetupError, run
from unpack import unpack

__all__ = ["get_kernel"]

XZ_MAGIC = b"\xfd7zXZ\x00"
ELF_MAGIC = b"\x7fELF"


def get_kernel(cache, versions):
    """Provide a kernel below ``cache/kernel``.

    - ``vmlinux``: the kernel, uncompressed, so that it boots at once;
    - ``modules``: its module tree, as far as `versions.toml` names it;
    - ``build``: what `make -C` wants to build a module;
    - ``release``: its name, one line.
    """
    home = cache / "kernel"

    def fill(apt):
        image, headers = _resolve(apt, versions)
        release = image.removeprefix("linux-image-")
        apt.download(image, *headers)
        prefix = home / "prefix"
        for package in sorted(apt.archives.glob("*.deb")):
            if package.name.startswith("linux-image-"):
                parts = (f"./lib/modules/*/kernel/{part}/*" for part in versions["modules"])
                unpack(package, prefix, "./boot/*", "./lib/modules/*/modules.*", *parts)
            else:
                unpack(package, prefix)
        compressed = prefix / "boot" / f"vmlinuz-{release}"
        (home / "vmlinux").write_bytes(_vmlinux(compressed.read_bytes()))
        # An ordinary user's PATH may lack /sbin.
        run("/sbin/depmod", "-b", prefix, release)
        (home / "modules").symlink_to(prefix / "lib" / "modules" / release)
        (home / "build").symlink_to(_relocated_headers(prefix, release))
        (home / "release").write_text(release + "\n")

    fetched(home, versions, fill, package=versions["image"], megabytes=85)


def _resolve(apt, versions):
    """Names of the image and of all header packages of one build."""
    image = next(
        (name for name in apt.depends(versions["image"]) if name.startswith("linux-image-")), None
    )
    headers = next(
        (name for name in apt.depends(versions["headers"]) if name.startswith("linux-headers-")),
        None,
    )
    if image is None or headers is None:
        raise SetupError(
            f"{versions['image']} names no image, or {versions['headers']} no headers, in "
            f"{', '.join(versions['suites'])}"
        )
    closure = [
        name
        for name in apt.depends(headers)
        if name.startswith(("linux-headers-", "linux-kbuild-", "linux-compiler-"))
    ]
    return image, [headers, *closure]


def _vmlinux(bzimage):
    """The ELF file inside a bzImage compressed with xz, as extract-vmlinux finds it."""
    at = bzimage.find(XZ_MAGIC)
    while at >= 0:
        try:
            data = lzma.LZMADecompressor().decompress(bzimage[at:])
        except lzma.LZMAError:
            data = b""
        if data.startswith(ELF_MAGIC):
            return data
        at = bzimage.find(XZ_MAGIC, at + 1)
    raise SetupError("the kernel image holds no xz-compressed ELF file")


def _relocated_headers(prefix, release):
    """Debian's header Makefile includes another package's by absolute path: point it into ours."""
    directory = prefix / "usr" / "src" / f"linux-headers-{release}"
    makefile = directory / "Makefile"
    text = makefile.read_text()
    makefile.write_text(text.replace("include /usr/src", f"include {prefix}/usr/src"))
    return directory

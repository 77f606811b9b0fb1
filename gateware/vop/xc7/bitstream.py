# SPDX-License-Identifier: BSD-2-Clause
"""Bitstreams by Project X-Ray's programs: made of frames, and read back to compare.

The programs make and leave out the check bits of each frame, so they are not compared.
"""

import re

from .fasm import write_frames
from .tools import DEVICE, ToolError, find_prjxray, prjxray_database, run

__all__ = ["differences", "make_bitstream", "read_bitstream"]

_LIMIT_S = 300
_CHECK_WORD, _CHECK_MASK = 50, 0x1FFF   # Ref: UG470, "Frame ECC"
_ADDRESS = re.compile(r"\.frame 0x([0-9a-f]+)")


def make_bitstream(frames, path):
    """Write the bitstream of ``frames`` into the file ``path``.

    Raises
    ------
    ToolError
        If xc7frames2bit is missing, fails or writes nothing.
    """
    source = path.with_suffix(".frames")
    write_frames(frames, source)
    run([find_prjxray("xc7frames2bit"), "--part_file", _part(), "--part_name", DEVICE,
         "--frm_file", source, "--output_file", path],
        log=path.with_suffix(".frames2bit.log"), what="frames to bitstream", limit_s=_LIMIT_S)
    if not path.is_file() or not path.stat().st_size:
        raise ToolError(f"xc7frames2bit ended well, but left no {path}")


def read_bitstream(path):
    """Read the bitstream in the file ``path``: words of each frame that is not all zero.

    Raises
    ------
    ToolError
        If bitread is missing or fails, or does not write frames.
    """
    back = path.with_suffix(".back")
    run([find_prjxray("bitread"), "-part_file", _part(), "-z", "-o", back, path],
        log=path.with_suffix(".bitread.log"), what="reading it back", limit_s=_LIMIT_S)
    words = {}
    current = None
    for line in back.read_text(encoding="utf-8").splitlines():
        address = _ADDRESS.fullmatch(line)
        if address:
            current = words.setdefault(int(address[1], 16), [])
        elif current is None:
            raise ToolError(f"bitread must begin with a frame, not {line!r}: {back}")
        else:
            current += (int(word, 16) for word in line.split())
    return words


def differences(wanted, found):
    """A sentence for each frame in which words ``wanted`` and ``found`` differ, or is missing."""
    told = []
    for address in sorted(wanted.keys() | found.keys()):
        ours, theirs = (_without_check(frames.get(address, [])) for frames in (wanted, found))
        if any(ours) != any(theirs) or (any(ours) and ours != theirs):
            bits = sum((a ^ b).bit_count() for a, b in zip(ours, theirs, strict=False))
            told.append(f"frame 0x{address:08X}: {len(ours)} words wanted, {len(theirs)} found, "
                        f"{bits} bits of them differ")
    return told


def _without_check(words):
    return [word & ~_CHECK_MASK if at == _CHECK_WORD else word for at, word in enumerate(words)]


def _part():
    return prjxray_database() / DEVICE / "part.yaml"

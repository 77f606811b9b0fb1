# SPDX-License-Identifier: BSD-2-Clause
"""From a routed design as features of tiles (FASM) to the frames of a bitstream.

A line names a tile and one of its features, perhaps with bits and a value:

    CLBLL_L_X100Y188.SLICEL_X0.AFF.ZINI
    CLBLL_L_X100Y188.SLICEL_X0.ALUT.INIT[63:0] = 64'b1010...

Only what the lines name is set: pads that none names are as in an FPGA without configuration.

Ref: FASM file format specification, "Syntax"; Project X-Ray, "Database".
"""

import re
from dataclasses import dataclass, field

from .prjxray import WORDS

__all__ = ["FasmError", "Frames", "assemble", "write_frames"]

_LINE = re.compile(r"(?P<tile>\w+)\.(?P<feature>[\w.]+)"
                   r"(?:\[(?P<high>\d+)(?::(?P<low>\d+))?\])?"
                   r"(?:\s*=\s*(?:(?P<width>\d+)'(?P<base>[bhd]))?(?P<value>[0-9a-fA-F_]+))?")
_BASES = {"b": 2, "h": 16, "d": 10, None: 10}
_SHOWN = 10  # lines told of, of those at fault


class FasmError(Exception):
    """The file cannot be made into frames. The text names the lines and features at fault."""


@dataclass
class Frames:
    """Frames by address, each a list of WORDS words, and what was done to get there.

    ``features`` counts bits of features that were looked up, ``silent`` connections that set none.
    """

    words: dict = field(default_factory=dict)
    features: int = 0
    silent: int = 0


def assemble(lines, database):
    """Set in frames what ``lines`` of FASM ask for; returns :class:`Frames`.

    Raises
    ------
    FasmError
        If a line is none, a tile or feature is not in ``database``, a feature lies outside its
        tile, or one wants a bit set that another wants clear.
    """
    frames = Frames()
    faults = []
    set_by, cleared_by = {}, {}
    for number, line in enumerate(lines, start=1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        try:
            for place, value, feature in _bits_of(text, database, frames):
                (set_by if value else cleared_by)[place] = feature
        except FasmError as fault:
            faults.append(f"line {number}: {fault}")
    faults += [f"{set_by[place]} wants the bit set that {cleared_by[place]} wants clear: "
               f"{_name(place)}" for place in sorted(set_by.keys() & cleared_by.keys())]
    if faults:
        more = len(faults) - _SHOWN
        raise FasmError("\n".join(faults[:_SHOWN] + ([f"and {more} more"] if more > 0 else [])))
    for address, word, mask in set_by:
        frames.words.setdefault(address, [0] * WORDS)[word] |= mask
    return frames


def write_frames(frames, path):
    """Write ``frames`` into the file ``path``, as xc7frames2bit reads them."""
    path.write_text("".join(
        f"0x{address:08X} {','.join(f'0x{word:08X}' for word in words)}\n"
        for address, words in sorted(frames.words.items())), encoding="utf-8")


def _bits_of(text, database, frames):
    """Yield (place, value, feature) for each bit that the line ``text`` decides."""
    match = _LINE.fullmatch(text)
    if match is None:
        raise FasmError(f"a line must be TILE.FEATURE, perhaps with [bits] and = value, not "
                        f"{text!r}")
    tile = database.tile(match["tile"])
    if tile is None:
        raise FasmError(f"the part has no tile {match['tile']}")
    known = database.tile_type(tile.kind)
    site, dot, rest = match["feature"].partition(".")
    feature = tile.sites.get(site, site) + dot + rest
    if feature in known.silent:
        frames.silent += 1
        return
    for index in _indexes(match):
        name = f"{match['tile']}.{match['feature']}[{index}]"
        if (feature, index) not in known.bits:
            raise FasmError(f"the database has no feature {feature}[{index}] for tile "
                            f"{match['tile']}, a {tile.kind}")
        frames.features += 1
        kind, bits = known.bits[feature, index]
        if kind not in tile.blocks:
            raise FasmError(f"{name} needs frames of {kind}, and the tile has none")
        for value, frame, bit in bits:
            place = tile.blocks[kind].place(frame, bit)
            if place is None:
                raise FasmError(f"{name} is bit {frame}_{bit}, which is outside the tile")
            yield place, value, name


def _indexes(match):
    """Indexes of the bits of the feature that the line sets."""
    value = (1 if match["value"] is None
             else int(match["value"].replace("_", ""), _BASES[match["base"]]))
    high = int(match["high"] or 0)
    low = high if match["low"] is None else int(match["low"])
    if high < low or value >> (high - low + 1):
        raise FasmError(f"the value must fit bits {high} to {low}: {match[0]!r}")
    return [low + at for at in range(high - low + 1) if value >> at & 1]


def _name(place):
    address, word, mask = place
    return f"frame 0x{address:08X}, word {word}, bit {mask.bit_length() - 1}"

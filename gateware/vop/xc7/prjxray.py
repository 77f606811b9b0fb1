# SPDX-License-Identifier: BSD-2-Clause
"""Project X-Ray's database: which bits of the configuration each feature of a tile sets.

Ref: Project X-Ray, "Database": `segbits`, `ppips`, `tilegrid`.
"""

import json
import re
from dataclasses import dataclass

__all__ = ["WORDS", "Block", "Database", "DatabaseError", "TileType"]

#: Words of 32 bits in a frame.
WORDS = 101

_INDEXED = re.compile(r"(?P<name>.+)\[(?P<index>\d+)\]")
_BIT = re.compile(r"(?P<zero>!?)(?P<frame>\d+)_(?P<bit>\d+)")


class DatabaseError(Exception):
    """The database lacks a file, or one is not as it should be. The text says which."""


@dataclass(frozen=True)
class Block:
    """Where the bits of a tile lie in one kind of frames.

    ``base`` is the address of its first frame, of ``frames``; ``first_word`` is where word 0 of
    its type would be in each of them, and only ``words`` from ``offset`` on are the tile's.
    """

    base: int
    frames: int
    first_word: int
    offset: int
    words: int

    def place(self, frame, bit):
        """Frame address, word and mask of a bit of the tile's type; None if it lies outside."""
        word = self.first_word + bit // 32
        if frame >= self.frames or not self.offset <= word < self.offset + self.words:
            return None
        return self.base + frame, word, 1 << bit % 32


@dataclass(frozen=True)
class Tile:
    """A tile of the part: its blocks by kind of frames, and whose features it has.

    ``kind`` is the type that its features are listed under, ``sites`` how that one calls a site.
    """

    kind: str
    blocks: dict
    sites: dict


@dataclass(frozen=True)
class TileType:
    """What the tiles of a type know.

    ``bits`` has, for feature and index, the kind of frames and a list of (wanted value, frame,
    bit); ``silent`` are the connections that are always there, and set no bit.
    """

    bits: dict
    silent: frozenset


class Database:
    """The database of one part.

    Parameters
    ----------
    folder : :class:`pathlib.Path`
        Folder of the part's family.
    die : :class:`str`
        Folder, in it, of the part's die: ``xc7a200t``.

    Raises
    ------
    DatabaseError
        If there is none, or it is not one.
    """

    def __init__(self, folder, die):
        self._folder = folder
        self._types = {}
        path = folder / die / "tilegrid.json"
        try:
            grid = json.loads(path.read_text(encoding="utf-8"))
            self._tiles = {name: _tile(of) for name, of in grid.items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as reason:
            raise DatabaseError(f"{path} must be a grid of tiles of Project X-Ray: {reason!r}") \
                from None

    def tile(self, name):
        """The :class:`Tile` ``name``, or None."""
        return self._tiles.get(name)

    def tile_type(self, kind):
        """The :class:`TileType` of ``kind``; one without a file knows nothing."""
        if kind not in self._types:
            bits = {}
            for suffix, block in (("", "CLB_IO_CLK"), (".block_ram", "BLOCK_RAM")):
                for name, words in self._lines(f"segbits_{kind.lower()}{suffix}.db"):
                    bits[_key(name)] = (block, [_bit(word) for word in words
                                                if not word.startswith("origin:")])
            silent = frozenset(name for name, _ in self._lines(f"ppips_{kind.lower()}.db"))
            self._types[kind] = TileType(bits, silent)
        return self._types[kind]

    def _lines(self, name):
        path = self._folder / name
        if not path.exists():
            return
        for line in path.read_text(encoding="utf-8").splitlines():
            feature, *words = line.split()
            try:
                yield feature.partition(".")[2], words
            except ValueError as reason:
                raise DatabaseError(f"{path}: {reason}") from None


def _tile(of):
    blocks = {}
    alias = {}
    for kind, block in of["bits"].items():
        alias = block.get("alias", {})
        offset = block["offset"]
        blocks[kind] = Block(int(block["baseaddr"], 16), block["frames"],
                             offset - alias.get("start_offset", 0), offset, block["words"])
    return Tile(alias.get("type", of["type"]), blocks, alias.get("sites", {}))


def _key(name):
    indexed = _INDEXED.fullmatch(name)
    return (indexed["name"], int(indexed["index"])) if indexed else (name, 0)


def _bit(word):
    match = _BIT.fullmatch(word)
    if match is None:
        raise DatabaseError(f"A bit must be like 26_09 or !26_09, not {word!r}")
    return not match["zero"], int(match["frame"]), int(match["bit"])

# SPDX-License-Identifier: BSD-2-Clause
"""What a board with a 7-series PCIe block tells of itself, and how boards are found."""

import importlib
import pkgutil
from dataclasses import dataclass, replace

from amaranth.build import DiffPairs, Resource, Subsignal
from amaranth.vendor import XilinxPlatform

from .. import boards
from ..regs import CARD_ADDRESSES

__all__ = ["Board", "Link", "board_names", "load_board", "with_resources"]

#: User clock in Hz by lanes, generation and bits of the block's streams. Ref: PG054, chapter 2.
_USER_CLOCKS_HZ = {
    (1, 1, 64): 62_500_000,
    (1, 2, 64): 62_500_000,
    (2, 2, 64): 125_000_000,
    (4, 1, 64): 125_000_000,
    (4, 2, 128): 125_000_000,
}


@dataclass(frozen=True)
class Link:
    """The PCIe link that the block offers.

    Attributes
    ----------
    lanes : int
        1, 2 or 4.
    generation : int
        1 (2.5 GT/s) or 2 (5 GT/s).
    width : int
        Bits of the block's streams: 64 or 128.

    Raises
    ------
    ValueError
        If the block has no such combination, or not at a clock that the card is made for.
    """

    lanes: int
    generation: int
    width: int

    def __post_init__(self):
        if self._key not in _USER_CLOCKS_HZ:
            known = "; ".join(f"x{lanes} Gen{generation} at {width} bits"
                              for lanes, generation, width in _USER_CLOCKS_HZ)
            raise ValueError(f"Link must be one of {known}, not x{self.lanes} "
                             f"Gen{self.generation} at {self.width} bits")

    @property
    def _key(self):
        return self.lanes, self.generation, self.width

    @property
    def clock_hz(self):
        """Frequency of the block's user clock, which is the card's."""
        return _USER_CLOCKS_HZ[self._key]


@dataclass(frozen=True)
class Board:
    """All that a board file says.

    The platform's resource ``pcie`` has ``rst`` (PERST#), ``clk`` (reference clock, 100 MHz),
    ``rx``, ``tx``, and ``clkreq`` where the connector has it. Resources ``led`` and ``uart`` are
    used if they are there.

    Attributes
    ----------
    title : str
        Its name in full.
    platform : type
        Platform of amaranth-boards, its resources cured.
    link : Link
        What the block is configured to.
    transceivers : tuple of str
        Site of the transceiver of each lane, lane 0 first.
    clock : str
        Resource of the oscillator that the CPU's clock comes from.
    idcode : int
        What the part answers over JTAG, without its revision. Ref: UG470, table 1-1.
    cable : str
        The JTAG cable that comes with it, or that most people have, as openFPGALoader calls it.
    ram_bytes : int
        Size of card RAM, a power of two.

    Raises
    ------
    ValueError
        If there is not one transceiver for each lane, or the part is too slow for the link.
    """

    title: str
    platform: type[XilinxPlatform]
    link: Link
    transceivers: tuple[str, ...]
    clock: str
    idcode: int
    cable: str = "digilent_hs3"
    ram_bytes: int = CARD_ADDRESSES["default_ram_bytes"]

    def __post_init__(self):
        if len(self.transceivers) != self.link.lanes:
            raise ValueError(f"{self.title} must name a transceiver for each of "
                             f"{self.link.lanes} lanes, not {len(self.transceivers)}")
        if self.link.generation == 2 and self.platform.speed.startswith("1"):
            raise ValueError(f"Gen2 needs speed grade 2 or 3 (DS181), and {self.title} has "
                             f"{self.platform.speed}")

    def narrowed(self, lanes):
        """Return this board with a link of its first ``lanes`` lanes, at 64 bits.

        One lane needs half the clock of four, which an FPGA reaches with ease. The pins of the
        other lanes are left alone.

        Raises
        ------
        ValueError
            If the board has no such lanes to spare, or the block no such link.
        """
        if not 0 < lanes < self.link.lanes:
            raise ValueError(f"{self.title} has x{self.link.lanes}: lanes must be fewer, not "
                             f"{lanes}")
        pcie, = (resource for resource in self.platform.resources if resource.name == "pcie")
        resources = with_resources(self.platform, _first_lanes(pcie, lanes))
        return replace(
            self, platform=type(self.platform.__name__, (self.platform,),
                                {"resources": resources}),
            link=Link(lanes, self.link.generation, 64), transceivers=self.transceivers[:lanes])


def _first_lanes(pcie, lanes):
    """The resource ``pcie`` with the first ``lanes`` of its lanes."""
    def narrowed(part):
        if part.name not in ("rx", "tx"):
            return part
        pairs, = part.ios
        positive, negative = (" ".join(side.names[:lanes]) for side in (pairs.p, pairs.n))
        return Subsignal(part.name, DiffPairs(positive, negative, dir=pairs.p.dir))

    return Resource(pcie.name, pcie.number, *(narrowed(part) for part in pcie.ios))


def with_resources(stock, *replaced):
    """Resources of the platform ``stock``; those of the same name are ``replaced``."""
    names = {resource.name for resource in replaced}
    return [resource for resource in stock.resources if resource.name not in names] + [*replaced]


def board_names():
    """Names of the boards, sorted: every module of :mod:`vop.boards` that has a ``BOARD``."""
    names = (module.name for module in pkgutil.iter_modules(boards.__path__))
    return sorted(name for name in names if hasattr(_module(name), "BOARD"))


def load_board(name):
    """Return the :class:`Board` called ``name``.

    Raises
    ------
    ValueError
        If there is none.
    """
    known = board_names()
    if name not in known:
        raise ValueError(f"Board must be one of {', '.join(known)}, not {name!r}")
    return _module(name).BOARD


def _module(name):
    return importlib.import_module(f"{boards.__name__}.{name}")

# SPDX-License-Identifier: BSD-2-Clause
"""What a netlist is made of, module by module."""

import json
import re
from dataclasses import dataclass

__all__ = ["Cells", "NetlistError", "count_modules", "count_placed_tables", "read_modules"]

#: Lookup tables that a distributed memory or a shift register occupies.
_MEMORY_TABLES = {"RAM32M": 4, "RAM64M": 4, "RAM32X1D": 2, "RAM64X1D": 2, "RAM128X1D": 4,
                  "SRL16E": 1, "SRLC32E": 1}
_TABLE = re.compile(r"LUT[1-6]")
_TABLE_SITE = re.compile(r"(?P<site>.*[A-D])[56]LUT")
_FLIP_FLOP = re.compile(r"FD[RSCP]E")
_OTHERS = {"RAMB36E1": "ramb36", "RAMB18E1": "ramb18", "DSP48E1": "dsps", "CARRY4": "carries"}


class NetlistError(Exception):
    """The file is not a netlist of yosys. The text says what is wrong."""


@dataclass(frozen=True)
class Cells:
    """Cells of a component, those of its parts included.

    ``luts`` counts lookup tables that compute, ``lutram`` those that are memory; the others are
    flip-flops, block RAM of 36 and 18 Kbit, multipliers, and carry chains of four bits.
    """

    luts: int = 0
    lutram: int = 0
    ffs: int = 0
    ramb36: int = 0
    ramb18: int = 0
    dsps: int = 0
    carries: int = 0

    def __add__(self, other):
        return Cells(**{name: value + getattr(other, name) for name, value in vars(self).items()})

    @classmethod
    def of(cls, kind):
        """One cell of type ``kind``."""
        if _TABLE.fullmatch(kind):
            return cls(luts=1)
        if kind in _MEMORY_TABLES:
            return cls(lutram=_MEMORY_TABLES[kind])
        if _FLIP_FLOP.fullmatch(kind):
            return cls(ffs=1)
        return cls(**{_OTHERS[kind]: 1}) if kind in _OTHERS else cls()


def read_modules(path, *, top):
    """Return the modules of the netlist in file ``path``, by name: those of the design.

    yosys may add descriptions of the cells, marked as black boxes.

    Raises
    ------
    NetlistError
        If the file is no netlist, or has no module ``top``, or that has no cells.
    """
    try:
        modules = json.loads(path.read_text(encoding="utf-8"))["modules"]
        modules = {name: module for name, module in modules.items()
                   if "blackbox" not in module.get("attributes", {})}
        cells = {name: module["cells"] for name, module in modules.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as reason:
        raise NetlistError(f"{path} is not a netlist of yosys: {reason!r}") from None
    if not cells.get(top):
        raise NetlistError(f"{path} has no cells in a module {top!r}; its modules: "
                           f"{', '.join(sorted(cells)) or 'none'}")
    return modules


def count_modules(modules, *, top):
    """Count cells in the hierarchy below ``top``: a dict from path to :class:`Cells`.

    The path of ``top`` is the empty tuple; another's is that of the instance names above it.
    """
    totals = {}

    def visit(name, path):
        total = Cells()
        totals[path] = total        # keeps the parent before its parts
        for instance, cell in modules[name]["cells"].items():
            kind = cell["type"]
            total += visit(kind, (*path, instance)) if kind in modules else Cells.of(kind)
        totals[path] = total
        return total

    visit(top, ())
    return totals


def count_placed_tables(path):
    """Count the lookup tables in use in the placed netlist of nextpnr in file ``path``.

    The chip's lookup tables have six inputs, and are two of five inputs where two cells need no
    more than those. Such a pair is one lookup table, as is one that is memory.

    Raises
    ------
    NetlistError
        If the file is no netlist, or has no cell in a lookup table.
    """
    sites = set()
    for module in read_modules(path, top="top").values():
        for cell in module["cells"].values():
            place = _TABLE_SITE.fullmatch(cell.get("attributes", {}).get("NEXTPNR_BEL", ""))
            if place:
                sites.add(place["site"])
    if not sites:
        raise NetlistError(f"{path} has no cell in a lookup table")
    return len(sites)

# SPDX-License-Identifier: BSD-2-Clause
"""Block `identity`: what this card is, as constants."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, connect, flipped

from . import csr
from .regmap.to_csr import CsrBank
from .regs import COPIER_LIMITS, GUARD_LIMITS, IDENTITY, VERSION

__all__ = ["Identity"]


class Identity(wiring.Component):
    """Block ``identity``.

    Parameters
    ----------
    ram_bytes : :class:`int`
        Size of card RAM.
    clock_hz : :class:`int`
        Frequency of the PCIe domain.
    build_id : :class:`int`
        First 32 bits of the gateware's content hash, or 0.
    features : iterable of :class:`str`
        Names of the bits of ``features`` that are 1.

    Members
    -------
    bus : ``In(csr.Signature(16))``
        Block ``identity``.

    Raises
    ------
    ValueError
        If a feature is not declared.
    """

    bus: In(csr.Signature(16))

    def __init__(self, *, ram_bytes, clock_hz, build_id=0, features=()):
        known = [field.name for field in IDENTITY.register("features").fields]
        for feature in features:
            if feature not in known:
                raise ValueError(f"Feature must be one of {', '.join(known)}, not {feature!r}")
        self._values = {
            ("magic", "value"): VERSION["magic"],
            ("layout", "minor"): VERSION["layout_minor"],
            ("layout", "major"): VERSION["layout_major"],
            **{("features", feature): 1 for feature in features},
            ("build", "id"): build_id,
            ("ram", "bytes"): ram_bytes,
            ("copier", "channels"): COPIER_LIMITS["channels"],
            ("copier", "host_channels"): COPIER_LIMITS["host_channels"],
            ("copier", "queue_depth"): COPIER_LIMITS["queue_depth"],
            ("copier", "guard_windows"): GUARD_LIMITS["windows"],
            ("clock", "hz"): clock_hz,
        }
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        m.submodules.bank = bank = CsrBank(IDENTITY)
        connect(m, flipped(self.bus), bank.bus)
        for (register, field), value in self._values.items():
            m.d.comb += getattr(getattr(bank, register), field).eq(value)
        return m

# SPDX-License-Identifier: BSD-2-Clause
"""Always on: whatever the card sends must be legal, and no model may have warned.

Stability of the pins is judged where they are sampled, in `sim.models.pcie_7x`.
Ref: PCI Express Base 4.0, 2.2 and 2.3.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from cocotbext.pcie.core.tlp import CplStatus, Tlp, TlpAttr, TlpType

from sim.models.pcie_7x import PinConfiguration
from sim.models.wire import bytes_asked, first_byte

__all__ = ["TlpChecker", "WarningKeeper"]

_READS = (TlpType.MEM_READ, TlpType.MEM_READ_64)
_WRITES = (TlpType.MEM_WRITE, TlpType.MEM_WRITE_64)
_LOCKED_READS = (TlpType.MEM_READ_LOCKED, TlpType.MEM_READ_LOCKED_64)
_WIDE = (TlpType.MEM_READ_64, TlpType.MEM_WRITE_64)
_COMPLETIONS = (TlpType.CPL, TlpType.CPL_DATA, TlpType.CPL_LOCKED)
_FIRST_ENABLES = (0b1111, 0b1110, 0b1100, 0b1000)
_LAST_ENABLES = (0b1111, 0b0111, 0b0011, 0b0001)
PAGE_BYTES = 4096


@dataclass
class _Open:
    """A request of the host that the card has not completed."""

    tlp: Tlp
    address: int
    left: int


class TlpChecker:
    """Judges each TLP that the card sends, and follows the host's requests to their completion.

    ``configuration`` is read live; ``complain`` takes a message.
    """

    def __init__(self, configuration: PinConfiguration, complain: Callable[[str], None]):
        self._configuration = configuration
        self._complain = complain
        self._open: dict[int, _Open] = {}

    def expect(self, tlp: Tlp) -> None:
        """Take note of a TLP on its way to the card."""
        if tlp.is_nonposted():
            self._open[tlp.tag] = _Open(tlp, first_byte(tlp), bytes_asked(tlp))

    @property
    def unanswered(self) -> int:
        """Requests of the host that the card still owes a completion."""
        return len(self._open)

    def forget(self) -> None:
        """The function was reset: it owes nothing."""
        self._open.clear()

    def check(self, tlp: Tlp) -> bool:
        """Judge a TLP from the card; tell whether it is legal."""
        if tlp.fmt_type in _READS or tlp.fmt_type in _WRITES:
            rules = self._request_rules(tlp)
        elif tlp.fmt_type in _COMPLETIONS:
            rules = self._completion_rules(tlp)
        else:
            rules = {f"the card may not send {tlp.fmt_type.name}": False}
        for rule, holds in rules.items():
            if not holds:
                self._complain(f"{rule}: {tlp!r}")
        return all(rules.values())

    def _request_rules(self, tlp: Tlp) -> dict[str, bool]:
        configuration = self._configuration
        first, last, length = tlp.first_be, tlp.last_be, tlp.length
        quad_pair = length == 2 and tlp.address % 8 == 0
        limit = (
            configuration.max_payload_bytes
            if tlp.fmt_type in _WRITES
            else configuration.max_read_request_bytes
        )
        allowed = TlpAttr(0)
        if configuration.dcommand & 1 << 4:
            allowed |= TlpAttr.RO
        if configuration.dcommand & 1 << 11:
            allowed |= TlpAttr.NS
        identity = (
            configuration.bus_number,
            configuration.device_number,
            configuration.function_number,
        )
        return {
            "a request may not cross 4 KiB (2.2.7)": tlp.address % PAGE_BYTES + 4 * length
            <= PAGE_BYTES,
            "a request may not exceed MPS or MRRS (2.2.2, 2.2.7)": 4 * length <= limit,
            "one DW has no last byte enables (2.2.5)": length > 1 or last == 0,
            "several DW need first and last byte enables (2.2.5)": length == 1
            or (first != 0 and last != 0),
            "byte enables must be contiguous (2.2.5)": length == 1
            or quad_pair
            or (first in _FIRST_ENABLES and last in _LAST_ENABLES),
            "a 4 DW header needs an address above 4 GiB (2.2.4.1)": tlp.fmt_type not in _WIDE
            or tlp.address >> 32 != 0,
            "the requester id must be ours (2.2.6.2)": tuple(tlp.requester_id) == identity,
            "the tag must fit 5 bits unless extended (2.2.6.2)": tlp.tag
            < (256 if configuration.extended_tag else 32),
            "attributes must be enabled (2.2.6.3, 2.2.6.4)": tlp.attr & ~allowed == 0,
            "poison, digest and address type must be clear": not (
                tlp.ep or tlp.td or tlp.th or int(tlp.at)
            ),
        }

    def _completion_rules(self, tlp: Tlp) -> dict[str, bool]:
        configuration = self._configuration
        request = self._open.get(tlp.tag)
        if request is None:
            return {"a completion must answer an open request (2.2.9)": False}
        asked = request.tlp
        identity = (
            configuration.bus_number,
            configuration.device_number,
            configuration.function_number,
        )
        rules = {
            "a completion echoes the requester id (2.2.9)": tlp.requester_id == asked.requester_id,
            "a completion echoes class and attributes (2.2.9)": tlp.tc == asked.tc
            and tlp.attr == asked.attr,
            "the completer id must be ours (2.2.9)": tuple(tlp.completer_id) == identity,
            "CplLk answers locked reads and nothing else (2.2.9)": (
                (tlp.fmt_type == TlpType.CPL_LOCKED) == (asked.fmt_type in _LOCKED_READS)
            ),
        }
        if tlp.status != CplStatus.SC or asked.fmt_type not in _READS:
            del self._open[tlp.tag]
            rules["an unsuccessful completion carries no data (2.2.9)"] = (
                tlp.status == CplStatus.SC or not tlp.has_data()
            )
            return rules
        end = (request.address & ~3) + 4 * tlp.length
        carried = min(end - request.address, request.left)
        rcb = 128 if configuration.lcommand & 1 << 3 else 64
        rules |= {
            "a read is completed with data (2.2.9)": tlp.has_data(),
            "byte count must be what is left (2.2.9)": tlp.byte_count == request.left,
            "lower address must be that of the first byte (2.2.9)": tlp.lower_address
            == request.address & 0x7F,
            "a completion may not exceed MPS (2.2.2)": 4 * tlp.length
            <= configuration.max_payload_bytes,
            "completions split only at RCB (2.3.1.1)": carried == request.left or end % rcb == 0,
            "a completion carries no more than was asked": 4 * tlp.length
            <= (request.address % 4 + request.left + 3) // 4 * 4,
        }
        request.address += carried
        request.left -= carried
        if not request.left:
            del self._open[tlp.tag]
        return rules


class WarningKeeper(logging.Handler):
    """Keeps every warning of the PCIe models: they only warn of a broken protocol.

    The one they give for each absent device number is normal, during enumeration only.
    """

    ABSENT_DEVICE = "ailed to route config type 0 TLP"

    def __init__(self):
        super().__init__(logging.WARNING)
        self.enumerating = False
        self.expected: list[str] = []
        self.kept: list[str] = []
        logger = logging.getLogger("cocotb.pcie")
        logger.setLevel(logging.WARNING)
        for stale in [each for each in logger.handlers if isinstance(each, WarningKeeper)]:
            logger.removeHandler(stale)
        logger.addHandler(self)
        self.addFilter(self._is_news)
        logger.propagate = False

    def _is_news(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        if self.enumerating and self.ABSENT_DEVICE in text:
            return False
        return not any(expected in text for expected in self.expected)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a warning."""
        self.kept.append(record.getMessage())

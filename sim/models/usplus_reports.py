# SPDX-License-Identifier: BSD-2-Clause
"""What the UltraScale+ block tells the host by itself, found by looking at each descriptor.

Ref: PG213, "Requester Completion Descriptor Format", "Completions with Error Status".
"""

from collections.abc import Callable
from typing import Any

import cocotb
from cocotb.triggers import RisingEdge
from cocotbext.pcie.core.tlp import CplStatus
from cocotbext.pcie.xilinx.us.tlp import ErrorCode

__all__ = ["UsplusReports"]

#: Errors of a completion that the block reports.
_REPORTED = {ErrorCode.POISONED: "poisoned", ErrorCode.INVALID_TAG: "cpl_unexpect"}


class UsplusReports:
    """Watches the streams of a model, and what the card itself reports.

    ``names`` are what the host was told of, in order; ``held_nonposted`` tells whether the model
    ever held a request back. ``complain`` takes a message. While ``is_off()``, nothing counts.
    """

    def __init__(
        self, device: Any, dut: Any, complain: Callable[[str], None], is_off: Callable[[], bool]
    ):
        self.names: list[str] = []
        self.held_nonposted = False
        self._dut, self._complain, self._is_off = dut, complain, is_off
        self._requests: dict[tuple[int, int], list[int]] = {}
        self._wrap(device.cq_source, "send", self._see_request)
        self._wrap(device.rc_source, "send", self._see_completion)
        self._wrap(device.cc_sink, "_sink_frame", self._see_answer)
        self._wrap(device.cq_np_queue, "put_nowait", self._see_held)
        cocotb.start_soon(self._watch_errors())

    @staticmethod
    def _wrap(owner: Any, name: str, see: Callable[[Any], None]) -> None:
        inner = getattr(owner, name)

        def outer(passing: Any) -> Any:
            see(passing)
            return inner(passing)

        setattr(owner, name, outer)

    def _see_request(self, frame: Any) -> None:
        words = frame.data
        enables = frame.first_be | frame.last_be << 4
        self._requests[words[2] >> 16, words[3] & 0xFF] = [enables, *words[:4]]

    def _see_held(self, _tlp: Any) -> None:
        self.held_nonposted = True

    def _see_completion(self, frame: Any) -> None:
        error = frame.data[0] >> 12 & 0xF
        if error in _REPORTED:
            self.names.append(_REPORTED[ErrorCode(error)])

    def _see_answer(self, frame: Any) -> None:
        """A refusal brings the request back, for the host's log."""
        words = frame.data
        if self._is_off() or words[1] >> 11 & 7 != CplStatus.UR:
            return
        expected = self._requests.get((words[1] >> 16, words[2] & 0xFF))
        if words[3:] != expected:
            self._complain(f"s_axis_cc: a refusal must bring {expected}, not {words[3:]}")
        self.names.append("ur")

    async def _watch_errors(self) -> None:
        while True:
            await RisingEdge(self._dut.cfg_err_cor_in)
            self.names.append("correctable")

# SPDX-License-Identifier: BSD-2-Clause
"""Block `stats`: what crossed the link, what went wrong, and the clock."""

from enum import IntEnum

from ..regmap.model import Access, Block, Field, Register, Side

__all__ = ["COUNTERS", "STATS", "FaultKind"]


class FaultKind(IntEnum):
    """What was wrong with the TLP of `first_fault`."""

    NONE = 0                    #: Nothing was wrong since the record was cleared.
    UNSUPPORTED_REQUEST = 1     #: Answered with Unsupported Request.
    COMPLETER_ABORT = 2         #: Answered with Completer Abort.
    DROPPED_REQUEST = 3         #: Posted, and not for us.
    POISONED_REQUEST = 4        #: A poisoned write, dropped.
    POISONED_COMPLETION = 5     #: A poisoned completion, not consumed.
    UNEXPECTED_COMPLETION = 6   #: A completion that matches no outstanding request, dropped.
    COMPLETION_TIMEOUT = 7      #: A read without an answer; the header means nothing.


#: Counters in register order: name, and what one count is. They wrap at 2**32.
COUNTERS = (
    ("rx_mem_read", "Memory read request received."),
    ("rx_mem_write", "Memory write request received."),
    ("rx_completion", "Completion received, with or without data."),
    ("rx_other", "TLP of any other kind received."),
    ("tx_mem_read", "Memory read request sent."),
    ("tx_mem_write", "Memory write request sent, MSI-X messages included."),
    ("tx_completion", "Completion sent, with or without data."),
    ("msi_sent", "MSI taken by the hard block."),
    ("unsupported_request", "Non-posted request answered with Unsupported Request."),
    ("dropped_request", "Posted request that is not for us, dropped."),
    ("poisoned", "Poisoned TLP received and not consumed."),
    ("completion_error", "Completion received with a status other than Successful."),
    ("completion_timeout", "Read request whose completion did not come in time."),
    ("unexpected_completion", "Completion that matches no outstanding request, dropped."),
    ("guard_refused", "Command refused because its host address lies in no window."),
    ("command_failed", "Command that failed, or channel that failed by its queue or ring."),
    ("register_refused", "Register write by the side that may not write, or outside every block."),
    ("cpu_bus_fault", "Access of the CPU to an address that holds nothing; it reads all ones."),
    ("rx_completion_data", "Of rx_completion: with data."),
    ("rx_message", "Of rx_other: message, with or without data."),
    ("rx_io", "Of rx_other: I/O read or write."),
    ("rx_config", "Of rx_other: configuration request. The hard block should answer these."),
    ("rx_locked_read", "Of rx_other: locked memory read."),
    ("rx_atomic", "Of rx_other: AtomicOp."),
    ("tx_completion_data", "Of tx_completion: with data."),
    ("tx_dropped", "TLP that did not leave: bus mastering was off, or the hard block dropped it."),
    ("msix_sent", "Of tx_mem_write: MSI-X message."),
    ("completer_abort", "Non-posted request answered with Completer Abort."),
    ("dropped_message", "Message dropped."),
    ("ecrc_error", "TLP received with a bad ECRC. The hard block tells too late to drop it."),
    ("completion_abort", "Of completion_error: Completer Abort."),
    ("completion_retry", "Of completion_error: Configuration Request Retry Status."),
)

STATS = Block("stats", 0x0800, 0x100, "Counters, the first fault, the cycle counter, the marker. "
              "A counter shows what happened some 0.3 us ago.", (
    *(Register(name, 4 * index, what, (
        Field("count", 0, 32, Access.R, "Counts since reset; wraps."),
    )) for index, (name, what) in enumerate(COUNTERS)),
    Register("first_fault", 0x80, "Header of the first TLP that was at fault, word by word, as it "
             "was on the link.", (
        Field("dw", 0, 32, Access.R, "Header DW n. DW 3 is 0 where the header has three. Valid "
              "while `first_fault_kind` is not 0."),
    ), count=4, stride=4),
    Register("cycles_lo", 0x90, "Clock cycles since reset, low half; reading it latches the "
             "other.", (
        Field("value", 0, 32, Access.R, "Bits 31 to 0."),
    )),
    Register("cycles_hi", 0x94, "Clock cycles since reset, high half.", (
        Field("value", 0, 32, Access.R, "Bits 63 to 32 as latched."),
    )),
    Register("marker", 0x98, "A mark in time for whoever watches: 1 after the mount, 2 after the "
             "last command of a demo.", (
        Field("value", 0, 32, Access.RW, "Free for the firmware."),
    ), written_by=Side.CARD),
    Register("first_fault_kind", 0xA0, "What was wrong with it. Writing anything clears the "
             "record; the next fault is then the first.", (
        Field("kind", 0, 4, Access.R, "What was wrong.", enum=FaultKind),
    ), written_by=Side.HOST),
))

# SPDX-License-Identifier: BSD-2-Clause
"""Block `stats`: what crossed the link, what went wrong, and the clock."""

from ..regmap.model import Access, Block, Field, Register, Side

__all__ = ["COUNTERS", "STATS"]

#: Counters in register order: name, and what one count is. They wrap at 2**32.
COUNTERS = (
    ("rx_mem_read", "Memory read request received."),
    ("rx_mem_write", "Memory write request received."),
    ("rx_completion", "Completion received."),
    ("rx_other", "TLP of any other kind received."),
    ("tx_mem_read", "Memory read request sent."),
    ("tx_mem_write", "Memory write request sent."),
    ("tx_completion", "Completion sent."),
    ("msi_sent", "MSI taken by the hard block."),
    ("unsupported_request", "Non-posted request answered with Unsupported Request."),
    ("dropped_request", "Posted request or message that is not for us, dropped."),
    ("poisoned", "Poisoned TLP received and not consumed."),
    ("completion_error", "Completion received with a status other than Successful."),
    ("completion_timeout", "Read request whose completion did not come in time."),
    ("unexpected_completion", "Completion that matches no outstanding request, dropped."),
    ("guard_refused", "Command refused because its host address lies in no window."),
    ("command_failed", "Copier command that ended with an error."),
    ("register_refused", "Register write by the side that may not write, or outside every block."),
    ("cpu_bus_fault", "Access of the CPU to an address that holds nothing; it reads all ones."),
)

STATS = Block("stats", 0x0800, 0x100, "Counters, the first fault, the cycle counter, the marker.", (
    *(Register(name, 4 * index, what, (
        Field("count", 0, 32, Access.R, "Counts since reset; wraps."),
    )) for index, (name, what) in enumerate(COUNTERS)),
    Register("first_fault", 0x80, "Header of the first TLP that was refused, word by word.", (
        Field("dw", 0, 32, Access.R, "Header DW n; all zero while nothing was refused."),
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
))

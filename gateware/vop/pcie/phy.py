# SPDX-License-Identifier: BSD-2-Clause
"""The TLP contract: what every PHY shim offers, and all that the rest of the card knows of PCIe."""

from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..errors import check_width
from .tlp import RxBeatLayout, TxBeatLayout

__all__ = ["ConfigLayout", "ErrorLayout", "Signature"]

#: What the host has configured, stable but for the host's own writes.
ConfigLayout = data.StructLayout({
    "link_up":          1,
    "id":               16,  # our BDF, as captured by the hard block
    "bus_master":       1,   # 0: no memory request and no MSI may leave
    "max_payload":      3,   # MPS  = 128 << n bytes
    "max_read_request": 3,   # MRRS = 128 << n bytes
    "extended_tag":     1,   # 8-bit tags allowed; else 5 bits
    "relaxed_ordering": 1,   # may be set in requests
    "no_snoop":         1,   # may be set in requests
    "msi_enabled":      1,
    "msi_vectors_log2": 3,   # log2 of the vectors granted
    "msix_enabled":     1,
    "msix_masked":      1,   # Function Mask: every MSI-X vector is held back
})

#: Faults that the card tells the host about, one-cycle pulses, at most one each cycle.
ErrorLayout = data.StructLayout({
    "unsupported":           1,   # a request was not supported
    "posted":                1,   # ... and it was posted, so no completion tells of it
    "completion_abort":      1,
    "completion_timeout":    1,
    "completion_unexpected": 1,
    "poisoned":              1,
    "ecrc":                  1,   # a TLP had a bad ECRC
    "locked":                1,   # with unsupported or completion_abort: it was a locked read
    "header":                48,  # as cfg_err_tlp_cpl_header wants it: see the shim
})


class Signature(wiring.Signature):
    """The TLP contract, as the shim offers it.

    Parameters
    ----------
    width : :class:`int`
        Payload bits per beat: 64, 128 or 256.

    Members
    -------
    rx : ``Out(stream.Signature(RxBeatLayout(width)))``
        TLPs from the host in link order. ``valid`` may pause between beats. Configuration requests
        to the endpoint itself never show: the hard block answers them.
    rx_ecrc : ``Out(1)``
        One-cycle pulse: a TLP with a bad ECRC has come. It was passed on all the same, as the block
        tells only at its end.
    hold_nonposted : ``In(1)``
        While high, the shim asks the hard block to hold back non-posted requests, so that
        completions and posted writes can pass. Up to 4 more may still arrive.
    tx : ``In(stream.Signature(TxBeatLayout(width)))``
        TLPs to the host; they leave in this order. ``valid`` may pause between beats.
    tx_drained : ``Out(1)``
        High while every TLP accepted on ``tx`` has been taken whole by the hard block.
    tx_shallow : ``Out(1)``
        High while few TLPs (about two) wait in the hard block's transmit buffer: what is sent now
        leaves soon. Always high where the block does not tell.
    tx_dropped : ``Out(1)``
        One-cycle pulse: a TLP accepted on ``tx`` will not leave. It was a memory request while bus
        mastering was off, or the hard block dropped it.
    msi : ``In(stream.Signature(5))``
        Vector to raise, below ``1 << config.msi_vectors_log2``. Accepted in the cycle in which the
        hard block takes it; it leaves behind every TLP that the block has taken before. Not raised
        while bus mastering or MSI is off; withdrawn only where MSI goes off, and in reset.
    config : ``Out(ConfigLayout)``
        What the host has configured.
    error : ``In(ErrorLayout)``
        Faults for the hard block to report. Idle all zero.
    reset_request : ``Out(1)``
        High while the host holds the function in reset (function-level reset); a cycle is enough.
        In a hot reset the shim has the whole domain reset instead.
    """

    def __init__(self, width):
        check_width("the TLP contract", width, (64, 128, 256))
        self.width = width
        super().__init__({
            "rx":             Out(stream.Signature(RxBeatLayout(width))),
            "rx_ecrc":        Out(1),
            "hold_nonposted": In(1),
            "tx":             In(stream.Signature(TxBeatLayout(width))),
            "tx_drained":     Out(1),
            "tx_shallow":     Out(1, init=1),
            "tx_dropped":     Out(1),
            "msi":            In(stream.Signature(5)),
            "config":         Out(ConfigLayout),
            "error":          In(ErrorLayout),
            "reset_request":  Out(1),
        })

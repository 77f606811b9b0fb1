# SPDX-License-Identifier: BSD-2-Clause
"""Count what crosses the link: one pulse per TLP and vector, named as in block `stats`."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .judge import Refusal
from .tlp import HeaderLayout, Kind

__all__ = ["CountedLayout", "TrafficCounter"]

_RECEIVED = {
    "rx_mem_read":        (Kind.MEMORY_READ,),
    "rx_mem_write":       (Kind.MEMORY_WRITE,),
    "rx_completion":      (Kind.COMPLETION, Kind.COMPLETION_DATA),
    "rx_completion_data": (Kind.COMPLETION_DATA,),
    "rx_message":         (Kind.MESSAGE,),
    "rx_io":              (Kind.IO_READ, Kind.IO_WRITE),
    "rx_config":          (Kind.CONFIG_READ, Kind.CONFIG_WRITE),
    "rx_locked_read":     (Kind.LOCKED_READ,),
    "rx_atomic":          (Kind.ATOMIC,),
    "rx_other":           (Kind.MESSAGE, Kind.IO_READ, Kind.IO_WRITE, Kind.CONFIG_READ,
                           Kind.CONFIG_WRITE, Kind.LOCKED_READ, Kind.ATOMIC, Kind.UNKNOWN),
}
_SENT = {
    "tx_mem_read":        (Kind.MEMORY_READ,),
    "tx_mem_write":       (Kind.MEMORY_WRITE,),
    "tx_completion":      (Kind.COMPLETION, Kind.COMPLETION_DATA, Kind.COMPLETION_LOCK),
    "tx_completion_data": (Kind.COMPLETION_DATA,),
}
_REFUSED = {
    "unsupported_request": Refusal.UNSUPPORTED,
    "completer_abort":     Refusal.ABORT,
    "dropped_request":     Refusal.DROPPED,
    "dropped_message":     Refusal.MESSAGE,
    "poisoned":            Refusal.POISONED,
}
_PULSES = ("msi_sent", "msix_sent", "tx_dropped", "ecrc_error")

#: One-cycle pulses, named like the counters of block `stats`.
CountedLayout = data.StructLayout(dict.fromkeys((*_RECEIVED, *_SENT, *_REFUSED, *_PULSES), 1))


class TrafficCounter(wiring.Component):
    """Pulse for what passes. What is sent counts when it is handed to the shim.

    Members
    -------
    received, sent : ``In(1)``
        The first beat of a TLP is taken from the link, or handed to it.
    rx, tx : ``In(HeaderLayout)``
        Its header.
    refusal : ``In(Refusal)``
        Why a request was refused, in one cycle; ``NONE`` otherwise.
    msi_sent, msix_sent, tx_dropped, ecrc_error : ``In(1)``
        One-cycle pulses, passed on.
    counted : ``Out(CountedLayout)``
        Pulses, a cycle later.
    """

    received:   In(1)
    sent:       In(1)
    rx:         In(HeaderLayout)
    tx:         In(HeaderLayout)
    refusal:    In(Refusal)
    msi_sent:   In(1)
    msix_sent:  In(1)
    tx_dropped: In(1)
    ecrc_error: In(1)
    counted:    Out(CountedLayout)

    def elaborate(self, platform):
        m = Module()
        counted = Signal(CountedLayout)
        m.d.sync += self.counted.eq(counted)
        for names, happens, kind in ((_RECEIVED, self.received, self.rx.kind),
                                     (_SENT, self.sent, self.tx.kind)):
            for name, kinds in names.items():
                with m.If(happens), m.Switch(kind):
                    with m.Case(*kinds):
                        m.d.comb += getattr(counted, name).eq(1)
        for name, refusal in _REFUSED.items():
            m.d.comb += getattr(counted, name).eq(self.refusal == refusal)
        for name in _PULSES:
            m.d.comb += getattr(counted, name).eq(getattr(self, name))
        return m

# SPDX-License-Identifier: BSD-2-Clause
"""THE declarations: every register and every structure that crosses a boundary, once."""

from ..regmap.model import Map
from .card import CARD_ADDRESSES, INTC, INTERRUPT_LINES, TIMER, UART
from .copier import (
    COMMAND,
    COMMAND_BITS,
    COPIER,
    COPIER_LIMITS,
    RECORD,
    RECORD_BITS,
    VRING_CONTEXT,
    VRING_FLAGS,
    ChannelState,
    CommandError,
    Opcode,
)
from .device_page import (
    BOOTPARAM,
    DEVICE_CTRL,
    DEVICE_DESC,
    VOP,
    VQCONFIG,
    VQCONFIG_FLAGS,
    VRING_INFO,
    ConfigChange,
)
from .doorbell import DOORBELL, DOORBELLS
from .guard import GUARD, GUARD_LIMITS
from .identity import IDENTITY, VERSION
from .link import LINK, BootState, Role
from .msi import MSI, MSIX, VECTORS
from .stats import STATS, FaultKind

__all__ = ["REGISTER_MAP"]

REGISTER_MAP = Map(
    blocks=(IDENTITY, LINK, DOORBELL, MSI, GUARD, STATS, COPIER, MSIX, TIMER, INTC, UART),
    structs=(BOOTPARAM, DEVICE_DESC, VQCONFIG, DEVICE_CTRL, VRING_INFO,
             COMMAND, RECORD, VRING_CONTEXT),
    constants=(VERSION, DOORBELLS, VECTORS, GUARD_LIMITS, COPIER_LIMITS, COMMAND_BITS, RECORD_BITS,
               VRING_FLAGS, VQCONFIG_FLAGS, CARD_ADDRESSES, INTERRUPT_LINES, VOP),
    enums=(BootState, Role, Opcode, CommandError, ChannelState, FaultKind, ConfigChange),
)

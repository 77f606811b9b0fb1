# SPDX-License-Identifier: BSD-2-Clause
"""Where the bench keeps what, in card RAM and in host memory."""

from .abi import HOST_BASE

__all__ = [
    "CARD_RECORDS",
    "CARD_RECORDS_LOG2",
    "HOST_MIRROR",
    "HOST_PAYLOAD",
    "HOST_PAYLOAD_BYTES",
    "HOST_PUSH",
    "HOST_RECORDS",
    "HOST_RECORDS_LOG2",
    "PAYLOAD",
    "PAYLOAD_BYTES",
    "RINGS",
    "RING_LOG2",
    "VRINGS",
]

# Card RAM; the puppet's program and mailbox lie below 0x8000.

#: Command rings, one for each channel that has one.
RINGS = {0: 0x1_0000, 1: 0x1_8000, 4: 0x1_0000}
RING_LOG2 = 10
#: Record ring of a card-owned channel.
CARD_RECORDS, CARD_RECORDS_LOG2 = 0x9000, 3
#: Virtqueues.
VRINGS = 0xA000
#: What is copied, from or to.
PAYLOAD, PAYLOAD_BYTES = 0x2_0000, 0x2_0000

# Host memory.

#: Record rings of the host-owned channels, a page each.
HOST_RECORDS, HOST_RECORDS_LOG2 = HOST_BASE + 0x1_0000, 6
#: The host's copy of a virtqueue, and its push area.
HOST_MIRROR = HOST_BASE + 0x2_0000
HOST_PUSH = HOST_BASE + 0x4_0000
#: What is copied, to or from.
HOST_PAYLOAD, HOST_PAYLOAD_BYTES = HOST_BASE + 0x20_0000, 0x60_0000

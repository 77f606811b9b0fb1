# SPDX-License-Identifier: BSD-2-Clause
"""Block `copier`: the channels of the vring-copy engine, its commands, records and contexts."""

from enum import IntEnum

from ..regmap.model import Access, Block, Constants, Field, Member, Register, Side, Struct

__all__ = ["Opcode", "CommandError", "ChannelState", "COPIER", "COPIER_LIMITS", "COMMAND",
           "COMMAND_BITS", "RECORD", "RECORD_BITS", "VRING_CONTEXT", "VRING_FLAGS"]


class Opcode(IntEnum):
    """What a command does."""

    NONE = 0      #: refused: an all-zero command is a mistake
    COPY = 1      #: move bytes between host and card memory
    PUBLISH = 2   #: guest side: mirror new descriptors and avail entries into the host's ring
    COMPLETE = 3  #: host side: write one used element and the used index, interrupt the CPU
    CHAIN = 4     #: host side: walk a descriptor chain (not in this layout minor: refused)


class CommandError(IntEnum):
    """How a command ended. 0 is success; every other code names the fault."""

    OK = 0
    BAD_OPCODE = 1         #: unknown opcode, or reserved bits that are not zero
    BAD_LENGTH = 2         #: length 0 or above the limit
    BAD_CARD_ADDRESS = 3   #: a card address or length outside card RAM, or misaligned
    GUARD = 4              #: a host address that lies in no window of the guard
    TIMEOUT = 5            #: a completion did not come in time
    UNSUPPORTED = 6        #: the host answered Unsupported Request
    ABORTED_BY_HOST = 7    #: the host answered Completer Abort
    POISONED = 8           #: the host answered with poisoned data
    BUS_MASTER_OFF = 9     #: bus mastering is, or was, switched off
    RESET = 10             #: the channel was reset while the command was under way
    BAD_CONTEXT = 11       #: a vring context that contradicts itself
    BAD_AVAIL = 12         #: the avail index ran ahead by more than the ring holds
    BAD_DESCRIPTOR = 13    #: a head or NEXT index beyond the ring
    LOOP = 14              #: a chain longer than its ring
    QUEUE_OVERFLOW = 15    #: a command was written to a full channel


class ChannelState(IntEnum):
    """Where a channel is."""

    IDLE = 0    #: no command held
    BUSY = 1    #: at least one command held or under way
    FAILED = 2  #: stopped by a failed command until it is reset


COPIER_LIMITS = Constants("copier_limits", "Limits of the copier.", (
    ("channels", 8, "Channels in all."),
    ("host_channels", 4, "Channels 0 to 3 are the host's, 4 to 7 the card's."),
    ("queue_depth", 8, "Inline commands that a channel holds."),
    ("channel_stride", 0x40, "Bytes from one channel's registers to the next."),
    ("max_bytes", 1 << 20, "Most bytes that one command moves."),
    ("max_ring", 32768, "Most entries of a vring."),
))

COMMAND_BITS = Constants("command_bits", "Bits of a command's first word.", (
    ("opcode_lsb", 0, "Opcode, 4 bits."),
    ("record_lsb", 4, "1: write a completion record when the command has ended."),
    ("interrupt_lsb", 5, "1: when the command has ended (and its record is written) raise the "
     "channel's vector (host channel) or interrupt the CPU (card channel)."),
    ("to_host_lsb", 6, "copy: 1 = card to host, 0 = host to card."),
    ("tag_lsb", 16, "16 bits, echoed in the record."),
))

COMMAND = Struct("copier_command", 32, "One command, as written to a channel's inline registers. "
                 "Words that a command does not use must be zero.", (
    Member("control", 0, 4, Side.BOTH, "See constants `command_bits`."),
    Member("bytes", 4, 4, Side.BOTH, "copy: bytes to move, 1 to `max_bytes`."),
    Member("host_address", 8, 8, Side.BOTH, "copy: host bus address, any alignment."),
    Member("card_address", 16, 4, Side.BOTH, "copy: byte address in card RAM, any alignment. "
           "publish, complete: address of the vring context, 64-byte aligned."),
    Member("reserved", 20, 4, Side.BOTH, "Zero."),
    Member("used_id", 24, 4, Side.BOTH, "complete: head of the finished chain."),
    Member("used_len", 28, 4, Side.BOTH, "complete: bytes written into the chain's buffers."),
))

RECORD_BITS = Constants("record_bits", "Bits of a record's first word.", (
    ("tag_lsb", 0, "16 bits: the command's tag."),
    ("error_lsb", 16, "8 bits: `CommandError`."),
    ("phase_lsb", 31, "1 in the first pass over the record ring, 0 in the second, and so on."),
))

RECORD = Struct("copier_record", 16, "How a command ended. Written whole, in one posted write.", (
    Member("control", 0, 4, Side.CARD, "See constants `record_bits`."),
    Member("bytes", 4, 4, Side.CARD, "copy: bytes moved. publish: avail entries published."),
    Member("sequence", 8, 4, Side.CARD, "Commands ended on this channel since its reset, "
           "this one included."),
    Member("reserved", 12, 4, Side.CARD, "Zero."),
))

VRING_FLAGS = Constants("vring_flags", "Bits of a vring context's `flags`.", (
    ("event_idx", 1, "VIRTIO_F_EVENT_IDX holds: `complete` obeys `used_event`."),
    ("always_notify", 2, "`publish` raises the vector even when nothing was new."),
))

VRING_CONTEXT = Struct("vring_context", 64, "A virtqueue as the copier sees it. It lies in card "
                       "RAM, 64-byte aligned, directly behind the used ring: at "
                       "used_address + align64(6 + 8 * num). The firmware fills it; the copier "
                       "writes `published` and `used_idx`.", (
    Member("desc_card", 0, 4, Side.CARD, "Card address of the descriptor table; 16-byte aligned."),
    Member("avail_card", 4, 4, Side.CARD, "Card address of the avail ring; 4-byte aligned."),
    Member("used_card", 8, 4, Side.CARD, "Card address of the used ring; 4-byte aligned."),
    Member("num", 12, 2, Side.CARD, "Entries of the ring: a power of two, 2 to 32768."),
    Member("flags", 14, 2, Side.CARD, "See constants `vring_flags`."),
    Member("desc_host", 16, 8, Side.CARD, "Host bus address of the mirrored descriptor table."),
    Member("avail_host", 24, 8, Side.CARD, "Host bus address of the mirrored avail ring."),
    Member("vector", 32, 4, Side.CARD, "Vector that `publish` raises, 0 to 31."),
    Member("published", 36, 2, Side.CARD, "Avail index as last published; starts at 0."),
    Member("used_idx", 38, 2, Side.CARD, "Used index as last written; starts at 0."),
    Member("reserved", 40, 4, Side.CARD, "Zero.", count=6),
))

_COUNT = COPIER_LIMITS["channels"]
_STRIDE = COPIER_LIMITS["channel_stride"]


def _channel(name: str, offset: int, doc: str, *fields: Field) -> Register:
    return Register(name, offset, doc, fields, count=_COUNT, stride=_STRIDE)


COPIER = Block("copier", 0x1000, 0x400, "Channels of the vring-copy engine, 64 bytes each. Each "
               "side may write its own channels only, and read all.", (
    *(_channel(f"command_{n}", 4 * n, f"Word {n} of an inline command"
               + ("; writing it submits the command." if n == 7 else "."),
               Field("value", 0, 32, Access.W, "See structure `copier_command`."))
      for n in range(8)),
    _channel("control", 0x20, "State control.",
             Field("enable", 0, 1, Access.RW, "1 lets the channel start commands."),
             Field("reset", 1, 1, Access.W, "1 drops every held command, ends the one under way "
                   "with error RESET, clears the error, the sequence and the record position.")),
    _channel("status", 0x24, "State.",
             Field("state", 0, 2, Access.R, "State of the channel.", enum=ChannelState),
             Field("held", 8, 8, Access.R, "Commands held, the one under way included."),
             Field("error", 16, 8, Access.R, "Why it failed.", enum=CommandError)),
    _channel("sequence", 0x28, "Progress.",
             Field("count", 0, 32, Access.R, "Commands ended since reset, failed ones included.")),
    _channel("record_lo", 0x2C, "Address of the record ring, low half.",
             Field("value", 0, 32, Access.RW, "16-byte aligned host bus address (host channel) or "
                   "card address (card channel).")),
    _channel("record_hi", 0x30, "Address of the record ring, high half.",
             Field("value", 0, 32, Access.RW, "Host bus address bits 63 to 32.")),
    _channel("record_config", 0x34, "Shape of the record ring.",
             Field("entries_log2", 0, 4, Access.RW, "Log2 of the records in the ring."),
             Field("vector", 8, 5, Access.RW, "Vector that a host channel raises.")),
))

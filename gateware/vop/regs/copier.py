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
    COMPLETE = 3  #: device side: write one used element and the used index, notify the driver
    CHAIN = 4     #: device side: walk one descriptor chain and move bytes to or from its buffers
    ARM = 5       #: device side: ask for a vector at an avail index; raise it if that has passed


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
    BAD_CONTEXT = 11       #: a vring context that contradicts itself
    BAD_AVAIL = 12         #: the avail index ran ahead by more than the ring holds
    BAD_DESCRIPTOR = 13    #: a head or NEXT index beyond the ring
    LOOP = 14              #: a chain longer than its ring
    QUEUE_OVERFLOW = 15    #: a command was written to a full channel
    BAD_ORDER = 16         #: a readable descriptor behind a writable one
    BAD_INDIRECT = 17      #: an indirect table that is not allowed, nested, empty or of odd size
    CHAIN_OVERFLOW = 18    #: the lengths of a chain add up to more than 2**32 - 1 bytes
    BAD_LIST = 19          #: a scatter-gather entry without bytes, or fewer bytes than the command
    BAD_RING = 20          #: a command ring's tail ran ahead by more than the ring holds


class ChannelState(IntEnum):
    """Where a channel is."""

    IDLE = 0    #: no command held
    BUSY = 1    #: at least one command held or under way
    FAILED = 2  #: stopped by a failed command until it is reset


COPIER_LIMITS = Constants("copier_limits", "Limits of the copier.", (
    ("channels", 8, "Channels in all."),
    ("host_channels", 4, "Channels 0 to 3 are the host's, 4 to 7 the card's."),
    ("queue_depth", 8, "Inline commands that a channel holds."),
    ("channel_stride", 0x80, "Bytes from one channel's registers to the next."),
    ("in_flight", 8, "Commands of a channel that may be under way at once."),
    ("max_bytes", 1 << 20, "Most bytes that one command moves."),
    ("max_list", 4096, "Most entries of a scatter-gather list."),
    ("list_entry_bytes", 16, "Bytes of an entry of a scatter-gather list: an 8-byte address, a "
     "4-byte length in bytes, 4 bytes of zero."),
    ("max_ring", 32768, "Most entries of a vring."),
))

COMMAND_BITS = Constants("command_bits", "Bits of a command's first word.", (
    ("opcode_lsb", 0, "Opcode, 4 bits."),
    ("record_lsb", 4, "1: write a completion record when the command has ended. A command that "
     "fails has a record in any case, if the channel has a record ring (`record_config`)."),
    ("interrupt_lsb", 5, "1: when the command has ended (and its record is written) raise the "
     "channel's vector (host channel) or interrupt the CPU (card channel), coalesced. A command "
     "that fails does so in any case, at once."),
    ("to_host_lsb", 6, "copy, chain: 1 = card to host, 0 = host to card."),
    ("list_lsb", 7, "copy, chain: `host_address` is the card address of a scatter-gather list of "
     "the linear side, 16-byte aligned."),
    ("relaxed_lsb", 8, "copy, chain: payload may carry relaxed ordering, where the host allows "
     "it."),
    ("no_snoop_lsb", 9, "copy, chain: payload may carry no snoop, where the host allows it."),
    ("tag_lsb", 16, "16 bits, echoed in the record."),
))

COMMAND = Struct("copier_command", 32, "One command, as written to a channel's inline registers or "
                 "to its ring. Words that a command does not use must be zero.", (
    Member("control", 0, 4, Side.BOTH, "See constants `command_bits`."),
    Member("bytes", 4, 4, Side.BOTH, "copy: bytes to move, 1 to `max_bytes`. chain: most bytes to "
           "move, 1 to `max_bytes`; the record tells how many there were."),
    Member("host_address", 8, 8, Side.BOTH, "copy: host bus address, any alignment. chain: the "
           "linear side: a host bus address, or a card address where the context's buffers lie in "
           "host memory. Both: a list of such, see `list_lsb`."),
    Member("card_address", 16, 4, Side.BOTH, "copy: byte address in card RAM, any alignment. "
           "All others: address of the vring context, 64-byte aligned."),
    Member("head", 20, 2, Side.BOTH, "chain: head of the chain."),
    Member("entries", 22, 2, Side.BOTH, "copy, chain: entries of the list, 1 to `max_list`; 0 "
           "without one."),
    Member("used_id", 24, 4, Side.BOTH, "complete: head of the finished chain. chain: bytes to "
           "skip at the start of its readable (or writable) part. arm: the avail index to be "
           "told of (event index), or the flags of the used ring."),
    Member("used_len", 28, 4, Side.BOTH, "complete: bytes written into the chain's buffers."),
))

RECORD_BITS = Constants("record_bits", "Bits of a record's first word.", (
    ("tag_lsb", 0, "16 bits: the command's tag."),
    ("error_lsb", 16, "8 bits: `CommandError`."),
    ("phase_lsb", 31, "1 in the first pass over the record ring, 0 in the second, and so on."),
))

RECORD = Struct("copier_record", 16, "How a command ended. Written whole, in one posted write.", (
    Member("control", 0, 4, Side.CARD, "See constants `record_bits`."),
    Member("bytes", 4, 4, Side.CARD, "copy, chain: bytes moved. publish: avail entries published. "
           "arm: entries published beyond the index, 0 where the vector was not raised."),
    Member("sequence", 8, 4, Side.CARD, "Commands ended on this channel since its reset, "
           "this one included."),
    Member("reserved", 12, 4, Side.CARD, "Zero."),
))

VRING_FLAGS = Constants("vring_flags", "Bits of a vring context's `flags`.", (
    ("event_idx", 1, "VIRTIO_F_EVENT_IDX holds: `complete` obeys `used_event`, `publish` obeys "
     "`avail_event`."),
    ("always_notify", 2, "`publish` raises the vector even when nothing was new."),
    ("indirect", 4, "VIRTIO_F_INDIRECT_DESC holds: a descriptor may name a table of its own."),
    ("suppress", 8, "The device arms its notifications (`arm`): `publish` obeys the used ring's "
     "flags or `avail_event`. Without it every `publish` of something new raises the vector."),
    ("push", 16, "`publish` writes the readable payload of each chain, as far as it fits, to its "
     "slot of the push area ahead of the descriptors."),
    ("desc_in_host", 32, "The descriptor table that `chain` walks lies at `desc_host`."),
    ("avail_in_host", 64, "The avail ring that `complete` asks lies at `avail_host`."),
    ("used_in_host", 128, "The used ring that `complete` and `arm` write lies at `used_host`."),
    ("buffers_in_host", 256, "Descriptors hold host bus addresses; else card addresses."),
))

VRING_CONTEXT = Struct("vring_context", 64, "A virtqueue as the copier sees it. It lies in card "
                       "RAM, 64-byte aligned; for a ring of VOP directly behind the used ring, at "
                       "used_address + align64(6 + 8 * num). Software fills it; the copier writes "
                       "`published` and `used_idx`, and where the descriptor table or the avail "
                       "ring lies in host memory it keeps in the last 16 bytes what it reads of "
                       "them: there is no `push` then.", (
    Member("desc_card", 0, 4, Side.CARD, "Card address of the descriptor table; 16-byte aligned."),
    Member("avail_card", 4, 4, Side.CARD, "Card address of the avail ring; 4-byte aligned."),
    Member("used_card", 8, 4, Side.CARD, "Card address of the used ring; 4-byte aligned."),
    Member("num", 12, 2, Side.CARD, "Entries of the ring: a power of two, 2 to 32768."),
    Member("flags", 14, 2, Side.CARD, "See constants `vring_flags`."),
    Member("desc_host", 16, 8, Side.CARD, "Host bus address of the descriptor table: the mirror "
           "that `publish` writes, or the table itself (`desc_in_host`)."),
    Member("avail_host", 24, 8, Side.CARD, "Host bus address of the avail ring, likewise."),
    Member("vector", 32, 1, Side.CARD, "Vector that `publish` and `arm` raise, and `complete` "
           "where the driver is the host's; 0 to 31."),
    Member("push_slot_log2", 33, 1, Side.CARD, "Log2 of the bytes of a push slot, 6 to 16."),
    Member("reserved_0", 34, 2, Side.CARD, "Zero."),
    Member("published", 36, 2, Side.CARD, "Avail index as last published; starts at 0."),
    Member("used_idx", 38, 2, Side.CARD, "Used index as last written; starts at 0."),
    Member("used_host", 40, 8, Side.CARD, "Host bus address of the used ring (`used_in_host`), "
           "4-byte aligned."),
    Member("push_host", 48, 8, Side.CARD, "Host bus address of the push area (`push`), 64-byte "
           "aligned: `num` slots, that of a chain at head * (1 << push_slot_log2)."),
    Member("reserved_1", 56, 8, Side.CARD, "Zero."),
))

_COUNT = COPIER_LIMITS["channels"]
_STRIDE = COPIER_LIMITS["channel_stride"]


def _channel(name: str, offset: int, doc: str, *fields: Field) -> Register:
    return Register(name, offset, doc, fields, count=_COUNT, stride=_STRIDE)


COPIER = Block("copier", 0x1000, 0x400, "Channels of the vring-copy engine, 128 bytes each. Each "
               "side may write its own channels only, and read all. Words of commands, `arm` and "
               "`complete_*` are written whole. Commands of a ring keep their order, and so do "
               "inline ones; between the two there is none.", (
    *(_channel(f"command_{n}", 4 * n, f"Word {n} of an inline command"
               + ("; writing it submits the command." if n == 7 else "."),
               Field("value", 0, 32, Access.W, "See structure `copier_command`."))
      for n in range(8)),
    _channel("control", 0x20, "State control.",
             Field("enable", 0, 1, Access.RW, "1 lets the channel start commands."),
             Field("reset", 1, 1, Access.W, "1 drops every command, those under way too, without a "
                   "record, and clears the error, the sequence, the record position, `ring_tail` "
                   "and `ring_head`. The channel is BUSY until nothing of its past is left; what "
                   "is written behind the reset is executed after it.")),
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
             Field("entries_log2", 0, 4, Access.RW, "Log2 of the records in the ring. 0: no ring, "
                   "but one place, which only commands that ask for a record write."),
             Field("vector", 8, 5, Access.RW, "Vector that a host channel raises.")),
    _channel("ring_base", 0x38, "Command ring.",
             Field("address", 0, 32, Access.RW, "Card address of the ring, 32-byte aligned. Change "
                   "it only while the channel is disabled.")),
    _channel("ring_config", 0x3C, "Shape of the command ring.",
             Field("entries_log2", 0, 4, Access.RW, "Log2 of the commands in the ring, 1 to 15; "
                   "0: no ring, commands come inline."),),
    _channel("ring_tail", 0x40, "Doorbell of the command ring.",
             Field("index", 0, 16, Access.RW, "Commands written to the ring since reset, modulo "
                   "2**16. A write starts those between the old value and the new.")),
    _channel("ring_head", 0x44, "Progress in the command ring.",
             Field("index", 0, 16, Access.R, "Commands taken from the ring since reset: their "
                   "places may be written again.")),
    _channel("coalesce", 0x48, "Interrupt coalescing. A failure interrupts at once, whether asked "
             "for or not. An interrupt may come a little behind the end of its command.",
             Field("count", 0, 8, Access.RW, "Commands that want an interrupt before one is given; "
                   "0 and 1: each."),
             Field("ticks", 8, 16, Access.RW, "Longest wait since the first of them, in ticks of "
                   "128 cycles; 0: until the channel has run out of commands.")),
    _channel("arm", 0x4C, "`arm` in one store.",
             Field("value", 0, 16, Access.W, "Event index or flags."),
             Field("context", 16, 16, Access.W, "Address of the vring context / 64.")),
    _channel("complete_id", 0x50, "`complete` in one 8-byte store: first half. No other command "
             "may be written to the channel before the second.",
             Field("used_id", 0, 16, Access.W, "Head of the finished chain."),
             Field("context", 16, 16, Access.W, "Address of the vring context / 64.")),
    _channel("complete_len", 0x54, "`complete` in one 8-byte store: second half; writing it "
             "submits the command, without record and interrupt of its own.",
             Field("used_len", 0, 32, Access.W, "Bytes written into the chain's buffers.")),
))

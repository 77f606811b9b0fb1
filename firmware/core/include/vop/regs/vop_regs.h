/* SPDX-License-Identifier: Apache-2.0 */ /* Generated from gateware/vop/regs by `make regs`. */
#ifndef VOP_REGS_VOP_REGS_H
#define VOP_REGS_VOP_REGS_H

#include <stdint.h>

/*
 * version: The register map's own version. Software that meets another major
 * refuses it and prints both numbers.
 */

/* `VOP1`, read as little-endian text. */
#define VOP_VERSION_MAGIC			0x31504f56u

/* Changes when a layout changes incompatibly. */
#define VOP_VERSION_LAYOUT_MAJOR		1

/* Grows when something is added. */
#define VOP_VERSION_LAYOUT_MINOR		1

/* PCI vendor id of the reference card. */
#define VOP_VERSION_PCI_VENDOR_ID		0x1d1du

/* PCI device id of the reference card. */
#define VOP_VERSION_PCI_DEVICE_ID		0x2f2fu

/* PCI class: base system peripheral, other. */
#define VOP_VERSION_PCI_CLASS_CODE		0x88000u

/* doorbells: Sizes of the doorbell block. */

/* Host-to-card doorbells. */
#define VOP_DOORBELLS_H2C_COUNT			32

/* Doorbells that share one CPU interrupt line. */
#define VOP_DOORBELLS_H2C_GROUP			8

/* In a device page: no doorbell has been assigned. */
#define VOP_DOORBELLS_NONE			(-1)

/* vectors: Interrupt vectors towards the host. */

/* Vectors, and entries of the MSI-X table. */
#define VOP_VECTORS_COUNT			32

/* Unit of `msi.moderation.interval`, in cycles of the PCIe clock. */
#define VOP_VECTORS_MODERATION_CYCLES		128

/* guard_limits: Sizes of the guard. */

/* Windows of host memory that the guard can hold. */
#define VOP_GUARD_LIMITS_WINDOWS		16

/* copier_limits: Limits of the copier. */

/* Channels in all. */
#define VOP_COPIER_LIMITS_CHANNELS		8

/* Channels 0 to 3 are the host's, 4 to 7 the card's. */
#define VOP_COPIER_LIMITS_HOST_CHANNELS		4

/* Inline commands that a channel holds. */
#define VOP_COPIER_LIMITS_QUEUE_DEPTH		8

/* Bytes from one channel's registers to the next. */
#define VOP_COPIER_LIMITS_CHANNEL_STRIDE	128

/* Commands of a channel that may be under way at once. */
#define VOP_COPIER_LIMITS_IN_FLIGHT		8

/* Most bytes that one command moves. */
#define VOP_COPIER_LIMITS_MAX_BYTES		0x100000u

/* Most entries of a scatter-gather list. */
#define VOP_COPIER_LIMITS_MAX_LIST		0x1000u

/*
 * Bytes of an entry of a scatter-gather list: an 8-byte address, a 4-byte
 * length in bytes, 4 bytes of zero.
 */
#define VOP_COPIER_LIMITS_LIST_ENTRY_BYTES	16

/* Most entries of a vring. */
#define VOP_COPIER_LIMITS_MAX_RING		0x8000u

/* command_bits: Bits of a command's first word. */

/* Opcode, 4 bits. */
#define VOP_COMMAND_BITS_OPCODE_LSB		0

/*
 * 1: write a completion record when the command has ended. A command that fails
 * has a record in any case, if the channel has a record ring (`record_config`).
 */
#define VOP_COMMAND_BITS_RECORD_LSB		4

/*
 * 1: when the command has ended (and its record is written) raise the channel's
 * vector (host channel) or interrupt the CPU (card channel), coalesced. A
 * command that fails does so in any case, at once.
 */
#define VOP_COMMAND_BITS_INTERRUPT_LSB		5

/* copy, chain: 1 = card to host, 0 = host to card. */
#define VOP_COMMAND_BITS_TO_HOST_LSB		6

/*
 * copy, chain: `host_address` is the card address of a scatter-gather list of
 * the linear side, 16-byte aligned.
 */
#define VOP_COMMAND_BITS_LIST_LSB		7

/* copy, chain: payload may carry relaxed ordering, where the host allows it. */
#define VOP_COMMAND_BITS_RELAXED_LSB		8

/* copy, chain: payload may carry no snoop, where the host allows it. */
#define VOP_COMMAND_BITS_NO_SNOOP_LSB		9

/* 16 bits, echoed in the record. */
#define VOP_COMMAND_BITS_TAG_LSB		16

/* record_bits: Bits of a record's first word. */

/* 16 bits: the command's tag. */
#define VOP_RECORD_BITS_TAG_LSB			0

/* 8 bits: `CommandError`. */
#define VOP_RECORD_BITS_ERROR_LSB		16

/* 1 in the first pass over the record ring, 0 in the second, and so on. */
#define VOP_RECORD_BITS_PHASE_LSB		31

/* vring_flags: Bits of a vring context's `flags`. */

/*
 * VIRTIO_F_EVENT_IDX holds: `complete` obeys `used_event`, `publish` obeys
 * `avail_event`.
 */
#define VOP_VRING_FLAGS_EVENT_IDX		1

/* `publish` raises the vector even when nothing was new. */
#define VOP_VRING_FLAGS_ALWAYS_NOTIFY		2

/* VIRTIO_F_INDIRECT_DESC holds: a descriptor may name a table of its own. */
#define VOP_VRING_FLAGS_INDIRECT		4

/*
 * The device arms its notifications (`arm`): `publish` obeys the used ring's
 * flags or `avail_event`. Without it every `publish` of something new raises
 * the vector.
 */
#define VOP_VRING_FLAGS_SUPPRESS		8

/*
 * `publish` writes the readable payload of each chain, as far as it fits, to
 * its slot of the push area ahead of the descriptors.
 */
#define VOP_VRING_FLAGS_PUSH			16

/* The descriptor table that `chain` walks lies at `desc_host`. */
#define VOP_VRING_FLAGS_DESC_IN_HOST		32

/* The avail ring that `complete` asks lies at `avail_host`. */
#define VOP_VRING_FLAGS_AVAIL_IN_HOST		64

/* The used ring that `complete` and `arm` write lies at `used_host`. */
#define VOP_VRING_FLAGS_USED_IN_HOST		128

/* Descriptors hold host bus addresses; else card addresses. */
#define VOP_VRING_FLAGS_BUFFERS_IN_HOST		256

/*
 * vqconfig_flags: Bits of a vqconfig's `flags`: what the driver does beyond VOP
 * v5.9.
 */

/*
 * The readable payload of each chain, as far as it fits, is in its push slot
 * before the chain is available: see `link.host_protocol.push_slot_log2`.
 */
#define VOP_VQCONFIG_FLAGS_PUSHES		1

/*
 * card_addresses: The CPU's address map. A card address is a CPU address and an
 * offset in BAR2, all three the same number.
 */

/* Card RAM; the CPU starts at its first word. */
#define VOP_CARD_ADDRESSES_RAM			0

/* The register space; its first 64 KiB are also BAR0. */
#define VOP_CARD_ADDRESSES_REGISTERS		0xf0000000u

/* Size of BAR0. */
#define VOP_CARD_ADDRESSES_BAR0_BYTES		0x10000u

/* Default size of card RAM. */
#define VOP_CARD_ADDRESSES_DEFAULT_RAM_BYTES	0x40000u

/* interrupt_lines: Lines of the CPU's external interrupt array. */

/* The UART has received a character. */
#define VOP_INTERRUPT_LINES_UART		0

/*
 * A card channel's command with the interrupt bit has ended, or a channel
 * failed.
 */
#define VOP_INTERRUPT_LINES_COPIER		1

/* `complete` wrote a used element that the driver wants to hear of. */
#define VOP_INTERRUPT_LINES_USED		2

/* Lines 8 to 11: doorbells 0 to 7, 8 to 15, 16 to 23, 24 to 31. */
#define VOP_INTERRUPT_LINES_DOORBELL_GROUP	8

/* vop: Limits and codes of the VOP protocol, as Linux v5.9 has them. */

/* In the bootparam; a vring's cookie is magic + virtio id + queue index. */
#define VOP_MAGIC				0xc0ffee00u

/* Size of the device page. */
#define VOP_DEVICE_PAGE_BYTES			0x1000u

/* Largest 8-aligned descriptor block, device control excluded. */
#define VOP_MAX_DESC_BLK_BYTES			256

/* Queues of a device. */
#define VOP_MAX_VRINGS				4

/* Entries of a vring. */
#define VOP_MAX_VRING_ENTRIES			128

/* Alignment of the used part in the legacy vring layout. */
#define VOP_VRING_ALIGN				0x1000u

/* Bounce buffer of a vring on the host. */
#define VOP_INT_DMA_BUF_BYTES			0x10000u

/* Descriptor type: end of the list. */
#define VOP_TYPE_END				0

/* Descriptor type: a removed slot. */
#define VOP_TYPE_REMOVED			(-1)

/* How far the firmware is. Written by the card, cleared by a CPU reset. */
enum vop_boot_state {
	VOP_BOOT_STATE_RESET = 0,
	VOP_BOOT_STATE_BOOTING = 1,
	VOP_BOOT_STATE_READY = 2,
	VOP_BOOT_STATE_REFUSED = 3,
	VOP_BOOT_STATE_CRASHED = 4,
};

/* Which role the card plays. */
enum vop_role {
	VOP_ROLE_VOP_GUEST = 0,
	VOP_ROLE_VOP_HOST = 1,
};

/* What a command does. */
enum vop_opcode {
	VOP_OPCODE_NONE = 0,
	VOP_OPCODE_COPY = 1,
	VOP_OPCODE_PUBLISH = 2,
	VOP_OPCODE_COMPLETE = 3,
	VOP_OPCODE_CHAIN = 4,
	VOP_OPCODE_ARM = 5,
};

/* How a command ended. 0 is success; every other code names the fault. */
enum vop_command_error {
	VOP_COMMAND_ERROR_OK = 0,
	VOP_COMMAND_ERROR_BAD_OPCODE = 1,
	VOP_COMMAND_ERROR_BAD_LENGTH = 2,
	VOP_COMMAND_ERROR_BAD_CARD_ADDRESS = 3,
	VOP_COMMAND_ERROR_GUARD = 4,
	VOP_COMMAND_ERROR_TIMEOUT = 5,
	VOP_COMMAND_ERROR_UNSUPPORTED = 6,
	VOP_COMMAND_ERROR_ABORTED_BY_HOST = 7,
	VOP_COMMAND_ERROR_POISONED = 8,
	VOP_COMMAND_ERROR_BUS_MASTER_OFF = 9,
	VOP_COMMAND_ERROR_BAD_CONTEXT = 11,
	VOP_COMMAND_ERROR_BAD_AVAIL = 12,
	VOP_COMMAND_ERROR_BAD_DESCRIPTOR = 13,
	VOP_COMMAND_ERROR_LOOP = 14,
	VOP_COMMAND_ERROR_QUEUE_OVERFLOW = 15,
	VOP_COMMAND_ERROR_BAD_ORDER = 16,
	VOP_COMMAND_ERROR_BAD_INDIRECT = 17,
	VOP_COMMAND_ERROR_CHAIN_OVERFLOW = 18,
	VOP_COMMAND_ERROR_BAD_LIST = 19,
	VOP_COMMAND_ERROR_BAD_RING = 20,
};

/* Where a channel is. */
enum vop_channel_state {
	VOP_CHANNEL_STATE_IDLE = 0,
	VOP_CHANNEL_STATE_BUSY = 1,
	VOP_CHANNEL_STATE_FAILED = 2,
};

/* What was wrong with the TLP of `first_fault`. */
enum vop_fault_kind {
	VOP_FAULT_KIND_NONE = 0,
	VOP_FAULT_KIND_UNSUPPORTED_REQUEST = 1,
	VOP_FAULT_KIND_COMPLETER_ABORT = 2,
	VOP_FAULT_KIND_DROPPED_REQUEST = 3,
	VOP_FAULT_KIND_POISONED_REQUEST = 4,
	VOP_FAULT_KIND_POISONED_COMPLETION = 5,
	VOP_FAULT_KIND_UNEXPECTED_COMPLETION = 6,
	VOP_FAULT_KIND_COMPLETION_TIMEOUT = 7,
};

/* Values of `vop_device_ctrl.config_change`. */
enum vop_config_change {
	VOP_CONFIG_CHANGE_NONE = 0,
	VOP_CONFIG_CHANGE_DEVICE_REMOVE = 1,
	VOP_CONFIG_CHANGE_CONFIG_CHANGED = 2,
};

/* Block identity: Who the card is. Constant while it is powered. */
#define VOP_IDENTITY_BLOCK			0x00000u
#define VOP_IDENTITY_BLOCK_BYTES		0x100u

/* Reads `VOP1`; all ones means that the card is gone. Written by: card. */
#define VOP_IDENTITY_MAGIC			0x00000u
#define VOP_IDENTITY_MAGIC_VALUE_MASK		0xffffffffu

/* Version of this register map. Written by: card. */
#define VOP_IDENTITY_LAYOUT			0x00004u
#define VOP_IDENTITY_LAYOUT_MINOR_MASK		0x0000ffffu
#define VOP_IDENTITY_LAYOUT_MAJOR_MASK		0xffff0000u

/* What this gateware can do. Written by: card. */
#define VOP_IDENTITY_FEATURES			0x00008u
#define VOP_IDENTITY_FEATURES_COPY_MASK		0x00000001u
#define VOP_IDENTITY_FEATURES_PUBLISH_MASK	0x00000002u
#define VOP_IDENTITY_FEATURES_COMPLETE_MASK	0x00000004u
#define VOP_IDENTITY_FEATURES_CHAIN_MASK	0x00000008u
#define VOP_IDENTITY_FEATURES_ARM_MASK		0x00000010u
#define VOP_IDENTITY_FEATURES_PUSH_MASK		0x00000020u
#define VOP_IDENTITY_FEATURES_LIST_MASK		0x00000040u
#define VOP_IDENTITY_FEATURES_COMMAND_RING_MASK	0x00000080u
#define VOP_IDENTITY_FEATURES_SINGLE_STORE_MASK	0x00000100u
#define VOP_IDENTITY_FEATURES_SIM_MASK		0x80000000u

/* Build identification. Written by: card. */
#define VOP_IDENTITY_BUILD			0x0000cu
#define VOP_IDENTITY_BUILD_ID_MASK		0xffffffffu

/* Card RAM. Written by: card. */
#define VOP_IDENTITY_RAM			0x00010u
#define VOP_IDENTITY_RAM_BYTES_MASK		0xffffffffu

/* Shape of the copier. Written by: card. */
#define VOP_IDENTITY_COPIER			0x00014u
#define VOP_IDENTITY_COPIER_CHANNELS_MASK	0x000000ffu
#define VOP_IDENTITY_COPIER_HOST_CHANNELS_MASK	0x0000ff00u
#define VOP_IDENTITY_COPIER_QUEUE_DEPTH_MASK	0x00ff0000u
#define VOP_IDENTITY_COPIER_GUARD_WINDOWS_MASK	0xff000000u

/* Clock of the PCIe domain. Written by: card. */
#define VOP_IDENTITY_CLOCK			0x00018u
#define VOP_IDENTITY_CLOCK_HZ_MASK		0xffffffffu

/* Block link: The device page, the roles, and the card's CPU. */
#define VOP_LINK_BLOCK				0x00100u
#define VOP_LINK_BLOCK_BYTES			0x100u

/* Host bus address of the device page, low half. Written by: host. */
#define VOP_LINK_DEVICE_PAGE_LO			0x00100u
#define VOP_LINK_DEVICE_PAGE_LO_VALUE_MASK	0xffffffffu

/* Host bus address of the device page, high half. Written by: host. */
#define VOP_LINK_DEVICE_PAGE_HI			0x00104u
#define VOP_LINK_DEVICE_PAGE_HI_VALUE_MASK	0xffffffffu

/* Size of the device page; written last, it publishes it. Written by: host. */
#define VOP_LINK_DEVICE_PAGE_BYTES		0x00108u
#define VOP_LINK_DEVICE_PAGE_BYTES_VALUE_MASK	0xffffffffu

/* Role of the card. Written by: host. */
#define VOP_LINK_ROLE				0x0010cu
#define VOP_LINK_ROLE_VALUE_MASK		0x00000001u

/* The card's CPU. Written by: host. */
#define VOP_LINK_CPU				0x00110u
#define VOP_LINK_CPU_RUN_MASK			0x00000001u

/* How far the firmware is. Written by: card. */
#define VOP_LINK_BOOT_STATE			0x00114u
#define VOP_LINK_BOOT_STATE_VALUE_MASK		0x000000ffu

/* Explains `boot_state`. Written by: card. */
#define VOP_LINK_BOOT_DETAIL			0x00118u
#define VOP_LINK_BOOT_DETAIL_VALUE_MASK		0xffffffffu

/* Proof of life. Written by: card. */
#define VOP_LINK_ALIVE				0x0011cu
#define VOP_LINK_ALIVE_COUNT_MASK		0xffffffffu

/* What the host speaks beyond VOP v5.9. Written by: host. */
#define VOP_LINK_HOST_PROTOCOL			0x00120u
#define VOP_LINK_HOST_PROTOCOL_INFO_ALIGN_MASK	0x000000ffu
#define VOP_LINK_HOST_PROTOCOL_PUSH_SLOT_LOG2_MASK	0x0000ff00u

/* Block doorbell: Doorbells between host and card. */
#define VOP_DOORBELL_BLOCK			0x00200u
#define VOP_DOORBELL_BLOCK_BYTES		0x100u

/* The host rings the card. Written by: host. */
#define VOP_DOORBELL_H2C_SET			0x00200u
#define VOP_DOORBELL_H2C_SET_DOORBELLS_MASK	0xffffffffu

/* Doorbells that rang. Written by: card. */
#define VOP_DOORBELL_H2C_PENDING		0x00204u
#define VOP_DOORBELL_H2C_PENDING_DOORBELLS_MASK	0xffffffffu

/* Doorbells that interrupt the CPU. Written by: card. */
#define VOP_DOORBELL_H2C_ENABLE			0x00208u
#define VOP_DOORBELL_H2C_ENABLE_DOORBELLS_MASK	0xffffffffu

/* The card rings the host. Written by: card. */
#define VOP_DOORBELL_C2H_RING			0x0020cu
#define VOP_DOORBELL_C2H_RING_VECTOR_MASK	0x0000001fu

/*
 * Block msi: Message-signalled interrupts. MSI-X is used where it is enabled,
 * else MSI; while neither is, vectors stay pending.
 */
#define VOP_MSI_BLOCK				0x00300u
#define VOP_MSI_BLOCK_BYTES			0x100u

/* What the host's configuration allows. Written by: host. */
#define VOP_MSI_GRANTED				0x00300u
#define VOP_MSI_GRANTED_ENABLED_MASK		0x00000001u
#define VOP_MSI_GRANTED_VECTORS_LOG2_MASK	0x00000070u
#define VOP_MSI_GRANTED_MSIX_ENABLED_MASK	0x00000100u
#define VOP_MSI_GRANTED_MSIX_MASKED_MASK	0x00000200u

/* Vectors raised that have not left. Written by: host. */
#define VOP_MSI_PENDING				0x00304u
#define VOP_MSI_PENDING_VECTORS_MASK		0xffffffffu

/* Vectors held back, under MSI and MSI-X alike. Written by: host. */
#define VOP_MSI_MASK				0x00308u
#define VOP_MSI_MASK_VECTORS_MASK		0xffffffffu

/* How often vector n may leave. Written by: host. */
#define VOP_MSI_MODERATION			0x00380u
#define VOP_MSI_MODERATION_COUNT		32
#define VOP_MSI_MODERATION_STRIDE		0x4u
#define VOP_MSI_MODERATION_INTERVAL_MASK	0x0000ffffu
#define VOP_MSI_MODERATION_EVENTS_MASK		0x00ff0000u

/*
 * Block guard: Host windows. A host address that the CPU or a ring supplies
 * must lie in one of them, and so must every byte that is moved: each piece of
 * a transfer is judged by itself, right before it is sent.
 */
#define VOP_GUARD_BLOCK				0x00400u
#define VOP_GUARD_BLOCK_BYTES			0x100u

/* Start of a window, low half. Written by: host. */
#define VOP_GUARD_BASE_LO			0x00400u
#define VOP_GUARD_BASE_LO_COUNT			16
#define VOP_GUARD_BASE_LO_STRIDE		0x10u
#define VOP_GUARD_BASE_LO_VALUE_MASK		0xffffffffu

/* Start of a window, high half. Written by: host. */
#define VOP_GUARD_BASE_HI			0x00404u
#define VOP_GUARD_BASE_HI_COUNT			16
#define VOP_GUARD_BASE_HI_STRIDE		0x10u
#define VOP_GUARD_BASE_HI_VALUE_MASK		0xffffffffu

/* Size of a window; written last, it opens the window. Written by: host. */
#define VOP_GUARD_PAGES				0x00408u
#define VOP_GUARD_PAGES_COUNT			16
#define VOP_GUARD_PAGES_STRIDE			0x10u
#define VOP_GUARD_PAGES_VALUE_MASK		0x000fffffu

/*
 * Block stats: Counters, the first fault, the cycle counter, the marker. A
 * counter shows what happened some 0.3 us ago.
 */
#define VOP_STATS_BLOCK				0x00800u
#define VOP_STATS_BLOCK_BYTES			0x100u

/* Memory read request received. Written by: both. */
#define VOP_STATS_RX_MEM_READ			0x00800u
#define VOP_STATS_RX_MEM_READ_COUNT_MASK	0xffffffffu

/* Memory write request received. Written by: both. */
#define VOP_STATS_RX_MEM_WRITE			0x00804u
#define VOP_STATS_RX_MEM_WRITE_COUNT_MASK	0xffffffffu

/* Completion received, with or without data. Written by: both. */
#define VOP_STATS_RX_COMPLETION			0x00808u
#define VOP_STATS_RX_COMPLETION_COUNT_MASK	0xffffffffu

/* TLP of any other kind received. Written by: both. */
#define VOP_STATS_RX_OTHER			0x0080cu
#define VOP_STATS_RX_OTHER_COUNT_MASK		0xffffffffu

/* Memory read request sent. Written by: both. */
#define VOP_STATS_TX_MEM_READ			0x00810u
#define VOP_STATS_TX_MEM_READ_COUNT_MASK	0xffffffffu

/* Memory write request sent, MSI-X messages included. Written by: both. */
#define VOP_STATS_TX_MEM_WRITE			0x00814u
#define VOP_STATS_TX_MEM_WRITE_COUNT_MASK	0xffffffffu

/* Completion sent, with or without data. Written by: both. */
#define VOP_STATS_TX_COMPLETION			0x00818u
#define VOP_STATS_TX_COMPLETION_COUNT_MASK	0xffffffffu

/* MSI taken by the hard block. Written by: both. */
#define VOP_STATS_MSI_SENT			0x0081cu
#define VOP_STATS_MSI_SENT_COUNT_MASK		0xffffffffu

/* Non-posted request answered with Unsupported Request. Written by: both. */
#define VOP_STATS_UNSUPPORTED_REQUEST		0x00820u
#define VOP_STATS_UNSUPPORTED_REQUEST_COUNT_MASK	0xffffffffu

/* Posted request that is not for us, dropped. Written by: both. */
#define VOP_STATS_DROPPED_REQUEST		0x00824u
#define VOP_STATS_DROPPED_REQUEST_COUNT_MASK	0xffffffffu

/* Poisoned TLP received and not consumed. Written by: both. */
#define VOP_STATS_POISONED			0x00828u
#define VOP_STATS_POISONED_COUNT_MASK		0xffffffffu

/* Completion received with a status other than Successful. Written by: both. */
#define VOP_STATS_COMPLETION_ERROR		0x0082cu
#define VOP_STATS_COMPLETION_ERROR_COUNT_MASK	0xffffffffu

/* Read request whose completion did not come in time. Written by: both. */
#define VOP_STATS_COMPLETION_TIMEOUT		0x00830u
#define VOP_STATS_COMPLETION_TIMEOUT_COUNT_MASK	0xffffffffu

/* Completion that matches no outstanding request, dropped. Written by: both. */
#define VOP_STATS_UNEXPECTED_COMPLETION		0x00834u
#define VOP_STATS_UNEXPECTED_COMPLETION_COUNT_MASK	0xffffffffu

/*
 * Command refused because its host address lies in no window. Written by: both.
 */
#define VOP_STATS_GUARD_REFUSED			0x00838u
#define VOP_STATS_GUARD_REFUSED_COUNT_MASK	0xffffffffu

/*
 * Command that failed, or channel that failed by its queue or ring. Written by:
 * both.
 */
#define VOP_STATS_COMMAND_FAILED		0x0083cu
#define VOP_STATS_COMMAND_FAILED_COUNT_MASK	0xffffffffu

/*
 * Register write by the side that may not write, or outside every block.
 * Written by: both.
 */
#define VOP_STATS_REGISTER_REFUSED		0x00840u
#define VOP_STATS_REGISTER_REFUSED_COUNT_MASK	0xffffffffu

/*
 * Access of the CPU to an address that holds nothing; it reads all ones.
 * Written by: both.
 */
#define VOP_STATS_CPU_BUS_FAULT			0x00844u
#define VOP_STATS_CPU_BUS_FAULT_COUNT_MASK	0xffffffffu

/* Of rx_completion: with data. Written by: both. */
#define VOP_STATS_RX_COMPLETION_DATA		0x00848u
#define VOP_STATS_RX_COMPLETION_DATA_COUNT_MASK	0xffffffffu

/* Of rx_other: message, with or without data. Written by: both. */
#define VOP_STATS_RX_MESSAGE			0x0084cu
#define VOP_STATS_RX_MESSAGE_COUNT_MASK		0xffffffffu

/* Of rx_other: I/O read or write. Written by: both. */
#define VOP_STATS_RX_IO				0x00850u
#define VOP_STATS_RX_IO_COUNT_MASK		0xffffffffu

/*
 * Of rx_other: configuration request. The hard block should answer these.
 * Written by: both.
 */
#define VOP_STATS_RX_CONFIG			0x00854u
#define VOP_STATS_RX_CONFIG_COUNT_MASK		0xffffffffu

/* Of rx_other: locked memory read. Written by: both. */
#define VOP_STATS_RX_LOCKED_READ		0x00858u
#define VOP_STATS_RX_LOCKED_READ_COUNT_MASK	0xffffffffu

/* Of rx_other: AtomicOp. Written by: both. */
#define VOP_STATS_RX_ATOMIC			0x0085cu
#define VOP_STATS_RX_ATOMIC_COUNT_MASK		0xffffffffu

/* Of tx_completion: with data. Written by: both. */
#define VOP_STATS_TX_COMPLETION_DATA		0x00860u
#define VOP_STATS_TX_COMPLETION_DATA_COUNT_MASK	0xffffffffu

/*
 * TLP that did not leave: bus mastering was off, or the hard block dropped it.
 * Written by: both.
 */
#define VOP_STATS_TX_DROPPED			0x00864u
#define VOP_STATS_TX_DROPPED_COUNT_MASK		0xffffffffu

/* Of tx_mem_write: MSI-X message. Written by: both. */
#define VOP_STATS_MSIX_SENT			0x00868u
#define VOP_STATS_MSIX_SENT_COUNT_MASK		0xffffffffu

/* Non-posted request answered with Completer Abort. Written by: both. */
#define VOP_STATS_COMPLETER_ABORT		0x0086cu
#define VOP_STATS_COMPLETER_ABORT_COUNT_MASK	0xffffffffu

/* Message dropped. Written by: both. */
#define VOP_STATS_DROPPED_MESSAGE		0x00870u
#define VOP_STATS_DROPPED_MESSAGE_COUNT_MASK	0xffffffffu

/*
 * TLP received with a bad ECRC. The hard block tells too late to drop it.
 * Written by: both.
 */
#define VOP_STATS_ECRC_ERROR			0x00874u
#define VOP_STATS_ECRC_ERROR_COUNT_MASK		0xffffffffu

/* Of completion_error: Completer Abort. Written by: both. */
#define VOP_STATS_COMPLETION_ABORT		0x00878u
#define VOP_STATS_COMPLETION_ABORT_COUNT_MASK	0xffffffffu

/* Of completion_error: Configuration Request Retry Status. Written by: both. */
#define VOP_STATS_COMPLETION_RETRY		0x0087cu
#define VOP_STATS_COMPLETION_RETRY_COUNT_MASK	0xffffffffu

/*
 * Header of the first TLP that was at fault, word by word, as it was on the
 * link. Written by: both.
 */
#define VOP_STATS_FIRST_FAULT			0x00880u
#define VOP_STATS_FIRST_FAULT_COUNT		4
#define VOP_STATS_FIRST_FAULT_STRIDE		0x4u
#define VOP_STATS_FIRST_FAULT_DW_MASK		0xffffffffu

/*
 * Clock cycles since reset, low half; reading it latches the other. Written by:
 * both.
 */
#define VOP_STATS_CYCLES_LO			0x00890u
#define VOP_STATS_CYCLES_LO_VALUE_MASK		0xffffffffu

/* Clock cycles since reset, high half. Written by: both. */
#define VOP_STATS_CYCLES_HI			0x00894u
#define VOP_STATS_CYCLES_HI_VALUE_MASK		0xffffffffu

/*
 * A mark in time for whoever watches: 1 after the mount, 2 after the last
 * command of a demo. Written by: card.
 */
#define VOP_STATS_MARKER			0x00898u
#define VOP_STATS_MARKER_VALUE_MASK		0xffffffffu

/*
 * What was wrong with it. Writing anything clears the record; the next fault is
 * then the first. Written by: host.
 */
#define VOP_STATS_FIRST_FAULT_KIND		0x008a0u
#define VOP_STATS_FIRST_FAULT_KIND_KIND_MASK	0x0000000fu

/*
 * Block copier: Channels of the vring-copy engine, 128 bytes each. Each side
 * may write its own channels only, and read all. Words of commands, `arm` and
 * `complete_*` are written whole. Commands of a ring keep their order, and so
 * do inline ones; between the two there is none.
 */
#define VOP_COPIER_BLOCK			0x01000u
#define VOP_COPIER_BLOCK_BYTES			0x400u

/* Word 0 of an inline command. Written by: both. */
#define VOP_COPIER_COMMAND_0			0x01000u
#define VOP_COPIER_COMMAND_0_COUNT		8
#define VOP_COPIER_COMMAND_0_STRIDE		0x80u
#define VOP_COPIER_COMMAND_0_VALUE_MASK		0xffffffffu

/* Word 1 of an inline command. Written by: both. */
#define VOP_COPIER_COMMAND_1			0x01004u
#define VOP_COPIER_COMMAND_1_COUNT		8
#define VOP_COPIER_COMMAND_1_STRIDE		0x80u
#define VOP_COPIER_COMMAND_1_VALUE_MASK		0xffffffffu

/* Word 2 of an inline command. Written by: both. */
#define VOP_COPIER_COMMAND_2			0x01008u
#define VOP_COPIER_COMMAND_2_COUNT		8
#define VOP_COPIER_COMMAND_2_STRIDE		0x80u
#define VOP_COPIER_COMMAND_2_VALUE_MASK		0xffffffffu

/* Word 3 of an inline command. Written by: both. */
#define VOP_COPIER_COMMAND_3			0x0100cu
#define VOP_COPIER_COMMAND_3_COUNT		8
#define VOP_COPIER_COMMAND_3_STRIDE		0x80u
#define VOP_COPIER_COMMAND_3_VALUE_MASK		0xffffffffu

/* Word 4 of an inline command. Written by: both. */
#define VOP_COPIER_COMMAND_4			0x01010u
#define VOP_COPIER_COMMAND_4_COUNT		8
#define VOP_COPIER_COMMAND_4_STRIDE		0x80u
#define VOP_COPIER_COMMAND_4_VALUE_MASK		0xffffffffu

/* Word 5 of an inline command. Written by: both. */
#define VOP_COPIER_COMMAND_5			0x01014u
#define VOP_COPIER_COMMAND_5_COUNT		8
#define VOP_COPIER_COMMAND_5_STRIDE		0x80u
#define VOP_COPIER_COMMAND_5_VALUE_MASK		0xffffffffu

/* Word 6 of an inline command. Written by: both. */
#define VOP_COPIER_COMMAND_6			0x01018u
#define VOP_COPIER_COMMAND_6_COUNT		8
#define VOP_COPIER_COMMAND_6_STRIDE		0x80u
#define VOP_COPIER_COMMAND_6_VALUE_MASK		0xffffffffu

/*
 * Word 7 of an inline command; writing it submits the command. Written by:
 * both.
 */
#define VOP_COPIER_COMMAND_7			0x0101cu
#define VOP_COPIER_COMMAND_7_COUNT		8
#define VOP_COPIER_COMMAND_7_STRIDE		0x80u
#define VOP_COPIER_COMMAND_7_VALUE_MASK		0xffffffffu

/* State control. Written by: both. */
#define VOP_COPIER_CONTROL			0x01020u
#define VOP_COPIER_CONTROL_COUNT		8
#define VOP_COPIER_CONTROL_STRIDE		0x80u
#define VOP_COPIER_CONTROL_ENABLE_MASK		0x00000001u
#define VOP_COPIER_CONTROL_RESET_MASK		0x00000002u

/* State. Written by: both. */
#define VOP_COPIER_STATUS			0x01024u
#define VOP_COPIER_STATUS_COUNT			8
#define VOP_COPIER_STATUS_STRIDE		0x80u
#define VOP_COPIER_STATUS_STATE_MASK		0x00000003u
#define VOP_COPIER_STATUS_HELD_MASK		0x0000ff00u
#define VOP_COPIER_STATUS_ERROR_MASK		0x00ff0000u

/* Progress. Written by: both. */
#define VOP_COPIER_SEQUENCE			0x01028u
#define VOP_COPIER_SEQUENCE_COUNT		8
#define VOP_COPIER_SEQUENCE_STRIDE		0x80u
#define VOP_COPIER_SEQUENCE_COUNT_MASK		0xffffffffu

/* Address of the record ring, low half. Written by: both. */
#define VOP_COPIER_RECORD_LO			0x0102cu
#define VOP_COPIER_RECORD_LO_COUNT		8
#define VOP_COPIER_RECORD_LO_STRIDE		0x80u
#define VOP_COPIER_RECORD_LO_VALUE_MASK		0xffffffffu

/* Address of the record ring, high half. Written by: both. */
#define VOP_COPIER_RECORD_HI			0x01030u
#define VOP_COPIER_RECORD_HI_COUNT		8
#define VOP_COPIER_RECORD_HI_STRIDE		0x80u
#define VOP_COPIER_RECORD_HI_VALUE_MASK		0xffffffffu

/* Shape of the record ring. Written by: both. */
#define VOP_COPIER_RECORD_CONFIG		0x01034u
#define VOP_COPIER_RECORD_CONFIG_COUNT		8
#define VOP_COPIER_RECORD_CONFIG_STRIDE		0x80u
#define VOP_COPIER_RECORD_CONFIG_ENTRIES_LOG2_MASK	0x0000000fu
#define VOP_COPIER_RECORD_CONFIG_VECTOR_MASK	0x00001f00u

/* Command ring. Written by: both. */
#define VOP_COPIER_RING_BASE			0x01038u
#define VOP_COPIER_RING_BASE_COUNT		8
#define VOP_COPIER_RING_BASE_STRIDE		0x80u
#define VOP_COPIER_RING_BASE_ADDRESS_MASK	0xffffffffu

/* Shape of the command ring. Written by: both. */
#define VOP_COPIER_RING_CONFIG			0x0103cu
#define VOP_COPIER_RING_CONFIG_COUNT		8
#define VOP_COPIER_RING_CONFIG_STRIDE		0x80u
#define VOP_COPIER_RING_CONFIG_ENTRIES_LOG2_MASK	0x0000000fu

/* Doorbell of the command ring. Written by: both. */
#define VOP_COPIER_RING_TAIL			0x01040u
#define VOP_COPIER_RING_TAIL_COUNT		8
#define VOP_COPIER_RING_TAIL_STRIDE		0x80u
#define VOP_COPIER_RING_TAIL_INDEX_MASK		0x0000ffffu

/* Progress in the command ring. Written by: both. */
#define VOP_COPIER_RING_HEAD			0x01044u
#define VOP_COPIER_RING_HEAD_COUNT		8
#define VOP_COPIER_RING_HEAD_STRIDE		0x80u
#define VOP_COPIER_RING_HEAD_INDEX_MASK		0x0000ffffu

/*
 * Interrupt coalescing. A failure interrupts at once, whether asked for or not.
 * An interrupt may come a little behind the end of its command. Written by:
 * both.
 */
#define VOP_COPIER_COALESCE			0x01048u
#define VOP_COPIER_COALESCE_COUNT		8
#define VOP_COPIER_COALESCE_STRIDE		0x80u
#define VOP_COPIER_COALESCE_COUNT_MASK		0x000000ffu
#define VOP_COPIER_COALESCE_TICKS_MASK		0x00ffff00u

/* `arm` in one store. Written by: both. */
#define VOP_COPIER_ARM				0x0104cu
#define VOP_COPIER_ARM_COUNT			8
#define VOP_COPIER_ARM_STRIDE			0x80u
#define VOP_COPIER_ARM_VALUE_MASK		0x0000ffffu
#define VOP_COPIER_ARM_CONTEXT_MASK		0xffff0000u

/*
 * `complete` in one 8-byte store: first half. No other command may be written
 * to the channel before the second. Written by: both.
 */
#define VOP_COPIER_COMPLETE_ID			0x01050u
#define VOP_COPIER_COMPLETE_ID_COUNT		8
#define VOP_COPIER_COMPLETE_ID_STRIDE		0x80u
#define VOP_COPIER_COMPLETE_ID_USED_ID_MASK	0x0000ffffu
#define VOP_COPIER_COMPLETE_ID_CONTEXT_MASK	0xffff0000u

/*
 * `complete` in one 8-byte store: second half; writing it submits the command,
 * without record and interrupt of its own. Written by: both.
 */
#define VOP_COPIER_COMPLETE_LEN			0x01054u
#define VOP_COPIER_COMPLETE_LEN_COUNT		8
#define VOP_COPIER_COMPLETE_LEN_STRIDE		0x80u
#define VOP_COPIER_COMPLETE_LEN_USED_LEN_MASK	0xffffffffu

/*
 * Block msix: MSI-X table and pending bits, as PCIe Base 4.0, 7.7.2 lays them
 * out.
 */
#define VOP_MSIX_BLOCK				0x02000u
#define VOP_MSIX_BLOCK_BYTES			0x400u

/* Message Address of entry n, low half. Written by: host. */
#define VOP_MSIX_ADDRESS_LO			0x02000u
#define VOP_MSIX_ADDRESS_LO_COUNT		32
#define VOP_MSIX_ADDRESS_LO_STRIDE		0x10u
#define VOP_MSIX_ADDRESS_LO_VALUE_MASK		0xffffffffu

/* Message Upper Address of entry n. Written by: host. */
#define VOP_MSIX_ADDRESS_HI			0x02004u
#define VOP_MSIX_ADDRESS_HI_COUNT		32
#define VOP_MSIX_ADDRESS_HI_STRIDE		0x10u
#define VOP_MSIX_ADDRESS_HI_VALUE_MASK		0xffffffffu

/* Message Data of entry n. Written by: host. */
#define VOP_MSIX_DATA				0x02008u
#define VOP_MSIX_DATA_COUNT			32
#define VOP_MSIX_DATA_STRIDE			0x10u
#define VOP_MSIX_DATA_VALUE_MASK		0xffffffffu

/* Vector Control of entry n. Written by: host. */
#define VOP_MSIX_CONTROL			0x0200cu
#define VOP_MSIX_CONTROL_COUNT			32
#define VOP_MSIX_CONTROL_STRIDE			0x10u
#define VOP_MSIX_CONTROL_MASKED_MASK		0x00000001u

/* Pending Bit Array. Written by: host. */
#define VOP_MSIX_PENDING_LO			0x02200u
#define VOP_MSIX_PENDING_LO_VECTORS_MASK	0xffffffffu

/* Pending Bit Array, entries 32 to 63: none. Written by: host. */
#define VOP_MSIX_PENDING_HI			0x02204u
#define VOP_MSIX_PENDING_HI_VECTORS_MASK	0xffffffffu

/* Block timer: Machine timer, laid out like a SiFive CLINT. */
#define VOP_TIMER_BLOCK				0x10000u
#define VOP_TIMER_BLOCK_BYTES			0x10000u

/* Software interrupt. Written by: card. */
#define VOP_TIMER_MSIP				0x10000u
#define VOP_TIMER_MSIP_PENDING_MASK		0x00000001u

/* Time of the next timer interrupt, low half. Written by: card. */
#define VOP_TIMER_MTIMECMP_LO			0x14000u
#define VOP_TIMER_MTIMECMP_LO_VALUE_MASK	0xffffffffu

/* Time of the next timer interrupt, high half. Written by: card. */
#define VOP_TIMER_MTIMECMP_HI			0x14004u
#define VOP_TIMER_MTIMECMP_HI_VALUE_MASK	0xffffffffu

/* Time since reset, low half. Written by: card. */
#define VOP_TIMER_MTIME_LO			0x1bff8u
#define VOP_TIMER_MTIME_LO_VALUE_MASK		0xffffffffu

/* Time since reset, high half. Written by: card. */
#define VOP_TIMER_MTIME_HI			0x1bffcu
#define VOP_TIMER_MTIME_HI_VALUE_MASK		0xffffffffu

/* Block intc: Interrupt lines, and the register that the CPU parks on. */
#define VOP_INTC_BLOCK				0x20000u
#define VOP_INTC_BLOCK_BYTES			0x100u

/* Lines that are high now, enabled or not. Written by: card. */
#define VOP_INTC_PENDING			0x20000u
#define VOP_INTC_PENDING_LINES_MASK		0xffffffffu

/* Lines that reach the CPU. Written by: card. */
#define VOP_INTC_ENABLE				0x20004u
#define VOP_INTC_ENABLE_LINES_MASK		0xffffffffu

/* Clears the latched lines `copier` and `used`. Written by: card. */
#define VOP_INTC_CLEAR				0x20008u
#define VOP_INTC_CLEAR_LINES_MASK		0xffffffffu

/*
 * Reading it answers only when an enabled line is high, or the timer or
 * software interrupt is pending: the CPU parks here, as its `wfi` does not
 * wait. Written by: card.
 */
#define VOP_INTC_WAIT				0x2000cu
#define VOP_INTC_WAIT_PENDING_MASK		0xffffffffu

/* Block uart: Serial line, 8 data bits, no parity, 1 stop bit. */
#define VOP_UART_BLOCK				0x21000u
#define VOP_UART_BLOCK_BYTES			0x100u

/* Character. Written by: card. */
#define VOP_UART_DATA				0x21000u
#define VOP_UART_DATA_SENT_MASK			0x000000ffu
#define VOP_UART_DATA_RECEIVED_MASK		0x000000ffu

/* State of both directions. Written by: card. */
#define VOP_UART_STATUS				0x21004u
#define VOP_UART_STATUS_TX_READY_MASK		0x00000001u
#define VOP_UART_STATUS_RX_VALID_MASK		0x00000002u
#define VOP_UART_STATUS_RX_OVERRUN_MASK		0x00000004u

/* Clock cycles per bit. Written by: card. */
#define VOP_UART_DIVISOR			0x21008u
#define VOP_UART_DIVISOR_CYCLES_MASK		0x0000ffffu

/* Start of the device page (mic_bootparam). */
struct vop_bootparam {
	/* `vop.magic`. Written by: host. */
	uint32_t magic_le;
	/* Doorbell for configuration changes; -1 = none. Written by: card. */
	int8_t h2c_config_db;
	/* Number of the host + 1. Written by: host. */
	uint8_t node_id;
	/* Unused: SCIF. Written by: host. */
	uint8_t h2c_scif_db;
	/* Unused: SCIF. Written by: host. */
	uint8_t c2h_scif_db;
	/* Unused: SCIF. Written by: host. */
	uint64_t scif_host_dma_addr_le;
	/* Unused: SCIF. Written by: card. */
	uint64_t scif_card_dma_addr_le;
};

_Static_assert(sizeof(struct vop_bootparam) == 24,
	       "size of vop_bootparam");
_Static_assert(__builtin_offsetof(struct vop_bootparam, magic_le) == 0,
	       "offset of vop_bootparam.magic_le");
_Static_assert(__builtin_offsetof(struct vop_bootparam, h2c_config_db) == 4,
	       "offset of vop_bootparam.h2c_config_db");
_Static_assert(__builtin_offsetof(struct vop_bootparam, node_id) == 5,
	       "offset of vop_bootparam.node_id");
_Static_assert(__builtin_offsetof(struct vop_bootparam, h2c_scif_db) == 6,
	       "offset of vop_bootparam.h2c_scif_db");
_Static_assert(__builtin_offsetof(struct vop_bootparam, c2h_scif_db) == 7,
	       "offset of vop_bootparam.c2h_scif_db");
_Static_assert(__builtin_offsetof(struct vop_bootparam, scif_host_dma_addr_le) == 8,
	       "offset of vop_bootparam.scif_host_dma_addr_le");
_Static_assert(__builtin_offsetof(struct vop_bootparam, scif_card_dma_addr_le) == 16,
	       "offset of vop_bootparam.scif_card_dma_addr_le");

/* Head of a descriptor block (mic_device_desc). */
struct vop_device_desc {
	/* virtio device id; 0 = end of the list, -1 = removed. Written by: host. */
	int8_t type;
	/* Queues. Written by: host. */
	uint8_t num_vq;
	/* Bytes of each of the two feature bitmaps. Written by: host. */
	uint8_t feature_len;
	/* Bytes of configuration space. Written by: host. */
	uint8_t config_len;
	/* virtio device status. Written by: card. */
	uint8_t status;
	/* Zero. Written by: host. */
	uint8_t padding[3];
};

_Static_assert(sizeof(struct vop_device_desc) == 8,
	       "size of vop_device_desc");
_Static_assert(__builtin_offsetof(struct vop_device_desc, type) == 0,
	       "offset of vop_device_desc.type");
_Static_assert(__builtin_offsetof(struct vop_device_desc, num_vq) == 1,
	       "offset of vop_device_desc.num_vq");
_Static_assert(__builtin_offsetof(struct vop_device_desc, feature_len) == 2,
	       "offset of vop_device_desc.feature_len");
_Static_assert(__builtin_offsetof(struct vop_device_desc, config_len) == 3,
	       "offset of vop_device_desc.config_len");
_Static_assert(__builtin_offsetof(struct vop_device_desc, status) == 4,
	       "offset of vop_device_desc.status");
_Static_assert(__builtin_offsetof(struct vop_device_desc, padding) == 5,
	       "offset of vop_device_desc.padding");

/* One queue (mic_vqconfig). */
struct vop_vqconfig {
	/* Host bus address of the vring. Written by: host. */
	uint64_t address_le;
	/* Card address of the used ring. Written by: card. */
	uint64_t used_address_le;
	/* Entries. Written by: host. */
	uint16_t num_le;
	/*
	 * See constants `vqconfig_flags`; padding in v5.9. Written before
	 * `used_address_updated`. Written by: card.
	 */
	uint8_t flags;
	/* Zero. Written by: host. */
	uint8_t padding_0;
	/* Zero. Written by: host. */
	uint16_t padding_1_le[2];
};

_Static_assert(sizeof(struct vop_vqconfig) == 24,
	       "size of vop_vqconfig");
_Static_assert(__builtin_offsetof(struct vop_vqconfig, address_le) == 0,
	       "offset of vop_vqconfig.address_le");
_Static_assert(__builtin_offsetof(struct vop_vqconfig, used_address_le) == 8,
	       "offset of vop_vqconfig.used_address_le");
_Static_assert(__builtin_offsetof(struct vop_vqconfig, num_le) == 16,
	       "offset of vop_vqconfig.num_le");
_Static_assert(__builtin_offsetof(struct vop_vqconfig, flags) == 18,
	       "offset of vop_vqconfig.flags");
_Static_assert(__builtin_offsetof(struct vop_vqconfig, padding_0) == 19,
	       "offset of vop_vqconfig.padding_0");
_Static_assert(__builtin_offsetof(struct vop_vqconfig, padding_1_le) == 20,
	       "offset of vop_vqconfig.padding_1_le");

/* End of a descriptor block (mic_device_ctrl). */
struct vop_device_ctrl {
	/* A cookie of the guest; never dereferenced. Written by: card. */
	uint64_t vdev_le;
	/* `ConfigChange`. Written by: host. */
	uint8_t config_change;
	/* 1: the guest asks for a device reset. Written by: card. */
	uint8_t vdev_reset;
	/* 1: the guest has seen `config_change`. Written by: card. */
	uint8_t guest_ack;
	/* 1: the host has reset the device. Written by: host. */
	uint8_t host_ack;
	/* 1: new `used_address`; the host clears it. Written by: card. */
	uint8_t used_address_updated;
	/* Vector that the guest raises; -1 = none. Written by: host. */
	int8_t c2h_vdev_db;
	/* Doorbell that the host rings; -1 = none. Written by: card. */
	int8_t h2c_vdev_db;
	/* Zero. Written by: host. */
	uint8_t padding;
};

_Static_assert(sizeof(struct vop_device_ctrl) == 16,
	       "size of vop_device_ctrl");
_Static_assert(__builtin_offsetof(struct vop_device_ctrl, vdev_le) == 0,
	       "offset of vop_device_ctrl.vdev_le");
_Static_assert(__builtin_offsetof(struct vop_device_ctrl, config_change) == 8,
	       "offset of vop_device_ctrl.config_change");
_Static_assert(__builtin_offsetof(struct vop_device_ctrl, vdev_reset) == 9,
	       "offset of vop_device_ctrl.vdev_reset");
_Static_assert(__builtin_offsetof(struct vop_device_ctrl, guest_ack) == 10,
	       "offset of vop_device_ctrl.guest_ack");
_Static_assert(__builtin_offsetof(struct vop_device_ctrl, host_ack) == 11,
	       "offset of vop_device_ctrl.host_ack");
_Static_assert(__builtin_offsetof(struct vop_device_ctrl, used_address_updated) == 12,
	       "offset of vop_device_ctrl.used_address_updated");
_Static_assert(__builtin_offsetof(struct vop_device_ctrl, c2h_vdev_db) == 13,
	       "offset of vop_device_ctrl.c2h_vdev_db");
_Static_assert(__builtin_offsetof(struct vop_device_ctrl, h2c_vdev_db) == 14,
	       "offset of vop_device_ctrl.h2c_vdev_db");
_Static_assert(__builtin_offsetof(struct vop_device_ctrl, padding) == 15,
	       "offset of vop_device_ctrl.padding");

/*
 * Behind the vring in host memory (_mic_vring_info), at vring_size(num, 4096),
 * rounded up to 4 where `info_align` is 4. In v5.9.0 it may be misaligned: it
 * is accessed byte by byte.
 */
struct vop_vring_info {
	/* Avail entries that the device end has consumed. Written by: host. */
	uint16_t avail_idx_le;
	/* Unused. Written by: host. */
	uint16_t padding_le;
	/* Magic + virtio id + queue index. Written by: host. */
	uint32_t cookie_le;
};

_Static_assert(sizeof(struct vop_vring_info) == 8,
	       "size of vop_vring_info");
_Static_assert(__builtin_offsetof(struct vop_vring_info, avail_idx_le) == 0,
	       "offset of vop_vring_info.avail_idx_le");
_Static_assert(__builtin_offsetof(struct vop_vring_info, padding_le) == 2,
	       "offset of vop_vring_info.padding_le");
_Static_assert(__builtin_offsetof(struct vop_vring_info, cookie_le) == 4,
	       "offset of vop_vring_info.cookie_le");

/*
 * One command, as written to a channel's inline registers or to its ring. Words
 * that a command does not use must be zero.
 */
struct vop_copier_command {
	/* See constants `command_bits`. Written by: both. */
	uint32_t control_le;
	/*
	 * copy: bytes to move, 1 to `max_bytes`. chain: most bytes to move, 1 to
	 * `max_bytes`; the record tells how many there were. Written by: both.
	 */
	uint32_t bytes_le;
	/*
	 * copy: host bus address, any alignment. chain: the linear side: a host bus
	 * address, or a card address where the context's buffers lie in host memory.
	 * Both: a list of such, see `list_lsb`. Written by: both.
	 */
	uint64_t host_address_le;
	/*
	 * copy: byte address in card RAM, any alignment. All others: address of the
	 * vring context, 64-byte aligned. Written by: both.
	 */
	uint32_t card_address_le;
	/* chain: head of the chain. Written by: both. */
	uint16_t head_le;
	/*
	 * copy, chain: entries of the list, 1 to `max_list`; 0 without one. Written by:
	 * both.
	 */
	uint16_t entries_le;
	/*
	 * complete: head of the finished chain. chain: bytes to skip at the start of
	 * its readable (or writable) part. arm: the avail index to be told of (event
	 * index), or the flags of the used ring. Written by: both.
	 */
	uint32_t used_id_le;
	/* complete: bytes written into the chain's buffers. Written by: both. */
	uint32_t used_len_le;
};

_Static_assert(sizeof(struct vop_copier_command) == 32,
	       "size of vop_copier_command");
_Static_assert(__builtin_offsetof(struct vop_copier_command, control_le) == 0,
	       "offset of vop_copier_command.control_le");
_Static_assert(__builtin_offsetof(struct vop_copier_command, bytes_le) == 4,
	       "offset of vop_copier_command.bytes_le");
_Static_assert(__builtin_offsetof(struct vop_copier_command, host_address_le) == 8,
	       "offset of vop_copier_command.host_address_le");
_Static_assert(__builtin_offsetof(struct vop_copier_command, card_address_le) == 16,
	       "offset of vop_copier_command.card_address_le");
_Static_assert(__builtin_offsetof(struct vop_copier_command, head_le) == 20,
	       "offset of vop_copier_command.head_le");
_Static_assert(__builtin_offsetof(struct vop_copier_command, entries_le) == 22,
	       "offset of vop_copier_command.entries_le");
_Static_assert(__builtin_offsetof(struct vop_copier_command, used_id_le) == 24,
	       "offset of vop_copier_command.used_id_le");
_Static_assert(__builtin_offsetof(struct vop_copier_command, used_len_le) == 28,
	       "offset of vop_copier_command.used_len_le");

/* How a command ended. Written whole, in one posted write. */
struct vop_copier_record {
	/* See constants `record_bits`. Written by: card. */
	uint32_t control_le;
	/*
	 * copy, chain: bytes moved. publish: avail entries published. arm: entries
	 * published beyond the index, 0 where the vector was not raised. Written by:
	 * card.
	 */
	uint32_t bytes_le;
	/*
	 * Commands ended on this channel since its reset, this one included. Written
	 * by: card.
	 */
	uint32_t sequence_le;
	/* Zero. Written by: card. */
	uint32_t reserved_le;
};

_Static_assert(sizeof(struct vop_copier_record) == 16,
	       "size of vop_copier_record");
_Static_assert(__builtin_offsetof(struct vop_copier_record, control_le) == 0,
	       "offset of vop_copier_record.control_le");
_Static_assert(__builtin_offsetof(struct vop_copier_record, bytes_le) == 4,
	       "offset of vop_copier_record.bytes_le");
_Static_assert(__builtin_offsetof(struct vop_copier_record, sequence_le) == 8,
	       "offset of vop_copier_record.sequence_le");
_Static_assert(__builtin_offsetof(struct vop_copier_record, reserved_le) == 12,
	       "offset of vop_copier_record.reserved_le");

/*
 * A virtqueue as the copier sees it. It lies in card RAM, 64-byte aligned; for
 * a ring of VOP directly behind the used ring, at used_address + align64(6 + 8
 * * num). Software fills it; the copier writes `published` and `used_idx`, and
 * where the descriptor table or the avail ring lies in host memory it keeps in
 * the last 16 bytes what it reads of them: there is no `push` then.
 */
struct vop_vring_context {
	/* Card address of the descriptor table; 16-byte aligned. Written by: card. */
	uint32_t desc_card_le;
	/* Card address of the avail ring; 4-byte aligned. Written by: card. */
	uint32_t avail_card_le;
	/* Card address of the used ring; 4-byte aligned. Written by: card. */
	uint32_t used_card_le;
	/* Entries of the ring: a power of two, 2 to 32768. Written by: card. */
	uint16_t num_le;
	/* See constants `vring_flags`. Written by: card. */
	uint16_t flags_le;
	/*
	 * Host bus address of the descriptor table: the mirror that `publish` writes,
	 * or the table itself (`desc_in_host`). Written by: card.
	 */
	uint64_t desc_host_le;
	/* Host bus address of the avail ring, likewise. Written by: card. */
	uint64_t avail_host_le;
	/*
	 * Vector that `publish` and `arm` raise, and `complete` where the driver is the
	 * host's; 0 to 31. Written by: card.
	 */
	uint8_t vector;
	/* Log2 of the bytes of a push slot, 6 to 16. Written by: card. */
	uint8_t push_slot_log2;
	/* Zero. Written by: card. */
	uint16_t reserved_0_le;
	/* Avail index as last published; starts at 0. Written by: card. */
	uint16_t published_le;
	/* Used index as last written; starts at 0. Written by: card. */
	uint16_t used_idx_le;
	/*
	 * Host bus address of the used ring (`used_in_host`), 4-byte aligned. Written
	 * by: card.
	 */
	uint64_t used_host_le;
	/*
	 * Host bus address of the push area (`push`), 64-byte aligned: `num` slots,
	 * that of a chain at head * (1 << push_slot_log2). Written by: card.
	 */
	uint64_t push_host_le;
	/* Zero. Written by: card. */
	uint64_t reserved_1_le;
};

_Static_assert(sizeof(struct vop_vring_context) == 64,
	       "size of vop_vring_context");
_Static_assert(__builtin_offsetof(struct vop_vring_context, desc_card_le) == 0,
	       "offset of vop_vring_context.desc_card_le");
_Static_assert(__builtin_offsetof(struct vop_vring_context, avail_card_le) == 4,
	       "offset of vop_vring_context.avail_card_le");
_Static_assert(__builtin_offsetof(struct vop_vring_context, used_card_le) == 8,
	       "offset of vop_vring_context.used_card_le");
_Static_assert(__builtin_offsetof(struct vop_vring_context, num_le) == 12,
	       "offset of vop_vring_context.num_le");
_Static_assert(__builtin_offsetof(struct vop_vring_context, flags_le) == 14,
	       "offset of vop_vring_context.flags_le");
_Static_assert(__builtin_offsetof(struct vop_vring_context, desc_host_le) == 16,
	       "offset of vop_vring_context.desc_host_le");
_Static_assert(__builtin_offsetof(struct vop_vring_context, avail_host_le) == 24,
	       "offset of vop_vring_context.avail_host_le");
_Static_assert(__builtin_offsetof(struct vop_vring_context, vector) == 32,
	       "offset of vop_vring_context.vector");
_Static_assert(__builtin_offsetof(struct vop_vring_context, push_slot_log2) == 33,
	       "offset of vop_vring_context.push_slot_log2");
_Static_assert(__builtin_offsetof(struct vop_vring_context, reserved_0_le) == 34,
	       "offset of vop_vring_context.reserved_0_le");
_Static_assert(__builtin_offsetof(struct vop_vring_context, published_le) == 36,
	       "offset of vop_vring_context.published_le");
_Static_assert(__builtin_offsetof(struct vop_vring_context, used_idx_le) == 38,
	       "offset of vop_vring_context.used_idx_le");
_Static_assert(__builtin_offsetof(struct vop_vring_context, used_host_le) == 40,
	       "offset of vop_vring_context.used_host_le");
_Static_assert(__builtin_offsetof(struct vop_vring_context, push_host_le) == 48,
	       "offset of vop_vring_context.push_host_le");
_Static_assert(__builtin_offsetof(struct vop_vring_context, reserved_1_le) == 56,
	       "offset of vop_vring_context.reserved_1_le");

#endif /* VOP_REGS_VOP_REGS_H */

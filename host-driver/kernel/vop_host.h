/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The objects of vop_host, who owns them, and what each file offers the others.
 *
 * struct vop_host is one card. It owns the device page, the copier channel, the
 * guard windows and the vectors; it lives until the last open file is closed,
 * its hardware only until vop_host_remove() returns. struct vop_vdev is one
 * virtio device, owned by one open file.
 *
 * Locks, outermost first: vop_host.test_lock (one step of a self-test),
 * vop_vdev.config_lock (long handshakes), vop_vdev.lock
 * (state), vop_host.lock (slots, guard windows, limbo), vop_vring.lock (one
 * transfer), vop_channel.lock (submitters), then the spinlocks. mmap() runs
 * under the caller's mmap_lock and takes map_lock only.
 */
#ifndef VOP_HOST_H
#define VOP_HOST_H

#include <linux/bitmap.h>
#include <linux/bits.h>
#include <linux/dma-mapping.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/spinlock.h>
#include <linux/virtio_ring.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "regs/vop_regs.h"
#include "uapi/vop.h"
#include "vop_host_chain.h"
#include "vop_host_timeouts.h"

#define VOP_HOST_NAME		"vop_host"
#define VOP_FIRMWARE_NAME	"vop/card.bin"

#define VOP_BAR_REGISTERS	0
#define VOP_BAR_APERTURE	2

#define VOP_MAX_VECTORS		32
#define VOP_VECTOR_LINK		0
#define VOP_VECTOR_RECORDS	1
#define VOP_VECTOR_VDEVS	2

/* Blocks of the smallest possible length that fit the device page. */
#define VOP_MAX_SLOTS							\
	((VOP_DEVICE_PAGE_BYTES - sizeof(struct vop_bootparam)) /	\
	 (sizeof(struct vop_device_desc) + sizeof(struct vop_device_ctrl)))

#define VOP_RECORDS_LOG2	8
#define VOP_RECORDS		BIT(VOP_RECORDS_LOG2)
/* Most commands held, whatever depth a card claims. A power of two. */
#define VOP_MAX_HELD		32

/*
 * Bytes that the card pushes of each request: all of most 9P requests, and 64
 * KiB of host memory for a full ring.
 */
#define VOP_PUSH_SLOT_LOG2	9

/* Replies up to this are stored to card RAM; longer ones are read by the card. */
#define VOP_STORE_BYTES		128

/**
 * enum vop_host_state - how far the card is
 * @VOP_HOST_OFFLINE: not started, late, or it has withdrawn h2c_config_db; it may
 *	still come online
 * @VOP_HOST_BOOTING: its CPU runs, h2c_config_db is not published yet
 * @VOP_HOST_ONLINE: it has published h2c_config_db
 * @VOP_HOST_REFUSED: its firmware refused the device page. Final.
 * @VOP_HOST_CRASHED: its firmware trapped, its copier hangs, or it did not start
 *	again after a self-test. Final.
 * @VOP_HOST_GONE: it answers with all ones, or the driver leaves. Final.
 */
enum vop_host_state {
	VOP_HOST_OFFLINE,
	VOP_HOST_BOOTING,
	VOP_HOST_ONLINE,
	VOP_HOST_REFUSED,
	VOP_HOST_CRASHED,
	VOP_HOST_GONE,
};

/* Counters of a card, one sysfs file each: see vop_host_sysfs.c. */
enum vop_counter {
	VOP_COUNT_INTERRUPTS,
	VOP_COUNT_COMMANDS,
	VOP_COUNT_TO_CARD_BYTES,
	VOP_COUNT_TO_HOST_BYTES,
	VOP_COUNT_CHAINS,
	VOP_COUNT_CHANNEL_RESETS,
	VOP_COUNT_LATE,
	VOP_COUNT_PEER_ERRORS,
	VOP_COUNTERS,
};

/* Faults of a virtio driver other than those of its chains. */
enum vop_peer_fault {
	VOP_PEER_BAD_USED_ADDRESS,
	VOP_PEER_BAD_FEATURES,
	VOP_PEER_BAD_DOORBELL,
	VOP_PEER_FAULTS,
};

/**
 * struct vop_coherent - coherent memory that the card reaches
 * @va: its kernel address, NULL if there is none
 * @bus: its host bus address
 * @bytes: its size
 */
struct vop_coherent {
	void *va;
	dma_addr_t bus;
	size_t bytes;
};

/**
 * struct vop_pending - a command under way
 * @batch: who waits for it, or NULL
 * @vdev: whose used element it writes, where nobody waits, or NULL
 * @queue: of @vdev
 */
struct vop_pending {
	struct vop_batch *batch;
	struct vop_vdev *vdev;
	unsigned int queue;
};

/**
 * struct vop_channel - a copier channel of the host
 * @lock: serialises submitters and resets
 * @reap_lock: guards what the interrupt handler changes: all below
 * @wait: woken when commands end or the channel fails
 * @records: the record ring
 * @pending: whose command it is, by submission modulo VOP_MAX_HELD
 * @first: value of @submitted when the channel was last set up
 * @submitted: commands written to the channel, running
 * @ended: commands accounted for, running
 * @position: next record's slot
 * @phase: that record's phase bit when it is new
 * @depth: most commands held
 * @failed: stopped until it is reset
 * @dead: stopped for good
 */
struct vop_channel {
	struct mutex lock; /* submitters and resets */
	spinlock_t reap_lock; /* against the interrupt handler */
	wait_queue_head_t wait;
	struct vop_coherent records;
	struct vop_pending pending[VOP_MAX_HELD];
	u32 first;
	u32 submitted;
	u32 ended;
	u32 position;
	bool phase;
	u8 depth;
	bool failed;
	bool dead;
};

/**
 * struct vop_batch - commands that succeed or fail together
 * @host: the card
 * @held: the latest command, not submitted yet
 * @has_held: there is one
 * @left: commands submitted and not ended
 * @error: 0, or why the batch failed; nothing more is submitted then
 */
struct vop_batch {
	struct vop_host *host;
	struct vop_copier_command held;
	bool has_held;
	unsigned int left;
	int error;
};

/**
 * struct vop_slot - a block's place in the device page
 * @offset: from the start of the page
 * @bytes: length of the block, device control included; never changes
 * @used: occupied, or never to be used again
 * @published: it has held a device: the end of the list lies behind it
 * @rests_until: in jiffies: not used again before
 */
struct vop_slot {
	u16 offset;
	u16 bytes;
	bool used;
	bool published;
	unsigned long rests_until;
};

/**
 * struct vop_vector - argument of a vector's handler
 * @host: the card
 * @index: number of the vector
 * @rung: interrupts since a self-test cleared it
 */
struct vop_vector {
	struct vop_host *host;
	unsigned int index;
	atomic_t rung;
};

/**
 * struct vop_host - one card
 * @ref: held by the driver's binding and by each open file
 * @pdev: the PCI function; its registers may be touched until remove() ends
 * @misc: /dev/vop_virtio<index>
 * @index: number of the card on this host
 * @name: "vop_virtio<index>"
 * @state_lock: guards changes of @state
 * @state: see enum vop_host_state; change it through vop_host_enter()
 * @leaving: no device is added any more
 * @deaf: a removal was late: do not wait for others while leaving
 * @registers: BAR0
 * @aperture: BAR2, write-combining
 * @ram_bytes: size of card RAM
 * @push_slot_log2: log2 of the bytes of a push slot, 0 if the card cannot push
 * @single_store: the card takes a used element in one store, and writes a
 *	record for every command that fails
 * @identity: the identity block as read when the card was probed
 * @vectors: MSI-X or MSI vectors granted and requested
 * @vector: argument of each vector's handler
 * @lock: guards @slot, @guard_used, @placed, @limbo
 * @page: the device page
 * @slot: places of blocks in it, in order
 * @slots: how many there are; they never go away
 * @guard_windows: windows that the card has
 * @guard_used: windows that are open
 * @placed: virtio devices that have a slot, until the last of it is undone
 * @limbo: removed ones, whose memory the card has not let go of
 * @vdevs_lock: guards @vdevs
 * @vdevs: virtio devices at which the interrupt handler looks
 * @channel: the copier channel
 * @workqueue: ordered; runs the three works
 * @follow_work: follows the card online and offline
 * @boot_work: watches a card that boots
 * @boot_deadline: in jiffies
 * @control_wait: woken by each interrupt: handshakes wait here
 * @test_lock: one step of a self-test at a time; guards @tester
 * @tester: the open file whose self-test has the card, or NULL
 * @testing: out of service, from the start of a self-test until the card boots
 *	again; changed under @lock
 * @test: host memory of the self-test
 * @test_ram: what was in card RAM before it, or NULL: where nobody loads firmware
 * @restart_work: boots the card after a self-test
 * @firmware_bytes: size of the image that was loaded
 * @firmware_crc: its CRC-32
 * @debugfs: directory of the card
 * @counter: what sysfs shows
 */
struct vop_host {
	struct kref ref;
	struct pci_dev *pdev;
	struct miscdevice misc;
	int index;
	char name[24];

	spinlock_t state_lock; /* changes of state */
	enum vop_host_state state;
	bool leaving;
	bool deaf;

	void __iomem *registers;
	void __iomem *aperture;
	u32 ram_bytes;
	u8 push_slot_log2;
	bool single_store;
	u32 identity[8];

	unsigned int vectors;
	struct vop_vector vector[VOP_MAX_VECTORS];

	struct mutex lock; /* slots, windows, placed, limbo */
	struct vop_coherent page;
	struct vop_slot slot[VOP_MAX_SLOTS];
	unsigned int slots;
	unsigned int guard_windows;
	DECLARE_BITMAP(guard_used, 256);
	struct list_head placed;
	struct list_head limbo;

	spinlock_t vdevs_lock; /* the list vdevs */
	struct list_head vdevs;

	struct vop_channel channel;

	struct workqueue_struct *workqueue;
	struct work_struct follow_work;
	struct delayed_work boot_work;
	unsigned long boot_deadline;
	wait_queue_head_t control_wait;

	struct mutex test_lock; /* one step of a self-test */
	const struct vop_vdev *tester;
	bool testing;
	struct vop_coherent test;
	void *test_ram;
	struct work_struct restart_work;

	size_t firmware_bytes;
	u32 firmware_crc;
	struct dentry *debugfs;
	atomic64_t counter[VOP_COUNTERS];
};

/**
 * struct vop_vring - device side of a split ring
 * @lock: one transfer at a time; guards all below but @seen_avail
 * @ring: the three parts in host memory; the used part is unused
 * @info: place of struct vop_vring_info, which may be misaligned
 * @bytes: what user space maps: rings and information block, in pages
 * @span: the same with the push area behind it
 * @push: the push area, one slot for each head, or NULL
 * @context_card: the vring context in card RAM, 0 while there is none
 * @last_avail: avail entries consumed
 * @seen_avail: avail index at the last interrupt; the handler's own
 * @broken: the card broke the ring: nothing goes until the driver resets
 * @pushes: the driver said that payload is in @push before its chain is popped
 * @in_progress: @chain is popped and not completed
 * @chain: the chain, as checked
 * @read: place in the chain's device-readable segments
 * @read_bytes: the same, in bytes
 * @write: place in its device-writable segments
 * @written_bytes: bytes written to the chain: used.len
 * @bounce: VOP_INT_DMA_BUF_BYTES that the copier reads and writes
 */
struct vop_vring {
	struct mutex lock; /* one transfer at a time */
	struct vring ring;
	void *info;
	size_t bytes;
	size_t span;
	void *push;
	u32 context_card;
	u16 last_avail;
	u16 seen_avail;
	bool broken;
	bool in_progress;
	bool was_reset; /* and no transfer has been told */
	bool pushes;
	struct vop_cursor read;
	u32 read_bytes;
	struct vop_cursor write;
	u32 written_bytes;
	struct vop_chain chain;
	struct vop_coherent bounce;
};

enum vop_vdev_state {
	VOP_VDEV_NEW,
	VOP_VDEV_ADDED,
	VOP_VDEV_REMOVED,
};

/**
 * struct vop_vdev - one virtio device, one open file
 * @ref: held by the file, and by whoever works on it without a lock
 * @host: the card, referenced
 * @node: on vop_host.vdevs
 * @place_node: on vop_host.placed, then perhaps on vop_host.limbo
 * @config_lock: serialises config change and removal, which wait for the card
 * @lock: guards @state and the short handshakes
 * @state: NEW, then ADDED, then REMOVED; never back
 * @head: type and lengths as checked; the page's copy is never trusted
 * @slot: its place in the device page; @desc, @vqconfig, @features, @config and
 *	@ctrl point into it
 * @desc: head of its block
 * @vqconfig: its queues
 * @features: feature bits, offered then accepted
 * @config: configuration space
 * @ctrl: device control
 * @offered: feature bits 0 to 63 as offered
 * @vector: which vector its driver raises
 * @rings: memory of all vrings, one guard window over it
 * @guard: that window, negative if there is none
 * @vr: its queues, head.num_vq of them in use
 * @poll_wait: pollers
 * @poll_wake: poll() reports this once
 * @control_work: answers its driver's handshakes. One for each device: it waits
 *	for transfers under way, and those for their user's memory.
 * @seen_status: status at the last interrupt; the handler's own
 * @map_lock: guards @mms, and the memory against mmap()
 * @file_mapping: of the open file, to take its mappings away
 * @mms: address spaces that have mapped it: struct vop_mm
 * @debugfs: its directory
 * @chain_fault: chains refused, by fault
 * @peer_fault: other faults of its driver
 * @to_card_bytes: bytes given to its driver
 * @to_host_bytes: bytes taken from its driver
 * @chains: chains completed
 */
struct vop_vdev {
	struct kref ref;
	struct vop_host *host;
	struct list_head node;
	struct list_head place_node;

	struct mutex config_lock; /* long handshakes */
	struct mutex lock; /* state, short handshakes */
	enum vop_vdev_state state;

	struct vop_device_desc head;
	struct vop_slot *slot;
	struct vop_device_desc *desc;
	struct vop_vqconfig *vqconfig;
	u8 *features;
	u8 *config;
	struct vop_device_ctrl *ctrl;
	u64 offered;
	unsigned int vector;

	struct vop_coherent rings;
	int guard;
	struct vop_vring vr[VOP_MAX_VRINGS];

	wait_queue_head_t poll_wait;
	atomic_t poll_wake;
	struct work_struct control_work;
	u8 seen_status;

	struct mutex map_lock; /* mms, and memory against mmap() */
	struct address_space *file_mapping;
	struct list_head mms;

	struct dentry *debugfs;
	atomic_t chain_fault[VOP_CHAIN_FAULTS];
	atomic_t peer_fault[VOP_PEER_FAULTS];
	atomic64_t to_card_bytes;
	atomic64_t to_host_bytes;
	atomic64_t chains;
};

/* vop_host_main.c */
extern unsigned int vop_info_align;
extern char *vop_firmware;
extern struct dentry *vop_debugfs_root;
extern const struct attribute_group *vop_host_groups[];

/* vop_host_pci.c */
int vop_host_probe(struct pci_dev *pdev, const struct pci_device_id *id);
void vop_host_remove(struct pci_dev *pdev);
void vop_host_shutdown(struct pci_dev *pdev);
extern const struct pci_error_handlers vop_host_error_handlers;
void vop_host_put(struct vop_host *host);
int vop_coherent_alloc(struct vop_host *host, struct vop_coherent *memory,
		       size_t bytes);
void vop_coherent_free(struct vop_host *host, struct vop_coherent *memory);

static inline u32 vop_read(const struct vop_host *host, u32 offset)
{
	return readl(host->registers + offset);
}

static inline void vop_write(const struct vop_host *host, u32 offset, u32 value)
{
	writel(value, host->registers + offset);
}

static inline void vop_count(struct vop_host *host, enum vop_counter counter,
			     u64 by)
{
	atomic64_add(by, &host->counter[counter]);
}

/* vop_host_boot.c */
int vop_boot_start(struct vop_host *host);
void vop_boot_stop(struct vop_host *host);
void vop_boot_work(struct work_struct *work);
bool vop_host_enter(struct vop_host *host, enum vop_host_state state);
void vop_host_lose(struct vop_host *host, enum vop_host_state state);
void vop_host_silence(struct vop_host *host);
void vop_host_check(struct vop_host *host);
void vop_host_follow(struct vop_host *host);
bool vop_host_must_follow(const struct vop_host *host);
void vop_host_follow_work(struct work_struct *work);
const char *vop_host_state_name(enum vop_host_state state);

static inline bool vop_host_is_lost(const struct vop_host *host)
{
	return READ_ONCE(host->state) >= VOP_HOST_REFUSED;
}

/* vop_host_guard.c */
void vop_guard_reset(struct vop_host *host);
int vop_guard_open(struct vop_host *host, dma_addr_t bus, size_t bytes);
void vop_guard_close(struct vop_host *host, int window);

/* vop_host_devpage.c */
void vop_devpage_init(struct vop_host *host);
s8 vop_devpage_config_db(const struct vop_host *host);
size_t vop_devpage_block_bytes(const struct vop_device_desc *head);
int vop_devpage_reserve(struct vop_vdev *vdev);
void vop_devpage_fill(struct vop_vdev *vdev, const u8 *block);
void vop_devpage_publish(struct vop_vdev *vdev);
bool vop_devpage_retire(struct vop_vdev *vdev, bool let_go);
long vop_devpage_config_change(struct vop_vdev *vdev, const u8 *config);
bool vop_devpage_ask_removal(struct vop_vdev *vdev);
u64 vop_devpage_accepted(const struct vop_vdev *vdev);

/* vop_host_doorbell.c */
bool vop_doorbell_ring(struct vop_host *host, s8 doorbell);
void vop_doorbell_ring_vdev(struct vop_vdev *vdev);
irqreturn_t vop_doorbell_rung(int irq, void *vector);

/* vop_host_copier.c */
int vop_copier_init(struct vop_host *host);
int vop_copier_start(struct vop_host *host);
void vop_copier_stop(struct vop_host *host);
void vop_copier_kill(struct vop_host *host);
int vop_copier_drain(struct vop_vdev *vdev);
void vop_copier_forget(struct vop_vdev *vdev);
bool vop_copier_complete(struct vop_vdev *vdev, unsigned int queue,
			 u32 context_card, u16 head, u32 written_bytes);
bool vop_batch_is_empty(const struct vop_batch *batch);
void vop_copier_reap(struct vop_host *host);
u32 vop_copier_vector(const struct vop_host *host);
void vop_copier_set_vector(struct vop_host *host, u32 vector);
void vop_batch_init(struct vop_batch *batch, struct vop_host *host);
int vop_batch_copy(struct vop_batch *batch, bool to_host, dma_addr_t bus,
		   u32 address_card, u32 bytes);
int vop_batch_complete(struct vop_batch *batch, u32 context_card, u16 head,
		       u32 written_bytes);
int vop_batch_wait(struct vop_batch *batch);

/* vop_host_vring.c */
int vop_vrings_alloc(struct vop_vdev *vdev, const struct vop_vqconfig *queues);
void vop_vrings_free(struct vop_vdev *vdev);
void vop_vring_reset(struct vop_vring *vr);
bool vop_vring_look(struct vop_vring *vr);
int vop_vring_take_used(struct vop_vdev *vdev, unsigned int index);
int vop_vring_pop(struct vop_vdev *vdev, struct vop_vring *vr);
void vop_vring_publish_info(struct vop_vring *vr);

/* vop_host_transfer.c */
int vop_transfer_step(struct vop_vdev *vdev, struct vop_copy_desc *copy,
		      bool compat);

/* vop_host_vdev.c */
struct vop_vdev *vop_vdev_create(struct vop_host *host);
void vop_vdev_put(struct vop_vdev *vdev);
int vop_vdev_add(struct vop_vdev *vdev, u8 *block);
void vop_vdev_remove(struct vop_vdev *vdev);
void vop_vdev_remove_all(struct vop_host *host);
void vop_vdev_free_limbo(struct vop_host *host);
void vop_vdev_look(struct vop_vdev *vdev);
int vop_vdev_check(const struct vop_vdev *vdev);
void vop_vdev_wake(struct vop_vdev *vdev);
void vop_vdev_break(struct vop_vdev *vdev);

/**
 * vop_peer_err() - report that the card broke the protocol
 * @vdev: the virtio device
 * @fmt: what was expected and what came
 *
 * One rate-limited message and one count per fault; the caller bumps the
 * fault's own debugfs counter and decides on NEEDS_RESET.
 */
#define vop_peer_err(vdev, fmt, ...)					\
do {									\
	struct vop_vdev *__vdev = (vdev);				\
	vop_count(__vdev->host, VOP_COUNT_PEER_ERRORS, 1);		\
	dev_err_ratelimited(&__vdev->host->pdev->dev,			\
			    "virtio device at %#x: " fmt "\n",		\
			    __vdev->slot->offset, ##__VA_ARGS__);	\
} while (0)

/* vop_host_selftest.c */
int vop_selftest_run(struct vop_vdev *vdev, struct vop_selftest *step);
void vop_selftest_release(const struct vop_vdev *vdev);
void vop_selftest_leave(struct vop_host *host);
void vop_selftest_restart_work(struct work_struct *work);

/* vop_host_cdev.c */
int vop_cdev_register(struct vop_host *host);
void vop_cdev_unregister(struct vop_host *host);

/* vop_host_mmap.c */
int vop_mmap(struct vop_vdev *vdev, struct vm_area_struct *vma);
void vop_mmap_revoke(struct vop_vdev *vdev);
void vop_mmap_forget(struct vop_vdev *vdev);

/* vop_host_debugfs.c */
#ifdef CONFIG_DEBUG_FS
void vop_debugfs_add_host(struct vop_host *host);
void vop_debugfs_add_vdev(struct vop_vdev *vdev);
#else
static inline void vop_debugfs_add_host(struct vop_host *host)
{
}

static inline void vop_debugfs_add_vdev(struct vop_vdev *vdev)
{
}
#endif

#endif /* VOP_HOST_H */

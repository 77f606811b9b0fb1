// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host's copier channel: commands out, completion records in.
 *
 * Commands go out by 8-byte stores; the last of a batch asks for a record, which
 * the card posts into host memory, so that nothing is ever read from the card.
 * Within the channel commands end in order, and a record counts them: it tells
 * of all before it, too. A command that fails has a record in any case, and
 * stops the channel: the ones behind it are dropped, and every batch with a
 * command under way fails. Whoever waits for such a batch resets the channel
 * before it returns, so that no memory is reused while the card may still write
 * to it.
 *
 * A used element that is alone in its batch goes out by one store, and nobody
 * waits for it. If it fails, its ring is broken.
 */
#include <linux/bitfield.h>
#include <linux/io-64-nonatomic-lo-hi.h>
#include <linux/iopoll.h>

#include "vop_host.h"

/* The host uses one channel, for all its virtio devices. */
#define VOP_CHANNEL		0

#define VOP_STATUS_POLL_US	50

static u32 vop_channel_register(u32 first)
{
	return first + VOP_CHANNEL * VOP_COPIER_LIMITS_CHANNEL_STRIDE;
}

/**
 * vop_copier_init() - allocate the record ring
 * @host: the card; its identity has been read
 *
 * Return: 0 or -ENOMEM.
 */
int vop_copier_init(struct vop_host *host)
{
	struct vop_channel *channel = &host->channel;
	u32 shape = host->identity[VOP_IDENTITY_COPIER / 4];
	u32 depth = FIELD_GET(VOP_IDENTITY_COPIER_QUEUE_DEPTH_MASK, shape);

	mutex_init(&channel->lock);
	spin_lock_init(&channel->reap_lock);
	init_waitqueue_head(&channel->wait);
	channel->depth = clamp_t(u32, depth, 1, VOP_MAX_HELD);
	return vop_coherent_alloc(host, &channel->records, VOP_RECORDS *
				  sizeof(struct vop_copier_record));
}

/**
 * vop_copier_vector() - the vector that tells of records
 * @host: the card
 *
 * Return: its number.
 */
u32 vop_copier_vector(const struct vop_host *host)
{
	return host->vectors > 1 ? VOP_VECTOR_RECORDS : VOP_VECTOR_LINK;
}

/**
 * vop_copier_set_vector() - have records told by a vector, until the next reset
 * @host: the card; no command is under way
 * @vector: a vector that was granted
 */
void vop_copier_set_vector(struct vop_host *host, u32 vector)
{
	u32 config = FIELD_PREP(VOP_COPIER_RECORD_CONFIG_ENTRIES_LOG2_MASK,
				VOP_RECORDS_LOG2) |
		     FIELD_PREP(VOP_COPIER_RECORD_CONFIG_VECTOR_MASK, vector);

	vop_write(host, vop_channel_register(VOP_COPIER_RECORD_CONFIG), config);
}

/* Sets a failed channel up that has just been reset. Nobody submits meanwhile. */
static void vop_channel_enable(struct vop_host *host)
{
	struct vop_channel *channel = &host->channel;

	memset(channel->records.va, 0, channel->records.bytes);
	channel->first = channel->submitted;
	channel->position = 0;
	channel->phase = true;

	vop_write(host, vop_channel_register(VOP_COPIER_RECORD_LO),
		  lower_32_bits(channel->records.bus));
	vop_write(host, vop_channel_register(VOP_COPIER_RECORD_HI),
		  upper_32_bits(channel->records.bus));
	vop_copier_set_vector(host, vop_copier_vector(host));
	vop_write(host, vop_channel_register(VOP_COPIER_CONTROL),
		  VOP_COPIER_CONTROL_ENABLE_MASK);
	spin_lock_irq(&channel->reap_lock);
	channel->failed = channel->dead;
	spin_unlock_irq(&channel->reap_lock);
}

/* Resets the channel and waits until it is idle: -ETIMEDOUT, -ENODEV. */
static int vop_channel_reset(struct vop_host *host)
{
	void __iomem *status =
		host->registers + vop_channel_register(VOP_COPIER_STATUS);
	unsigned long bound = vop_host_wait_jiffies(VOP_WAIT_CHANNEL_RESET);
	u32 value;
	int ret;

	vop_write(host, vop_channel_register(VOP_COPIER_CONTROL),
		  VOP_COPIER_CONTROL_RESET_MASK);
	/*
	 * Off the steady state, so the card is read. The answer also pushes
	 * the channel's last record and data into host memory.
	 */
	ret = read_poll_timeout(readl, value, value == U32_MAX ||
				!FIELD_GET(VOP_COPIER_STATUS_STATE_MASK, value),
				VOP_STATUS_POLL_US, jiffies_to_usecs(bound),
				false, status);
	return value == U32_MAX ? -ENODEV : ret;
}

/* Ends the oldest command under way. Holds reap_lock. */
static void vop_channel_end(struct vop_channel *channel, int error)
{
	struct vop_pending *pending =
		&channel->pending[channel->ended++ % VOP_MAX_HELD];
	struct vop_batch *batch = pending->batch;

	if (batch) {
		if (error)
			batch->error = error;
		/* Pairs with smp_load_acquire() in vop_batch_has_ended(). */
		smp_store_release(&batch->left, batch->left - 1);
	} else if (pending->vdev && error) {
		WRITE_ONCE(pending->vdev->vr[pending->queue].broken, true);
		vop_vdev_break(pending->vdev);
	}
}

/* Gives every command under way the same end. Holds reap_lock. */
static void vop_channel_fail(struct vop_channel *channel, int error)
{
	channel->failed = true;
	while (channel->ended != channel->submitted)
		vop_channel_end(channel, error);
	wake_up_all(&channel->wait);
}

/**
 * vop_copier_start() - bring the channel up, whatever an earlier driver left
 * @host: the card
 *
 * Return: 0, -ETIMEDOUT if the channel does not become idle, or -ENODEV.
 */
int vop_copier_start(struct vop_host *host)
{
	struct vop_channel *channel = &host->channel;
	int ret;

	/* While it is set up, no interrupt looks for records. */
	spin_lock_irq(&channel->reap_lock);
	vop_channel_fail(channel, -EIO);
	spin_unlock_irq(&channel->reap_lock);
	ret = vop_channel_reset(host);
	if (ret)
		dev_err(&host->pdev->dev, "copier: reset: %pe\n", ERR_PTR(ret));
	else
		vop_channel_enable(host);
	return ret;
}

/**
 * vop_copier_stop() - stop the channel for good, and wait until it is idle
 * @host: the card
 */
void vop_copier_stop(struct vop_host *host)
{
	vop_copier_kill(host);
	mutex_lock(&host->channel.lock);
	/* Firmware that crashed leaves the copier alive. */
	if (READ_ONCE(host->state) != VOP_HOST_GONE && vop_channel_reset(host))
		dev_warn(&host->pdev->dev, "copier channel does not stop\n");
	mutex_unlock(&host->channel.lock);
}

/**
 * vop_copier_forget() - break no ring of a device any more
 * @vdev: the virtio device, leaving; it submits nothing more
 */
void vop_copier_forget(struct vop_vdev *vdev)
{
	struct vop_channel *channel = &vdev->host->channel;
	int n;

	spin_lock_irq(&channel->reap_lock);
	for (n = 0; n < VOP_MAX_HELD; n++)
		if (channel->pending[n].vdev == vdev)
			channel->pending[n].vdev = NULL;
	spin_unlock_irq(&channel->reap_lock);
}

/**
 * vop_copier_kill() - fail every command, now and later
 * @host: the card, lost or about to be left
 *
 * Context: any; takes reap_lock.
 */
void vop_copier_kill(struct vop_host *host)
{
	struct vop_channel *channel = &host->channel;
	unsigned long flags;

	spin_lock_irqsave(&channel->reap_lock, flags);
	channel->dead = true;
	vop_channel_fail(channel, -ENODEV);
	spin_unlock_irqrestore(&channel->reap_lock, flags);
}

/* Takes one new record; false if there is none. Holds reap_lock. */
static bool vop_channel_take_record(struct vop_host *host)
{
	struct vop_channel *channel = &host->channel;
	struct vop_copier_record *record = channel->records.va;
	u32 control, error, ended, step;
	u16 tag;

	record += channel->position;
	control = le32_to_cpu(READ_ONCE(record->control));
	if (control >> VOP_RECORD_BITS_PHASE_LSB != channel->phase)
		return false;
	/* Pairs with the record being posted behind the command's effects. */
	dma_rmb();

	tag = control >> VOP_RECORD_BITS_TAG_LSB;
	error = (control >> VOP_RECORD_BITS_ERROR_LSB) & 0xff;
	ended = channel->first + le32_to_cpu(READ_ONCE(record->sequence));
	step = ended - channel->ended;
	if (!step || step > channel->submitted - channel->ended ||
	    (!error && tag != (u16)(ended - 1))) {
		dev_err_ratelimited(&host->pdev->dev,
				    "copier: record must be of one of commands %u to %u, not %u as command %u\n",
				    (u16)channel->ended,
				    (u16)(channel->submitted - 1), tag,
				    (u16)(ended - 1));
		vop_channel_fail(channel, -EIO);
		return false;
	}

	while (--step)
		vop_channel_end(channel, 0);
	if (error) {
		dev_err_ratelimited(&host->pdev->dev,
				    "copier: command %u failed with error %u\n",
				    (u16)(ended - 1), error);
		vop_channel_fail(channel, -EIO);
		return false;
	}
	vop_channel_end(channel, 0);
	channel->position = (channel->position + 1) % VOP_RECORDS;
	if (!channel->position)
		channel->phase = !channel->phase;
	return true;
}

/**
 * vop_copier_reap() - take the records that have come
 * @host: the card
 *
 * Context: any; the interrupt handler, and whoever is about to call it late.
 */
void vop_copier_reap(struct vop_host *host)
{
	struct vop_channel *channel = &host->channel;
	unsigned long flags;

	spin_lock_irqsave(&channel->reap_lock, flags);
	while (!channel->failed && vop_channel_take_record(host))
		;
	spin_unlock_irqrestore(&channel->reap_lock, flags);
	wake_up_all(&channel->wait);
}

/* Counts a late command and stops the channel, unless its record has come. */
static void vop_channel_late(struct vop_host *host, const char *what)
{
	struct vop_channel *channel = &host->channel;
	unsigned long flags;

	vop_count(host, VOP_COUNT_LATE, 1);
	dev_err(&host->pdev->dev, "copier: %s is late\n", what);
	spin_lock_irqsave(&channel->reap_lock, flags);
	vop_channel_fail(channel, -EIO);
	spin_unlock_irqrestore(&channel->reap_lock, flags);
	vop_host_check(host);
}

/* Revives a failed channel. Holds channel.lock. */
static int vop_channel_recover(struct vop_host *host)
{
	struct vop_channel *channel = &host->channel;
	int ret;

	if (READ_ONCE(channel->dead))
		return -ENODEV;
	if (!READ_ONCE(channel->failed))
		return 0;

	ret = vop_channel_reset(host);
	if (ret) {
		dev_err(&host->pdev->dev, "copier: reset %s\n",
			ret == -ENODEV ? "finds no card" : "is late");
		/* It may write to any memory that it was given: cut it off. */
		pci_clear_master(host->pdev);
		vop_host_lose(host, ret == -ENODEV ? VOP_HOST_GONE :
						     VOP_HOST_CRASHED);
		return -ENODEV;
	}
	vop_channel_enable(host);
	vop_count(host, VOP_COUNT_CHANNEL_RESETS, 1);
	return READ_ONCE(channel->failed) ? -ENODEV : 0;
}

static u32 vop_channel_held(const struct vop_channel *channel)
{
	return READ_ONCE(channel->submitted) - READ_ONCE(channel->ended);
}

static bool vop_channel_has_room(const struct vop_channel *channel)
{
	return vop_channel_held(channel) < channel->depth ||
	       READ_ONCE(channel->failed);
}

/* Enters a command into the books; 0, or why it must not be submitted. */
static int vop_channel_account(struct vop_batch *batch,
			       struct vop_copier_command *command, bool last)
{
	struct vop_host *host = batch->host;
	struct vop_channel *channel = &host->channel;
	u32 control = le32_to_cpu(command->control);
	int ret = 0;

	spin_lock_irq(&channel->reap_lock);
	if (batch->error) {
		ret = batch->error;
	} else if (channel->failed) {
		ret = channel->dead ? -ENODEV : -EIO;
	} else {
		control |= (u32)(u16)channel->submitted <<
			   VOP_COMMAND_BITS_TAG_LSB;
		channel->pending[channel->submitted++ % VOP_MAX_HELD] =
			(struct vop_pending){ .batch = batch };
		batch->left++;
		/* Whoever finds the channel full waits for this one. */
		if (vop_channel_held(channel) == channel->depth)
			last = true;
		if (last)
			control |= BIT(VOP_COMMAND_BITS_INTERRUPT_LSB);
		if (last || !host->single_store)
			control |= BIT(VOP_COMMAND_BITS_RECORD_LSB);
		command->control = cpu_to_le32(control);
	}
	spin_unlock_irq(&channel->reap_lock);
	return ret;
}

/* Four 8-byte stores, the low word first; the last one submits. */
static void vop_channel_write(struct vop_host *host,
			      const struct vop_copier_command *command)
{
	void __iomem *to =
		host->registers + vop_channel_register(VOP_COPIER_COMMAND_0);
	__le64 words[sizeof(*command) / sizeof(__le64)];
	int n;

	memcpy(words, command, sizeof(words));
	for (n = 0; n < ARRAY_SIZE(words); n++)
		writeq(le64_to_cpu(words[n]), to + n * sizeof(words[n]));
	vop_count(host, VOP_COUNT_COMMANDS, 1);
}

/* Submits the held command of a batch. */
static int vop_batch_submit(struct vop_batch *batch, bool last)
{
	struct vop_host *host = batch->host;
	struct vop_channel *channel = &host->channel;
	int ret;

	batch->has_held = false;
	/* Whether there is room may stand in records that nobody was told of. */
	vop_copier_reap(host);
	mutex_lock(&channel->lock);
	ret = READ_ONCE(batch->error);
	if (!ret)
		ret = vop_channel_recover(host);
	if (!ret &&
	    !wait_event_timeout(channel->wait, vop_channel_has_room(channel),
				vop_host_wait_jiffies(VOP_WAIT_COPIER))) {
		vop_copier_reap(host);
		if (!vop_channel_has_room(channel))
			vop_channel_late(host, "room in the channel");
	}
	if (!ret)
		ret = vop_channel_account(batch, &batch->held, last);
	if (!ret)
		vop_channel_write(host, &batch->held);
	else
		WRITE_ONCE(batch->error, ret);
	mutex_unlock(&channel->lock);
	return ret;
}

/**
 * vop_batch_init() - begin a batch
 * @batch: lives until vop_batch_wait() has returned
 * @host: the card
 */
void vop_batch_init(struct vop_batch *batch, struct vop_host *host)
{
	*batch = (struct vop_batch){ .host = host };
}

/*
 * The latest command is held back: only the last one of a batch has a record
 * and interrupts, and which that is shows when nothing follows.
 */
static int vop_batch_push(struct vop_batch *batch,
			  const struct vop_copier_command *command)
{
	int ret = 0;

	if (batch->has_held)
		ret = vop_batch_submit(batch, false);
	batch->held = *command;
	batch->has_held = !ret;
	return ret;
}

/**
 * vop_batch_copy() - move bytes
 * @batch: the batch
 * @to_host: direction
 * @bus: host bus address; the memory is untouched until vop_batch_wait()
 * @address_card: card address, checked against card RAM
 * @bytes: 1 to VOP_COPIER_LIMITS_MAX_BYTES
 *
 * Return: 0, or why the batch has failed; it is waited for all the same.
 */
int vop_batch_copy(struct vop_batch *batch, bool to_host, dma_addr_t bus,
		   u32 address_card, u32 bytes)
{
	struct vop_copier_command command = {
		.control = cpu_to_le32((VOP_OPCODE_COPY <<
					VOP_COMMAND_BITS_OPCODE_LSB) |
				       ((u32)to_host <<
					VOP_COMMAND_BITS_TO_HOST_LSB)),
		.bytes = cpu_to_le32(bytes),
		.host_address = cpu_to_le64(bus),
		.card_address = cpu_to_le32(address_card),
	};

	return vop_batch_push(batch, &command);
}

/**
 * vop_batch_complete() - write a used element behind all copies of the batch
 * @batch: the batch
 * @context_card: the vring context, checked against card RAM
 * @head: head of the finished chain
 * @written_bytes: used.len
 *
 * Return: as vop_batch_copy().
 */
int vop_batch_complete(struct vop_batch *batch, u32 context_card, u16 head,
		       u32 written_bytes)
{
	struct vop_copier_command command = {
		.control = cpu_to_le32(VOP_OPCODE_COMPLETE <<
				       VOP_COMMAND_BITS_OPCODE_LSB),
		.card_address = cpu_to_le32(context_card),
		.used_id = cpu_to_le32(head),
		.used_len = cpu_to_le32(written_bytes),
	};

	return vop_batch_push(batch, &command);
}

static bool vop_batch_has_ended(const struct vop_batch *batch)
{
	/* Pairs with smp_store_release() where a command ends. */
	return !smp_load_acquire(&batch->left);
}

/*
 * Enters a used element that nobody waits for; false if the channel cannot take
 * one. Up to half of what the channel holds may end without our knowing; behind
 * that @control asks for a record, which tells of all before it, too.
 */
static bool vop_channel_account_used(struct vop_vdev *vdev, unsigned int queue,
				     u32 *control)
{
	struct vop_channel *channel = &vdev->host->channel;
	bool ok;

	*control = 0;
	spin_lock_irq(&channel->reap_lock);
	ok = !channel->failed && vop_channel_held(channel) < channel->depth;
	if (ok) {
		u16 tag = channel->submitted;
		u32 held;

		channel->pending[channel->submitted++ % VOP_MAX_HELD] =
			(struct vop_pending){ .vdev = vdev, .queue = queue };
		held = vop_channel_held(channel);
		if (held > channel->depth / 2)
			*control = BIT(VOP_COMMAND_BITS_RECORD_LSB) |
				   (u32)tag << VOP_COMMAND_BITS_TAG_LSB;
		/* Whoever finds the channel full waits for this one. */
		if (held == channel->depth)
			*control |= BIT(VOP_COMMAND_BITS_INTERRUPT_LSB);
	}
	spin_unlock_irq(&channel->reap_lock);
	return ok;
}

/**
 * vop_copier_complete() - write a used element that nobody waits for
 * @vdev: the virtio device
 * @queue: its queue
 * @context_card: the vring context, checked against card RAM
 * @head: head of the finished chain
 * @written_bytes: used.len
 *
 * The element is behind all that was stored to the card before. If it fails the
 * ring is broken.
 *
 * Return: true, or false if the channel or the card cannot: use a batch.
 */
bool vop_copier_complete(struct vop_vdev *vdev, unsigned int queue,
			 u32 context_card, u16 head, u32 written_bytes)
{
	struct vop_host *host = vdev->host;
	struct vop_copier_command command = {
		.card_address = cpu_to_le32(context_card),
		.used_id = cpu_to_le32(head),
		.used_len = cpu_to_le32(written_bytes),
	};
	u32 control;
	bool ok;

	if (!host->single_store)
		return false;
	/* Whether there is room may stand in records that nobody was told of. */
	vop_copier_reap(host);
	mutex_lock(&host->channel.lock);
	ok = vop_channel_account_used(vdev, queue, &control);
	if (ok && control) {
		control |= VOP_OPCODE_COMPLETE << VOP_COMMAND_BITS_OPCODE_LSB;
		command.control = cpu_to_le32(control);
		vop_channel_write(host, &command);
	} else if (ok) {
		u64 word = FIELD_PREP(VOP_COPIER_COMPLETE_ID_USED_ID_MASK, head) |
			   FIELD_PREP(VOP_COPIER_COMPLETE_ID_CONTEXT_MASK,
				      context_card / sizeof(struct vop_vring_context)) |
			   (u64)written_bytes << 32;

		writeq(word, host->registers +
			     vop_channel_register(VOP_COPIER_COMPLETE_ID));
		vop_count(host, VOP_COUNT_COMMANDS, 1);
	}
	mutex_unlock(&host->channel.lock);
	return ok;
}

/**
 * vop_copier_drain() - wait until no used element of a device is under way
 * @vdev: the virtio device; nothing more is submitted for it
 *
 * Off the steady state: if one may be, the card is read.
 *
 * Return: 0, -ETIMEDOUT or -ENODEV.
 */
int vop_copier_drain(struct vop_vdev *vdev)
{
	struct vop_host *host = vdev->host;
	struct vop_channel *channel = &host->channel;
	void __iomem *sequence =
		host->registers + vop_channel_register(VOP_COPIER_SEQUENCE);
	unsigned long bound = vop_host_wait_jiffies(VOP_WAIT_CHANNEL_RESET);
	u32 target = 0, value, n;
	bool owes = false;
	int ret;

	spin_lock_irq(&channel->reap_lock);
	for (n = channel->ended; n != channel->submitted; n++) {
		if (channel->pending[n % VOP_MAX_HELD].vdev != vdev)
			continue;
		target = n + 1 - channel->first;
		owes = true;
	}
	spin_unlock_irq(&channel->reap_lock);
	if (!owes)
		return 0;
	/* What a failure has dropped never ends; a reset counts anew. */
	ret = read_poll_timeout(readl, value,
				value == U32_MAX || READ_ONCE(channel->failed) ||
				(s32)(value - target) >= 0,
				VOP_STATUS_POLL_US, jiffies_to_usecs(bound),
				false, sequence);
	return value == U32_MAX ? -ENODEV : ret;
}

/**
 * vop_batch_is_empty() - see whether a batch has nothing under way
 * @batch: the batch
 *
 * Return: true if everything that was added has been waited for.
 */
bool vop_batch_is_empty(const struct vop_batch *batch)
{
	return !batch->has_held && vop_batch_has_ended(batch);
}

/**
 * vop_batch_wait() - wait until every command of a batch has ended
 * @batch: the batch; may be used again if it has not failed
 *
 * Return: 0; -EIO if a command failed or was late, the channel has been reset
 * then; -ENODEV if the card is lost.
 */
int vop_batch_wait(struct vop_batch *batch)
{
	struct vop_host *host = batch->host;
	struct vop_channel *channel = &host->channel;
	int ret;

	if (batch->has_held)
		vop_batch_submit(batch, true);
	if (!wait_event_timeout(channel->wait, vop_batch_has_ended(batch),
				vop_host_wait_jiffies(VOP_WAIT_COPIER))) {
		vop_copier_reap(host);
		if (!vop_batch_has_ended(batch))
			vop_channel_late(host, "a record");
	}
	ret = READ_ONCE(batch->error);
	if (ret) {
		mutex_lock(&channel->lock);
		vop_channel_recover(host);
		mutex_unlock(&channel->lock);
	}
	return ret;
}

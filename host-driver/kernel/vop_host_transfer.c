// SPDX-License-Identifier: GPL-2.0-only
/*
 * VOP_VIRTIO_COPY_DESC: bytes between user buffers and one descriptor chain.
 *
 * The user's buffers are one stream: it takes what is left of the chain's
 * device-readable part, then gives what fits into the device-writable part.
 * Bytes go through the ring's bounce buffer, moved by the copier; all copies
 * towards the card and the used element behind them are one ordered batch. Two
 * short cuts need no copier: what the card has pushed is here already, and a
 * short reply is stored to card RAM.
 */
#include <linux/compat.h>
#include <linux/io.h>
#include <linux/io-64-nonatomic-lo-hi.h>
#include <linux/nospec.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "compat.h"
#include "vop_host.h"

/* The user's buffers as a stream: @left bytes at @base, then element @next. */
struct vop_stream {
	const void __user *iov;
	u32 next;
	u32 count;
	bool compat;
	void __user *base;
	size_t left;
};

/**
 * struct vop_transfer - one ioctl's work
 * @vdev: the virtio device
 * @vr: the ring, locked
 * @stream: the user's side
 * @batch: copies towards the card that may still be under way
 * @done_bytes: bytes moved, both directions
 */
struct vop_transfer {
	struct vop_vdev *vdev;
	struct vop_vring *vr;
	struct vop_stream stream;
	struct vop_batch batch;
	u32 done_bytes;
};

static int vop_stream_fetch(struct vop_stream *stream)
{
	if (stream->compat) {
		const struct compat_iovec __user *iov = stream->iov;
		struct compat_iovec element;

		if (copy_from_user(&element, iov + stream->next,
				   sizeof(element)))
			return -EFAULT;
		stream->base = compat_ptr(element.iov_base);
		stream->left = element.iov_len;
	} else {
		const struct iovec __user *iov = stream->iov;
		struct iovec element;

		if (copy_from_user(&element, iov + stream->next,
				   sizeof(element)))
			return -EFAULT;
		stream->base = element.iov_base;
		stream->left = element.iov_len;
	}
	stream->next++;
	return 0;
}

/* Makes @left the bytes of the next non-empty element, 0 at the end. */
static int vop_stream_fill(struct vop_stream *stream)
{
	int ret = 0;

	while (!ret && !stream->left && stream->next < stream->count)
		ret = vop_stream_fetch(stream);
	return ret;
}

static void vop_stream_advance(struct vop_stream *stream, u32 bytes)
{
	stream->base += bytes;
	stream->left -= bytes;
}

/* Readies the stream. A removal must not wait for the rest of a long chain. */
static int vop_transfer_next(struct vop_transfer *transfer)
{
	int ret = vop_vdev_check(transfer->vdev);

	return ret ? ret : vop_stream_fill(&transfer->stream);
}

/* Bytes that fit the stream's element, the chain and the bounce buffer. */
static u32 vop_transfer_room(const struct vop_transfer *transfer, u32 left)
{
	size_t room = min_t(size_t, transfer->stream.left, left);

	return min_t(size_t, room, VOP_INT_DMA_BUF_BYTES);
}

/* Adds one copy per contiguous piece of the chain to the batch. */
static int vop_transfer_copy(struct vop_transfer *transfer, bool to_host,
			     u16 end, struct vop_cursor *cursor, u32 bytes)
{
	struct vop_vring *vr = transfer->vr;
	u32 at = 0;
	int ret = 0;

	while (!ret && at < bytes) {
		u32 address_card;
		u32 piece = vop_chain_next(&vr->chain, end, cursor, bytes - at,
					   &address_card);

		ret = vop_batch_copy(&transfer->batch, to_host,
				     vr->bounce.bus + at, address_card, piece);
		at += piece;
	}
	return ret;
}

/* Bytes of the chain that the card has pushed and nobody has taken. */
static u32 vop_transfer_pushed(const struct vop_transfer *transfer)
{
	const struct vop_vring *vr = transfer->vr;
	u32 slot_bytes = BIT(transfer->vdev->host->push_slot_log2);

	return vr->pushes && vr->read_bytes < slot_bytes ?
		       slot_bytes - vr->read_bytes : 0;
}

static void vop_cursor_advance(const struct vop_chain *chain, u16 end,
			       struct vop_cursor *cursor, u32 bytes)
{
	u32 address_card;

	while (bytes)
		bytes -= vop_chain_next(chain, end, cursor, bytes,
					&address_card);
}

/* Brings the chain's next bytes into host memory, up to @bytes of them. */
static const void *vop_transfer_bring(struct vop_transfer *transfer,
				      struct vop_cursor *cursor, u32 *bytes)
{
	struct vop_vring *vr = transfer->vr;
	u32 pushed = vop_transfer_pushed(transfer);
	u16 end = vr->chain.readable;
	int ret;

	if (pushed) {
		*bytes = min(*bytes, pushed);
		vop_cursor_advance(&vr->chain, end, cursor, *bytes);
		return vr->push + vr->read_bytes +
		       ((size_t)vr->chain.head
			<< transfer->vdev->host->push_slot_log2);
	}
	vop_transfer_copy(transfer, true, end, cursor, *bytes);
	ret = vop_batch_wait(&transfer->batch);
	return ret ? ERR_PTR(ret) : vr->bounce.va;
}

/*
 * Takes what is left of the chain's device-readable part. D4: the user's
 * pointer advances by what was copied, never by a padded length.
 */
static int vop_transfer_take(struct vop_transfer *transfer)
{
	struct vop_stream *stream = &transfer->stream;
	struct vop_vring *vr = transfer->vr;
	u16 end = vr->chain.readable;
	u32 left, bytes;
	int ret;

	while ((left = vop_chain_left(&vr->chain, end, vr->read))) {
		struct vop_cursor cursor = vr->read;
		const void *from;

		ret = vop_transfer_next(transfer);
		if (ret || !stream->left)
			return ret;
		bytes = vop_transfer_room(transfer, left);

		from = vop_transfer_bring(transfer, &cursor, &bytes);
		if (IS_ERR(from))
			return PTR_ERR(from);
		if (copy_to_user(stream->base, from, bytes))
			return -EFAULT;
		vr->read = cursor;
		vr->read_bytes += bytes;
		vop_stream_advance(stream, bytes);
		transfer->done_bytes += bytes;
		atomic64_add(bytes, &transfer->vdev->to_host_bytes);
		vop_count(transfer->vdev->host, VOP_COUNT_TO_HOST_BYTES, bytes);
	}
	return 0;
}

/* Stores bytes to card RAM: whole 8-byte words, which merge, as far as can be. */
static void vop_store(struct vop_host *host, u32 address_card, const void *from,
		      u32 bytes)
{
	void __iomem *to = host->aperture + address_card;
	u32 head = min_t(u32, bytes, -address_card % sizeof(u64));
	u32 at = head;

	memcpy_toio(to, from, head);
	for (; bytes - at >= sizeof(u64); at += sizeof(u64))
		__raw_writeq(get_unaligned((const u64 *)(from + at)), to + at);
	memcpy_toio(to + at, from + at, bytes - at);
}

/* Stores a short reply, which is in the bounce buffer, to the chain. */
static void vop_transfer_store(struct vop_transfer *transfer, u16 end,
			       struct vop_cursor *cursor, u32 bytes)
{
	struct vop_vring *vr = transfer->vr;
	u32 at = 0;

	while (at < bytes) {
		u32 address_card;
		u32 piece = vop_chain_next(&vr->chain, end, cursor, bytes - at,
					   &address_card);

		vop_store(transfer->vdev->host, address_card,
			  vr->bounce.va + at, piece);
		at += piece;
	}
	/* Empties the write-combining buffers: the used element is behind. */
	wmb();
}

/* Gives what fits into the device-writable part; does not wait at the end. */
static int vop_transfer_give(struct vop_transfer *transfer)
{
	struct vop_stream *stream = &transfer->stream;
	struct vop_vring *vr = transfer->vr;
	u16 end = vr->chain.segments;
	u32 left, bytes;
	int ret;

	while ((left = vop_chain_left(&vr->chain, end, vr->write))) {
		ret = vop_transfer_next(transfer);
		if (ret || !stream->left)
			return ret;
		bytes = vop_transfer_room(transfer, left);

		/* The bounce buffer may still hold the bytes before. */
		ret = vop_batch_wait(&transfer->batch);
		if (ret)
			return ret;
		if (copy_from_user(vr->bounce.va, stream->base, bytes))
			return -EFAULT;
		if (bytes <= VOP_STORE_BYTES)
			vop_transfer_store(transfer, end, &vr->write, bytes);
		else
			ret = vop_transfer_copy(transfer, false, end,
						&vr->write, bytes);
		if (ret)
			return ret;
		vop_stream_advance(stream, bytes);
		vr->written_bytes += bytes;
		transfer->done_bytes += bytes;
		atomic64_add(bytes, &transfer->vdev->to_card_bytes);
		vop_count(transfer->vdev->host, VOP_COUNT_TO_CARD_BYTES, bytes);
	}
	return 0;
}

static bool vop_transfer_has_consumed_chain(const struct vop_vring *vr)
{
	return !vop_chain_left(&vr->chain, vr->chain.readable, vr->read) &&
	       !vop_chain_left(&vr->chain, vr->chain.segments, vr->write);
}

/*
 * v5.9 ends a chain only with a step that copied something. D6: so does a step
 * without buffers, and one that found nothing left to copy.
 */
static bool vop_transfer_ends_chain(const struct vop_transfer *transfer,
				    const struct vop_copy_desc *copy)
{
	return copy->update_used &&
	       (transfer->done_bytes || !copy->iovcnt ||
		vop_transfer_has_consumed_chain(transfer->vr));
}

/* Waits for everything; with @end_chain the used element goes out behind it. */
static int vop_transfer_finish(struct vop_transfer *transfer, bool end_chain)
{
	struct vop_vdev *vdev = transfer->vdev;
	struct vop_vring *vr = transfer->vr;
	int ret = 0;

	/* D5: used.len counts what was written, not also what was read. */
	if (end_chain && vop_batch_is_empty(&transfer->batch) &&
	    vop_copier_complete(vdev, vr - vdev->vr, vr->context_card,
				vr->chain.head, vr->written_bytes))
		goto ended;
	if (end_chain)
		vop_batch_complete(&transfer->batch, vr->context_card,
				   vr->chain.head, vr->written_bytes);
	ret = vop_batch_wait(&transfer->batch);
	if (!end_chain)
		return ret;
	if (ret) {
		/* Nobody knows whether the used element was written. */
		WRITE_ONCE(vr->broken, true);
		vop_vdev_break(vdev);
		return ret;
	}
ended:
	vr->in_progress = false;
	vop_vring_publish_info(vr);
	atomic64_inc(&vdev->chains);
	vop_count(vdev->host, VOP_COUNT_CHAINS, 1);
	return 0;
}

/* One step through the chain in progress. */
static int vop_transfer_run(struct vop_transfer *transfer,
			    const struct vop_copy_desc *copy)
{
	struct vop_vring *vr = transfer->vr;
	struct vop_cursor read = vr->read;
	struct vop_cursor write = vr->write;
	u32 written_bytes = vr->written_bytes;
	u32 read_bytes = vr->read_bytes;
	int ret, finish;

	ret = vop_transfer_take(transfer);
	if (!ret)
		ret = vop_transfer_give(transfer);
	finish = vop_transfer_finish(transfer, !ret &&
				     vop_transfer_ends_chain(transfer, copy));
	if (!ret)
		ret = finish;
	if (ret) {
		/* A step that failed may be tried again. */
		vr->read = read;
		vr->read_bytes = read_bytes;
		vr->write = write;
		vr->written_bytes = written_bytes;
	}
	return ret;
}

/*
 * A driver must be there, and a ring that it did not break. Who calls may have
 * missed a reset: an answer to the driver before it must not end a chain of the
 * next one, so the first call is refused, and the daemon begins anew.
 */
static int vop_transfer_check(const struct vop_vdev *vdev,
			      struct vop_vring *vr)
{
	int ret = vop_vdev_check(vdev);

	if (ret)
		return ret;
	if (vr->was_reset) {
		vr->was_reset = false;
		return -ENODEV;
	}
	if (!READ_ONCE(vdev->desc->status))
		return -ENODEV;
	return READ_ONCE(vr->broken) ? -EIO : 0;
}

/**
 * vop_transfer_step() - one VOP_VIRTIO_COPY_DESC
 * @vdev: the virtio device, added at least once
 * @copy: the request; out_len is the answer
 * @compat: @copy->iov points to struct compat_iovec
 *
 * Return: 0 with out_len set, or the errno that uapi/vop.h lists.
 */
int vop_transfer_step(struct vop_vdev *vdev, struct vop_copy_desc *copy,
		      bool compat)
{
	struct vop_transfer transfer = {
		.vdev = vdev,
		.stream = {
			.iov = copy->iov,
			.count = copy->iovcnt,
			.compat = compat,
		},
	};
	struct vop_vring *vr;
	int ret;

	if (copy->vr_idx >= vdev->head.num_vq ||
	    copy->iovcnt > VOP_COPY_MAX_IOV)
		return -EINVAL;
	vr = &vdev->vr[array_index_nospec(copy->vr_idx, VOP_MAX_VRINGS)];
	transfer.vr = vr;
	vop_batch_init(&transfer.batch, vdev->host);

	mutex_lock(&vr->lock);
	ret = vop_transfer_check(vdev, vr);
	/* Until the driver has named its used ring there is no chain. */
	if (!ret && vr->context_card) {
		if (!vr->in_progress)
			ret = vop_vring_pop(vdev, vr);
		if (!ret && vr->in_progress)
			ret = vop_transfer_run(&transfer, copy);
	}
	mutex_unlock(&vr->lock);
	copy->out_len = transfer.done_bytes;
	return ret;
}

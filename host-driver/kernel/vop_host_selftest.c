// SPDX-License-Identifier: GPL-2.0-only
/*
 * Steps of a self-test: VOP_SELFTEST of uapi/vop.h.
 *
 * The driver only does, and tells what came; user space judges. A test takes the
 * card out of service: its CPU stands still, all of card RAM is the test's, and
 * no virtio device can be added. So no step can harm anybody. When the file of
 * the test is closed, however its owner ends, the card boots as after a probe:
 * with firmware that is loaded, or with what was in card RAM before.
 */
#include <linux/interrupt.h>
#include <linux/iopoll.h>
#include <linux/ktime.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "vop_host.h"

#define VOP_PENDING_POLL_US	50

static int vop_selftest_alloc(struct vop_host *host)
{
	if (!*vop_firmware) {
		host->test_ram = kvmalloc(host->ram_bytes, GFP_KERNEL);
		if (!host->test_ram)
			return -ENOMEM;
	}
	if (!vop_coherent_alloc(host, &host->test, VOP_SELFTEST_BYTES))
		return 0;
	kvfree(host->test_ram);
	host->test_ram = NULL;
	return -ENOMEM;
}

/* Puts back what was in card RAM, if it was kept. The card's CPU stands still. */
static void vop_selftest_restore(struct vop_host *host)
{
	if (host->test_ram && !vop_host_is_lost(host)) {
		__iowrite64_copy(host->aperture, host->test_ram,
				 host->ram_bytes / sizeof(u64));
		/* Empties the write-combining buffers. */
		wmb();
	}
	kvfree(host->test_ram);
	host->test_ram = NULL;
}

/* Keeps virtio devices away, if there is none. Holds test_lock. */
static int vop_selftest_reserve(struct vop_host *host)
{
	int ret;

	mutex_lock(&host->lock);
	if (host->leaving || vop_host_is_lost(host))
		ret = -ENODEV;
	else if (host->testing || !list_empty(&host->placed) ||
		 !list_empty(&host->limbo))
		ret = -EBUSY;
	else
		ret = vop_selftest_alloc(host);
	if (!ret)
		WRITE_ONCE(host->testing, true);
	mutex_unlock(&host->lock);
	return ret;
}

/* Waits until every message that the card has sent was handled. */
static void vop_selftest_hear(struct vop_host *host)
{
	unsigned int n;

	/* The answer is behind the messages. */
	vop_read(host, VOP_IDENTITY_MAGIC);
	schedule_timeout_uninterruptible(vop_host_wait_jiffies(VOP_WAIT_MESSAGES));
	for (n = 0; n < host->vectors; n++)
		synchronize_irq(pci_irq_vector(host->pdev, n));
}

/* Waits, bounded, until the firmware has taken its doorbells: only it can. */
static void vop_selftest_settle(struct vop_host *host)
{
	unsigned long bound = vop_host_wait_jiffies(VOP_WAIT_COPIER);
	u32 pending;

	if (READ_ONCE(host->state) == VOP_HOST_ONLINE)
		read_poll_timeout(vop_read, pending, !pending,
				  VOP_PENDING_POLL_US, jiffies_to_usecs(bound),
				  false, host, VOP_DOORBELL_H2C_PENDING);
}

/*
 * Holds test_lock, and not vop_host.lock, as works are waited for. Behind the
 * reservation slots and guard windows are nobody else's.
 */
static int vop_selftest_take(struct vop_vdev *vdev)
{
	struct vop_host *host = vdev->host;
	int window, ret;

	ret = vop_selftest_reserve(host);
	if (ret)
		return ret;
	host->tester = vdev;

	cancel_delayed_work_sync(&host->boot_work);
	vop_selftest_settle(host);
	vop_write(host, VOP_LINK_DEVICE_PAGE_BYTES, 0);
	vop_write(host, VOP_LINK_CPU, 0);
	for_each_set_bit(window, host->guard_used, host->guard_windows)
		vop_guard_close(host, window);
	/* No message of the firmware may look like one of the test. */
	vop_selftest_hear(host);
	if (host->test_ram)
		memcpy_fromio(host->test_ram, host->aperture, host->ram_bytes);
	/* The card cannot write it any more: nobody follows it online. */
	vop_devpage_init(host);
	cancel_work_sync(&host->follow_work);
	vop_host_enter(host, VOP_HOST_OFFLINE);
	dev_info(&host->pdev->dev, "out of service for a self-test\n");
	return 0;
}

static int vop_selftest_doorbell(struct vop_host *host,
				 struct vop_selftest *step)
{
	if (step->index > VOP_DOORBELLS_H2C_COUNT)
		return -EINVAL;
	if (step->index < VOP_DOORBELLS_H2C_COUNT)
		vop_doorbell_ring(host, step->index);
	step->found = vop_read(host, VOP_DOORBELL_H2C_PENDING);
	return 0;
}

static int vop_selftest_copy(struct vop_host *host, struct vop_selftest *step)
{
	dma_addr_t bus = host->test.bus + step->host_offset;
	struct vop_batch batch;
	u64 start = ktime_get_ns();
	int ret = 0, waited;
	u32 n;

	if (!step->repeat || step->repeat > VOP_SELFTEST_MAX_REPEAT)
		return -EINVAL;
	vop_batch_init(&batch, host);
	for (n = 0; n < step->repeat && !ret; n++) {
		if (fatal_signal_pending(current)) {
			ret = -EINTR;
			break;
		}
		ret = vop_batch_copy(&batch, step->step == VOP_SELFTEST_TO_HOST,
				     bus, step->card_address, step->bytes);
	}
	waited = vop_batch_wait(&batch);
	step->elapsed_ns = ktime_get_ns() - start;
	return ret ?: waited;
}

static int vop_selftest_vector(struct vop_host *host, struct vop_selftest *step)
{
	struct vop_selftest copy = {
		.step = VOP_SELFTEST_TO_HOST,
		.bytes = sizeof(u32),
		.repeat = 1,
	};
	unsigned int n;
	int ret;

	if (step->index >= host->vectors)
		return -EINVAL;
	for (n = 0; n < host->vectors; n++)
		atomic_set(&host->vector[n].rung, 0);

	vop_copier_set_vector(host, step->index);
	ret = vop_selftest_copy(host, &copy);
	if (!ret) {
		/* Whichever vector told of the record, this one may be on its way. */
		wait_event_timeout(host->channel.wait,
				   atomic_read(&host->vector[step->index].rung),
				   vop_host_wait_jiffies(VOP_WAIT_COPIER));
		vop_selftest_hear(host);
	}
	vop_copier_set_vector(host, vop_copier_vector(host));

	step->elapsed_ns = copy.elapsed_ns;
	step->found = 0;
	for (n = 0; n < host->vectors; n++)
		if (atomic_read(&host->vector[n].rung))
			step->found |= BIT(n);
	return ret;
}

/* Reads card RAM by the CPU, and so without the copier that wrote it. */
static int vop_selftest_peek(struct vop_host *host,
			     const struct vop_selftest *step)
{
	void *bytes = kvmalloc(step->bytes, GFP_KERNEL);
	int ret = 0;

	if (!bytes)
		return -ENOMEM;
	memcpy_fromio(bytes, host->aperture + step->card_address, step->bytes);
	if (copy_to_user(u64_to_user_ptr(step->data), bytes, step->bytes))
		ret = -EFAULT;
	kvfree(bytes);
	return ret;
}

/* The same in the other direction. The copier's next command sees it. */
static int vop_selftest_poke(struct vop_host *host,
			     const struct vop_selftest *step)
{
	void *bytes = vmemdup_user(u64_to_user_ptr(step->data), step->bytes);

	if (IS_ERR(bytes))
		return PTR_ERR(bytes);
	memcpy_toio(host->aperture + step->card_address, bytes, step->bytes);
	/* Empties the write-combining buffers. */
	wmb();
	kvfree(bytes);
	return 0;
}

/* Holds test_lock; the test has the card. */
static int vop_selftest_do(struct vop_host *host, struct vop_selftest *step)
{
	u8 *memory = host->test.va;

	if ((u64)step->host_offset + step->bytes > VOP_SELFTEST_BYTES ||
	    (u64)step->card_address + step->bytes > host->ram_bytes)
		return -EINVAL;

	switch (step->step) {
	case VOP_SELFTEST_DOORBELL:
		return vop_selftest_doorbell(host, step);
	case VOP_SELFTEST_VECTOR:
		return vop_selftest_vector(host, step);
	}

	if (!step->bytes)
		return -EINVAL;
	switch (step->step) {
	case VOP_SELFTEST_LOAD:
		return copy_from_user(memory + step->host_offset,
				      u64_to_user_ptr(step->data),
				      step->bytes) ? -EFAULT : 0;
	case VOP_SELFTEST_STORE:
		return copy_to_user(u64_to_user_ptr(step->data),
				    memory + step->host_offset,
				    step->bytes) ? -EFAULT : 0;
	case VOP_SELFTEST_PEEK:
		return vop_selftest_peek(host, step);
	case VOP_SELFTEST_POKE:
		return vop_selftest_poke(host, step);
	case VOP_SELFTEST_TO_CARD:
	case VOP_SELFTEST_TO_HOST:
		return vop_selftest_copy(host, step);
	default:
		return -EINVAL;
	}
}

/**
 * vop_selftest_run() - do one step of a self-test
 * @vdev: the open file
 * @step: the step as user space gave it, unchecked; takes the answers
 *
 * Context: process; waits for the card, bounded.
 * Return: 0 or a negative errno, as uapi/vop.h says.
 */
int vop_selftest_run(struct vop_vdev *vdev, struct vop_selftest *step)
{
	struct vop_host *host = vdev->host;
	int ret;

	if (step->flags)
		return -EINVAL;
	if (mutex_lock_killable(&host->test_lock))
		return -EINTR;
	if (READ_ONCE(host->leaving) || vop_host_is_lost(host))
		ret = -ENODEV;
	else if (step->step == VOP_SELFTEST_TAKE)
		ret = vop_selftest_take(vdev);
	else if (host->tester != vdev)
		ret = -EPERM;
	else
		ret = vop_selftest_do(host, step);
	mutex_unlock(&host->test_lock);
	return ret;
}

/**
 * vop_selftest_release() - have the card boot if a file's self-test has it
 * @vdev: the file, being closed
 */
void vop_selftest_release(const struct vop_vdev *vdev)
{
	struct vop_host *host = vdev->host;

	mutex_lock(&host->test_lock);
	if (host->tester == vdev) {
		host->tester = NULL;
		/* In a work: a task that was killed can read no firmware. */
		if (!READ_ONCE(host->leaving))
			queue_work(host->workqueue, &host->restart_work);
	}
	mutex_unlock(&host->test_lock);
}

/**
 * vop_selftest_restart_work() - boot the card after a self-test
 * @work: vop_host.restart_work
 */
void vop_selftest_restart_work(struct work_struct *work)
{
	struct vop_host *host =
		container_of(work, struct vop_host, restart_work);
	int ret;

	/* What is lost may still write to the memory: remove() frees it. */
	if (vop_host_is_lost(host))
		return;
	vop_selftest_restore(host);
	ret = vop_boot_start(host);
	if (ret) {
		dev_err(&host->pdev->dev, "self-test: card does not start again: %pe\n",
			ERR_PTR(ret));
		vop_host_lose(host, VOP_HOST_CRASHED);
	}
	vop_coherent_free(host, &host->test);
	mutex_lock(&host->lock);
	WRITE_ONCE(host->testing, false);
	mutex_unlock(&host->lock);
}

/**
 * vop_selftest_leave() - end a self-test without booting the card
 * @host: the card, leaving: no step and no restart begins any more
 */
void vop_selftest_leave(struct vop_host *host)
{
	mutex_lock(&host->test_lock);
	mutex_unlock(&host->test_lock);
	cancel_work_sync(&host->restart_work);
	vop_selftest_restore(host);
}

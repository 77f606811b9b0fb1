// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of a card: load its firmware, start it, watch it come online,
 * notice that it died, stop it.
 *
 * Registers are read here only: while the card boots, when it was late, and
 * when the driver leaves. docs/protocol.md has the order of the bring-up.
 */
#include <linux/bitfield.h>
#include <linux/crc32.h>
#include <linux/firmware.h>
#include <linux/io-64-nonatomic-lo-hi.h>

#include "vop_host.h"

static const char * const vop_host_state_names[] = {
	[VOP_HOST_OFFLINE] = "offline",
	[VOP_HOST_BOOTING] = "booting",
	[VOP_HOST_ONLINE] = "online",
	[VOP_HOST_REFUSED] = "refused",
	[VOP_HOST_CRASHED] = "crashed",
	[VOP_HOST_GONE] = "gone",
};

/**
 * vop_host_state_name() - name of a state, as sysfs shows it
 * @state: the state
 *
 * Return: a constant string.
 */
const char *vop_host_state_name(enum vop_host_state state)
{
	return vop_host_state_names[state];
}

/**
 * vop_host_enter() - change the card's state
 * @host: the card
 * @state: the new state
 *
 * REFUSED, CRASHED and GONE are final, but any of them may become GONE.
 *
 * Return: true if the state has changed.
 */
bool vop_host_enter(struct vop_host *host, enum vop_host_state state)
{
	unsigned long flags;
	bool changed;

	spin_lock_irqsave(&host->state_lock, flags);
	changed = host->state != state &&
		  (!vop_host_is_lost(host) || state == VOP_HOST_GONE);
	if (changed)
		WRITE_ONCE(host->state, state);
	spin_unlock_irqrestore(&host->state_lock, flags);
	return changed;
}

/* Wakes everybody who waits for the card, to find that it is lost. */
static void vop_host_wake_all(struct vop_host *host)
{
	struct vop_vdev *vdev;

	vop_copier_kill(host);
	wake_up_all(&host->control_wait);
	spin_lock_irq(&host->vdevs_lock);
	list_for_each_entry(vdev, &host->vdevs, node)
		vop_vdev_wake(vdev);
	spin_unlock_irq(&host->vdevs_lock);
}

/**
 * vop_host_lose() - give a card up
 * @host: the card
 * @state: a final state
 *
 * Context: process; no lock that a waiter holds is taken.
 */
void vop_host_lose(struct vop_host *host, enum vop_host_state state)
{
	if (!vop_host_enter(host, state))
		return;
	dev_err(&host->pdev->dev, "card is %s\n", vop_host_state_name(state));
	vop_host_wake_all(host);
}

/**
 * vop_host_silence() - let go of a card without a word to it or to anybody
 * @host: the card; the kernel is about to end
 */
void vop_host_silence(struct vop_host *host)
{
	if (vop_host_enter(host, VOP_HOST_GONE))
		vop_host_wake_all(host);
	/* It starts no lost card, but may be about to start this one. */
	cancel_work_sync(&host->restart_work);
	vop_write(host, VOP_LINK_CPU, 0);
	pci_clear_master(host->pdev);
}

/**
 * vop_host_check() - look whether a late card is still alive
 * @host: the card
 *
 * Context: process, off the steady state: reads registers.
 */
void vop_host_check(struct vop_host *host)
{
	u32 detail;

	if (vop_host_is_lost(host))
		return;
	if (vop_read(host, VOP_IDENTITY_MAGIC) != VOP_VERSION_MAGIC) {
		vop_host_lose(host, VOP_HOST_GONE);
		return;
	}

	switch (vop_read(host, VOP_LINK_BOOT_STATE)) {
	case VOP_BOOT_STATE_REFUSED:
		detail = vop_read(host, VOP_LINK_BOOT_DETAIL);
		dev_err(&host->pdev->dev,
			"firmware refused the device page, detail %#x\n",
			detail);
		vop_host_lose(host, VOP_HOST_REFUSED);
		break;
	case VOP_BOOT_STATE_CRASHED:
		detail = vop_read(host, VOP_LINK_BOOT_DETAIL);
		dev_err(&host->pdev->dev,
			"firmware trapped: mcause %u, mepc %#x\n",
			detail & 0xff, detail >> 8);
		vop_host_lose(host, VOP_HOST_CRASHED);
		break;
	}
}

/**
 * vop_host_must_follow() - see whether the card came online, or left
 * @host: the card
 *
 * Context: any; looks at host memory only.
 * Return: true if vop_host_follow() has something to do.
 */
bool vop_host_must_follow(const struct vop_host *host)
{
	bool is_online = READ_ONCE(host->state) == VOP_HOST_ONLINE;

	return !vop_host_is_lost(host) &&
	       is_online != (vop_devpage_config_db(host) >= 0);
}

/**
 * vop_host_follow() - enter or leave ONLINE as the card says by h2c_config_db
 * @host: the card
 *
 * A card withdraws its doorbell when its driver leaves, or when it traps; the
 * registers tell which.
 */
void vop_host_follow(struct vop_host *host)
{
	if (!vop_host_must_follow(host))
		return;
	if (READ_ONCE(host->state) != VOP_HOST_ONLINE) {
		if (vop_devpage_config_db(host) >= 0 &&
		    vop_host_enter(host, VOP_HOST_ONLINE))
			dev_info(&host->pdev->dev,
				 "card is online as /dev/%s\n", host->name);
		return;
	}
	vop_host_check(host);
	if (vop_host_enter(host, VOP_HOST_OFFLINE))
		dev_info(&host->pdev->dev, "card is offline\n");
}

/**
 * vop_host_follow_work() - the same, outside the interrupt handler
 * @work: vop_host.follow_work
 */
void vop_host_follow_work(struct work_struct *work)
{
	vop_host_follow(container_of(work, struct vop_host, follow_work));
}

/**
 * vop_boot_work() - watch a card that boots
 * @work: vop_host.boot_work
 *
 * Ends when the card is online, lost, or late.
 */
void vop_boot_work(struct work_struct *work)
{
	struct vop_host *host =
		container_of(to_delayed_work(work), struct vop_host, boot_work);

	vop_host_follow(host);
	if (READ_ONCE(host->state) == VOP_HOST_BOOTING)
		vop_host_check(host);
	if (READ_ONCE(host->state) != VOP_HOST_BOOTING)
		return;

	if (time_before(jiffies, host->boot_deadline)) {
		queue_delayed_work(host->workqueue, &host->boot_work,
				   vop_host_wait_jiffies(VOP_WAIT_BOOT_POLL));
		return;
	}
	vop_count(host, VOP_COUNT_LATE, 1);
	if (vop_host_enter(host, VOP_HOST_OFFLINE))
		dev_err(&host->pdev->dev,
			"card is late: not online within its bound, boot state %u\n",
			vop_read(host, VOP_LINK_BOOT_STATE));
}

/* Writes the image to card RAM, and proves that it has arrived. */
static int vop_boot_write(struct vop_host *host, const struct firmware *image)
{
	struct device *dev = &host->pdev->dev;
	size_t bytes = ALIGN(image->size, sizeof(u64));
	size_t last = bytes - sizeof(u32);
	u32 expected, found;
	u64 *padded;

	if (!image->size || bytes > host->ram_bytes) {
		dev_err(dev, "firmware must be 1 to %u bytes, not %zu\n",
			host->ram_bytes, image->size);
		return -EFBIG;
	}
	padded = kvzalloc(bytes, GFP_KERNEL);
	if (!padded)
		return -ENOMEM;
	memcpy(padded, image->data, image->size);

	__iowrite64_copy(host->aperture, padded, bytes / sizeof(u64));
	/* Empties the write-combining buffers; the read then flushes PCIe. */
	wmb();
	memcpy(&expected, (u8 *)padded + last, sizeof(expected));
	found = __raw_readl(host->aperture + last);
	host->firmware_crc = crc32(~0, padded, image->size) ^ ~0;
	host->firmware_bytes = image->size;
	kvfree(padded);
	if (found == expected)
		return 0;
	dev_err(dev, "card RAM must hold %#x at %#zx, not %#x\n", expected,
		last, found);
	return -EIO;
}

static int vop_boot_load(struct vop_host *host)
{
	const struct firmware *image;
	int ret;

	if (!*vop_firmware)
		return 0;
	ret = request_firmware(&image, vop_firmware, &host->pdev->dev);
	if (ret) {
		dev_err(&host->pdev->dev, "firmware %s: %pe\n", vop_firmware,
			ERR_PTR(ret));
		return ret;
	}
	ret = vop_boot_write(host, image);
	release_firmware(image);
	return ret;
}

/**
 * vop_boot_start() - load the firmware and let the card's CPU run
 * @host: the card, its memory allocated and its vectors requested
 *
 * Return: 0, then boot_work watches; or why the card did not start.
 */
int vop_boot_start(struct vop_host *host)
{
	int ret;

	/* Whatever an earlier driver left running reaches no memory of ours. */
	pci_clear_master(host->pdev);
	vop_write(host, VOP_LINK_CPU, 0);
	vop_write(host, VOP_LINK_DEVICE_PAGE_BYTES, 0);
	vop_guard_reset(host);
	ret = vop_copier_start(host);
	if (ret)
		return ret;
	ret = vop_boot_load(host);
	if (ret)
		return ret;

	pci_set_master(host->pdev);
	ret = vop_guard_open(host, host->page.bus, host->page.bytes);
	if (ret < 0)
		return ret;
	vop_write(host, VOP_MSI_MASK, 0);
	vop_write(host, VOP_LINK_ROLE, VOP_ROLE_VOP_GUEST);
	vop_write(host, VOP_LINK_HOST_PROTOCOL,
		  FIELD_PREP(VOP_LINK_HOST_PROTOCOL_INFO_ALIGN_MASK,
			     vop_info_align) |
		  FIELD_PREP(VOP_LINK_HOST_PROTOCOL_PUSH_SLOT_LOG2_MASK,
			     host->push_slot_log2));
	vop_write(host, VOP_LINK_DEVICE_PAGE_LO, lower_32_bits(host->page.bus));
	vop_write(host, VOP_LINK_DEVICE_PAGE_HI, upper_32_bits(host->page.bus));
	/* Written last: it publishes the page. */
	vop_write(host, VOP_LINK_DEVICE_PAGE_BYTES, VOP_DEVICE_PAGE_BYTES);

	vop_host_enter(host, VOP_HOST_BOOTING);
	host->boot_deadline = jiffies + vop_host_wait_jiffies(VOP_WAIT_BOOT);
	vop_write(host, VOP_LINK_CPU, VOP_LINK_CPU_RUN_MASK);
	queue_delayed_work(host->workqueue, &host->boot_work,
			   vop_host_wait_jiffies(VOP_WAIT_BOOT_POLL));
	return 0;
}

/**
 * vop_boot_stop() - stop the card: nothing of it reaches host memory any more
 * @host: the card, its virtio devices removed
 */
void vop_boot_stop(struct vop_host *host)
{
	int window;

	cancel_delayed_work_sync(&host->boot_work);
	if (!vop_host_is_lost(host)) {
		vop_write(host, VOP_LINK_DEVICE_PAGE_BYTES, 0);
		vop_doorbell_ring(host, vop_devpage_config_db(host));
	}
	vop_copier_stop(host);
	vop_write(host, VOP_LINK_CPU, 0);
	for_each_set_bit(window, host->guard_used, host->guard_windows)
		vop_guard_close(host, window);
	pci_clear_master(host->pdev);
	vop_host_enter(host, VOP_HOST_GONE);
}

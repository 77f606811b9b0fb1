// SPDX-License-Identifier: GPL-2.0-only
/*
 * The PCI function: BARs, vectors, identity, and the end of it all.
 *
 *	probe: enable -> map -> identify -> allocate -> vectors -> start -> cdev
 *	remove: cdev -> virtio devices -> stop -> vectors -> free
 *
 * What user space may still hold after remove() is memory of struct vop_host
 * and struct vop_vdev, never registers and never memory that the card reaches.
 */
#include <linux/bitfield.h>
#include <linux/debugfs.h>
#include <linux/idr.h>
#include <linux/interrupt.h>
#include <linux/slab.h>

#include "vop_host.h"

static DEFINE_IDA(vop_host_ida);

/**
 * vop_coherent_alloc() - allocate zeroed memory that the card may reach
 * @host: the card
 * @memory: answer
 * @bytes: size
 *
 * D11: coherent memory only, so that hosts without coherent caches work, too.
 *
 * Return: 0 or -ENOMEM.
 */
int vop_coherent_alloc(struct vop_host *host, struct vop_coherent *memory,
		       size_t bytes)
{
	memory->va = dma_alloc_coherent(&host->pdev->dev, bytes, &memory->bus,
					GFP_KERNEL);
	memory->bytes = bytes;
	return memory->va ? 0 : -ENOMEM;
}

/**
 * vop_coherent_free() - free it again, if there is any
 * @host: the card
 * @memory: the memory; the card has let go of it
 */
void vop_coherent_free(struct vop_host *host, struct vop_coherent *memory)
{
	if (!memory->va)
		return;
	dma_free_coherent(&host->pdev->dev, memory->bytes, memory->va,
			  memory->bus);
	memory->va = NULL;
}

static void vop_host_release(struct kref *ref)
{
	struct vop_host *host = container_of(ref, struct vop_host, ref);

	ida_free(&vop_host_ida, host->index);
	pci_dev_put(host->pdev);
	kfree(host);
}

/**
 * vop_host_put() - drop a reference
 * @host: the card
 */
void vop_host_put(struct vop_host *host)
{
	kref_put(&host->ref, vop_host_release);
}

static struct vop_host *vop_host_create(struct pci_dev *pdev)
{
	struct vop_host *host = kzalloc(sizeof(*host), GFP_KERNEL);
	int index;

	if (!host)
		return ERR_PTR(-ENOMEM);
	/* node_id of the device page is a byte: index + 1. */
	index = ida_alloc_max(&vop_host_ida, U8_MAX - 1, GFP_KERNEL);
	if (index < 0) {
		kfree(host);
		return ERR_PTR(index);
	}

	kref_init(&host->ref);
	host->pdev = pci_dev_get(pdev);
	host->index = index;
	snprintf(host->name, sizeof(host->name), "vop_virtio%d", index);
	spin_lock_init(&host->state_lock);
	mutex_init(&host->lock);
	INIT_LIST_HEAD(&host->placed);
	INIT_LIST_HEAD(&host->limbo);
	spin_lock_init(&host->vdevs_lock);
	INIT_LIST_HEAD(&host->vdevs);
	INIT_WORK(&host->follow_work, vop_host_follow_work);
	INIT_DELAYED_WORK(&host->boot_work, vop_boot_work);
	init_waitqueue_head(&host->control_wait);
	mutex_init(&host->test_lock);
	INIT_WORK(&host->restart_work, vop_selftest_restart_work);
	return host;
}

static int vop_host_map(struct vop_host *host)
{
	struct pci_dev *pdev = host->pdev;
	int ret;

	ret = pcim_enable_device(pdev);
	if (ret)
		return ret;
	ret = pcim_iomap_regions(pdev, BIT(VOP_BAR_REGISTERS), VOP_HOST_NAME);
	if (ret)
		return ret;
	host->registers = pcim_iomap_table(pdev)[VOP_BAR_REGISTERS];
	ret = pci_request_region(pdev, VOP_BAR_APERTURE, VOP_HOST_NAME);
	if (ret)
		return ret;
	host->aperture =
		devm_ioremap_wc(&pdev->dev,
				pci_resource_start(pdev, VOP_BAR_APERTURE),
				pci_resource_len(pdev, VOP_BAR_APERTURE));
	if (!host->aperture)
		return -ENOMEM;

	if (pci_resource_len(pdev, VOP_BAR_REGISTERS) <
	    VOP_CARD_ADDRESSES_BAR0_BYTES) {
		dev_err(&pdev->dev, "BAR0 must hold %u bytes, not %pa\n",
			VOP_CARD_ADDRESSES_BAR0_BYTES,
			&(resource_size_t){ pci_resource_len(pdev, 0) });
		return -ENODEV;
	}
	return dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));
}

static int vop_host_check_layout(struct vop_host *host)
{
	struct device *dev = &host->pdev->dev;
	u32 magic = host->identity[VOP_IDENTITY_MAGIC / 4];
	u32 layout = host->identity[VOP_IDENTITY_LAYOUT / 4];
	u32 major = FIELD_GET(VOP_IDENTITY_LAYOUT_MAJOR_MASK, layout);

	if (magic == U32_MAX) {
		dev_err(dev, "card does not answer\n");
		return -ENODEV;
	}
	if (magic != VOP_VERSION_MAGIC) {
		dev_err(dev, "magic must be %#x, not %#x\n", VOP_VERSION_MAGIC,
			magic);
		return -ENODEV;
	}
	if (major != VOP_VERSION_LAYOUT_MAJOR) {
		dev_err(dev, "register layout must be %u.x, not %u.%u\n",
			VOP_VERSION_LAYOUT_MAJOR, major,
			(u32)FIELD_GET(VOP_IDENTITY_LAYOUT_MINOR_MASK, layout));
		return -EPROTONOSUPPORT;
	}
	return 0;
}

static int vop_host_identify(struct vop_host *host)
{
	const u32 needed = VOP_IDENTITY_FEATURES_COPY_MASK |
			   VOP_IDENTITY_FEATURES_COMPLETE_MASK;
	struct device *dev = &host->pdev->dev;
	u64 aperture_bytes = pci_resource_len(host->pdev, VOP_BAR_APERTURE);
	u32 features, copier;
	int n, ret;

	for (n = 0; n < ARRAY_SIZE(host->identity); n++)
		host->identity[n] = vop_read(host, VOP_IDENTITY_BLOCK + 4 * n);
	ret = vop_host_check_layout(host);
	if (ret)
		return ret;

	features = host->identity[VOP_IDENTITY_FEATURES / 4];
	copier = host->identity[VOP_IDENTITY_COPIER / 4];
	host->ram_bytes = host->identity[VOP_IDENTITY_RAM / 4];
	/* The store has 16 bits for the context, in units of its size. */
	host->single_store =
		(features & VOP_IDENTITY_FEATURES_SINGLE_STORE_MASK) &&
		host->ram_bytes <= (sizeof(struct vop_vring_context) << 16);
	if (features & VOP_IDENTITY_FEATURES_PUSH_MASK)
		host->push_slot_log2 = VOP_PUSH_SLOT_LOG2;
	host->guard_windows = FIELD_GET(VOP_IDENTITY_COPIER_GUARD_WINDOWS_MASK,
					copier);
	host->guard_windows = min_t(u32, host->guard_windows,
				    VOP_GUARD_LIMITS_WINDOWS);
	if ((features & needed) != needed || !host->guard_windows ||
	    !FIELD_GET(VOP_IDENTITY_COPIER_HOST_CHANNELS_MASK, copier)) {
		dev_err(dev, "card lacks what is needed: features %#x, copier %#x\n",
			features, copier);
		return -ENODEV;
	}
	if (!host->ram_bytes || host->ram_bytes > aperture_bytes) {
		dev_err(dev, "card RAM must be 1 to %llu bytes, not %u\n",
			aperture_bytes, host->ram_bytes);
		return -ENODEV;
	}
	return 0;
}

static void vop_host_free_vectors(struct vop_host *host)
{
	while (host->vectors) {
		host->vectors--;
		free_irq(pci_irq_vector(host->pdev, host->vectors),
			 &host->vector[host->vectors]);
	}
	pci_free_irq_vectors(host->pdev);
}

static int vop_host_request_vectors(struct vop_host *host)
{
	int granted, n, ret;

	/* Without interrupt remapping x86 grants one MSI, but many MSI-X. */
	granted = pci_alloc_irq_vectors(host->pdev, 1, VOP_MAX_VECTORS,
					PCI_IRQ_MSIX | PCI_IRQ_MSI);
	if (granted < 0)
		return granted;
	for (n = 0; n < granted; n++) {
		host->vector[n].host = host;
		host->vector[n].index = n;
		ret = request_irq(pci_irq_vector(host->pdev, n),
				  vop_doorbell_rung, 0, host->name,
				  &host->vector[n]);
		if (ret) {
			vop_host_free_vectors(host);
			return ret;
		}
		host->vectors = n + 1;
	}
	return 0;
}

static int vop_host_allocate(struct vop_host *host)
{
	int ret;

	host->workqueue = alloc_ordered_workqueue("%s", 0, host->name);
	if (!host->workqueue)
		return -ENOMEM;
	ret = vop_coherent_alloc(host, &host->page, VOP_DEVICE_PAGE_BYTES);
	if (!ret)
		ret = vop_copier_init(host);
	return ret;
}

/* The card reaches none of it any more: no bus mastering, no interrupts. */
static void vop_host_free(struct vop_host *host)
{
	if (host->workqueue)
		destroy_workqueue(host->workqueue);
	vop_vdev_free_limbo(host);
	vop_coherent_free(host, &host->test);
	vop_coherent_free(host, &host->channel.records);
	vop_coherent_free(host, &host->page);
}

static int vop_host_start(struct vop_host *host)
{
	int ret;

	/* Before the vectors: the handler looks at the page. */
	vop_devpage_init(host);
	ret = vop_host_request_vectors(host);
	if (ret)
		return ret;
	ret = vop_boot_start(host);
	if (!ret)
		ret = vop_cdev_register(host);
	if (ret) {
		vop_boot_stop(host);
		vop_host_free_vectors(host);
	}
	return ret;
}

/**
 * vop_host_probe() - bring a card up
 * @pdev: the PCI function
 * @id: unused
 *
 * Return: 0 with the card booting; online is told by sysfs and poll().
 */
int vop_host_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct vop_host *host = vop_host_create(pdev);
	int ret;

	if (IS_ERR(host))
		return PTR_ERR(host);

	ret = vop_host_map(host);
	if (ret)
		goto err_put;
	ret = vop_host_identify(host);
	if (ret)
		goto err_put;
	ret = vop_host_allocate(host);
	if (ret)
		goto err_free;
	pci_set_drvdata(pdev, host);
	vop_debugfs_add_host(host);
	ret = vop_host_start(host);
	if (ret)
		goto err_debugfs;

	dev_info(&pdev->dev, "%u bytes of card RAM, %u vectors, /dev/%s\n",
		 host->ram_bytes, host->vectors, host->name);
	return 0;

err_debugfs:
	debugfs_remove(host->debugfs);
err_free:
	vop_host_free(host);
err_put:
	vop_host_put(host);
	return ret;
}

/**
 * vop_host_remove() - leave a card, at any moment
 * @pdev: the PCI function
 *
 * Files may be open and transfers under way: they end with -ENODEV, pollers
 * see EPOLLERR, mappings go away. Waits for the card only if it is alive, and
 * at most once in vain.
 */
void vop_host_remove(struct pci_dev *pdev)
{
	struct vop_host *host = pci_get_drvdata(pdev);

	vop_cdev_unregister(host);
	mutex_lock(&host->lock);
	host->leaving = true;
	mutex_unlock(&host->lock);

	vop_selftest_leave(host);
	vop_host_check(host);
	vop_vdev_remove_all(host);
	vop_boot_stop(host);
	vop_host_free_vectors(host);
	cancel_work_sync(&host->follow_work);
	debugfs_remove(host->debugfs);
	vop_host_free(host);
	vop_host_put(host);
}

/**
 * vop_host_shutdown() - silence the card before the next kernel
 * @pdev: the PCI function
 */
void vop_host_shutdown(struct pci_dev *pdev)
{
	vop_host_silence(pci_get_drvdata(pdev));
}

/* A card that had a link error has lost its state: it must be probed anew. */
static pci_ers_result_t vop_host_error_detected(struct pci_dev *pdev,
						pci_channel_state_t state)
{
	struct vop_host *host = pci_get_drvdata(pdev);

	if (state == pci_channel_io_normal)
		return PCI_ERS_RESULT_CAN_RECOVER;
	vop_host_lose(host, VOP_HOST_GONE);
	return PCI_ERS_RESULT_DISCONNECT;
}

const struct pci_error_handlers vop_host_error_handlers = {
	.error_detected = vop_host_error_detected,
};

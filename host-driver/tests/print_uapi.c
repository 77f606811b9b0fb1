// SPDX-License-Identifier: GPL-2.0-only
/* Prints the numbers of the uapi, a line "name value" each. */
#include <stddef.h>
#include <stdio.h>

#include "regs/vop_regs.h"
#include "uapi/vop.h"

#define NUMBER(n)	printf("%s %#lx\n", #n, (unsigned long)(n))
#define SIZE(s)		printf("%s %zu\n", #s, sizeof(struct s))
#define OFFSET(s, m)	printf("%s.%s %zu\n", #s, #m, offsetof(struct s, m))

int main(void)
{
	NUMBER(VOP_VIRTIO_ADD_DEVICE);
	NUMBER(VOP_VIRTIO_COPY_DESC);
	NUMBER(VOP_VIRTIO_CONFIG_CHANGE);
	NUMBER(VOP_MMAP_RINGS);

	SIZE(vop_copy_desc);
	OFFSET(vop_copy_desc, iov);
	OFFSET(vop_copy_desc, iovcnt);
	OFFSET(vop_copy_desc, vr_idx);
	OFFSET(vop_copy_desc, update_used);
	OFFSET(vop_copy_desc, out_len);

	SIZE(vop_bootparam);
	OFFSET(vop_bootparam, h2c_config_db);
	OFFSET(vop_bootparam, scif_host_dma_addr);
	SIZE(vop_device_desc);
	OFFSET(vop_device_desc, num_vq);
	OFFSET(vop_device_desc, feature_len);
	OFFSET(vop_device_desc, config_len);
	OFFSET(vop_device_desc, status);
	SIZE(vop_vqconfig);
	OFFSET(vop_vqconfig, used_address);
	OFFSET(vop_vqconfig, num);
	SIZE(vop_device_ctrl);
	OFFSET(vop_device_ctrl, config_change);
	OFFSET(vop_device_ctrl, vdev_reset);
	OFFSET(vop_device_ctrl, guest_ack);
	OFFSET(vop_device_ctrl, host_ack);
	OFFSET(vop_device_ctrl, used_address_updated);
	OFFSET(vop_device_ctrl, c2h_vdev_db);
	OFFSET(vop_device_ctrl, h2c_vdev_db);
	SIZE(vop_vring_info);
	OFFSET(vop_vring_info, cookie);
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How long the host waits for the card: the only table of bounds.
 *
 * The module parameter timeout_scale multiplies every entry: 1 on hardware,
 * more where the card is a slow simulation.
 */
#ifndef VOP_HOST_TIMEOUTS_H
#define VOP_HOST_TIMEOUTS_H

/**
 * enum vop_wait - what is waited for
 * @VOP_WAIT_BOOT_POLL: between two looks at a card that boots
 * @VOP_WAIT_BOOT: firmware start to h2c_config_db
 * @VOP_WAIT_COPIER: a copier command to its record, behind a full channel
 * @VOP_WAIT_CHANNEL_RESET: a channel's reset to its state IDLE, behind reads
 *	that wait until the card gives up others that nobody answers: 0.6 s
 * @VOP_WAIT_CONFIG_ACK: CONFIG_CHANGED to guest_ack; v5.9 waits 100 x 100 ms
 * @VOP_WAIT_REMOVE_ACK: DEVICE_REMOVE to guest_ack; v5.9 waits 15 x 1 s
 * @VOP_WAIT_SLOT_REST: guest_ack to the driver's own type -1; nobody waits
 * @VOP_WAIT_MESSAGES: a read's answer to the handlers of messages sent before it;
 *	always waited out, as a message that must not come is waited for
 * @VOP_WAITS: number of entries
 */
enum vop_wait {
	VOP_WAIT_BOOT_POLL,
	VOP_WAIT_BOOT,
	VOP_WAIT_COPIER,
	VOP_WAIT_CHANNEL_RESET,
	VOP_WAIT_CONFIG_ACK,
	VOP_WAIT_REMOVE_ACK,
	VOP_WAIT_SLOT_REST,
	VOP_WAIT_MESSAGES,
	VOP_WAITS,
};

#define VOP_WAIT_TABLE_MS {			\
	[VOP_WAIT_BOOT_POLL] = 20,		\
	[VOP_WAIT_BOOT] = 5000,			\
	[VOP_WAIT_COPIER] = 1000,		\
	[VOP_WAIT_CHANNEL_RESET] = 1000,	\
	[VOP_WAIT_CONFIG_ACK] = 10000,		\
	[VOP_WAIT_REMOVE_ACK] = 15000,		\
	[VOP_WAIT_SLOT_REST] = 100,		\
	[VOP_WAIT_MESSAGES] = 5,		\
}

/* Largest timeout_scale: keeps the longest bound below five hours. */
#define VOP_TIMEOUT_SCALE_MAX	1000

unsigned long vop_host_wait_jiffies(enum vop_wait wait);

#endif /* VOP_HOST_TIMEOUTS_H */

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sizes and timeouts of the core. Each can be given on the compiler's command line; the Zephyr
 * module fills them from Kconfig.
 */
#ifndef VOP_CONFIG_H
#define VOP_CONFIG_H

/* Copier channel that belongs to the firmware: the first one of the card's. */
#ifndef VOP_CONFIG_COPIER_CHANNEL
#define VOP_CONFIG_COPIER_CHANNEL 4
#endif

/* virtio devices that the card drives at once, 1 to 31: one doorbell each. */
#ifndef VOP_CONFIG_DEVICES
#define VOP_CONFIG_DEVICES 8
#endif

/* Shares that can be mounted at once. */
#ifndef VOP_CONFIG_MOUNTS
#define VOP_CONFIG_MOUNTS 3
#endif

/* Largest payload of one 9P message, in bytes. A multiple of 4096. */
#ifndef VOP_CONFIG_9P_PAYLOAD_BYTES
#define VOP_CONFIG_9P_PAYLOAD_BYTES 65536
#endif

/* Buffer for one 9P message without its payload, in bytes; holds two names of 255 bytes. */
#ifndef VOP_CONFIG_9P_HEAD_BYTES
#define VOP_CONFIG_9P_HEAD_BYTES 1024
#endif

/* Fids that a 9P client holds at once, the root's included; at most 32. */
#ifndef VOP_CONFIG_9P_FIDS
#define VOP_CONFIG_9P_FIDS 16
#endif

/* Receive buffers of a console, and bytes in each. */
#ifndef VOP_CONFIG_CONSOLE_RX_BUFFERS
#define VOP_CONFIG_CONSOLE_RX_BUFFERS 8
#endif
#ifndef VOP_CONFIG_CONSOLE_RX_BYTES
#define VOP_CONFIG_CONSOLE_RX_BYTES 128
#endif

/* Transmit buffer of a console, in bytes; there are two. */
#ifndef VOP_CONFIG_CONSOLE_TX_BYTES
#define VOP_CONFIG_CONSOLE_TX_BYTES 1024
#endif

/* Longest command line of the shell, in bytes. */
#ifndef VOP_CONFIG_LINE_BYTES
#define VOP_CONFIG_LINE_BYTES 4096
#endif

/* Longest path, in bytes, the terminating zero included. */
#ifndef VOP_CONFIG_PATH_BYTES
#define VOP_CONFIG_PATH_BYTES 1024
#endif

/* Words of one shell command. */
#ifndef VOP_CONFIG_WORDS
#define VOP_CONFIG_WORDS 32
#endif

/* Text kept for `dmesg`, in bytes: a power of two. */
#ifndef VOP_CONFIG_LOG_BYTES
#define VOP_CONFIG_LOG_BYTES 4096
#endif

/*
 * Bounds, in microseconds of the card's clock.
 *
 * COPIER:    one copier command; the gateware's own completion timeout is shorter.
 * RESET:     the host's answer to a device reset. v5.9's 100 x 100 ms.
 * QUEUES:    the host's answer to new used rings. v5.9's 99 x 100 ms.
 * POLL:      how often a handshake looks again by itself, for a host that only polls.
 * REQUEST:   one 9P request. A dead server is known by the removal of its device, never by this.
 * CONSOLE:   how long output waits for a console that nobody drains, before it is dropped.
 */
#ifndef VOP_CONFIG_COPIER_TIMEOUT_US
#define VOP_CONFIG_COPIER_TIMEOUT_US 2000000u
#endif
#ifndef VOP_CONFIG_RESET_TIMEOUT_US
#define VOP_CONFIG_RESET_TIMEOUT_US 10000000u
#endif
#ifndef VOP_CONFIG_QUEUES_TIMEOUT_US
#define VOP_CONFIG_QUEUES_TIMEOUT_US 10000000u
#endif
#ifndef VOP_CONFIG_POLL_US
#define VOP_CONFIG_POLL_US 100000u
#endif
#ifndef VOP_CONFIG_REQUEST_TIMEOUT_US
#define VOP_CONFIG_REQUEST_TIMEOUT_US 120000000u
#endif
#ifndef VOP_CONFIG_CONSOLE_TIMEOUT_US
#define VOP_CONFIG_CONSOLE_TIMEOUT_US 5000000u
#endif

/* How often the copier's progress is read before the CPU parks. */
#ifndef VOP_CONFIG_COPIER_SPINS
#define VOP_CONFIG_COPIER_SPINS 32
#endif

#endif /* VOP_CONFIG_H */

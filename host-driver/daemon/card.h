/* SPDX-License-Identifier: Apache-2.0 */
/* What sysfs tells of a card: vopctl's only way to know anything without asking the driver. */
#ifndef VOPCTL_CARD_H
#define VOPCTL_CARD_H

#include <limits.h>
#include <stddef.h>

#define CARD_PREFIX "vop_virtio"

enum { CARD_VALUE_BYTES = 256 };            /* longest attribute read */

/* Where sysfs is mounted; "/sys" until it is set. The string must outlive every other call. */
void card_set_sysfs(const char *path);
const char *card_sysfs(void);

/*
 * The name in sysfs of card 0 for "0", "/dev/vop_virtio0" and "vop_virtio0"; NULL for what names
 * no card. `name` holds 32 bytes.
 */
const char *card_name(const char *argument, char *name, size_t bytes);

/* Writes the path of a file of the card's PCI function. It need not exist. */
void card_path(const char *card, const char *file, char *path, size_t bytes);

/*
 * Finds the folder of a card's PCI function: of the number or device file of a card that vop_host
 * drives, or of a PCI address, whoever drives that. Returns 0, or -1 if there is none.
 */
int card_folder(const char *argument, char folder[PATH_MAX]);

/* Reads an attribute without its line feed into `value`. Returns 0, or -1 and errno. */
int card_read(const char *path, char *value, size_t bytes);

/* Writes one. Returns 0, or -1 and errno, which is the kernel's answer to the word. */
int card_write(const char *path, const char *word);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a card without a driver says of itself: the identity block at the start of BAR0, read
 * through sysfs. It tells why vop_host did not take the card.
 * Ref: Linux, Documentation/PCI/sysfs-pci.rst.
 */
#include "selftest.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "card.h"
#include "regs/vop_regs.h"

enum { MAPPED_BYTES = 4096, WORDS = VOP_IDENTITY_RAM / 4 + 1 };

#define FLASH	"flash the bitstream of this board, reboot the host"

static void enable(const struct selftest *test, const char *how)
{
	char path[PATH_MAX + 16];

	snprintf(path, sizeof(path), "%s/enable", test->folder);
	card_write(path, how);
}

/* Returns 0, or -1 and errno. */
static int read_identity(const struct selftest *test, uint32_t words[WORDS])
{
	char path[PATH_MAX + 16];
	volatile const uint32_t *registers;
	int fd;

	snprintf(path, sizeof(path), "%s/resource0", test->folder);
	fd = open(path, O_RDONLY | O_SYNC | O_CLOEXEC);
	if (fd < 0)
		return -1;
	registers = mmap(NULL, MAPPED_BYTES, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (registers == MAP_FAILED)
		return -1;
	for (int n = 0; n < WORDS; n++)
		words[n] = registers[n];
	munmap((void *)registers, MAPPED_BYTES);
	return 0;
}

static void judge(struct selftest *test, const uint32_t words[WORDS])
{
	uint32_t magic = words[VOP_IDENTITY_MAGIC / 4], layout = words[VOP_IDENTITY_LAYOUT / 4];

	if (magic != VOP_VERSION_MAGIC) {
		selftest_failed(test, "identity", FLASH,
				"expected magic %#" PRIx32 ", found %#" PRIx32, VOP_VERSION_MAGIC,
				magic);
		return;
	}
	selftest_ok(test, "identity", "magic %#" PRIx32, magic);
	if (layout >> 16 == VOP_VERSION_LAYOUT_MAJOR)
		selftest_ok(test, "register layout", "%" PRIu32 ".%" PRIu32, layout >> 16,
			    layout & VOP_IDENTITY_LAYOUT_MINOR_MASK);
	else
		selftest_failed(test, "register layout",
				"install gateware and driver of one release",
				"expected %u.x, found %" PRIu32 ".%" PRIu32, VOP_VERSION_LAYOUT_MAJOR,
				layout >> 16, layout & VOP_IDENTITY_LAYOUT_MINOR_MASK);
	test->ram_bytes = words[VOP_IDENTITY_RAM / 4];
}

void selftest_check_identity(struct selftest *test)
{
	uint32_t words[WORDS];
	int error;

	enable(test, "1");
	error = read_identity(test, words) < 0 ? errno : 0;
	enable(test, "0");
	if (error)
		selftest_failed(test, "identity", "run it as root, see BAR0 below",
				"expected to read BAR0, found \"%s\"", strerror(error));
	else
		judge(test, words);
}

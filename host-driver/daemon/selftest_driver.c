/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of what vop_host knows of its card. Attributes: kernel/vop_host_sysfs.c. */
#include "selftest.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "card.h"
#include "regs/vop_regs.h"

enum { MAX_VECTORS = 32 };

#define DRIVER	"vop_host"

/* An attribute of the card; "nothing" stands for one that is not there. */
static void read_here(const struct selftest *test, const char *name, char *value)
{
	char path[PATH_MAX + CARD_VALUE_BYTES];

	snprintf(path, sizeof(path), "%s/%s", test->folder, name);
	if (card_read(path, value, CARD_VALUE_BYTES) < 0)
		strcpy(value, "nothing");
}

/* Returns the driver, as it stands in `driver`; "none" if there is none. */
static const char *check_bound(struct selftest *test, char driver[PATH_MAX])
{
	char path[PATH_MAX + 16];
	const char *found = "none";
	ssize_t length;

	snprintf(path, sizeof(path), "%s/driver", test->folder);
	length = readlink(path, driver, PATH_MAX - 1);
	driver[length < 0 ? 0 : length] = '\0';
	if (strrchr(driver, '/'))
		found = strrchr(driver, '/') + 1;
	if (!strcmp(found, DRIVER))
		selftest_ok(test, "driver", "%s", found);
	else
		selftest_failed(test, "driver",
				"bind " DRIVER " (modprobe " DRIVER "), look into dmesg",
				"expected " DRIVER ", found %s", found);
	return found;
}

/* Returns whether the card says that it is one of ours. */
static bool check_ids(struct selftest *test)
{
	char vendor[CARD_VALUE_BYTES], device[CARD_VALUE_BYTES];

	read_here(test, "vendor", vendor);
	read_here(test, "device", device);
	if (strtoul(vendor, NULL, 16) == VOP_VERSION_PCI_VENDOR_ID &&
	    strtoul(device, NULL, 16) == VOP_VERSION_PCI_DEVICE_ID) {
		selftest_ok(test, "PCI ids", "%s:%s", vendor, device);
		return true;
	}
	selftest_failed(test, "PCI ids", "flash OpenVOP's bitstream, reboot the host",
			"expected %#x:%#x, found %s:%s", VOP_VERSION_PCI_VENDOR_ID,
			VOP_VERSION_PCI_DEVICE_ID, vendor, device);
	return false;
}

static void check_layout(struct selftest *test)
{
	char layout[CARD_VALUE_BYTES], build[CARD_VALUE_BYTES];
	char *end;
	unsigned long major;

	read_here(test, "layout", layout);
	read_here(test, "build", build);
	major = strtoul(layout, &end, 10);
	if (*end == '.' && major == VOP_VERSION_LAYOUT_MAJOR)
		selftest_ok(test, "register layout", "%s, build %s", layout, build);
	else
		selftest_failed(test, "register layout",
				"install gateware and driver of one release",
				"expected %u.x, found %s", VOP_VERSION_LAYOUT_MAJOR, layout);
}

static void check_state(struct selftest *test)
{
	static const struct {
		const char *state, *remedy;
	} remedies[] = {
		{ "offline", "look into dmesg whether the firmware was late, load vop_host anew" },
		{ "booting", "wait some seconds, try again" },
		{ "refused", "install firmware and driver of one release" },
		{ "crashed", "look into dmesg for the trap, load vop_host anew" },
		{ "gone", "look for a link that went down, rescan the bus or reboot" },
	};
	const char *remedy = "install vopctl and driver of one release";
	char state[CARD_VALUE_BYTES];

	read_here(test, "state", state);
	if (!strcmp(state, "online")) {
		selftest_ok(test, "firmware", "%s", state);
		return;
	}
	for (size_t i = 0; i < sizeof(remedies) / sizeof(remedies[0]); i++)
		if (!strcmp(state, remedies[i].state))
			remedy = remedies[i].remedy;
	selftest_failed(test, "firmware", remedy, "expected online, found %s", state);
}

static void check_vectors(struct selftest *test)
{
	char vectors[CARD_VALUE_BYTES];
	unsigned long count;

	read_here(test, "vectors", vectors);
	count = strtoul(vectors, NULL, 10);
	if (count >= 1 && count <= MAX_VECTORS)
		selftest_ok(test, "vectors granted", "%lu of %d", count, MAX_VECTORS);
	else
		selftest_failed(test, "vectors granted",
				"boot without pci=nomsi, look into dmesg",
				"expected 1 to %d, found %s", MAX_VECTORS, vectors);
}

unsigned long selftest_vectors(const struct selftest *test)
{
	char vectors[CARD_VALUE_BYTES];

	read_here(test, "vectors", vectors);
	return strtoul(vectors, NULL, 10);
}

/* Each of these counts what never happens on a sound card with sound software. */
static void check_counter(struct selftest *test, const char *name, const char *remedy)
{
	char check[64], file[64], value[CARD_VALUE_BYTES];

	snprintf(check, sizeof(check), "counter %s", name);
	snprintf(file, sizeof(file), "counters/%s", name);
	read_here(test, file, value);
	if (!strcmp(value, "0"))
		selftest_ok(test, check, "%s", value);
	else
		selftest_failed(test, check, remedy, "expected 0, found %s", value);
}

int selftest_check_driver(struct selftest *test)
{
	char path[PATH_MAX], ram_bytes[CARD_VALUE_BYTES];
	const char *driver = check_bound(test, path);

	/* Registers of a stranger may do something when they are read. */
	if (check_ids(test) && !strcmp(driver, "none"))
		selftest_check_identity(test);
	if (strcmp(driver, DRIVER))
		return -1;
	read_here(test, "ram_bytes", ram_bytes);
	test->ram_bytes = strtoul(ram_bytes, NULL, 10);
	check_layout(test);
	check_state(test);
	check_vectors(test);
	check_counter(test, "late", "look into dmesg for what was late");
	check_counter(test, "peer_errors", "look into dmesg for what the firmware did wrong");
	check_counter(test, "channel_resets", "look into dmesg for the command that failed");
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks of the PCI function as Linux' PCI core shows it: link, BARs, errors of the link.
 * Ref: Linux, Documentation/ABI/testing/sysfs-bus-pci and sysfs-bus-pci-devices-aer_stats.
 */
#include "selftest.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "card.h"
#include "regs/vop_regs.h"

enum {
	BAR_REGISTERS = 0,
	BAR_APERTURE = 2,
	FLAG_MEMORY = 0x200,                /* IORESOURCE_MEM of the attribute `resource` */
	FLAG_UNSET = 0x20000000,            /* IORESOURCE_UNSET: no address was found for it */
};

#define RESEAT	"reseat card and adapter, clean the contacts, try another slot or cable"

/* A number that begins an attribute of the card, or with "../" of its slot; 0 if there is none. */
static double number(const struct selftest *test, const char *name)
{
	char path[PATH_MAX + 64], value[CARD_VALUE_BYTES];

	snprintf(path, sizeof(path), "%s/%s", test->folder, name);
	return card_read(path, value, sizeof(value)) < 0 ? 0 : strtod(value, NULL);
}

/* What both ends can: a slot that tells nothing is one that does not limit. */
static double least(double card, double slot)
{
	return slot > 0 && slot < card ? slot : card;
}

static void check_width(struct selftest *test)
{
	double card = number(test, "max_link_width");
	double slot = number(test, "../max_link_width");
	double found = number(test, "current_link_width");
	double expected = test->lanes ? (double)test->lanes : least(card, slot);

	if (expected > 0 && found >= expected)
		selftest_ok(test, "link width", "x%.0f (card x%.0f, slot x%.0f)", found, card, slot);
	else
		selftest_failed(test, "link width", expected > least(card, slot) ?
				"use a slot or adapter with more lanes" : RESEAT,
				"expected x%.0f (card x%.0f, slot x%.0f), found x%.0f", expected,
				card, slot, found);
}

static void check_speed(struct selftest *test)
{
	double card = number(test, "max_link_speed");
	double slot = number(test, "../max_link_speed");
	double found = number(test, "current_link_speed");
	double expected = test->speed_gts > 0 ? test->speed_gts : least(card, slot);

	if (expected > 0 && found >= expected)
		selftest_ok(test, "link speed", "%.1f GT/s (card %.1f, slot %.1f)", found, card,
			    slot);
	else
		selftest_failed(test, "link speed", expected > least(card, slot) ?
				"use a faster slot, raise the slot's limit in the firmware setup" :
				RESEAT,
				"expected %.1f GT/s (card %.1f, slot %.1f), found %.1f", expected,
				card, slot, found);
}

/* Line `bar` of `resource` is "start end flags", all zero for a BAR that is not there. */
static void check_bar(struct selftest *test, int bar, uint64_t least_bytes)
{
	char path[PATH_MAX + 16], check[16], line[CARD_VALUE_BYTES] = "";
	uint64_t start = 0, end = 0, flags = 0, bytes = 0;
	FILE *file;

	snprintf(check, sizeof(check), "BAR%d", bar);
	snprintf(path, sizeof(path), "%s/resource", test->folder);
	file = fopen(path, "re");
	for (int n = 0; file && n <= bar; n++)
		if (!fgets(line, sizeof(line), file))
			line[0] = '\0';
	if (file)
		fclose(file);
	if (sscanf(line, "%" SCNx64 " %" SCNx64 " %" SCNx64, &start, &end, &flags) == 3 &&
	    flags & FLAG_MEMORY && end > start)
		bytes = end - start + 1;
	if (bytes && (!start || flags & FLAG_UNSET))
		selftest_failed(test, check, "boot with pci=realloc, "
				"allow 64-bit BARs (Above 4G Decoding) in the firmware setup",
				"expected an address, found none for its %" PRIu64 " bytes", bytes);
	else if (bytes < least_bytes || !bytes)
		selftest_failed(test, check, "flash the bitstream of this board, reboot the host",
				"expected memory of at least %" PRIu64 " bytes, found %" PRIu64,
				least_bytes, bytes);
	else
		selftest_ok(test, check, "%" PRIu64 " bytes at %#" PRIx64, bytes, start);
}

/* Totals of PCIe's error reporting, where the host has it: the last line, "TOTAL_.. n". */
static void check_link_errors(struct selftest *test, const char *severity)
{
	char path[PATH_MAX + 64], check[32], text[4096];
	const char *total;

	snprintf(check, sizeof(check), "%s errors", severity);
	snprintf(path, sizeof(path), "%s/aer_dev_%s", test->folder, severity);
	if (card_read(path, text, sizeof(text)) < 0)
		return;
	total = strstr(text, "TOTAL_");
	total = total ? strchr(total, ' ') : NULL;
	total = total ? total + 1 : "no total";
	if (!strcmp(total, "0"))
		selftest_ok(test, check, "%s", total);
	else
		selftest_failed(test, check, RESEAT, "expected 0, found %s", total);
}

void selftest_check_function(struct selftest *test)
{
	check_width(test);
	check_speed(test);
	check_bar(test, BAR_REGISTERS, VOP_CARD_ADDRESSES_BAR0_BYTES);
	check_bar(test, BAR_APERTURE, test->ram_bytes);
	check_link_errors(test, "correctable");
	check_link_errors(test, "nonfatal");
	check_link_errors(test, "fatal");
}

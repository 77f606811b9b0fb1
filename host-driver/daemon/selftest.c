/* SPDX-License-Identifier: Apache-2.0 */
/* The course of a self-test: options, order, report. */
#include "selftest.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "card.h"
#include "regs/vop_regs.h"

enum {
	EXIT_USAGE = 2,
	MOST_RESETS = 1000000,
};

static const char usage[] =
	"Usage: vopctl [--sysfs=PATH] selftest CARD [OPTION]...\n"
	"Test a card: one line for each check. CARD is a number, a device file or, for a\n"
	"card that the driver did not take, a PCI address such as 0000:01:00.0.\n"
	"The card is out of service meanwhile, and must serve nobody before. Needs root.\n"
	"\n"
	"  --resets=N      how often to reset the card, 1 or more (default: 100)\n"
	"  --quick         fewer copies, and one reset unless --resets says otherwise\n"
	"  --passive       only what can be seen while the card is in service\n"
	"  --device=PATH   the card's device file (default: /dev/ and the card's name)\n"
	"  --lanes=N       lanes the link must have (default: what card and slot can)\n"
	"  --speed=GT/S    speed the link must have, such as 5.0 (default: the same)\n"
	"  --help          show this text\n"
	"\n"
	"Exit status: 0 every check passed, 1 one failed, 2 wrong usage.\n";

static int misuse(const char *what)
{
	fprintf(stderr, "vopctl: selftest: %s\nTry 'vopctl selftest --help'.\n", what);
	return EXIT_USAGE;
}

void selftest_ok(struct selftest *test, const char *check, const char *format, ...)
{
	va_list values;

	test->checks++;
	printf("%s: ", check);
	va_start(values, format);
	vprintf(format, values);
	va_end(values);
	puts(": ok");
	fflush(stdout);
}

void selftest_failed(struct selftest *test, const char *check, const char *remedy,
		     const char *format, ...)
{
	va_list values;

	test->checks++;
	test->failures++;
	printf("%s: FAILED: ", check);
	va_start(values, format);
	vprintf(format, values);
	va_end(values);
	printf(", do: %s\n", remedy);
	fflush(stdout);
}

/* Everything for which the card must be out of service. */
static void check_card(struct selftest *test, const char *device)
{
	if (selftest_take(test, device) < 0)
		return;
	selftest_check_doorbells(test);
	selftest_check_vectors(test, selftest_vectors(test));
	for (int to_host = 0; to_host < 2; to_host++)
		selftest_check_copies(test, to_host);
	for (int to_host = 0; to_host < 2; to_host++)
		selftest_measure_latency(test, to_host);
	for (int to_host = 0; to_host < 2; to_host++)
		selftest_measure_throughput(test, to_host);
	selftest_give_back(test);
	if (selftest_check_resets(test) < 0)
		return;
	selftest_check_again(test, device);
	selftest_check_service(test);
}

static int run(struct selftest *test, const char *card, const char *device, bool is_passive)
{
	char path[PATH_MAX + 16], name[CARD_VALUE_BYTES], ours[CARD_VALUE_BYTES + 8];
	bool is_driven;

	if (card_folder(card, test->folder) < 0) {
		fprintf(stderr, "vopctl: selftest: %s: no such card; `vopctl list` shows those that "
			"vop_host drives, `lspci -D -d %x:` the PCI address of others\n", card,
			VOP_VERSION_PCI_VENDOR_ID);
		return EXIT_FAILURE;
	}
	is_driven = !selftest_check_driver(test);
	selftest_check_function(test);
	if (is_driven && !is_passive) {
		snprintf(path, sizeof(path), "%s/vop_device", test->folder);
		if (card_read(path, name, sizeof(name)) < 0)
			name[0] = '\0';
		snprintf(ours, sizeof(ours), "/dev/%s", name);
		check_card(test, device ? device : ours);
	}
	printf("%u checks, %u failed\n", test->checks, test->failures);
	return test->failures ? EXIT_FAILURE : EXIT_SUCCESS;
}

int selftest_main(int count, char **words)
{
	static const struct option names[] = {
		{ "resets", required_argument, NULL, 'r' },
		{ "quick", no_argument, NULL, 'q' },
		{ "passive", no_argument, NULL, 'p' },
		{ "device", required_argument, NULL, 'd' },
		{ "lanes", required_argument, NULL, 'l' },
		{ "speed", required_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct selftest test = { 0 };
	char *end;
	const char *device = NULL;
	bool is_passive = false;
	int option;

	optind = 0;                         /* glibc: begin anew, with other words */
	while ((option = getopt_long(count, words, "", names, NULL)) != -1) {
		switch (option) {
		case 'r':
			test.resets = strtoul(optarg, &end, 10);
			if (*end || test.resets < 1 || test.resets > MOST_RESETS)
				return misuse("resets must be a number from 1 to 1000000");
			break;
		case 'q': test.is_quick = true; break;
		case 'p': is_passive = true; break;
		case 'd': device = optarg; break;
		case 'l':
			test.lanes = strtoul(optarg, &end, 10);
			if (*end || test.lanes < 1 || test.lanes > 32)
				return misuse("lanes must be a number from 1 to 32");
			break;
		case 's':
			test.speed_gts = strtod(optarg, &end);
			if (*end || !(test.speed_gts >= 2.5 && test.speed_gts <= 64))
				return misuse("speed must be a number from 2.5 to 64, in GT/s");
			break;
		case 'h':
			fputs(usage, stdout);
			return EXIT_SUCCESS;
		default:
			return misuse("unknown option");
		}
	}
	if (optind != count - 1)
		return misuse("one CARD must be given");
	if (!test.resets)
		test.resets = test.is_quick ? 1 : 100;
	return run(&test, words[optind], device, is_passive);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The course of a self-test: options, order, report. */
#include "selftest.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "card.h"

enum { EXIT_USAGE = 2 };

static const char usage[] =
	"Usage: vopctl [--sysfs=PATH] selftest CARD [OPTION]...\n"
	"Test a card: one line for each check.\n"
	"\n"
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

static int run(struct selftest *test, const char *card)
{
	char path[PATH_MAX];

	card_path(card, "", path, sizeof(path));
	if (!realpath(path, test->folder)) {
		fprintf(stderr, "vopctl: selftest: %s: no such card; `vopctl list` shows them\n",
			card);
		return EXIT_FAILURE;
	}
	if (!selftest_check_driver(test))
		selftest_check_function(test);
	printf("%u checks, %u failed\n", test->checks, test->failures);
	return test->failures ? EXIT_FAILURE : EXIT_SUCCESS;
}

int selftest_main(int count, char **words)
{
	static const struct option names[] = {
		{ "lanes", required_argument, NULL, 'l' },
		{ "speed", required_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct selftest test = { 0 };
	char name[32], *end;
	int option;

	optind = 0;                         /* glibc: begin anew, with other words */
	while ((option = getopt_long(count, words, "", names, NULL)) != -1) {
		switch (option) {
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
	if (!card_name(words[optind], name, sizeof(name)))
		return misuse("CARD must be a number or a device file");
	return run(&test, name);
}

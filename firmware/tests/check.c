/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the cases of one test program: all of them, or those whose name is an argument. */

#include "check.h"

#include <string.h>

unsigned long check_count;
unsigned long check_failures;

extern const struct check_case check_cases[];

void check_text(const char *file, int line, const char *got, const char *expected)
{
	check_count++;
	if (strcmp(got, expected) != 0) {
		check_failures++;
		fprintf(stderr, "%s:%d: must be \"%s\", not \"%s\"\n", file, line, expected, got);
	}
}

void check_contains(const char *file, int line, const char *got, const char *expected)
{
	check_count++;
	if (strstr(got, expected) == NULL) {
		check_failures++;
		fprintf(stderr, "%s:%d: must contain \"%s\": \"%s\"\n", file, line, expected, got);
	}
}

/* One line per case: name, checks, failures. The pytest entry judges those lines. */
int main(int argc, char **argv)
{
	for (const struct check_case *test = check_cases; test->name != NULL; test++) {
		unsigned long count = check_count;
		unsigned long failures = check_failures;

		if (argc > 1 && strcmp(argv[1], "--list") == 0) {
			puts(test->name);
			continue;
		}
		if (argc > 1 && strcmp(argv[1], test->name) != 0) {
			continue;
		}
		test->run();
		printf("%s checks=%lu failures=%lu\n", test->name, check_count - count,
		       check_failures - failures);
		fflush(stdout);
	}
	return check_failures != 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Checks that are counted, so that a run without any cannot pass. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>

struct check_case {
	const char *name;
	void (*run)(void);
};

/* A case whose name is its function. */
#define CASE(function) { #function, function }

extern unsigned long check_count;
extern unsigned long check_failures;

#define CHECK(condition)                                                                          \
	do {                                                                                      \
		check_count++;                                                                    \
		if (!(condition)) {                                                               \
			check_failures++;                                                         \
			fprintf(stderr, "%s:%d: must hold: %s\n", __FILE__, __LINE__, #condition); \
		}                                                                                 \
	} while (0)

#define CHECK_EQUAL(got, expected)                                                                \
	do {                                                                                      \
		long long check_got = (long long)(got);                                           \
		long long check_expected = (long long)(expected);                                 \
		check_count++;                                                                    \
		if (check_got != check_expected) {                                                \
			check_failures++;                                                         \
			fprintf(stderr, "%s:%d: %s must be %lld, not %lld\n", __FILE__, __LINE__, \
				#got, check_expected, check_got);                                 \
		}                                                                                 \
	} while (0)

void check_text(const char *file, int line, const char *got, const char *expected);
void check_contains(const char *file, int line, const char *got, const char *expected);

#define CHECK_TEXT(got, expected) check_text(__FILE__, __LINE__, got, expected)
#define CHECK_CONTAINS(got, expected) check_contains(__FILE__, __LINE__, got, expected)

#endif /* CHECK_H */

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vopctl selftest: is this card, in this slot of this host, what it should be? One line for each
 * check on standard output, with what was measured, or with what was expected, what was found, and
 * what to do about it. All judging is done here, in user space.
 */
#ifndef VOPCTL_SELFTEST_H
#define VOPCTL_SELFTEST_H

#include <limits.h>

/* A run of the test. */
struct selftest {
	char folder[PATH_MAX];              /* of the PCI function, in sysfs */
	unsigned long lanes;                /* expected; 0: what card and slot can */
	double speed_gts;                   /* the same, in GT/s for each lane */
	unsigned int checks, failures;
};

/* Runs `selftest CARD [OPTION]...`. Returns 0 all well, 1 a check failed, 2 wrong usage. */
int selftest_main(int count, char **words);

/* Reports a check that found what it should; `format` gives what was measured. */
__attribute__((format(printf, 3, 4)))
void selftest_ok(struct selftest *test, const char *check, const char *format, ...);

/* Reports one that did not; `format` gives "expected .., found ..", `remedy` what to do. */
__attribute__((format(printf, 4, 5)))
void selftest_failed(struct selftest *test, const char *check, const char *remedy,
		     const char *format, ...);

/* Identity, state, counters: what the module says of the card. Returns 0 if it drives one. */
int selftest_check_driver(struct selftest *test);

/* Link, BARs and link errors: what the PCI core says of the function. */
void selftest_check_function(struct selftest *test);

#endif

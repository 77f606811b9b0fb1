/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vopctl selftest: is this card, in this slot of this host, what it should be? One line for each
 * check on standard output, with what was measured, or with what was expected, what was found, and
 * what to do about it. All judging is done here, in user space.
 */
#ifndef VOPCTL_SELFTEST_H
#define VOPCTL_SELFTEST_H

#include <limits.h>
#include <stdbool.h>

/* A run of the test. */
struct selftest {
	char folder[PATH_MAX];              /* of the PCI function, in sysfs */
	unsigned long lanes;                /* expected; 0: what card and slot can */
	double speed_gts;                   /* the same, in GT/s for each lane */
	unsigned long resets;
	bool is_quick;
	unsigned long ram_bytes;            /* of the card, 0 while it is not known */
	int fd;                             /* of the device file, while the test has the card */
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

/*
 * Identity, state, counters: what the module says of the card. Returns 0 if it drives one, else -1;
 * then a card without any driver is asked itself.
 */
int selftest_check_driver(struct selftest *test);

/* Asks a card that has no driver who it is. */
void selftest_check_identity(struct selftest *test);

/* Link, BARs and link errors: what the PCI core says of the function. */
void selftest_check_function(struct selftest *test);

/* Vectors that the host has granted. */
unsigned long selftest_vectors(const struct selftest *test);

/*
 * Takes the card out of service, and reports if it cannot. Returns 0 or -1. Until it is given back
 * the checks behind it may be made; then the driver boots it, which takes a moment.
 */
int selftest_take(struct selftest *test, const char *device);
void selftest_give_back(struct selftest *test);

void selftest_check_doorbells(struct selftest *test);
void selftest_check_vectors(struct selftest *test, unsigned long vectors);
void selftest_check_copies(struct selftest *test, bool to_host);
void selftest_measure_latency(struct selftest *test, bool to_host);
void selftest_measure_throughput(struct selftest *test, bool to_host);

/* Resets the card, test->resets times; the card is not taken. Returns 0, or -1 after a report. */
int selftest_check_resets(struct selftest *test);

/* Doorbells at rest and a copy each way, of a card that is not taken before or behind. */
void selftest_check_again(struct selftest *test, const char *device);

/* Waits until the card is in service. */
void selftest_check_service(struct selftest *test);

#endif

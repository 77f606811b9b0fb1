/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resets: the driver is unbound and bound anew, as sysfs lets root do. That stops the card's CPU and
 * resets the copier, loads the firmware, starts it, and waits until it is online.
 */
#include "selftest.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "card.h"

enum {
	POLL_NS = 10 * 1000 * 1000,
	ONLINE_POLLS = 1000,                /* 10 s: the driver's own bound is half of it */
};

/* What the driver's bounds are multiplied by: a simulated card is slow. */
static unsigned long scale(const char *driver)
{
	char path[PATH_MAX + 64], value[CARD_VALUE_BYTES];
	unsigned long found;

	snprintf(path, sizeof(path), "%s/module/parameters/timeout_scale", driver);
	if (card_read(path, value, sizeof(value)) < 0)
		return 1;
	found = strtoul(value, NULL, 10);
	return found ? found : 1;
}

static void wait_until_up(const char *folder, unsigned long polls, char *state)
{
	const struct timespec pause = { .tv_nsec = POLL_NS };
	char path[PATH_MAX + 8];

	snprintf(path, sizeof(path), "%s/state", folder);
	for (unsigned long n = 0; n < polls; n++) {
		if (card_read(path, state, CARD_VALUE_BYTES) < 0)
			strcpy(state, "no driver");
		else if (strcmp(state, "offline") && strcmp(state, "booting"))
			return;
		nanosleep(&pause, NULL);
	}
}

/* Folder of the driver, which outlives the binding; "" if the card has none. */
static void find_driver(const struct selftest *test, char driver[PATH_MAX])
{
	char link[PATH_MAX + 16];

	snprintf(link, sizeof(link), "%s/driver", test->folder);
	if (!realpath(link, driver))
		driver[0] = '\0';
}

/* Binds the driver anew, or not at all: who interrupts us finds a card that has one. */
static int bind_anew(const char *unbind, const char *bind, const char *address)
{
	sigset_t all, before;
	int ret;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	ret = card_write(unbind, address) < 0 ? -1 : card_write(bind, address);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return ret;
}

int selftest_check_resets(struct selftest *test)
{
	char driver[PATH_MAX], unbind[PATH_MAX + 16], bind[PATH_MAX + 16];
	char state[CARD_VALUE_BYTES] = "";
	const char *address = strrchr(test->folder, '/') + 1;

	find_driver(test, driver);
	snprintf(unbind, sizeof(unbind), "%s/unbind", driver);
	snprintf(bind, sizeof(bind), "%s/bind", driver);
	for (unsigned long n = 1; n <= test->resets; n++) {
		char check[64];

		snprintf(check, sizeof(check), "reset %lu of %lu", n, test->resets);
		if (bind_anew(unbind, bind, address) < 0) {
			selftest_failed(test, check, "look into dmesg, reboot the host",
					"expected vop_host to be bound anew, found \"%s\"",
					strerror(errno));
			return -1;
		}
		wait_until_up(test->folder, ONLINE_POLLS * scale(driver), state);
		if (strcmp(state, "online")) {
			selftest_failed(test, check, "look into dmesg, load vop_host anew",
					"expected online, found %s", state);
			return -1;
		}
	}
	selftest_ok(test, "resets", "%lu, online after each", test->resets);
	return 0;
}

void selftest_check_service(struct selftest *test)
{
	char driver[PATH_MAX], state[CARD_VALUE_BYTES] = "";

	find_driver(test, driver);
	wait_until_up(test->folder, ONLINE_POLLS * scale(driver), state);
	if (!strcmp(state, "online"))
		selftest_ok(test, "back in service", "%s", state);
	else
		selftest_failed(test, "back in service", "look into dmesg, load vop_host anew",
				"expected online, found %s", state);
}

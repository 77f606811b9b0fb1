/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks that take the card out of service: doorbells, vectors, copies. Each is a few steps of
 * VOP_SELFTEST (uapi/vop.h) and a judgement; a check that fails names the first thing that was
 * wrong and is done, so that a dead card costs a line each.
 */
#include "selftest.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver.h"
#include "regs/vop_regs.h"
#include "uapi/vop.h"

enum {
	GUARD_BYTES = 32,                   /* on either side of a copy, which must not change */
	LONGEST_COPY = 4099,
	WINDOW_BYTES = 8 + LONGEST_COPY + 2 * GUARD_BYTES,
	CARD_AT = 0x1000,                   /* card RAM of the copies; page aligned */
	SHORT_BYTES = 8,                    /* of a copy whose latency is measured */
	LONG_BYTES = 0x8000,                /* of those whose throughput is */
	BUCKETS = 32,                       /* of the histogram: powers of two, in us */
};

#define LOOK	"look into dmesg, load vop_host anew, flash the bitstream again"
#define BACKEND	"stop who serves or tests the card (systemctl stop vopd), load vop_host anew"

static int step(struct selftest *test, struct vop_selftest *what)
{
	return vop_driver.ioctl(test->fd, VOP_SELFTEST, what);
}

int selftest_take(struct selftest *test, const char *device)
{
	struct vop_selftest take = { .step = VOP_SELFTEST_TAKE };
	const char *remedy = LOOK;

	test->fd = vop_driver.open(device);
	if (test->fd >= 0 && !step(test, &take))
		return 0;
	if (errno == EBUSY)
		remedy = BACKEND;
	else if (errno == EPERM || errno == EACCES)
		remedy = "run it as root";
	else if (errno == ENOTTY)
		remedy = "install vopctl and driver of one release";
	selftest_failed(test, "taking the card", remedy, "expected %s to give it, found \"%s\"",
			device, strerror(errno));
	if (test->fd >= 0)
		vop_driver.close(test->fd);
	return -1;
}

/* Rings doorbell `index`, or none; expects `pending`. Returns 0, or -1 after a report. */
static int check_pending(struct selftest *test, const char *check, uint32_t index,
			 uint32_t pending)
{
	struct vop_selftest ring = { .step = VOP_SELFTEST_DOORBELL, .index = index };

	if (step(test, &ring) < 0)
		selftest_failed(test, check, LOOK, "expected an answer, found \"%s\"",
				strerror(errno));
	else if (ring.found != pending)
		selftest_failed(test, check, LOOK,
				"expected pending %#" PRIx32 ", found %#" PRIx32, pending,
				ring.found);
	else
		return 0;
	return -1;
}

void selftest_check_doorbells(struct selftest *test)
{
	uint32_t pending = 0;

	if (check_pending(test, "doorbells at rest", VOP_DOORBELLS_H2C_COUNT, 0) < 0)
		return;
	for (uint32_t n = 0; n < VOP_DOORBELLS_H2C_COUNT; n++) {
		char check[32];

		snprintf(check, sizeof(check), "doorbell %" PRIu32, n);
		pending |= UINT32_C(1) << n;
		if (check_pending(test, check, n, pending) < 0)
			return;
	}
	selftest_ok(test, "doorbells", "%d rang, each by itself", VOP_DOORBELLS_H2C_COUNT);
}

void selftest_check_vectors(struct selftest *test, unsigned long vectors)
{
	uint64_t slowest_ns = 0;
	unsigned int failures = test->failures;

	for (uint32_t n = 0; n < vectors; n++) {
		struct vop_selftest raise = { .step = VOP_SELFTEST_VECTOR, .index = n };
		char check[32];

		snprintf(check, sizeof(check), "vector %" PRIu32, n);
		if (step(test, &raise) < 0) {
			selftest_failed(test, check, LOOK, "expected an interrupt, found \"%s\"",
					strerror(errno));
			return;
		}
		if (raise.found != UINT32_C(1) << n)
			selftest_failed(test, check, "look into dmesg for faults of the IOMMU",
					"expected vectors %#" PRIx32 ", found %#" PRIx32,
					UINT32_C(1) << n, raise.found);
		if (raise.elapsed_ns > slowest_ns)
			slowest_ns = raise.elapsed_ns;
	}
	if (test->failures == failures)
		selftest_ok(test, "vectors", "%lu came, each by itself, the slowest after %.1f us",
			    vectors, (double)slowest_ns / 1e3);
}

/* Bytes that differ from copy to copy and from their neighbours, and are never the guard's. */
static void fill(uint8_t *bytes, size_t count, unsigned int seed)
{
	for (size_t i = 0; i < count; i++)
		bytes[i] = (uint8_t)((i * 7 + (i >> 8) + seed * 13) % 251);
}

/* A copy between any two offsets, in a window of guard bytes. */
struct copy {
	uint32_t host_offset, card_offset, bytes;
};

/* Moves `count` bytes between ours and the test's memory. */
static int exchange(struct selftest *test, uint32_t how, uint32_t offset, uint8_t *bytes,
		    uint32_t count)
{
	struct vop_selftest what = {
		.step = how, .data = (uintptr_t)bytes, .bytes = count, .repeat = 1,
	};

	if (how == VOP_SELFTEST_PEEK || how == VOP_SELFTEST_POKE)
		what.card_address = offset;
	else
		what.host_offset = offset;
	return step(test, &what);
}

static int copy_once(struct selftest *test, uint32_t direction, uint32_t host_offset,
		     uint32_t card_address, uint32_t count)
{
	struct vop_selftest what = {
		.step = direction, .host_offset = host_offset, .card_address = card_address,
		.bytes = count, .repeat = 1,
	};

	return step(test, &what);
}

/*
 * Fills `found` with the window in card RAM after a copy to the card. What is before it there, and
 * what comes of it, goes by the host's CPU: no direction of the copier is needed to test the other.
 */
static int run_to_card(struct selftest *test, const struct copy *copy, uint8_t *bytes,
		       uint8_t *found)
{
	uint32_t window = copy->card_offset + copy->bytes + 2 * GUARD_BYTES;

	memset(found, 0xff, WINDOW_BYTES);
	if (exchange(test, VOP_SELFTEST_POKE, CARD_AT, found, window) < 0 ||
	    exchange(test, VOP_SELFTEST_LOAD, copy->host_offset, bytes, copy->bytes) < 0 ||
	    copy_once(test, VOP_SELFTEST_TO_CARD, copy->host_offset,
		      CARD_AT + GUARD_BYTES + copy->card_offset, copy->bytes) < 0)
		return -1;
	return exchange(test, VOP_SELFTEST_PEEK, CARD_AT, found, window);
}

/* Fills `found` with the window in host memory after a copy to the host. */
static int run_to_host(struct selftest *test, const struct copy *copy, uint8_t *bytes,
		       uint8_t *found)
{
	memset(found, 0xff, WINDOW_BYTES);
	if (exchange(test, VOP_SELFTEST_POKE, CARD_AT + copy->card_offset, bytes,
		     copy->bytes) < 0 ||
	    exchange(test, VOP_SELFTEST_LOAD, 0, found, WINDOW_BYTES) < 0 ||
	    copy_once(test, VOP_SELFTEST_TO_HOST, GUARD_BYTES + copy->host_offset,
		      CARD_AT + copy->card_offset, copy->bytes) < 0)
		return -1;
	return exchange(test, VOP_SELFTEST_STORE, 0, found, WINDOW_BYTES);
}

/* Judges one copy. Returns 0, or -1 after a report. */
static int check_copy(struct selftest *test, const char *check, uint32_t direction,
		      const struct copy *copy)
{
	uint8_t bytes[LONGEST_COPY], found[WINDOW_BYTES], expected[WINDOW_BYTES];
	bool to_host = direction == VOP_SELFTEST_TO_HOST;
	size_t start = GUARD_BYTES + (to_host ? copy->host_offset : copy->card_offset);
	size_t end = start + copy->bytes + GUARD_BYTES;

	fill(bytes, copy->bytes, copy->host_offset + 8 * copy->card_offset + copy->bytes);
	memset(expected, 0xff, sizeof(expected));
	memcpy(expected + start, bytes, copy->bytes);
	if ((to_host ? run_to_host : run_to_card)(test, copy, bytes, found) < 0) {
		selftest_failed(test, check, LOOK, "expected %" PRIu32 " bytes at host +%" PRIu32
				", card +%" PRIu32 ", found \"%s\"", copy->bytes, copy->host_offset,
				copy->card_offset, strerror(errno));
		return -1;
	}
	for (size_t i = 0; i < end; i++) {
		if (found[i] == expected[i])
			continue;
		selftest_failed(test, check, LOOK, "expected %#x at byte %zd of %" PRIu32
				" (host +%" PRIu32 ", card +%" PRIu32 "), found %#x", expected[i],
				(ssize_t)(i - start), copy->bytes, copy->host_offset,
				copy->card_offset, found[i]);
		return -1;
	}
	return 0;
}

void selftest_check_copies(struct selftest *test, bool to_host)
{
	static const uint32_t lengths[] = { 1, 3, 8, 61, 256, LONGEST_COPY };
	const char *check = to_host ? "copies to host" : "copies to card";
	uint32_t direction = to_host ? VOP_SELFTEST_TO_HOST : VOP_SELFTEST_TO_CARD;
	unsigned int done = 0;

	for (uint32_t host = 0; host < 8; host++) {
		/* Quick: every offset of either side, but not every pair. */
		for (uint32_t card = 0; card < (test->is_quick ? 1 : 8); card++) {
			for (size_t n = 0; n < sizeof(lengths) / sizeof(lengths[0]); n++) {
				struct copy copy = { host, (card + 3 * host) % 8, lengths[n] };

				if (test->is_quick && copy.bytes > 256)
					continue;
				if (check_copy(test, check, direction, &copy) < 0)
					return;
				done++;
			}
		}
	}
	selftest_ok(test, check, "%u of 1 to %d bytes, host +0 to +7, card +0 to +7", done,
		    test->is_quick ? 256 : LONGEST_COPY);
}

void selftest_check_again(struct selftest *test, const char *device)
{
	static const char check[] = "copies after the resets";
	static const struct copy copy = { 5, 6, LONGEST_COPY };

	if (selftest_take(test, device) < 0)
		return;
	if (!check_pending(test, "doorbells after the resets", VOP_DOORBELLS_H2C_COUNT, 0))
		selftest_ok(test, "doorbells after the resets", "taken by the firmware");
	if (!check_copy(test, check, VOP_SELFTEST_TO_CARD, &copy) &&
	    !check_copy(test, check, VOP_SELFTEST_TO_HOST, &copy))
		selftest_ok(test, check, "%d bytes to card and to host", LONGEST_COPY);
	selftest_give_back(test);
}

static int ascending(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

/* "1-2:930 2-4:69 64-128:1": microseconds and how often. */
static void print_histogram(const uint64_t *sorted_ns, size_t count, char *text, size_t bytes)
{
	size_t used = 0, next = 0;

	for (unsigned int n = 0; n < BUCKETS && next < count && used < bytes; n++) {
		uint64_t below_us = UINT64_C(1) << n;
		size_t first = next;

		while (next < count && sorted_ns[next] < below_us * 1000)
			next++;
		if (next > first)
			used += (size_t)snprintf(text + used, bytes - used,
						 " %" PRIu64 "-%" PRIu64 ":%zu",
						 n ? below_us / 2 : 0, below_us, next - first);
	}
}

void selftest_measure_latency(struct selftest *test, bool to_host)
{
	const char *check = to_host ? "latency to host" : "latency to card";
	size_t count = test->is_quick ? 20 : 1000;
	uint64_t ns[1000];
	char histogram[512] = "";

	for (size_t i = 0; i < count; i++) {
		struct vop_selftest copy = {
			.step = to_host ? VOP_SELFTEST_TO_HOST : VOP_SELFTEST_TO_CARD,
			.card_address = CARD_AT, .bytes = SHORT_BYTES, .repeat = 1,
		};

		if (step(test, &copy) < 0) {
			selftest_failed(test, check, LOOK, "expected %d bytes, found \"%s\"",
					SHORT_BYTES, strerror(errno));
			return;
		}
		ns[i] = copy.elapsed_ns;
	}
	qsort(ns, count, sizeof(ns[0]), ascending);
	print_histogram(ns, count, histogram, sizeof(histogram));
	selftest_ok(test, check, "%d bytes, command to interrupt, half below %.1f us, "
		    "longest %.1f us; us:times%s", SHORT_BYTES, (double)ns[count / 2] / 1e3,
		    (double)ns[count - 1] / 1e3, histogram);
}

void selftest_measure_throughput(struct selftest *test, bool to_host)
{
	const char *check = to_host ? "throughput to host" : "throughput to card";
	struct vop_selftest copy = {
		.step = to_host ? VOP_SELFTEST_TO_HOST : VOP_SELFTEST_TO_CARD,
		.card_address = CARD_AT, .bytes = test->is_quick ? LONG_BYTES / 8 : LONG_BYTES,
		.repeat = test->is_quick ? 4 : VOP_SELFTEST_MAX_REPEAT,
	};

	if (step(test, &copy) < 0 || !copy.elapsed_ns)
		selftest_failed(test, check, LOOK, "expected %" PRIu32 " copies, found \"%s\"",
				copy.repeat, strerror(errno));
	else
		selftest_ok(test, check, "%.1f MB/s, %" PRIu32 " copies of %" PRIu32 " bytes",
			    (double)copy.bytes * copy.repeat * 1e3 / (double)copy.elapsed_ns,
			    copy.repeat, copy.bytes);
}

void selftest_give_back(struct selftest *test)
{
	vop_driver.close(test->fd);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs the kernel module's chain checks in user space, under sanitizers.
 *
 *	chain_walk walk NUM HEAD RAM_BYTES	a ring from standard input, a line
 *						"address length flags next" per
 *						descriptor; prints the fault, or
 *						"ok" and the segments
 *	chain_walk pending AVAIL LAST NUM	prints the fault, or "ok" and how
 *						many chains wait
 *	chain_walk pieces NUM HEAD MOST		walks with 2^32 - 1 bytes of card
 *						RAM, prints the pieces of at most
 *						MOST bytes
 *	chain_walk storm SEED ROUNDS		rings of noise, changed by a second
 *						thread while they are walked; exits
 *						1 if a result breaks a promise
 *
 * Everything is allocated to its exact size, so that the sanitizer sees the
 * first byte outside.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/limits.h>
#include "vop_host_chain.h"

static struct vring_desc *read_ring(unsigned int num)
{
	struct vring_desc *ring = calloc(num, sizeof(*ring));

	for (unsigned int n = 0; n < num; n++) {
		int64_t address, length, flags, next;

		if (scanf("%" SCNi64 "%" SCNi64 "%" SCNi64 "%" SCNi64,
			  &address, &length, &flags, &next) != 4)
			exit(2);
		ring[n].addr = htole64(address);
		ring[n].len = htole32(length);
		ring[n].flags = htole16(flags);
		ring[n].next = htole16(next);
	}
	return ring;
}

static int walk(unsigned int num, unsigned int head, u32 ram_bytes)
{
	struct vop_chain *chain = malloc(sizeof(*chain));
	struct vring_desc *ring = read_ring(num);
	enum vop_chain_fault fault =
		vop_chain_walk(ring, num, head, ram_bytes, chain);

	printf("%s\n", vop_chain_fault_name(fault));
	for (unsigned int n = 0; !fault && n < chain->segments; n++)
		printf("%c %#x %u\n", n < chain->readable ? 'r' : 'w',
		       chain->segment[n].address_card, chain->segment[n].bytes);
	free(ring);
	free(chain);
	return 0;
}

static int pending(u16 avail, u16 last, u16 num)
{
	u16 waiting = 0;
	enum vop_chain_fault fault =
		vop_chain_pending(avail, last, num, &waiting);

	printf("%s\n", vop_chain_fault_name(fault));
	if (!fault)
		printf("%u\n", waiting);
	return 0;
}

static int pieces(unsigned int num, unsigned int head, u32 most)
{
	struct vop_chain *chain = malloc(sizeof(*chain));
	struct vring_desc *ring = read_ring(num);
	struct vop_cursor cursor = { 0 };
	u32 address_card, bytes;

	if (!vop_chain_walk(ring, num, head, U32_MAX, chain)) {
		while ((bytes = vop_chain_next(chain, chain->segments, &cursor,
					       most, &address_card)))
			printf("%#x %u left %u\n", address_card, bytes,
			       vop_chain_left(chain, chain->segments, cursor));
	}
	free(ring);
	free(chain);
	return 0;
}

struct storm {
	struct vring_desc *ring;
	unsigned int num;
	unsigned int seed;
	atomic_bool over;
};

static unsigned int noise(unsigned int *seed)
{
	return (unsigned int)rand_r(seed);
}

/* Mostly legal values, so that walks get somewhere. */
static void scribble(volatile struct vring_desc *desc, unsigned int num,
		     unsigned int *seed)
{
	bool is_wild = noise(seed) % 16 == 0;

	desc->addr = htole64(is_wild ? (uint64_t)noise(seed) << 33 :
				       noise(seed) % 4096);
	desc->len = htole32(is_wild ? noise(seed) * 2 : noise(seed) % 64);
	desc->flags = htole16(noise(seed) % 2 ? VRING_DESC_F_NEXT :
						noise(seed) % 4);
	desc->next = htole16(is_wild ? noise(seed) : noise(seed) % num);
}

static void *change_ring(void *argument)
{
	struct storm *storm = argument;
	unsigned int seed = storm->seed + 1;

	while (!atomic_load(&storm->over))
		scribble(&storm->ring[noise(&seed) % storm->num], storm->num,
			 &seed);
	return NULL;
}

/* What the caller of vop_chain_walk() relies on. */
static bool is_kept(const struct vop_chain *chain, unsigned int num,
		    u32 ram_bytes)
{
	uint64_t total = 0;

	if (!chain->segments || chain->segments > num ||
	    chain->readable > chain->segments)
		return false;
	for (unsigned int n = 0; n < chain->segments; n++) {
		uint64_t end = (uint64_t)chain->segment[n].address_card +
			       chain->segment[n].bytes;

		if (end > ram_bytes)
			return false;
		total += chain->segment[n].bytes;
	}
	return total <= UINT32_MAX;
}

static int storm(unsigned int seed, unsigned int rounds)
{
	const u32 ram_bytes = 4096;
	struct storm storm = { .num = 16, .seed = seed };
	struct vop_chain *chain = malloc(sizeof(*chain));
	unsigned int good = 0, broken = 0;
	pthread_t thread;

	storm.ring = calloc(storm.num, sizeof(*storm.ring));
	pthread_create(&thread, NULL, change_ring, &storm);
	while (rounds--) {
		if (vop_chain_walk(storm.ring, storm.num,
				   noise(&seed) % storm.num, ram_bytes, chain))
			continue;
		good++;
		broken += !is_kept(chain, storm.num, ram_bytes);
	}
	atomic_store(&storm.over, true);
	pthread_join(thread, NULL);
	free(storm.ring);
	free(chain);
	printf("%u good, %u broken\n", good, broken);
	return broken || !good;
}

int main(int argc, char **argv)
{
	unsigned long a = argc > 2 ? strtoul(argv[2], NULL, 0) : 0;
	unsigned long b = argc > 3 ? strtoul(argv[3], NULL, 0) : 0;
	unsigned long c = argc > 4 ? strtoul(argv[4], NULL, 0) : 0;

	if (argc == 5 && !strcmp(argv[1], "walk"))
		return walk(a, b, c);
	if (argc == 5 && !strcmp(argv[1], "pending"))
		return pending(a, b, c);
	if (argc == 5 && !strcmp(argv[1], "pieces"))
		return pieces(a, b, c);
	if (argc == 4 && !strcmp(argv[1], "storm"))
		return storm(a, b);
	return 2;
}

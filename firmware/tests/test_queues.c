/* SPDX-License-Identifier: Apache-2.0 */
/* Virtqueues, and the console over two of them, against the model, honest and hostile. */

#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "check.h"

/* Offsets in the device control, by hand. */
enum { GUEST_ACK = 10, H2C_DB = 14 };

/* A virtqueue of our own over the model's memory. */
struct queue {
	struct bench bench;
	struct vop_vring *vring;
	struct model_queue host;
};

static void open_queue(struct queue *queue, uint16_t num)
{
	struct vop_vring_memory *memory;

	bench_open(&queue->bench);
	queue->vring = calloc(1, sizeof(*queue->vring));
	memory = model_alloc(queue->bench.model, sizeof(*memory), 4096);
	CHECK_EQUAL(vop_vring_init(queue->vring, &queue->bench.model->port, queue->bench.copier,
				   memory, num, MODEL_HOST_BUS + 4096, 3), VOP_OK);
	queue->host = (struct model_queue){
		.ring = 4096,
		.num = num,
		.used = vop_vring_used_card(queue->vring),
	};
}

static void close_queue(struct queue *queue)
{
	free(queue->vring);
	bench_close(&queue->bench);
}

static uint16_t add(struct queue *queue, uint32_t readable, uint32_t writable)
{
	struct vop_vring_part parts[4] = {
		{ .data = queue->bench.model->ram + 64, .bytes = 10 },
		{ .data = queue->bench.model->ram + 128, .bytes = 20 },
		{ .data = queue->bench.model->ram + 192, .bytes = 30 },
		{ .data = queue->bench.model->ram + 256, .bytes = 40 },
	};
	uint16_t head = 0xffff;

	CHECK_EQUAL(vop_vring_add(queue->vring, parts, readable, parts + 2, writable, &head),
		    VOP_OK);
	CHECK_EQUAL(vop_vring_publish(queue->vring), VOP_OK);
	return head;
}

static void a_virtqueue_wraps_and_gives_every_descriptor_back(void)
{
	struct queue queue;
	uint32_t bytes;
	uint16_t head;

	open_queue(&queue, 8);
	for (uint32_t n = 0; n < 70000; n++) {
		uint16_t first = add(&queue, 1 + n % 2, n % 3);
		uint16_t second = add(&queue, 2, 1);

		/* The device finishes them in the other order. */
		model_write_used(queue.bench.model, &queue.host, second, 30);
		model_write_used(queue.bench.model, &queue.host, first, 0);
		if (vop_vring_take(queue.vring, &head, &bytes) != 1 || head != second ||
		    bytes != 30 || vop_vring_take(queue.vring, &head, &bytes) != 1 ||
		    head != first || queue.vring->free_count != 8) {
			CHECK_EQUAL(n, -1);
			break;
		}
	}
	CHECK_EQUAL(queue.vring->avail_idx, (uint16_t)140000);
	CHECK_EQUAL(vop_vring_take(queue.vring, &head, &bytes), 0);
	CHECK_EQUAL(queue.bench.model->vectors_raised, 1u << 3);
	close_queue(&queue);
}

static void the_host_sees_the_chain_as_it_was_added(void)
{
	struct queue queue;
	const uint8_t *ring;
	uint16_t head;

	open_queue(&queue, 8);
	head = add(&queue, 2, 1);
	ring = queue.bench.model->host + 4096;
	CHECK_EQUAL(ring[8 * 16 + 2], 1);
	CHECK_EQUAL(ring[8 * 16 + 4], head);
	CHECK_EQUAL(ring[0], 64);
	CHECK_EQUAL(ring[8], 10);
	CHECK_EQUAL(ring[12], 1);
	CHECK_EQUAL(ring[16 + 12], 1);
	CHECK_EQUAL(ring[32], 192);
	CHECK_EQUAL(ring[32 + 12], 2);
	close_queue(&queue);
}

static void a_full_virtqueue_says_so_and_recovers(void)
{
	struct queue queue;
	struct vop_vring_part part = { .bytes = 1 };
	uint32_t bytes;
	uint16_t head;

	open_queue(&queue, 4);
	part.data = queue.bench.model->ram + 64;
	(void)add(&queue, 2, 1);
	CHECK_EQUAL(vop_vring_add(queue.vring, &part, 1, &part, 1, &head), VOP_E_FULL);
	CHECK_EQUAL(vop_vring_add(queue.vring, NULL, 0, NULL, 0, &head), VOP_E_ARGUMENT);
	model_write_used(queue.bench.model, &queue.host, 0, 0);
	CHECK_EQUAL(vop_vring_take(queue.vring, &head, &bytes), 1);
	CHECK_EQUAL(vop_vring_add(queue.vring, &part, 1, &part, 1, &head), VOP_OK);
	close_queue(&queue);
}

/* One lie of the device: used id, length, and how many elements its index claims. */
static void check_lie(uint32_t id, uint32_t bytes, uint16_t claimed, const char *log)
{
	struct queue queue;
	uint32_t got_bytes;
	uint16_t head;

	open_queue(&queue, 8);
	(void)add(&queue, 1, 1);
	model_write_used(queue.bench.model, &queue.host, id, bytes);
	queue.bench.model->ram[queue.host.used + 2] = (uint8_t)claimed;
	queue.bench.model->ram[queue.host.used + 3] = (uint8_t)(claimed >> 8);
	CHECK_EQUAL(vop_vring_take(queue.vring, &head, &got_bytes), VOP_E_MALFORMED);
	CHECK_CONTAINS(queue.bench.model->log, log);
	/* Broken stays broken, until the device is reset. */
	CHECK_EQUAL(vop_vring_take(queue.vring, &head, &got_bytes), VOP_E_MALFORMED);
	CHECK_EQUAL(vop_vring_add(queue.vring, NULL, 0, NULL, 0, &head), VOP_E_MALFORMED);
	close_queue(&queue);
}

static void lies_in_the_used_ring_break_the_queue_only(void)
{
	check_lie(8, 0, 1, "vring: used id 8, must be at most 7\n");
	check_lie(0xffffffff, 0, 1, "vring: used id 4294967295, must be at most 7\n");
	check_lie(1, 0, 1, "vring: used id 1 is not outstanding\n");
	check_lie(0, 31, 1, "vring: used length 31, must be at most 30\n");
	check_lie(0, 0, 2, "vring: used elements 2, must be at most 1\n");
	check_lie(0, 0, 0xffff, "vring: used elements 65535, must be at most 1\n");
}

static void ring_sizes_that_are_no_power_of_two_are_refused(void)
{
	static const uint16_t nums[] = { 0, 1, 3, 100, 129, 256, 0x8000 };
	struct queue queue;

	open_queue(&queue, 8);
	for (uint32_t n = 0; n < sizeof(nums) / sizeof(nums[0]); n++) {
		CHECK_EQUAL(vop_vring_init(queue.vring, &queue.bench.model->port,
					   queue.bench.copier, queue.vring->memory, nums[n], 0, 0),
			    VOP_E_MALFORMED);
	}
	close_queue(&queue);
}

/* The host's side of a console: keeps what was sent, and can be deaf to output. */
struct terminal_model {
	char sent[8192];
	uint32_t sent_bytes;
	bool drains;
	uint16_t rx_heads[128];
	uint32_t rx_count;
};

static void serve_console(struct model *model, struct model_device *device, uint32_t index,
			  const struct model_chain *chain)
{
	struct terminal_model *terminal = device->context;

	if (index == 0) {
		terminal->rx_heads[terminal->rx_count++] = chain->head;
	} else if (terminal->drains) {
		memcpy(terminal->sent + terminal->sent_bytes, chain->readable,
		       chain->readable_bytes);
		terminal->sent_bytes += chain->readable_bytes;
		model_complete(model, device, 1, chain->head, NULL, 0);
	}
}

static struct vop_console *open_console(struct bench *bench, struct terminal_model *terminal)
{
	struct vop_console *console;
	struct model_device *device;

	bench_open_online(bench);
	*terminal = (struct terminal_model){ .drains = true };
	console = model_alloc(bench->model, sizeof(*console), 4096);
	device = model_add_device(bench->model, 3, 2, 32, "", 0);
	device->serve = serve_console;
	device->context = terminal;
	CHECK_EQUAL(vop_device_page_service(bench->page), VOP_OK);
	CHECK_EQUAL(vop_console_start(console, vop_device_page_next(bench->page, NULL,
								    VOP_VDEV_FOUND)), VOP_OK);
	model_host_step(bench->model);
	return console;
}

static void the_console_carries_bytes_both_ways(void)
{
	static struct terminal_model terminal;
	struct bench bench;
	struct vop_console *console = open_console(&bench, &terminal);
	char got[64];

	CHECK_EQUAL(terminal.rx_count, VOP_CONFIG_CONSOLE_RX_BUFFERS);
	for (uint32_t n = 0; n < 100; n++) {
		model_complete(bench.model, bench.model->devices, 0, terminal.rx_heads[0], "hello",
			       5);
		memmove(terminal.rx_heads, terminal.rx_heads + 1, sizeof(terminal.rx_heads) - 2);
		terminal.rx_count--;
		CHECK_EQUAL(vop_console_read(console, got, 3), 3);
		CHECK_EQUAL(vop_console_read(console, got + 3, 60), 2);
		CHECK(memcmp(got, "hello", 5) == 0);
		CHECK_EQUAL(vop_console_read(console, got, 60), 0);
		model_host_step(bench.model);
	}
	for (uint32_t n = 0; n < 500; n++) {
		CHECK_EQUAL(vop_console_write(console, "0123456789", 10), VOP_OK);
	}
	CHECK_EQUAL(vop_console_flush(console), VOP_OK);
	model_host_step(bench.model);
	CHECK_EQUAL(terminal.sent_bytes, 5000);
	CHECK(memcmp(terminal.sent + 4990, "0123456789", 10) == 0);
	bench_close(&bench);
}

static void a_console_that_nobody_drains_drops_output_in_bounded_time(void)
{
	static struct terminal_model terminal;
	struct bench bench;
	struct vop_console *console = open_console(&bench, &terminal);
	char text[3000] = "";
	uint64_t start_us;

	terminal.drains = false;
	start_us = bench.model->time_us;
	CHECK_EQUAL(vop_console_write(console, text, sizeof(text)), VOP_E_LATE);
	CHECK_EQUAL(vop_console_write(console, text, sizeof(text)), VOP_E_LATE);
	CHECK(bench.model->time_us - start_us < 2 * VOP_CONFIG_CONSOLE_TIMEOUT_US);
	CHECK(console->dropped_bytes > 3000);
	terminal.drains = true;
	/* The two buffers under way come back: output flows again. */
	model_complete(bench.model, bench.model->devices, 1, 0, NULL, 0);
	model_complete(bench.model, bench.model->devices, 1, 1, NULL, 0);
	CHECK_EQUAL(vop_console_write(console, "again", 5), VOP_OK);
	CHECK_EQUAL(vop_console_flush(console), VOP_OK);
	model_host_step(bench.model);
	CHECK(memcmp(terminal.sent, "again", 5) == 0);
	bench_close(&bench);
}

static void a_removed_console_ends_reads_and_writes(void)
{
	static struct terminal_model terminal;
	struct bench bench;
	struct vop_console *console = open_console(&bench, &terminal);
	char text[3000] = "";

	model_ask_removal(bench.model, bench.model->devices);
	CHECK_EQUAL(vop_console_write(console, text, sizeof(text)), VOP_E_GONE);
	CHECK_EQUAL(vop_console_read(console, text, 1), VOP_E_GONE);
	CHECK_EQUAL(vop_console_stop(console), VOP_OK);
	CHECK_EQUAL(model_ctrl(bench.model, bench.model->devices)[GUEST_ACK], 1);
	CHECK_EQUAL((int8_t)model_ctrl(bench.model, bench.model->devices)[H2C_DB], -1);
	bench_close(&bench);
}

const struct check_case check_cases[] = {
	CASE(a_virtqueue_wraps_and_gives_every_descriptor_back),
	CASE(the_host_sees_the_chain_as_it_was_added),
	CASE(a_full_virtqueue_says_so_and_recovers),
	CASE(lies_in_the_used_ring_break_the_queue_only),
	CASE(ring_sizes_that_are_no_power_of_two_are_refused),
	CASE(the_console_carries_bytes_both_ways),
	CASE(a_console_that_nobody_drains_drops_output_in_bounded_time),
	CASE(a_removed_console_ends_reads_and_writes),
	{ NULL, NULL },
};

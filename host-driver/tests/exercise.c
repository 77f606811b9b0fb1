// SPDX-License-Identifier: Apache-2.0
/*
 * Uses the uapi as a daemon does, and as a daemon must not; runs in the guest.
 *
 *	exercise echo N ALIGN	serves the model card's driver for N chains, with the
 *				information block at a multiple of ALIGN (default 1)
 *	exercise misuse		everything that must be refused
 *	exercise config		changes configuration space
 *	exercise hold		adds a device, then waits until its card is lost
 *	exercise revoked	adds a device, then waits until the driver leaves
 *	exercise take		takes the card for a self-test, and keeps it
 *	exercise scribble	prints a checksum of card RAM and fills it, by a self-test
 *	exercise broken		waits for a chain, expects EIO from it
 *
 * Prints what went wrong and exits 1, or prints "ok".
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "regs/vop_regs.h"
#include "uapi/vop.h"

#define DEVICE		"/dev/vop_virtio0"
#define NUM		16
#define RING_END	(4096 + 6 + 8 * NUM)
#define RING_BYTES	8192
#define POLL_MS		20000

#define EXPECT(condition)						\
	do {								\
		if (!(condition)) {					\
			printf("line %d: not %s (errno %s)\n", __LINE__,\
			       #condition, strerrorname_np(errno));	\
			exit(1);					\
		}							\
	} while (0)

struct block {
	struct vop_device_desc head;
	struct vop_vqconfig queue;
	__u8 features[16];
	__u8 config[8];
};

static const struct block good = {
	.head = { .type = 9, .num_vq = 1, .feature_len = 8, .config_len = 8 },
	.queue = { .num = NUM },
	/* INDIRECT_DESC is bit 28: the host must withhold it. VERSION_1 is bit 32. */
	.features = { 0, 0, 0, 0x10, 1 },
	.config = { 1, 2, 3, 4, 5, 6, 7, 8 },
};

static int open_device(void)
{
	int fd = open(DEVICE, O_RDWR | O_CLOEXEC);

	EXPECT(fd >= 0);
	return fd;
}

static int add_device(void)
{
	struct block block = good;
	int fd = open_device();

	EXPECT(!ioctl(fd, VOP_VIRTIO_ADD_DEVICE, &block));
	return fd;
}

/* One step; returns out_len, or the negative errno. */
static int copy(int fd, void *buffer, size_t bytes, int update_used)
{
	/* In two parts, so that a step crosses buffers. */
	struct iovec iov[] = {
		{ buffer, bytes / 2 },
		{ (char *)buffer + bytes / 2, bytes - bytes / 2 },
	};
	struct vop_copy_desc request = {
		.iov = iov,
		.iovcnt = bytes ? 2 : 0,
		.update_used = update_used,
	};

	if (ioctl(fd, VOP_VIRTIO_COPY_DESC, &request) < 0)
		return -errno;
	return request.out_len;
}

static short wait_for(int fd)
{
	struct pollfd poller = { .fd = fd, .events = POLLIN };

	EXPECT(poll(&poller, 1, POLL_MS) == 1);
	return poller.revents;
}

/* Waits until a first step into a chain copies something. */
static int first_step(int fd, void *buffer, size_t bytes)
{
	for (;;) {
		int copied = copy(fd, buffer, bytes, 0);

		if (copied && copied != -ENODEV)
			return copied;
		EXPECT(wait_for(fd) & POLLIN);
	}
}

static void echo(int rounds, int align)
{
	static unsigned char buffer[1 << 17];
	int fd = add_device();
	const unsigned char *map = mmap(NULL, 4096 + RING_BYTES, PROT_READ,
					MAP_SHARED, fd, 0);
	const struct vop_vring_info *info =
		(const void *)(map + 4096 +
			       (RING_END + align - 1) / align * align);
	__u32 bytes, cookie;

	EXPECT(map != MAP_FAILED);
	memcpy(&cookie, (const char *)info + 4, sizeof(cookie));
	EXPECT(cookie == VOP_MAGIC + 9);
	for (int round = 0; round < rounds; round++) {
		EXPECT(first_step(fd, &bytes, sizeof(bytes)) == sizeof(bytes));
		EXPECT(bytes <= sizeof(buffer));
		EXPECT(copy(fd, buffer, bytes, 0) == (int)bytes);
		for (__u32 n = 0; n < bytes; n++)
			buffer[n] ^= 0xff;
		EXPECT(*(const volatile __u16 *)info == round);
		EXPECT(copy(fd, buffer, bytes, 1) == (int)bytes);
		EXPECT(*(const volatile __u16 *)info == round + 1);
	}
	close(fd);
}

static void refuse_block(const char *what, size_t offset, __u8 value)
{
	struct block block = good;
	int fd = open_device();

	((__u8 *)&block)[offset] = value;
	if (!ioctl(fd, VOP_VIRTIO_ADD_DEVICE, &block) || errno != EINVAL) {
		printf("%s: not refused\n", what);
		exit(1);
	}
	close(fd);
}

static void misuse(void)
{
	struct block block = good;
	int fd = open_device();
	void *map;

	EXPECT(copy(fd, &block, 4, 0) == -EINVAL);
	EXPECT(wait_for(fd) & POLLERR);
	EXPECT(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED &&
	       errno == EINVAL);
	close(fd);

	refuse_block("type 0", 0, 0);
	refuse_block("type -1", 0, 0xff);
	refuse_block("5 queues", 1, 5);
	refuse_block("a block that is too long", 3, 255);
	refuse_block("0 entries", offsetof(struct block, queue.num), 0);
	refuse_block("3 entries", offsetof(struct block, queue.num), 3);
	refuse_block("1040 entries", offsetof(struct block, queue.num) + 1, 4);

	fd = add_device();
	EXPECT(ioctl(fd, VOP_VIRTIO_ADD_DEVICE, &block) < 0 && errno == EEXIST);
	EXPECT(ioctl(fd, VOP_VIRTIO_ADD_DEVICE, NULL) < 0 && errno == EFAULT);
	EXPECT(ioctl(fd, 0x7300, NULL) < 0 && errno == ENOTTY);
	EXPECT(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) ==
	       MAP_FAILED && errno == EACCES);
	EXPECT(mmap(NULL, 8192, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED &&
	       errno == EINVAL);
	EXPECT(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 8192) ==
	       MAP_FAILED && errno == EINVAL);
	EXPECT(mmap(NULL, RING_BYTES, PROT_READ, MAP_SHARED, fd, 4096) !=
	       MAP_FAILED);
	map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	EXPECT(map != MAP_FAILED);
	EXPECT(mprotect(map, 4096, PROT_READ | PROT_WRITE) < 0 &&
	       errno == EACCES);
	close(fd);
	/* The mapping holds the file: the device is still there. */
	EXPECT(*(volatile __u32 *)map == VOP_MAGIC);
	munmap(map, 4096);
}

static void config(void)
{
	__u8 bytes[8] = { 9, 9, 9, 9, 9, 9, 9, 9 };
	int fd = add_device();
	const __u8 *map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);

	EXPECT(map != MAP_FAILED);
	EXPECT(first_step(fd, bytes, 4) == 4);
	EXPECT(ioctl(fd, VOP_VIRTIO_CONFIG_CHANGE, bytes) > 0);
	EXPECT(memmem(map, 4096, bytes, 8));
	close(fd);
}

/* Whether the mapping is then taken away, and not only the card lost. */
static void hold(bool is_revoked)
{
	char buffer[4];
	int fd = add_device();
	const __u32 *map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	int tries;

	EXPECT(map != MAP_FAILED && *map == VOP_MAGIC);
	printf("held\n");
	fflush(stdout);
	while (!(wait_for(fd) & POLLERR))
		;
	/* Taken away a little later, it reads as zeros: no SIGBUS. */
	for (tries = 0; is_revoked && *(const volatile __u32 *)map && tries < 300; tries++)
		usleep(10000);
	EXPECT(is_revoked == !*(const volatile __u32 *)map);
	EXPECT(copy(fd, buffer, 4, 0) == -ENODEV);
	EXPECT(ioctl(fd, VOP_VIRTIO_CONFIG_CHANGE, buffer) < 0 &&
	       errno == ENODEV);
	EXPECT(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED &&
	       errno == ENODEV);
	close(fd);
}

/* The used element of the first chain fails behind our back: so does the next step. */
static void failed(void)
{
	static unsigned char buffer[8];
	int fd = add_device();
	int copied;

	EXPECT(first_step(fd, buffer, 5) == 5);
	EXPECT(copy(fd, buffer, 1, 1) == 1);
	do
		copied = copy(fd, buffer, 1, 0);
	while (!copied && wait_for(fd));
	EXPECT(copied == -EIO);
	close(fd);
}

static void churn(int rounds)
{
	while (rounds--)
		close(add_device());
}

static void refuse_step(int fd, struct vop_selftest step, int error)
{
	EXPECT(ioctl(fd, VOP_SELFTEST, &step) < 0 && errno == error);
}

static void take(void)
{
	struct vop_selftest step = { .step = VOP_SELFTEST_TAKE };
	struct block block = good;
	int fd = open_device(), other = open_device();

	refuse_step(fd, (struct vop_selftest){ .step = VOP_SELFTEST_DOORBELL }, EPERM);
	EXPECT(!ioctl(fd, VOP_SELFTEST, &step));
	refuse_step(fd, step, EBUSY);
	refuse_step(other, step, EBUSY);
	refuse_step(other, (struct vop_selftest){ .step = VOP_SELFTEST_DOORBELL }, EPERM);
	EXPECT(ioctl(other, VOP_VIRTIO_ADD_DEVICE, &block) < 0 && errno == EBUSY);

	refuse_step(fd, (struct vop_selftest){ .flags = 1 }, EINVAL);
	refuse_step(fd, (struct vop_selftest){ .step = 99, .bytes = 1 }, EINVAL);
	step = (struct vop_selftest){ .step = VOP_SELFTEST_DOORBELL, .index = 33 };
	refuse_step(fd, step, EINVAL);
	step = (struct vop_selftest){ .step = VOP_SELFTEST_VECTOR, .index = 32 };
	refuse_step(fd, step, EINVAL);
	step = (struct vop_selftest){ .step = VOP_SELFTEST_TO_HOST, .bytes = 1 };
	refuse_step(fd, step, EINVAL);
	step = (struct vop_selftest){ .step = VOP_SELFTEST_TO_HOST, .repeat = 1 };
	refuse_step(fd, step, EINVAL);
	step = (struct vop_selftest){
		.step = VOP_SELFTEST_TO_HOST, .repeat = 1, .bytes = 2,
		.host_offset = VOP_SELFTEST_BYTES - 1,
	};
	refuse_step(fd, step, EINVAL);
	step.host_offset = 0;
	step.card_address = 0xffffffff;
	refuse_step(fd, step, EINVAL);
	step = (struct vop_selftest){ .step = VOP_SELFTEST_POKE, .bytes = 8 };
	refuse_step(fd, step, EFAULT);

	printf("held\n");
	fflush(stdout);
	pause();
}

static void scribble(void)
{
	static unsigned char bytes[VOP_SELFTEST_BYTES];
	struct vop_selftest step = { .step = VOP_SELFTEST_TAKE };
	unsigned long sum = 0;
	int fd = open_device();

	EXPECT(!ioctl(fd, VOP_SELFTEST, &step));
	step = (struct vop_selftest){
		.step = VOP_SELFTEST_PEEK, .data = (unsigned long)bytes,
		.bytes = sizeof(bytes),
	};
	EXPECT(!ioctl(fd, VOP_SELFTEST, &step));
	for (size_t n = 0; n < sizeof(bytes); n++) {
		sum = sum * 31 + bytes[n];
		bytes[n] = 0xff;
	}
	step.step = VOP_SELFTEST_POKE;
	EXPECT(!ioctl(fd, VOP_SELFTEST, &step));
	printf("%lx\n", sum);
	close(fd);
}

static void broken(void)
{
	char buffer[4];
	int fd = add_device();

	EXPECT(first_step(fd, buffer, 4) == -EIO);
	close(fd);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (!strcmp(what, "echo"))
		echo(atoi(argv[2]), argc > 3 ? atoi(argv[3]) : 1);
	else if (!strcmp(what, "misuse"))
		misuse();
	else if (!strcmp(what, "config"))
		config();
	else if (!strcmp(what, "hold"))
		hold(false);
	else if (!strcmp(what, "revoked"))
		hold(true);
	else if (!strcmp(what, "broken"))
		broken();
	else if (!strcmp(what, "failed"))
		failed();
	else if (!strcmp(what, "take"))
		take();
	else if (!strcmp(what, "scribble"))
		scribble();
	else if (!strcmp(what, "churn"))
		churn(atoi(argv[2]));
	else
		return 2;
	printf("ok\n");
	return 0;
}

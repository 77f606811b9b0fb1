/* SPDX-License-Identifier: Apache-2.0 */
/* vopd: serves virtio devices to a card that speaks VOP. Options, signals, and the loop. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "backend.h"
#include "control.h"
#include "log.h"
#include "loop.h"

enum {
	EXIT_USAGE = 2,
	BACKENDS_MAX = 16,                  /* on one command line */
};

static const char usage[] =
	"Usage: vopd [OPTION]... --9p=DIRECTORY[,tag=TAG][,msize=BYTES] --console[=LINK]\n"
	"Serve virtio devices to a card behind the vop_host kernel module.\n"
	"\n"
	"  --9p=DIRECTORY      share DIRECTORY; the card mounts it at /TAG (default: host)\n"
	"  --console[=LINK]    a console on a pseudo-terminal; LINK becomes a symlink to it\n"
	"  --device=PATH       the card's device file (default: /dev/vop_virtio0)\n"
	"  --card=N            short for --device=/dev/vop_virtioN\n"
	"  --user=UID          run diod as this user, and serve the card's files as this user\n"
	"  --diod=PROGRAM      the 9P server (default: diod)\n"
	"  --control=PATH      socket for vopctl (default: " CONTROL_DEFAULT_PATH "), or none\n"
	"  --help              show this text\n"
	"\n"
	"--9p and --console may be given several times. Exit status: 0 ended by a signal,\n"
	"1 a backend could not start or the last one failed, 2 wrong usage.\n";

struct wanted {
	const char *type, *argument;
};

struct options {
	struct backend_settings settings;
	const char *control_path;
	struct wanted wanted[BACKENDS_MAX];
	size_t wanted_count;
	char card_path[40];
};

static void signal_ready(struct loop_source *source, uint32_t events);

static struct loop loop;
static struct loop_source signals = { .fd = -1, .ready = signal_ready };
static bool was_signalled;

static void signal_ready(struct loop_source *source, uint32_t events)
{
	struct signalfd_siginfo information;

	(void)events;
	if (read(source->fd, &information, sizeof(information)) > 0) {
		was_signalled = true;
		loop_stop(&loop);
	}
}

static int catch_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	signals.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return signals.fd < 0 ? -errno : loop_add(&loop, &signals);
}

/* Reads a whole decimal number from 0 to `most`. Returns it, or -1. */
static long number(const char *text, long most)
{
	char *end;
	long value;

	errno = 0;
	value = strtol(text, &end, 10);
	return errno || end == text || *end || value < 0 || value > most ? -1 : value;
}

static int want(struct options *options, const char *type, const char *argument)
{
	if (options->wanted_count == BACKENDS_MAX) {
		vopd_log("at most %d backends fit on a command line", BACKENDS_MAX);
		return -1;
	}
	options->wanted[options->wanted_count++] = (struct wanted){ type, argument };
	return 0;
}

static int set_card(struct options *options, const char *text)
{
	const long card = number(text, 999);

	if (card < 0) {
		vopd_log("card must be a number from 0 to 999, not \"%s\"", text);
		return -1;
	}
	snprintf(options->card_path, sizeof(options->card_path), "/dev/vop_virtio%ld", card);
	options->settings.device_path = options->card_path;
	return 0;
}

static int set_user(struct options *options, const char *text)
{
	const long user = number(text, 0x7ffffffe);

	if (user < 0) {
		vopd_log("user must be a numeric user id, not \"%s\"", text);
		return -1;
	}
	if (geteuid() != 0 && user != (long)geteuid()) {
		vopd_log("--user=%ld: only root may choose another user", user);
		return -1;
	}
	options->settings.user = user;
	return 0;
}

static int parse(int argc, char **argv, struct options *options)
{
	static const struct option names[] = {
		{ "9p", required_argument, NULL, '9' },
		{ "console", optional_argument, NULL, 'c' },
		{ "device", required_argument, NULL, 'd' },
		{ "card", required_argument, NULL, 'n' },
		{ "user", required_argument, NULL, 'u' },
		{ "diod", required_argument, NULL, 'p' },
		{ "control", required_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int option, result = 0;

	while (!result && (option = getopt_long(argc, argv, "", names, NULL)) != -1) {
		switch (option) {
		case '9': result = want(options, "9p", optarg); break;
		case 'c': result = want(options, "console", optarg); break;
		case 'd': options->settings.device_path = optarg; break;
		case 'n': result = set_card(options, optarg); break;
		case 'u': result = set_user(options, optarg); break;
		case 'p': options->settings.diod_path = optarg; break;
		case 's': options->control_path = optarg; break;
		case 'h': fputs(usage, stdout); exit(EXIT_SUCCESS);
		default:  result = -1;
		}
	}
	if (!result && optind < argc) {
		vopd_log("unexpected argument \"%s\"", argv[optind]);
		result = -1;
	}
	if (!result && !options->wanted_count) {
		vopd_log("nothing to serve: give --9p or --console");
		result = -1;
	}
	return result;
}

static int start(struct options *options)
{
	int error = loop_init(&loop);

	if (!error)
		error = catch_signals();
	if (error < 0) {
		vopd_log("start: %s", strerror(-error));
		return -1;
	}
	if (strcmp(options->control_path, "none") &&
	    control_start(&options->settings, options->control_path) < 0)
		return -1;
	for (size_t i = 0; i < options->wanted_count; i++)
		if (backend_start(&options->settings, options->wanted[i].type,
				  options->wanted[i].argument) < 0)
			return -1;
	return 0;
}

int main(int argc, char **argv)
{
	struct options options = {
		.settings = {
			.loop = &loop,
			.device_path = "/dev/vop_virtio0",
			.diod_path = "diod",
			.user = geteuid() ? (long)geteuid() : -1,
		},
		.control_path = CONTROL_DEFAULT_PATH,
	};
	int status = EXIT_FAILURE;

	if (parse(argc, argv, &options) < 0) {
		fputs("Try 'vopd --help'.\n", stderr);
		return EXIT_USAGE;
	}
	if (!start(&options) && !loop_run(&loop) && was_signalled)
		status = EXIT_SUCCESS;
	backend_stop_all();
	control_stop();
	return status;
}

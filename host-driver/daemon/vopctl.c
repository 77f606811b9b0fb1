/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vopctl: shows the cards that vop_host drives, from sysfs, tests one (selftest.h), and drives the
 * backends of a running vopd through its control socket (control.h).
 */
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "card.h"
#include "control.h"
#include "selftest.h"

enum {
	EXIT_USAGE = 2,
	ANSWER_SECONDS = 60,                /* removing a device waits for the card */
};

static const char usage[] =
	"Usage: vopctl [OPTION]... COMMAND [ARGUMENT]...\n"
	"Show and test VOP cards, and drive the backends of a running vopd.\n"
	"\n"
	"  list                     the cards: device file, PCI address, state\n"
	"  show CARD                a card's state and identity\n"
	"  stats CARD               a card's counters\n"
	"  selftest CARD [OPTION]...\n"
	"                           test a card; `selftest --help` shows the options\n"
	"  backends                 vopd's backends: name, state, counters\n"
	"  add 9p DIRECTORY[,tag=TAG][,msize=BYTES]\n"
	"  add console [LINK]       start a backend\n"
	"  remove NAME              stop a backend; `backends` shows the names\n"
	"\n"
	"  --control=PATH           vopd's socket (default: " CONTROL_DEFAULT_PATH ")\n"
	"  --sysfs=PATH             where sysfs is mounted (default: /sys)\n"
	"  --help                   show this text\n"
	"\n"
	"CARD is a number or a device file. Exit status: 0 done, 1 failed, 2 wrong usage.\n";

static const char *control_path = CONTROL_DEFAULT_PATH;

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "vopctl: %s: %s\n", what, why);
	return EXIT_FAILURE;
}

static int misuse(const char *what)
{
	fprintf(stderr, "vopctl: %s\nTry 'vopctl --help'.\n", what);
	return EXIT_USAGE;
}

static int is_card(const struct dirent *entry)
{
	return !strncmp(entry->d_name, CARD_PREFIX, strlen(CARD_PREFIX));
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int list_cards(void)
{
	char path[PATH_MAX], target[PATH_MAX], state[CARD_VALUE_BYTES];
	struct dirent **entries;
	int count;

	snprintf(path, sizeof(path), "%s/class/misc", card_sysfs());
	count = scandir(path, &entries, is_card, versionsort);
	if (count < 0)
		return fail(path, strerror(errno));
	for (int i = 0; i < count; i++) {
		const char *name = entries[i]->d_name;
		ssize_t length;

		card_path(name, "", path, sizeof(path));
		length = readlink(path, target, sizeof(target) - 1);
		target[length < 0 ? 0 : length] = '\0';
		card_path(name, "state", path, sizeof(path));
		if (card_read(path, state, sizeof(state)) < 0)
			strcpy(state, "gone");
		printf("/dev/%s %s %s\n", name,
		       strrchr(target, '/') ? strrchr(target, '/') + 1 : "-", state);
		free(entries[i]);
	}
	free(entries);
	return EXIT_SUCCESS;
}

/* Prints the attributes that the module gives a card, among those of any PCI device. */
static int show_card(const char *card)
{
	static const char *const names[] = {
		"state", "layout", "build", "ram_bytes", "vectors", "firmware_name",
		"firmware_version", "firmware_bytes",
	};
	char path[PATH_MAX], value[CARD_VALUE_BYTES];
	int shown = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		card_path(card, names[i], path, sizeof(path));
		if (card_read(path, value, sizeof(value)) < 0)
			continue;
		printf("%s %s\n", names[i], value);
		shown++;
	}
	return shown ? EXIT_SUCCESS : fail(card, "no such card");
}

/* Prints every counter of a card. */
static int show_counters(const char *card)
{
	char path[PATH_MAX], file[PATH_MAX + NAME_MAX + 2], value[CARD_VALUE_BYTES];
	struct dirent **entries;
	int count;

	card_path(card, "counters", path, sizeof(path));
	count = scandir(path, &entries, is_visible, alphasort);
	if (count < 0)
		return fail(card, errno == ENOENT ? "no such card" : strerror(errno));
	for (int i = 0; i < count; i++) {
		snprintf(file, sizeof(file), "%s/%s", path, entries[i]->d_name);
		if (!card_read(file, value, sizeof(value)))
			printf("%s %s\n", entries[i]->d_name, value);
		free(entries[i]);
	}
	free(entries);
	return EXIT_SUCCESS;
}

/* Sends one request to vopd, and prints its answer. */
static int ask(const char *request)
{
	const struct timeval bound = { .tv_sec = ANSWER_SECONDS };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char answer[CONTROL_MAX_BYTES + 1];
	char *text;
	ssize_t bytes = -1;
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (strlen(control_path) >= sizeof(address.sun_path))
		return fail(control_path, strerror(ENAMETOOLONG));
	strcpy(address.sun_path, control_path);
	if (fd >= 0 && !setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof(bound)) &&
	    !connect(fd, (struct sockaddr *)&address, sizeof(address)) &&
	    send(fd, request, strlen(request), MSG_NOSIGNAL) >= 0)
		bytes = recv(fd, answer, sizeof(answer) - 1, 0);
	if (bytes < 0)
		return fail(control_path, errno == EAGAIN ? "vopd is late" : strerror(errno));
	if (bytes == 0)
		return fail(control_path, "vopd closed the connection");
	close(fd);
	answer[bytes] = '\0';
	text = strchr(answer, '\n');
	text = text ? text + 1 : answer;
	if (!strncmp(answer, "ok\n", 3)) {
		fputs(text, stdout);
		return EXIT_SUCCESS;
	}
	fprintf(stderr, "vopctl: %s", text);
	return EXIT_FAILURE;
}

/* A directory is the caller's, not vopd's: makes it absolute, options untouched. */
static int ask_to_add(const char *type, const char *argument)
{
	char request[CONTROL_MAX_BYTES], folder[PATH_MAX];

	if (!argument)
		snprintf(request, sizeof(request), "add %s", type);
	else if (argument[0] == '/' || !getcwd(folder, sizeof(folder)))
		snprintf(request, sizeof(request), "add %s %s", type, argument);
	else
		snprintf(request, sizeof(request), "add %s %s/%s", type, folder, argument);
	return ask(request);
}

static int run(int count, char **words)
{
	char name[32], request[CONTROL_MAX_BYTES];
	const char *verb = words[0];

	if (!strcmp(verb, "list") && count == 1)
		return list_cards();
	if ((!strcmp(verb, "show") || !strcmp(verb, "stats")) && count == 2) {
		if (!card_name(words[1], name, sizeof(name)))
			return misuse("CARD must be a number or a device file");
		return verb[1] == 'h' ? show_card(name) : show_counters(name);
	}
	if (!strcmp(verb, "selftest"))
		return selftest_main(count, words);
	if (!strcmp(verb, "backends") && count == 1)
		return ask("list");
	if (!strcmp(verb, "add") && (count == 2 || count == 3))
		return ask_to_add(words[1], words[2]);
	if (!strcmp(verb, "remove") && count == 2) {
		snprintf(request, sizeof(request), "remove %s", words[1]);
		return ask(request);
	}
	return misuse("unknown command, or wrong number of arguments");
}

int main(int argc, char **argv)
{
	static const struct option names[] = {
		{ "control", required_argument, NULL, 's' },
		{ "sysfs", required_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "+", names, NULL)) != -1) {
		switch (option) {
		case 's': control_path = optarg; break;
		case 'f': card_set_sysfs(optarg); break;
		case 'h': fputs(usage, stdout); return EXIT_SUCCESS;
		default:  return misuse("unknown option");
		}
	}
	if (optind == argc)
		return misuse("no command");
	return run(argc - optind, argv + optind);
}

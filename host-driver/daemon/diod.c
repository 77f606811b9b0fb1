/* SPDX-License-Identifier: Apache-2.0 */
/* The diod process: see diod.h. */
#include "diod.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* diod ends by itself when its socket closes; one that hangs in its file system is killed. */
enum { GRACE_MS = 2000, EXIT_NOT_RUN = 127 };

static void run(const char *program, const char *export, int socket, long user)
{
	char descriptor[16], uid[24];
	const char *const arguments[] = {
		program, "--foreground", "--no-auth", "--no-userdb", "--config-file", "/dev/null",
		"--logdest", "stderr", "--export", export, "--rfdno", descriptor,
		"--wfdno", descriptor, user < 0 ? NULL : "--runas-uid", uid, NULL,
	};
	sigset_t none;

	snprintf(descriptor, sizeof(descriptor), "%d", socket);
	snprintf(uid, sizeof(uid), "%ld", user);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (user >= 0) {
		const gid_t group = (gid_t)user;
		const uid_t owner = (uid_t)user;

		/* Not left to diod: its own change of user wants a passwd entry. */
		if (geteuid() == 0 && (setgroups(0, NULL) < 0 || setgid(group) < 0))
			_exit(EXIT_NOT_RUN);
		if (setuid(owner) < 0)
			_exit(EXIT_NOT_RUN);
	}
	/* Behind setuid(), which clears it: prctl(2). */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (fcntl(socket, F_SETFD, 0) < 0)
		_exit(EXIT_NOT_RUN);
	execvp(program, (char *const *)(uintptr_t)arguments);
	_exit(EXIT_NOT_RUN);
}

int diod_start(struct diod *diod, const char *program, const char *export, long user)
{
	char how[64];
	int pair[2];
	int error;

	diod->pid = -1;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	diod->socket = pair[0];
	diod->pid = fork();
	if (diod->pid == 0)
		run(program, export, pair[1], user);
	error = -errno;
	close(pair[1]);
	if (diod->pid < 0) {
		close(diod->socket);
		return error;
	}
	diod->pidfd = pidfd_open(diod->pid, 0);
	if (diod->pidfd < 0 || fcntl(diod->socket, F_SETFL, O_NONBLOCK) < 0) {
		error = -errno;
		diod_stop(diod, how, sizeof(how));
		return error;
	}
	return 0;
}

void diod_stop(struct diod *diod, char *how, size_t how_bytes)
{
	struct pollfd ended = { .fd = diod->pidfd, .events = POLLIN };
	int status = 0;

	how[0] = '\0';
	if (diod->pid < 0)
		return;
	close(diod->socket);
	if (diod->pidfd < 0 || poll(&ended, 1, GRACE_MS) != 1)
		kill(diod->pid, SIGKILL);
	waitpid(diod->pid, &status, 0);
	diod->pid = -1;
	if (diod->pidfd >= 0)
		close(diod->pidfd);
	if (WIFSIGNALED(status))
		snprintf(how, how_bytes, "was killed by signal %d (%s)", WTERMSIG(status),
			 strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) == EXIT_NOT_RUN)
		snprintf(how, how_bytes, "could not be run");
	else
		snprintf(how, how_bytes, "exited with status %d", WEXITSTATUS(status));
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* Running other commands and reading their output. */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli.h"

extern char **environ;

/* Starts the command with its output and errors to the file `to`. 0, or a positive errno. */
static int start(const char *const argv[], int to, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	int err = posix_spawn_file_actions_init(&actions);

	if (err)
		return err;
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null",
					 O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, to, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, to, STDERR_FILENO);
	err = posix_spawnp(pid, argv[0], &actions, NULL, (char *const *)argv,
			   environ);
	posix_spawn_file_actions_destroy(&actions);
	return err;
}

/* Reads to the end, and keeps what fits. */
static void collect(int fd, char *said, size_t size)
{
	char more[1024];
	size_t kept = 0, takes;
	ssize_t n;

	while ((n = read(fd, more, sizeof(more))) > 0) {
		takes = size - 1 - kept;
		if (takes > (size_t)n)
			takes = (size_t)n;
		memcpy(said + kept, more, takes);
		kept += takes;
	}
	while (kept && said[kept - 1] == '\n')
		kept--;
	said[kept] = 0;
}

int run_command(const char *const argv[], char *said, size_t size)
{
	int ends[2], err, status;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	err = start(argv, ends[1], &pid);
	close(ends[1]);
	if (!err)
		collect(ends[0], said, size);
	close(ends[0]);
	if (err)
		return -err;
	if (waitpid(pid, &status, 0) < 0)
		return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -EINTR;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* libtracing.c - see tracing.h */
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "testlib.h"
#include "tracing.h"

#define CPU1 "/sys/devices/system/cpu/cpu1/online"

/* The kernel takes one word at a time of a list. */
static void put(const char *path, const char *text)
{
	int file = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	size_t left = strlen(text);

	if (file < 0)
		fail("open %s: %s", path, strerror(errno));
	while (left) {
		ssize_t n = write(file, text, left);

		if (n < 0)
			fail("%s to %s: %s", text, path, strerror(errno));
		text += n;
		left -= n;
	}
	close(file);
}

void tracing_put(const char *file, const char *text)
{
	char path[256];

	snprintf(path, sizeof(path), TRACING "%s", file);
	put(path, text);
}

char *tracing_read(const char *file)
{
	static char text[1 << 20];
	char path[256];
	ssize_t more;
	size_t n = 0;
	int fd;

	snprintf(path, sizeof(path), TRACING "%s", file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	check(fd >= 0);
	while ((more = read(fd, text + n, sizeof(text) - 1 - n)) > 0)
		n += more;
	check(!more);
	text[n] = '\0';
	close(fd);
	return text;
}

/* A kernel for one processor has no such file. */
static void second_processor(const char *online)
{
	if (!access(CPU1, F_OK))
		put(CPU1, online);
}

void tracing_begin(void (*undo)(void))
{
	pid_t pid;
	int status;

	fflush(stdout);
	pid = fork();
	check(pid >= 0);
	if (!pid) {
		second_processor("0");
		return;
	}
	check_equal(waitpid(pid, &status, 0), pid);
	undo();
	second_processor("1");
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

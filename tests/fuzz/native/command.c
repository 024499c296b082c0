// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The command with any arguments, on a made-up tree in place of /sys, which it
 * makes in the working folder.
 *
 * Each line of the input up to an empty one is an argument; the rest is the file `file` of that
 * folder, for vfifo set --from. The command cannot change anything: what it opens for
 * writing is /dev/null, and it can open nothing outside of the tree. The doctor and the monitor
 * are left out, as they run other programs and wait.
 *
 * scripts/lib/libfuzzer renames these three for the files of the command and of the library.
 */
#undef main
#undef open
#undef fopen
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "input.h"

#define ARGUMENTS 32

static char root[PATH_MAX];

int vfifo_main(int argc, char **argv);

/* The files of the command and of the library are built to call these in place of the real ones. */
int guarded_open(const char *path, int flags, ...);
int guarded_open(const char *path, int flags, ...)
{
	if ((flags & O_ACCMODE) != O_RDONLY || flags & (O_CREAT | O_TRUNC))
		return open("/dev/null", O_RDWR | O_CLOEXEC);
	if (strncmp(path, root, strlen(root)) || strstr(path, "..")) {
		errno = ENOENT;
		return -1;
	}
	return open(path, flags);
}

FILE *guarded_fopen(const char *path, const char *mode);
FILE *guarded_fopen(const char *path, const char *mode)
{
	MUST(*mode == 'r');
	return fopen(strcmp(path, "file") ? "/dev/null" : path, mode);
}

static void write_file(const char *path, const void *bytes, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	MUST(fd >= 0 && write(fd, bytes, n) == (ssize_t)n);
	close(fd);
}

static void make_device(const char *name, const char *label)
{
	char folder[64], path[128];

	snprintf(folder, sizeof(folder), "sys/class/vfifo/%s", name);
	MUST(!mkdir(folder, 0700));
	for (size_t i = 0; i < attribute_count; i++) {
		char *slash;

		snprintf(path, sizeof(path), "%s/%s", folder,
			 attributes[i].name);
		slash = strchr(path + strlen(folder) + 1, '/');
		if (slash) {
			*slash = 0;
			mkdir(path, 0700);
			*slash = '/';
		}
		write_file(path, "4096\n", 5);
	}
	snprintf(path, sizeof(path), "%s/label", folder);
	write_file(path, label, strlen(label));
	snprintf(path, sizeof(path), "%s/dev", folder);
	write_file(path, "245:0\n", 6);
}

/* In the working folder, which must be empty. */
static void make_tree(void)
{
	MUST(getcwd(root, sizeof(root)));
	MUST(!mkdir("sys", 0700) && !mkdir("sys/class", 0700) &&
	     !mkdir("sys/class/vfifo", 0700) && !mkdir("dev", 0700));
	make_device("vfifo0", "adc\n");
	make_device("vfifo3", "\n");
	make_device("vfifo255", "z\xc3\xa4hler\n");
}

/* Makes the arguments of the lines. Return: how many; the rest of the input is in *rest. */
static int split(char *text, char **argv, char **rest)
{
	int argc = 1;

	while (*text && *text != '\n' && argc < ARGUMENTS) {
		argv[argc++] = text;
		text += strcspn(text, "\n");
		if (*text)
			*text++ = 0;
	}
	argv[argc] = NULL;
	*rest = *text == '\n' ? text + 1 : text;
	return argc;
}

static bool is_left_out(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], "doctor") || !strcmp(argv[i], "monitor"))
			return true;
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	static char vfifo[] = "vfifo";
	char *argv[ARGUMENTS + 1] = { vfifo }, *text, *rest;
	int argc, code;

	if (!*root)
		make_tree();
	text = malloc(n + 1);
	memcpy(text, bytes, n);
	text[n] = 0;
	argc = split(text, argv, &rest);
	if (!is_left_out(argc, argv)) {
		write_file("file", rest, strlen(rest));
		MUST(!set_sysroot(root));
		optind = 0;
		code = vfifo_main(argc, argv);
		MUST(code >= EXIT_OK && code < EXIT_MISMATCH);
	}
	free(text);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* vfifo: the verbs, and the options that come before any of them. */
#include <getopt.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static const struct verb {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *does;
} verbs[] = {
	{ "list", verb_list, "all devices, one a line" },
	{ "show", verb_show, "the attributes of a device, or its memory" },
	{ "set", verb_set, "set attributes" },
	{ "add", verb_add, "make a device" },
	{ "remove", verb_remove, "end a device" },
	{ "send", verb_send, "a file, or standard input, into a device" },
	{ "receive", verb_receive,
	  "from a device to a file or standard output" },
	{ "peek", verb_peek, "look at the buffer, and take nothing out" },
	{ "clear", verb_clear, "drop what is stored" },
	{ "monitor", verb_monitor, "watch all devices live" },
	{ "doctor", verb_doctor,
	  "what is wrong, and the command that mends it" },
};

#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

static int help(void)
{
	printf("Usage: vfifo [--sysroot DIR] VERB [OPTION...] [DEVICE] ...\n"
	       "Steers, watches and uses the FIFOs of the kernel module vfifo.\n\n"
	       "Verbs (vfifo VERB --help tells more):\n");
	for (size_t i = 0; i < VERBS; i++)
		printf("  %-9s %s\n", verbs[i].name, verbs[i].does);
	printf("\nA DEVICE is a name (vfifo0), a number (0), a path (/dev/vfifo0,\n"
	       "/dev/vfifo/by-label/NAME) or a label; vfifo0 where none is given.\n\n"
	       "Options:\n"
	       "  --sysroot DIR  look for /sys and /dev under DIR\n"
	       "  -h, --help     this text\n"
	       "  -V, --version  the version\n\n"
	       "Exit codes:\n"
	       "  0  done\n"
	       "  1  failed\n"
	       "  2  the command line makes no sense\n"
	       "  3  no such device, or the module is not loaded\n"
	       "  4  permission denied\n"
	       "  5  what was received is not the pattern\n");
	return EXIT_OK;
}

static int version(void)
{
	printf("vfifo %s\n", VFIFO_VERSION);
	return EXIT_OK;
}

/* Where in argv the option and its argument end, or 0: argv[i] is not --sysroot. */
static int sysroot_option(char **argv, int i, const char **dir)
{
	static const char option[] = "--sysroot";
	size_t n = sizeof(option) - 1;

	if (strncmp(argv[i], option, n))
		return 0;
	if (argv[i][n] == '=') {
		*dir = argv[i] + n + 1;
		return i + 1;
	}
	if (argv[i][n])
		return 0;
	*dir = argv[i + 1];
	return i + 2;
}

/* --sysroot may stand before the verb or after it, so it is taken out for all. */
static int take_sysroot(int *argc, char **argv)
{
	const char *dir = NULL;
	int end;

	for (int i = 1; i < *argc && strcmp(argv[i], "--"); i++) {
		if (i + 1 == *argc && !strcmp(argv[i], "--sysroot"))
			return misused(NULL, "--sysroot: which folder?");
		end = sysroot_option(argv, i, &dir);
		if (!end)
			continue;
		memmove(argv + i, argv + end,
			(size_t)(*argc - end + 1) * sizeof(*argv));
		*argc -= end - i;
		i--;
	}
	if (dir && set_sysroot(dir)) {
		complain("there is no folder %s", dir);
		return EXIT_USAGE;
	}
	return EXIT_OK;
}

/* A verb is called as if it were a command of its own, with a name that getopt tells. */
static int run(const struct verb *verb, int argc, char **argv)
{
	char name[32];

	snprintf(name, sizeof(name), "vfifo %s", verb->name);
	argv[0] = name;
	optind = 0;
	return verb->run(argc, argv);
}

static int run_named(int argc, char **argv)
{
	for (size_t i = 0; i < VERBS; i++)
		if (!strcmp(argv[0], verbs[i].name))
			return run(&verbs[i], argc, argv);
	complain("there is no verb '%s'; those that there are: vfifo --help",
		 argv[0]);
	return EXIT_USAGE;
}

/* What is not written is lost without a word, unless it is looked for. */
static int flushed(int code)
{
	if ((fflush(stdout) || ferror(stdout)) && code == EXIT_OK) {
		complain("standard output: %m");
		return EXIT_FAILED;
	}
	return code;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	int code;

	setlocale(LC_ALL, "");
	code = take_sysroot(&argc, argv);
	if (code)
		return code;
	/* +: the options after the verb are the verb's. */
	switch (getopt_long(argc, argv, "+hV", options, NULL)) {
	case -1:
		break;
	case 'h':
		return flushed(help());
	case 'V':
		return flushed(version());
	default:
		return misused(NULL, NULL);
	}
	if (optind == argc)
		return misused(NULL, "which verb?");
	return flushed(run_named(argc - optind, argv + optind));
}

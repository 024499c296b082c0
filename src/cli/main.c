// SPDX-License-Identifier: GPL-2.0-or-later
/* vfifo: finds the verb, and handles the options that may precede it. */
#include <getopt.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static int verb_help(int argc, char **argv);
static int verb_version(int argc, char **argv);

static const struct verb {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *does;
} verbs[] = {
	{ "list", verb_list, "list all devices" },
	{ "show", verb_show, "show the attributes of a device, or its memory" },
	{ "set", verb_set, "set attributes" },
	{ "add", verb_add, "make a device" },
	{ "remove", verb_remove, "remove devices" },
	{ "send", verb_send, "move a file or standard input into a device" },
	{ "receive", verb_receive,
	  "move bytes from a device to a file or standard output" },
	{ "play", verb_play,
	  "play samples into a device at their exact pace, with faults" },
	{ "record", verb_record,
	  "receive into a file that has the times as well" },
	{ "peek", verb_peek, "print bytes of the buffer, and consume none" },
	{ "clear", verb_clear, "drop the stored bytes" },
	{ "monitor", verb_monitor, "watch devices live" },
	{ "doctor", verb_doctor,
	  "find what is wrong, and the command that mends it" },
	{ "help", verb_help, "help on the command, or on a verb" },
	{ "version", verb_version, "print the version" },
};

#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

static int help(void)
{
	printf("Usage: vfifo [OPTION...] VERB [OPTION...] [DEVICE] ...\n"
	       "Controls, watches and uses the FIFOs of the kernel module vfifo.\n\n"
	       "Verbs (for more: vfifo help VERB):\n");
	for (size_t i = 0; i < VERBS; i++)
		printf("  %-9s %s\n", verbs[i].name, verbs[i].does);
	printf("\nA DEVICE is a name (vfifo0), a number (0), a path (/dev/vfifo0,\n"
	       "/dev/vfifo/by-label/NAME) or a label. The default is vfifo0.\n\n"
	       "Options:\n"
	       "  --sysroot DIR  look for /sys and /dev under DIR\n"
	       "  -J, --json     as after the verb: JSON\n"
	       "  -h, --help     this text\n"
	       "  -V, --version  the version\n\n"
	       "Exit codes:\n"
	       "  0  success\n"
	       "  1  failure\n"
	       "  2  the command line is wrong\n"
	       "  3  no such device, or the module is not loaded\n"
	       "  4  permission denied\n"
	       "  5  the received bytes are not the pattern\n");
	return EXIT_OK;
}

static int version(void)
{
	printf("vfifo %s\n", VFIFO_VERSION);
	return EXIT_OK;
}

/* Calls a verb as if it were a command of its own: getopt(3) prints argv[0] in errors. */
static int run(const struct verb *verb, int argc, char **argv)
{
	char name[32];

	snprintf(name, sizeof(name), "vfifo %s", verb->name);
	argv[0] = name;
	optind = 0;
	return verb->run(argc, argv);
}

static const struct verb *verb_find(const char *name)
{
	for (size_t i = 0; i < VERBS; i++)
		if (!strcmp(name, verbs[i].name))
			return &verbs[i];
	complain("there is no verb '%s'; to list the verbs: vfifo --help",
		 name);
	return NULL;
}

static int help_help(void)
{
	printf("Usage: vfifo help [VERB]\n"
	       "The same as vfifo --help, or vfifo VERB --help.\n\n"
	       "Options:\n"
	       "  -h, --help  this text\n");
	return EXIT_OK;
}

static int verb_help(int argc, char **argv)
{
	char option[] = "--help", *of_verb[] = { NULL, option, NULL };
	const struct verb *verb;
	int code;

	if (!help_only(argc, argv, "help", help_help, &code))
		return code;
	if (optind == argc)
		return help();
	if (argc - optind > 1)
		return misused("help", "one verb is explained, not %d",
			       argc - optind);
	verb = verb_find(argv[optind]);
	return verb ? run(verb, 2, of_verb) : EXIT_USAGE;
}

static int version_help(void)
{
	printf("Usage: vfifo version\n"
	       "Prints the version. The same as vfifo --version.\n\n"
	       "Options:\n"
	       "  -h, --help  this text\n");
	return EXIT_OK;
}

static int verb_version(int argc, char **argv)
{
	int code;

	if (!help_only(argc, argv, "version", version_help, &code))
		return code;
	return optind < argc ? misused("version", "it takes no arguments") :
			       version();
}

/* Returns the index after the option and its argument, or 0: argv[i] is not --sysroot. */
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

/* Removes --sysroot, which may be before or after the verb. */
static int take_sysroot(int *argc, char **argv)
{
	const char *dir = NULL;
	int end;

	for (int i = 1; i < *argc && strcmp(argv[i], "--"); i++) {
		if (i + 1 == *argc && !strcmp(argv[i], "--sysroot"))
			return misused(NULL, "--sysroot needs a folder");
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

/* A --json that preceded the verb becomes the verb's first option. */
static int run_named(int argc, char **argv, bool json)
{
	const struct verb *verb = verb_find(argv[0]);
	char option[] = "--json", **more;
	int code;

	if (!verb)
		return EXIT_USAGE;
	if (!json)
		return run(verb, argc, argv);
	more = calloc((size_t)argc + 2, sizeof(*more));
	if (!more)
		return out_of_memory();
	more[1] = option;
	memcpy(more + 2, argv + 1, (size_t)(argc - 1) * sizeof(*more));
	code = run(verb, argc + 1, more);
	free(more);
	return code;
}

/* Without this, output to a full disk would be lost and the exit code still 0. */
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
		{ "json", no_argument, NULL, 'J' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	bool json = false;
	int c, code;

	setlocale(LC_ALL, "");
	code = take_sysroot(&argc, argv);
	if (code)
		return code;
	/* +: the options after the verb are the verb's. */
	while ((c = getopt_long(argc, argv, "+JhV", options, NULL)) != -1) {
		if (c == 'h')
			return flushed(help());
		if (c == 'V')
			return flushed(version());
		if (c != 'J')
			return misused(NULL, NULL);
		json = true;
	}
	if (optind == argc)
		return misused(NULL, "which verb?");
	return flushed(run_named(argc - optind, argv + optind, json));
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* vfifo add, vfifo remove: makes devices, and ends them. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

/* The lowest number that no device has. */
static int free_number(uint64_t *number)
{
	struct device *list;
	size_t n;
	int code = device_all(&list, &n);

	if (code)
		return code;
	for (*number = 0; *number < n; (*number)++)
		if (list[*number].number != (int)*number)
			break;
	free(list);
	return 0;
}

/* vfifo3, or 3. */
static int parse_device_number(const char *text, uint64_t *number)
{
	if (!strncmp(text, "vfifo", 5))
		text += 5;
	if (!parse_number(text, number) && *number <= DEVICE_NUMBER_MAX)
		return 0;
	return misused("add", "%s is no number of a device: those are 0 to %d",
		       text, DEVICE_NUMBER_MAX);
}

/* Till udev has given the node its permissions, so that it can be used at once. */
static void settle(void)
{
	static const char *const command[] = { "udevadm", "settle",
					       "--timeout=5", NULL };
	char said[256];

	if (!*sysroot() && !access("/run/udev/control", F_OK))
		run_command(command, said, sizeof(said));
}

static int explain_add(int err, const char *number)
{
	switch (err) {
	case -EEXIST:
		complain(
			"vfifo%s is there already; vfifo add, without a number, takes a free one",
			number);
		return EXIT_FAILED;
	case -ENOMEM:
		complain(
			"no memory for vfifo%s; a smaller one: sudo modprobe -r vfifo && sudo modprobe vfifo capacity=65536",
			number);
		return EXIT_FAILED;
	}
	return explain_root(err, NULL, "add", "add");
}

static int add(uint64_t number)
{
	char text[32];
	int err;

	snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
	err = class_set("add", text);
	if (err)
		return explain_add(err, text);
	settle();
	printf("vfifo%s\n", text);
	return EXIT_OK;
}

static int add_help(void)
{
	printf("Usage: vfifo add [NUMBER]\n"
	       "Makes the device of that number, or of the lowest that is free, and prints its\n"
	       "name. For root.\n\n"
	       "Options:\n"
	       "  -h, --help  this text\n");
	return EXIT_OK;
}

static const struct option options[] = {
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

int verb_add(int argc, char **argv)
{
	uint64_t number;
	int c, code;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (c == 'h')
			return add_help();
		return misused("add", NULL);
	}
	if (argc - optind > 1)
		return misused("add", "one number, not %d", argc - optind);
	code = optind < argc ? parse_device_number(argv[optind], &number) :
			       free_number(&number);
	return code ? code : add(number);
}

static int remove_one(const char *spec)
{
	struct device d;
	char number[16];
	int err = device_find(spec, &d);

	if (err)
		return err;
	snprintf(number, sizeof(number), "%d", d.number);
	err = class_set("remove", number);
	return err ? explain_root(err, NULL, "remove", "remove") : EXIT_OK;
}

static int remove_help(void)
{
	printf("Usage: vfifo remove DEVICE...\n"
	       "Ends the devices, in use or not; what they store is lost. For root.\n\n"
	       "Options:\n"
	       "  -h, --help  this text\n");
	return EXIT_OK;
}

int verb_remove(int argc, char **argv)
{
	int c, code = EXIT_OK;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (c == 'h')
			return remove_help();
		return misused("remove", NULL);
	}
	if (optind == argc)
		return misused("remove", "which device?");
	for (int i = optind; !code && i < argc; i++)
		code = remove_one(argv[i]);
	return code;
}

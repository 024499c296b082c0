// SPDX-License-Identifier: GPL-2.0-or-later
/* vfifo add and vfifo remove. */
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

/* Takes vfifo3 and 3. */
static int parse_device_number(const char *text, uint64_t *number)
{
	if (!strncmp(text, "vfifo", 5))
		text += 5;
	if (!parse_number(text, number) && *number <= DEVICE_NUMBER_MAX)
		return 0;
	return misused("add",
		       "%s is no number of a device: the numbers are 0 to %d",
		       text, DEVICE_NUMBER_MAX);
}

/* Waits until udev has set the permissions of the node. */
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
			"vfifo%s exists already; vfifo add without a number takes a free one",
			number);
		return EXIT_FAILED;
	case -ENOMEM:
		complain(
			"no memory for vfifo%s; to make smaller devices: sudo modprobe -r vfifo && sudo modprobe vfifo capacity=65536",
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
	       "Makes a device with that number, or with the lowest free one, and prints its\n"
	       "name. Needs root.\n\n"
	       "Options:\n"
	       "  -h, --help  this text\n");
	return EXIT_OK;
}

int verb_add(int argc, char **argv)
{
	uint64_t number;
	int code;

	if (!help_only(argc, argv, "add", add_help, &code))
		return code;
	if (argc - optind > 1)
		return misused("add", "one device is made, not %d",
			       argc - optind);
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
	       "Removes the devices, even if they are in use. The stored bytes are lost. Needs\n"
	       "root.\n\n"
	       "Options:\n"
	       "  -h, --help  this text\n");
	return EXIT_OK;
}

int verb_remove(int argc, char **argv)
{
	int code = EXIT_OK;

	if (!help_only(argc, argv, "remove", remove_help, &code))
		return code;
	if (optind == argc)
		return misused("remove", "which device?");
	for (; !code && optind < argc; optind++)
		code = remove_one(argv[optind]);
	return code;
}

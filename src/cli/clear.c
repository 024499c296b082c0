// SPDX-License-Identifier: GPL-2.0-or-later
/* vfifo clear: drops the stored bytes, by an ioctl, which does not need root. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/vfifo.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli.h"

static int clear_node(const struct device *d)
{
	int fd = device_open(d, O_RDONLY), err;

	if (fd < 0)
		return fd;
	err = ioctl(fd, VFIFO_CLEAR) ? -errno : 0;
	close(fd);
	return err;
}

static int clear(const char *spec)
{
	struct device d;
	int code = device_find(spec, &d), err;

	if (code)
		return code;
	err = clear_node(&d);
	return err ? explain(err, &d, "clear") : EXIT_OK;
}

static int help(void)
{
	printf("Usage: vfifo clear [DEVICE...]\n"
	       "Drops the stored bytes.\n\n"
	       "Options:\n"
	       "  -h, --help  this text\n");
	return EXIT_OK;
}

int verb_clear(int argc, char **argv)
{
	int code;

	if (!help_only(argc, argv, "clear", help, &code))
		return code;
	/* Without operands argv[optind] is NULL, which is vfifo0. */
	do
		code = clear(argv[optind++]);
	while (!code && optind < argc);
	return code;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* The events vfifo:*, each with its fields, and no event once they are off. */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "raw.h"
#include "testlib.h"
#include "tracing.h"

static int fd;
static const char *log_text;

static void read_log(void)
{
	log_text = tracing_read("trace");
}

static void logged(const char *line)
{
	if (!strstr(log_text, line))
		fail("no '%s' in:\n%s", line, log_text);
}

static void not_logged(const char *line)
{
	if (strstr(log_text, line))
		fail("'%s' in:\n%s", line, log_text);
}

static void read_one(void *unused)
{
	char byte;

	(void)unused;
	check_equal(read(device(O_RDONLY), &byte, 1), 1);
}

/* Tools that read raw events do not know our names. */
static void format_has_numbers(void)
{
	const char *text = tracing_read("events/vfifo/vfifo_wake/format");

	check(strstr(text, "\"consumer\""));
	check(!strstr(text, "VFIFO_"));
}

static void do_all(void)
{
	char line[128], byte;
	struct raw raw;
	pid_t child;

	check_equal(write(fd, "hello", 5), 5);
	check_equal(read(fd, &byte, 1), 1);
	check(!ioctl(fd, VFIFO_CLEAR));
	read_log();
	logged("vfifo_produce: vfifo0 bytes=5 position=6");
	logged("vfifo_consume: vfifo0 bytes=1 position=2");
	logged("vfifo_consume: vfifo0 bytes=4 position=6");

	child = start(read_one, NULL);
	wait_asleep(child, "vfifo");
	/* Until the process that is about to sleep does so. */
	sleep_ms(50);
	check_equal(write(fd, "x", 1), 1);
	finish(child);
	read_log();
	logged("vfifo_sleep: vfifo0 consumer bytes=1");
	logged("vfifo_wake: vfifo0 consumer bytes=1");

	check_equal(set_attribute("capacity", "131072"), 0);
	raw_claim(&raw, VFIFO_PRODUCER);
	*raw.at[VFIFO_PRODUCER] = 8;
	check(!ioctl(fd, VFIFO_KICK));
	check_equal(attribute("size"), 1);
	*raw.at[VFIFO_PRODUCER] = 5;
	check(!ioctl(fd, VFIFO_KICK));
	check_equal(attribute("size"), 1);
	raw_release(&raw);
	read_log();
	logged("vfifo_resize: vfifo0 from=65536 to=131072");
	snprintf(line, sizeof(line),
		 "vfifo_claim: vfifo0 producer holder=%d position=7", getpid());
	logged(line);
	snprintf(line, sizeof(line),
		 "vfifo_release: vfifo0 producer holder=%d position=8",
		 getpid());
	logged(line);
	logged("vfifo_kick: vfifo0 need=0");
	logged("vfifo_bad_position: vfifo0 in=5 out=7");
}

static void restore(void)
{
	tracing_put("events/vfifo/enable", "0");
}

int main(void)
{
	if (access(TRACING "events/vfifo", F_OK))
		skip("this kernel has no tracing");
	tracing_begin(restore);
	fd = device(O_RDWR | O_NONBLOCK);

	check_equal(write(fd, "x", 1), 1);
	check(!ioctl(fd, VFIFO_CLEAR));
	read_log();
	not_logged("vfifo_produce:");
	format_has_numbers();
	tracing_put("events/vfifo/enable", "1");
	do_all();
	tracing_put("events/vfifo/enable", "0");
	tracing_put("trace", "");
	check_equal(write(fd, "x", 1), 1);
	read_log();
	not_logged("vfifo_produce:");
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A message about a device carries the device in /dev/kmsg, in fields of its own, which journald
 * keeps: `journalctl /dev/vfifo0` finds it. So does one that comes after the device's removal.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "raw.h"
#include "testlib.h"

static int log_fd;
static char fields[128]; /* of the device */

static void begin(void)
{
	struct stat s;
	int fd = device(O_RDONLY);

	check(!fstat(fd, &s));
	close(fd);
	snprintf(fields, sizeof(fields), "\n SUBSYSTEM=vfifo\n DEVICE=c%u:%u\n",
		 major(s.st_rdev), minor(s.st_rdev));
	log_fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	check(log_fd >= 0);
	check(lseek(log_fd, 0, SEEK_END) >= 0);
}

/* The next message with this text carries the device; there is one. */
static void check_message(const char *text)
{
	char record[8192];
	ssize_t n;

	/* A read gives one record. EPIPE: older ones were overwritten. */
	do {
		n = read(log_fd, record, sizeof(record) - 1);
		if (n < 0 && errno == EPIPE)
			n = 0;
		if (n < 0)
			fail("no message has: %s (errno: %s)", text,
			     strerror(errno));
		record[n] = 0;
	} while (!strstr(record, text));
	if (!strstr(record, fields))
		fail("a message does not have%s: %s", fields, record);
}

static void claim_is_revoked(void)
{
	struct raw holder;

	raw_claim(&holder, VFIFO_PRODUCER);
	check_equal(set_attribute("producer", "0"), 0);
	check_message("vfifo0: producer side revoked from process ");
	raw_release(&holder);
}

/* No side is claimed: any process that may write can store a header. */
static void record_is_invalid(void)
{
	int fd = device(O_RDWR);
	uint32_t *data;
	char c;

	check_equal(set_attribute("framing", "records"), 0);
	check_equal(write(fd, "abc", 3), 3);
	data = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	check(data != MAP_FAILED);
	data[0] = 0;
	check(!munmap(data, PAGE));
	check_errno(read(fd, &c, 1), EIO);
	check_message("vfifo0: broken by an invalid record");
	check(!ioctl(fd, VFIFO_CLEAR));
	check_equal(set_attribute("framing", "bytes"), 0);
	check(!close(fd));
}

static void position_is_invalid(void)
{
	struct raw liar;
	char c;

	raw_claim(&liar, VFIFO_PRODUCER);
	*liar.at[VFIFO_PRODUCER] = liar.own - 1;
	check_errno(read(device(O_RDONLY), &c, 1), EIO);
	check_message("vfifo0: broken by an invalid position");
	raw_release(&liar);
}

/* The last reference to the device, but for the file's. */
static void remove_device(void)
{
	int fd = open("/sys/class/vfifo/remove", O_WRONLY | O_CLOEXEC);

	check(fd >= 0 && write(fd, "0", 1) == 1);
	close(fd);
}

/* poll(2) still looks at the positions. */
static void device_is_removed(void)
{
	struct raw liar;
	struct pollfd p = { .events = POLLIN };

	raw_claim(&liar, VFIFO_PRODUCER);
	p.fd = device(O_RDONLY);
	remove_device();
	*liar.at[VFIFO_PRODUCER] = liar.own - 1;
	check_equal(poll(&p, 1, 0), 1);
	check(p.revents & POLLHUP);
	check_message("vfifo0: broken by an invalid position");
	raw_release(&liar);
}

int main(void)
{
	begin();
	run_case(claim_is_revoked());
	run_case(record_is_invalid());
	run_case(position_is_invalid());
	run_case(device_is_removed());
	return 0;
}

// SPDX-License-Identifier: MIT
/*
 * consumer [BYTES [DEVICE]]: copies a vfifo (/dev/vfifo0) to the standard output: so many
 * bytes, or until it is killed
 *
 *	cc -o consumer consumer.c $(pkg-config --cflags --libs libvfifo)
 *	echo hello > /dev/vfifo0 & ./consumer 6
 */
#include <err.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libvfifo.h>

static void check(ssize_t result, const char *what)
{
	if (result < 0)
		errx(1, "%s: %s", what, strerror((int)-result));
}

int main(int argc, char **argv)
{
	uint64_t left = argc > 1 ? strtoull(argv[1], NULL, 10) : UINT64_MAX;
	const char *path = argc > 2 ? argv[2] : "/dev/vfifo0";
	struct vfifo_handle *f;
	void *p = NULL;
	ssize_t n;

	check(vfifo_open(path, VFIFO_CONSUMER, 0, &f), path);
	while (left) {
		/* At least one byte: all that are stored. */
		while ((n = vfifo_peek(f, 1, &p)) == -EAGAIN)
			check(vfifo_wait(f, 1, -1), "wait");
		check(n, "peek");

		/* The bytes are used in place, then given back. */
		n = write(STDOUT_FILENO, p,
			  (uint64_t)n < left ? (size_t)n : left);
		if (n < 0)
			err(1, "standard output");
		check(vfifo_consume(f, (size_t)n), "consume");
		left -= (uint64_t)n;
	}
	vfifo_close(f);
	return 0;
}

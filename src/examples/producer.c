// SPDX-License-Identifier: MIT
/*
 * producer [DEVICE]: copies the standard input to a vfifo (/dev/vfifo0)
 *
 *	cc -o producer producer.c $(pkg-config --cflags --libs libvfifo)
 *	seq 1000000 | ./producer & head -n 1000000 /dev/vfifo0
 */
#include <err.h>
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
	const char *path = argc > 1 ? argv[1] : "/dev/vfifo0";
	struct vfifo_handle *f;
	void *p = NULL;
	ssize_t n;

	check(vfifo_open(path, VFIFO_PRODUCER, 0, &f), path);
	do {
		/* Room for at least one byte: all that is free. */
		while ((n = vfifo_reserve(f, 1, &p)) == -EAGAIN)
			check(vfifo_wait(f, 1, -1), "wait");
		check(n, "reserve");

		/* The bytes are made in place. */
		n = read(STDIN_FILENO, p, (size_t)n);
		if (n < 0)
			err(1, "standard input");
		check(vfifo_commit(f, (size_t)n), "commit");
	} while (n);
	vfifo_close(f);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One process claims the producer side in a loop, and another one switches the generator on and
 * off. While the claim exists the generator is off, however close the two calls were.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "raw.h"
#include "testlib.h"

/* Now and then the generator stays on long enough for the other process to see it. */
static void work_switch(void *unused)
{
	int fd = device(O_RDWR);

	(void)unused;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (unsigned int turn = 1;; turn++) {
		const int mode = turn % 2;

		if (ioctl(fd, VFIFO_SET_MODE, &mode))
			check_equal(errno, EBUSY);
		else if (turn % 8 == 1)
			usleep(30000);
	}
}

int main(void)
{
	const double until = now() + 2;
	unsigned long claims = 0, busy = 0;
	int fd = device(O_RDWR);
	pid_t pid;

	check_equal(set_attribute("generator/period_us", "3600000000"), 0);
	pid = start(work_switch, NULL);
	while (now() < until || !claims || !busy) {
		void *at = map_page(fd, VFIFO_MMAP_PRODUCER,
				    PROT_READ | PROT_WRITE);

		if (at == MAP_FAILED) {
			check_equal(errno, EBUSY);
			busy++;
			continue;
		}
		claims++;
		check_equal(attribute("mode"), 0);
		check(!munmap(at, PAGE));
	}
	printf("# %lu claims, %lu refused\n", claims, busy);
	check(!kill(pid, SIGKILL));
	check_equal(waitpid(pid, NULL, 0), pid);
	check_equal(set_attribute("mode", "0"), 0);
	check_equal(attribute("mappings"), 0);
	return 0;
}

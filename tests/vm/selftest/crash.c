// SPDX-License-Identifier: GPL-2.0
/* Dies by a signal, and shows that C programs are compiled, linked and run. */
#include <signal.h>
#include <stdio.h>

int main(void)
{
	puts("about to crash");
	fflush(stdout);
	fopen("left", "w");
	raise(SIGSEGV);
	return 0;
}

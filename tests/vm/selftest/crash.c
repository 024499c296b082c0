// SPDX-License-Identifier: GPL-2.0
/* Dies by a signal, and shows that a program in C is compiled, linked and run. */
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

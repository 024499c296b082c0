// SPDX-License-Identifier: GPL-2.0
/* A test has an empty folder, no input and a session of its own. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(void)
{
	char cwd[64], c;

	if (!getcwd(cwd, sizeof(cwd)) || strcmp(cwd, "/tmp"))
		return 1;
	/* crash.c has left a file in its own folder. */
	if (access("left", F_OK) == 0)
		return 2;
	if (read(0, &c, 1) != 0)
		return 3;
	if (getsid(0) != getpid())
		return 4;
	return 0;
}

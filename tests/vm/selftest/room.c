// SPDX-License-Identifier: GPL-2.0
/* What a test finds: a folder of its own, empty; no input; a session of its own. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(void)
{
	char cwd[64], c;

	if (!getcwd(cwd, sizeof(cwd)) || strcmp(cwd, "/tmp"))
		return 1;
	if (access("left", F_OK) ==
	    0) /* crash.c, that ran before, has left it */
		return 2;
	if (read(0, &c, 1) != 0)
		return 3;
	if (getsid(0) != getpid())
		return 4;
	return 0;
}

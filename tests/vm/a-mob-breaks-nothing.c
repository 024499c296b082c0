// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Processes of root, of a member of the group and of a stranger make random calls of all kinds at
 * once, and are killed. Honest programs keep their streams meanwhile, and nothing is left
 * afterwards: see tests/fuzz/mob.c. VFIFO_FUZZ: see tests/fuzz/fuzz.c.
 */
#include <string.h>

#include "fuzz.h"
#include "testlib.h"

int main(int argc, char **argv)
{
	struct campaign c;

	/* A step executes this program. */
	if (argc > 1 && !strcmp(argv[1], "--nothing"))
		return 0;
	c = campaign_from_environment(1, share(5000000, 80000), 1e9);
	fuzz_by_a_mob(&c);
	return 0;
}

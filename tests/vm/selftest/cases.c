// SPDX-License-Identifier: GPL-2.0
/* Has two cases, and the second one fails. */
#include "testlib.h"

int main(void)
{
	subtest("first case");
	check(1);
	subtest("second case");
	check_equal(1, 2);
	return 0;
}

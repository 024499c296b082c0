// SPDX-License-Identifier: GPL-2.0-or-later
/* Valid labels are kept, and invalid ones change nothing. */
#include <fcntl.h>

#include "testlib.h"

#define SIXTY "123456789 123456789 123456789 123456789 123456789 123456789 "

static void keeps(const char *written, const char *label)
{
	check_equal(set_attribute("label", written), 0);
	check_attribute("label", label);
}

/* The string ends there for the kernel, but not for the program that stores it. */
static void has_a_nul(void)
{
	int fd = open(ATTRIBUTES "label", O_WRONLY | O_CLOEXEC);

	check(fd >= 0);
	check_errno(write(fd, "a\0b", 3), EINVAL);
	close(fd);
}

int main(void)
{
	static const char *const bad[] = {
		"a/b",	"/",	".",	  "..",	    "..\n",	   "a\tb",
		"a\nb", "\n\n", "a\033b", "a\177b", SIXTY "12345", "a\r\n",
		" ",	"a ",	" a",	  ". ",	    "a \n",
	};

	check_attribute("label", "");
	keeps("adc", "adc");
	keeps("adc\n", "adc");
	keeps("an adc", "an adc");
	keeps("...", "...");
	keeps("Prüfstand 3 \xe2\x82\xac", "Prüfstand 3 \xe2\x82\xac");
	keeps(SIXTY "1234", SIXTY "1234");
	keeps(SIXTY "1234\n", SIXTY "1234");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		if (set_attribute("label", bad[i]) != EINVAL)
			fail("case %zu is taken", i);
		check_attribute("label", SIXTY "1234");
	}
	has_a_nul();
	check_attribute("label", SIXTY "1234");
	keeps("\n", "");
	return 0;
}

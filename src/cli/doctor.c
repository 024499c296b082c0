// SPDX-License-Identifier: GPL-2.0-or-later
/* vfifo doctor: what is wrong, and the command that mends it. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "doctor.h"

static const struct column columns[REPORT_COLUMNS] = {
	[REPORT_CHECK] = { "CHECK", "what was checked", false, false },
	[REPORT_STATE] = { "STATE", "ok or problem", false, false },
	[REPORT_DETAIL] = { "DETAIL", "what was found", false, false },
	[REPORT_MEND] = { "MEND", "the command that mends it", false, false },
};

/* modinfo and dkms are in folders that only root's PATH has. */
static void extend_path(void)
{
	const char *path = getenv("PATH");
	char *longer;

	if (asprintf(&longer, "%s:/usr/sbin:/sbin",
		     path ? path : "/usr/bin:/bin") < 0)
		return;
	setenv("PATH", longer, 1);
	free(longer);
}

static int examine(const struct table_options *o)
{
	struct report r = { .healthy = true };
	int code = table_begin(&r.table, "checks", o, columns, REPORT_COLUMNS);

	if (code)
		return code;
	extend_path();
	check_module(&r);
	check_devices(&r);
	code = table_end(&r.table);
	return code ? code : r.healthy ? EXIT_OK : EXIT_FAILED;
}

static int help(void)
{
	printf("Usage: vfifo doctor [OPTION...]\n"
	       "Checks everything that vfifo needs on this machine, for this user, and prints the\n"
	       "command that mends each problem. Changes nothing. Exit code 0: no problem.\n\n"
	       "Options:\n"
	       "  -J, --json            JSON\n"
	       "  -n, --noheadings      no line of headings\n"
	       "  -o, --output COLUMNS  these columns, separated by commas\n"
	       "  -h, --help            this text\n");
	print_columns(columns, REPORT_COLUMNS);
	return EXIT_OK;
}

int verb_doctor(int argc, char **argv)
{
	struct table_options o = { 0 };
	int code;

	if (!table_options_only(&o, argc, argv, "doctor", help, &code))
		return code;
	if (optind < argc)
		return misused("doctor", "it takes no arguments");
	return examine(&o);
}

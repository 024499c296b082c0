// SPDX-License-Identifier: GPL-2.0-or-later
/* The list of faults, as CSV. */
#include <errno.h>

#include "protocol.h"

int protocol_open(struct protocol *p, const char *name)
{
	p->file = fopen(name, "we");
	if (!p->file)
		return -errno;
	fputs("offset,length,kind,detail\n", p->file);
	return 0;
}

void protocol_note(struct protocol *p, uint64_t offset, uint64_t length,
		   const char *kind, uint64_t detail)
{
	p->faults++;
	if (p->file)
		fprintf(p->file, "%llu,%llu,%s,%llu\n",
			(unsigned long long)offset, (unsigned long long)length,
			kind, (unsigned long long)detail);
}

int protocol_close(struct protocol *p)
{
	FILE *file = p->file;
	int failed;

	p->file = NULL;
	if (!file)
		return 0;
	failed = ferror(file);
	if (fclose(file))
		return -errno;
	return failed ? -EIO : 0;
}

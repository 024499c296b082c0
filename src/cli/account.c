// SPDX-License-Identifier: GPL-2.0-or-later
/* Users and groups. */
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

const char *user_name(void)
{
	static char name[64];
	const struct passwd *p = getpwuid(geteuid());

	if (p)
		snprintf(name, sizeof(name), "%s", p->pw_name);
	else
		snprintf(name, sizeof(name), "%u", (unsigned int)geteuid());
	return name;
}

/* From another file than /etc/group. */
static const struct group *group_under(const char *path, const char *name)
{
	FILE *f = fopen(path, "re");
	const struct group *g = NULL;

	if (!f)
		return NULL;
	while ((g = fgetgrent(f)) && strcmp(g->gr_name, name))
		;
	fclose(f);
	return g;
}

const struct group *group_find(const char *name)
{
	char path[4096];

	if (!*sysroot())
		return getgrnam(name);
	if (rooted(path, sizeof(path), "/etc/group"))
		return NULL;
	return group_under(path, name);
}

enum membership membership(const struct group *g)
{
	const char *name = user_name();

	if (getegid() == g->gr_gid || group_member(g->gr_gid))
		return MEMBER;
	for (char **member = g->gr_mem; *member; member++)
		if (!strcmp(*member, name))
			return MEMBER_AT_LOGIN;
	return NOT_MEMBER;
}

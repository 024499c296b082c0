// SPDX-License-Identifier: GPL-2.0-or-later
/* vfifo doctor: the group, udev's rule, the devices' nodes, and the caller's permissions. */
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "doctor.h"

#define GROUP "vfifo"
#define RULE "70-vfifo.rules"

/* The folders of udev's rules, in the order of precedence. NULL: there is no rule. */
static const char *find_rule(void)
{
	static const char *const folders[] = { "/etc/udev/rules.d",
					       "/run/udev/rules.d",
					       "/usr/local/lib/udev/rules.d",
					       "/usr/lib/udev/rules.d",
					       "/lib/udev/rules.d" };

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		if (exists("%s/" RULE, folders[i]))
			return folders[i];
	return NULL;
}

/* udevd looks up the number of the group when it reads the rule, so it must read it again. */
#define APPLY_RULE                          \
	"sudo udevadm control --reload && " \
	"sudo udevadm trigger --action=change --subsystem-match=vfifo"

/* false: the node is not as the rule makes it. A file that is not the node is no fault of the rule. */
static bool ruled(const struct device *d, const struct group *g)
{
	struct node_fault fault;
	struct stat s;

	if (node_fault(d, &fault) || stat(d->node, &s))
		return true;
	return s.st_gid == g->gr_gid && (s.st_mode & 0777) == 0660;
}

/* A rule of the administrator may set other permissions. */
static void check_rule(struct report *r, const struct group *g,
		       const struct device *list, size_t n)
{
	const char *folder = find_rule();
	size_t bad = 0;

	while (g && bad < n && ruled(&list[bad], g))
		bad++;
	if (!folder)
		unwell(r, "udev rule",
		       "sudo apt install --reinstall vfifo-dkms",
		       RULE " is missing");
	else if (!strncmp(folder, "/etc", 4))
		well(r, "udev rule", "%s/" RULE ", of the administrator",
		     folder);
	else if (g && bad < n)
		unwell(r, "udev rule", APPLY_RULE,
		       "without effect: %s does not belong to group " GROUP
		       ", with permission to read and write",
		       list[bad].node);
	else
		well(r, "udev rule", "%s/" RULE, folder);
}

static void check_group(struct report *r, const struct group *g)
{
	if (g)
		well(r, "group", GROUP);
	else
		unwell(r, "group",
		       "sudo groupadd --system " GROUP " && " APPLY_RULE,
		       "there is no group " GROUP);
}

/* logind gives one to the user who is logged in at the machine. */
static bool has_acl(const struct device *d)
{
	return getxattr(d->node, "system.posix_acl_access", NULL, 0) > 0;
}

static const char *admitted_as(const struct device *d, const struct group *g)
{
	if (!geteuid())
		return "as root";
	if (g && membership(g) == MEMBER)
		return "as a member of group " GROUP;
	return has_acl(d) ?
		       "by an ACL, as the user who is logged in at the machine" :
		       "by the node's permissions";
}

static void not_admitted(struct report *r, const char *check,
			 const struct device *d, const struct group *g)
{
	const char *user = user_name();
	char mend[256];

	snprintf(mend, sizeof(mend),
		 "sudo adduser %s " GROUP ", then log in again", user);
	if (!geteuid() || r->contained)
		unwell(r, check,
		       "on the container's host: docker run --device ... --group-add ...",
		       "%s may not use %s", user, d->node);
	else if (!g || membership(g) == NOT_MEMBER)
		unwell(r, check, mend, "%s is not in group " GROUP, user);
	else if (membership(g) == MEMBER_AT_LOGIN)
		unwell(r, check, "log in again",
		       "%s is in group " GROUP
		       ", but was added after this login",
		       user);
	else
		unwell(r, check, "see the udev rule",
		       "%s is in group " GROUP ", but has no permission", user);
}

static void check_device(struct report *r, const struct device *d,
			 const struct group *g)
{
	struct node_fault fault;
	char check[64];

	snprintf(check, sizeof(check), "use of %s", d->name);
	if (access(d->node, F_OK) && r->contained)
		well(r, check, "not passed in to this container");
	else if (node_fault(d, &fault))
		unwell(r, check,
		       r->contained ?
			       "on the container's host: docker run --device ..." :
			       fault.mend,
		       "%s; the bytes in %s are lost when it is mended",
		       fault.what, d->name);
	else if (eaccess(d->node, R_OK | W_OK))
		not_admitted(r, check, d, g);
	else
		well(r, check, "%s may, %s", user_name(), admitted_as(d, g));
}

static void check_list(struct report *r, const struct group *g)
{
	struct device *list;
	size_t n;

	if (device_all(&list, &n))
		return;
	if (!r->contained)
		check_rule(r, g, list, n);
	if (!n)
		unwell(r, "devices", "sudo vfifo add 0", "there are none");
	for (size_t i = 0; i < n; i++)
		check_device(r, &list[i], g);
	free(list);
}

void check_devices(struct report *r)
{
	const struct group *g = group_find(GROUP);

	if (!r->contained)
		check_group(r, g);
	/* Without the module there is no device to look at. */
	if (exists("/sys/class/vfifo"))
		check_list(r, g);
	else if (!r->contained)
		check_rule(r, g, NULL, 0);
}

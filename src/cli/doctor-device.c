// SPDX-License-Identifier: GPL-2.0-or-later
/* vfifo doctor: udev's rule, the devices' nodes, and what the caller may do with them. */
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

/* Where udev looks, the first that there is counts. */
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

/* The rule goes by the group's number, which udevd looks up when it reads the rule. */
#define APPLY_RULE                          \
	"sudo udevadm control --reload && " \
	"sudo udevadm trigger --action=change --subsystem-match=vfifo"

/* False: the rule should have made it otherwise. What is no node is not the rule's fault. */
static bool ruled(const struct device *d, const struct group *g)
{
	struct node_fault fault;
	struct stat s;

	if (node_fault(d, &fault) || stat(d->node, &s))
		return true;
	return s.st_gid == g->gr_gid && (s.st_mode & 0777) == 0660;
}

/* A rule of the administrator's is right, whatever it makes of the nodes. */
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
		well(r, "udev rule", "%s/" RULE ", of this machine", folder);
	else if (g && bad < n)
		unwell(r, "udev rule", APPLY_RULE,
		       "not in force: %s is not of group " GROUP
		       ", for it to read and write",
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

/* What logind gives to whoever sits at the machine. */
static bool has_acl(const struct device *d)
{
	return getxattr(d->node, "system.posix_acl_access", NULL, 0) > 0;
}

static const char *admitted_as(const struct device *d, const struct group *g)
{
	if (!geteuid())
		return "whatever the permissions";
	if (g && membership(g) == MEMBER)
		return "as a member of group " GROUP;
	return has_acl(d) ? "by an ACL, as who is logged in at the machine" :
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
		       "%s is in group " GROUP ", but was not yet at login",
		       user);
	else
		unwell(r, check, "see the udev rule",
		       "%s is in group " GROUP ", and yet may not", user);
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
		       "%s; what %s stores is lost with the mend", fault.what,
		       d->name);
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

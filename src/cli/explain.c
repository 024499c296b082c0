// SPDX-License-Identifier: GPL-2.0-or-later
/* Error messages: the cause of an error, and what to do. */
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"

/* The node belongs to a group, and the user is not a member, or has not logged in since. */
static void explain_group(const struct device *d, const struct group *g)
{
	const char *user = user_name();

	switch (membership(g)) {
	case MEMBER:
		complain(
			"permission denied, although %s is in group %s; to see the permissions: ls -l %s",
			user, g->gr_name, d->node);
		break;
	case MEMBER_AT_LOGIN:
		complain(
			"permission denied: %s is in group %s, but was added after this login; log in again",
			user, g->gr_name);
		break;
	case NOT_MEMBER:
		complain(
			"permission denied: %s is not in group %s; sudo adduser %s %s, then log in again",
			user, g->gr_name, user, g->gr_name);
		break;
	}
}

static int explain_denied(const struct device *d)
{
	const struct group *g = NULL;
	struct stat s;

	if (!stat(d->node, &s) && s.st_gid && (s.st_mode & 060) == 060)
		g = getgrgid(s.st_gid);
	if (!geteuid())
		complain(
			"permission denied, even for root: in a container, the host must pass the device in (docker run --device %s)",
			d->node);
	else if (g)
		explain_group(d, g);
	else
		complain(
			"permission denied: the udev rule that gives %s to the group vfifo has had no effect; to see why: vfifo doctor",
			d->node);
	return EXIT_DENIED;
}

const char *process_name(uint64_t pid, char *buf, size_t size)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%llu/comm",
		 (unsigned long long)pid);
	f = fopen(path, "re");
	if (!f || !fgets(buf, (int)size, f))
		*buf = 0;
	buf[strcspn(buf, "\n")] = 0;
	if (f)
		fclose(f);
	return buf;
}

/* Prints which process claims the side. false: none does. */
static bool explain_holder(const struct device *d, const char *side,
			   const char *what)
{
	uint64_t pid;
	char raw[32], name[64];

	if (attribute_number(d, side, &pid) || !pid)
		return false;
	process_name(pid, raw, sizeof(raw));
	format_text(raw, strlen(raw), name, sizeof(name));
	complain(
		"%s: %s is busy: process %llu (%s) claims its %s side; end the process, or wait for it",
		what, d->name, (unsigned long long)pid, name, side);
	return true;
}

/* Whether a store to an attribute fails while the buffer is mapped. */
static bool is_of_the_buffer(const char *attribute)
{
	return !strcmp(attribute, "capacity") || !strcmp(attribute, "memory") ||
	       !strcmp(attribute, "framing");
}

static int explain_busy(const struct device *d, const char *what)
{
	bool producer = explain_holder(d, "producer", what);
	bool consumer = explain_holder(d, "consumer", what);
	const char *cause = is_of_the_buffer(what) ? "mappings" : "mode";
	uint64_t value;

	if (producer || consumer)
		return EXIT_FAILED;
	if (!strcmp(what, "framing") && !attribute_number(d, "size", &value) &&
	    value)
		complain(
			"%s: %s stores %llu bytes; to drop them: vfifo clear %s",
			what, d->name, (unsigned long long)value, d->name);
	else if (attribute_number(d, cause, &value) || !value)
		complain("%s: %s was busy; try again", what, d->name);
	else if (is_of_the_buffer(what))
		complain(
			"%s: %s is busy: it is mapped or exported; to see who has mapped it: sudo fuser -v %s; exports: sudo cat /sys/kernel/debug/dma_buf/bufinfo",
			what, d->name, d->node);
	else
		complain(
			"%s: %s is busy: its generator produces; to stop it: sudo vfifo set %s mode=0",
			what, d->name, d->name);
	return EXIT_FAILED;
}

static bool module_loaded(void)
{
	char path[4096];

	return !rooted(path, sizeof(path), "/sys/class/vfifo") &&
	       !access(path, F_OK);
}

static int explain_not_loaded(void)
{
	char left[1024];

	if (nodes_left(left, sizeof(left)))
		complain(
			"the module is not loaded, and other files have the names of its devices: sudo rm %s && sudo modprobe vfifo (if that fails: vfifo doctor)",
			left);
	else
		complain(
			"the module is not loaded: sudo modprobe vfifo (if that fails: vfifo doctor)");
	return EXIT_NO_DEVICE;
}

static bool device_there(const struct device *d)
{
	char path[4096];

	return !rooted(path, sizeof(path), "/sys/class/vfifo/%s", d->name) &&
	       !access(path, F_OK);
}

/* -ENODEV: the open device was removed, even if there is a new one of the same name. */
static int explain_missing(int err, const struct device *d, const char *what)
{
	struct node_fault fault;

	if (!module_loaded())
		return explain_not_loaded();
	if (!d)
		complain("%s: no such device; to list the devices: vfifo list",
			 what);
	else if (err == -ENODEV || !device_there(d))
		complain("%s: %s was removed; to list the devices: vfifo list",
			 what, d->name);
	else if (node_fault(d, &fault))
		complain("%s: %s; to mend it: %s", what, fault.what,
			 fault.mend);
	else
		complain("%s: no module serves %s; to see why: vfifo doctor",
			 what, d->node);
	return EXIT_NO_DEVICE;
}

/* Another file is in the place of the node. */
static int explain_not_a_vfifo(const struct device *d, const char *what)
{
	struct node_fault fault;

	if (d && node_fault(d, &fault))
		return explain_missing(-ENOTTY, d, what);
	complain("%s: %s is not a vfifo", what, d ? d->node : "the device");
	return EXIT_FAILED;
}

static int explain_other(int err, const struct device *d, const char *what)
{
	const char *name = d ? d->name : "vfifo";

	switch (err) {
	case -EIO:
		complain(
			"%s: %s is broken: a process stored an invalid position or record; end that process, or: vfifo clear %s",
			what, name, name);
		break;
	case -EPROTO:
		complain(
			"%s: %s keeps records (attribute framing), which this does not support",
			what, name);
		break;
	case -EMSGSIZE:
		complain("%s: a record of %s has at most half of the capacity",
			 what, name);
		break;
	case -EPROTONOSUPPORT:
		complain(
			"%s: the module of %s has another version of the memory layout; sudo modprobe -r vfifo && sudo modprobe vfifo",
			what, name);
		break;
	case -EBADMSG:
		complain(
			"%s: the process at the other end of %s stored an invalid position or record; end that process",
			what, name);
		break;
	case -ESTALE:
		complain(
			"%s: root has revoked the claim of %s, by writing 0 to its attribute producer or consumer; to claim it again, repeat the command",
			what, name);
		break;
	default:
		complain("%s: %s", what, strerror(-err));
	}
	return EXIT_FAILED;
}

int explain(int err, const struct device *d, const char *what)
{
	switch (err) {
	case -EACCES:
	case -EPERM:
		if (d)
			return explain_denied(d);
		complain("%s: %s", what, strerror(-err));
		return EXIT_DENIED;
	case -ENOENT:
	case -ENODEV:
	case -ENXIO:
		return explain_missing(err, d, what);
	case -ENOTTY:
		return explain_not_a_vfifo(d, what);
	case -EBUSY:
		if (d)
			return explain_busy(d, what);
		break;
	}
	return explain_other(err, d, what);
}

int explain_root(int err, const struct device *d, const char *what,
		 const char *verb)
{
	if (err != -EACCES && err != -EPERM)
		return explain(err, d, what);
	if (geteuid())
		complain("permission denied: %s needs root; sudo vfifo %s ...",
			 what, verb);
	else
		complain(
			"permission denied: %s, even for root; in a container, the host must do it",
			what);
	return EXIT_DENIED;
}

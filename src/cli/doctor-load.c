// SPDX-License-Identifier: GPL-2.0-or-later
/* vfifo doctor: whether the module is loaded, and what prevents it. */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor.h"

#define LOAD "sudo modprobe vfifo"

/* A line of modprobe's configuration about vfifo. */
struct line {
	char file[PATH_MAX];
	char text[512];
};

static int is_conf(const struct dirent *entry)
{
	size_t n = strlen(entry->d_name);

	return n > 5 && !strcmp(entry->d_name + n - 5, ".conf");
}

/* Whether the line begins with `COMMAND vfifo`. */
static bool is_about_vfifo(const char *text, const char *command)
{
	char first[16], second[16];

	return sscanf(text, "%15s %15s", first, second) == 2 &&
	       !strcmp(first, command) && !strcmp(second, "vfifo");
}

/* An install command that loads the module itself is not an obstacle. */
static bool is_obstacle(const struct line *l)
{
	return !strstr(l->text, "modprobe") && !strstr(l->text, "insmod");
}

static bool find_in_file(const char *command, struct line *l)
{
	char full[PATH_MAX];
	bool found = false;
	FILE *f;

	if (rooted(full, sizeof(full), "%s", l->file))
		return false;
	f = fopen(full, "re");
	if (!f)
		return false;
	while (!found && fgets(l->text, sizeof(l->text), f)) {
		l->text[strcspn(l->text, "\n")] = 0;
		found = is_about_vfifo(l->text, command) && is_obstacle(l);
	}
	fclose(f);
	return found;
}

static bool find_in_folder(const char *folder, const char *command,
			   struct line *l)
{
	char full[PATH_MAX];
	struct dirent **files;
	bool found = false;
	int n;

	if (rooted(full, sizeof(full), "%s", folder))
		return false;
	n = scandir(full, &files, is_conf, alphasort);
	for (int i = 0; i < n; i++) {
		if (!found) {
			snprintf(l->file, sizeof(l->file), "%s/%s", folder,
				 files[i]->d_name);
			found = find_in_file(command, l);
		}
		free(files[i]);
	}
	if (n >= 0)
		free(files);
	return found;
}

/* The first such line in the folders of modprobe. */
static bool find_line(const char *command, struct line *l)
{
	static const char *const folders[] = { "/etc/modprobe.d",
					       "/run/modprobe.d",
					       "/usr/local/lib/modprobe.d",
					       "/usr/lib/modprobe.d",
					       "/lib/modprobe.d" };

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		if (find_in_folder(folders[i], command, l))
			return true;
	return false;
}

static void unwell_line(struct report *r, const char *command,
			const struct line *l, const char *log)
{
	char mend[PATH_MAX + 256];

	snprintf(
		mend, sizeof(mend),
		"sudo sed -i 's/^[[:blank:]]*%s[[:blank:]]*vfifo/#&/' %s && " LOAD,
		command, l->file);
	if (*log)
		unwell(r, "module", mend,
		       "not loaded, as %s has: %s; the kernel log has: %s",
		       l->file, l->text, log);
	else
		unwell(r, "module", mend, "not loaded, as %s has: %s", l->file,
		       l->text);
}

/*
 * Reads the last line of the kernel log about the module. true: this line refuses a
 * parameter; it is printed by the module, or by the kernel if the value is not a number. On
 * many machines only root may read the log.
 */
static bool refused(char *log, size_t size)
{
	static const char *const command[] = {
		"sh", "-c",
		"dmesg 2>/dev/null | sed -nE 's/^(\\[[^]]*\\] *)?(vfifo( vfifo[0-9]+)?: )/\\2/p' |"
		" tail -n 1 |"
		" grep -E '^vfifo: ([a-z]+=|.*for parameter)'",
		NULL
	};

	return !run_command(command, log, size) && *log;
}

static bool modules_disabled(void)
{
	char line[8];

	return first_line("/proc/sys/kernel/modules_disabled", line,
			  sizeof(line)) &&
	       *line == '1';
}

/* Whether the comma-separated list, which ends at a blank, names vfifo. */
static bool names_vfifo(const char *list)
{
	const char *end = list + strcspn(list, " ");

	while (list < end) {
		size_t n = strcspn(list, ", ");

		if (n == strlen("vfifo") && !strncmp(list, "vfifo", n))
			return true;
		list += n + (list[n] == ',');
	}
	return false;
}

/*
 * The kernel then refuses the module, and modprobe says only that it is not permitted. The last
 * option counts.
 */
static bool forbidden_by_boot(void)
{
	static const char option[] = "module_blacklist=";
	bool begins, forbidden = false;
	const char *at;
	char line[4096];

	if (!first_line("/proc/cmdline", line, sizeof(line)))
		return false;
	for (at = line; (at = strstr(at, option));) {
		begins = at == line || at[-1] == ' ';
		at += strlen(option);
		if (begins)
			forbidden = names_vfifo(at);
	}
	return forbidden;
}

/* The kernel cannot make a node while another file has its name. */
static void unwell_names(struct report *r, const char *names)
{
	char mend[2048];

	snprintf(mend, sizeof(mend), "sudo rm %s && " LOAD, names);
	unwell(r, "module", mend,
	       "not loaded, and other files have the names of its devices: %s",
	       names);
}

static void check_options(struct report *r)
{
	char log[512] = "", names[1024];
	bool is_refused = refused(log, sizeof(log));
	struct line l;

	if (is_refused && find_line("options", &l))
		unwell_line(r, "options", &l, log);
	else if (!exists("/sys/class/vfifo") &&
		 nodes_left(names, sizeof(names)))
		unwell_names(r, names);
	else if (is_refused)
		unwell(r, "module", LOAD, "not loaded; the kernel log has: %s",
		       log);
	else
		unwell(r, "module", LOAD, "not loaded");
}

void check_loaded(struct report *r)
{
	struct line l;

	if (exists("/sys/module/vfifo"))
		well(r, "module", "loaded");
	else if (modules_disabled())
		unwell(r, "module", "sudo reboot",
		       "not loaded, and kernel.modules_disabled is 1");
	else if (forbidden_by_boot())
		unwell(r, "module",
		       "remove that from /etc/default/grub, then sudo update-grub && sudo reboot",
		       "not loaded, as the kernel's command line has module_blacklist=vfifo");
	else if (find_line("install", &l))
		unwell_line(r, "install", &l, "");
	else if (find_line("blacklist", &l))
		unwell_line(r, "blacklist", &l, "");
	else
		check_options(r);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The ABI text and the running module have the same attributes with the same access: (RO),
 * (WO) or (RW) at the beginning of the description.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "testlib.h"

#define CLASS "/sys/class/vfifo/"
#define WHAT "What:\t\t" CLASS

/* The contents of src/uapi/sysfs-class-vfifo. */
__asm__(".section .rodata\n"
	"text: .incbin \"include/linux/sysfs-class-vfifo\"\n"
	".byte 0\n"
	".previous\n");
extern const char text[];

/* Files of the driver core in the folders of each device and each class. */
static const char *const not_ours[] = { "dev",	  "uevent",
					"power",  "subsystem",
					"device", "waiting_for_supplier" };

/* Replaces vfifoN by vfifo0. */
static void path_of(const char *what, char *path, size_t size)
{
	int n = strcspn(what, "\n");
	const char *number = memmem(what, n, "vfifoN", 6);

	if (number)
		snprintf(path, size, CLASS "%.*s0%.*s",
			 (int)(number + 5 - what), what,
			 (int)(what + n - number - 6), number + 6);
	else
		snprintf(path, size, CLASS "%.*s", n, what);
}

static void has_access(const char *path, const char *what)
{
	const char *says = strstr(what, "Description:\n\t\t(");
	struct stat s;
	mode_t want;

	if (stat(path, &s))
		fail("%s is in the text only", path);
	check(says);
	says += strlen("Description:\n\t\t(");
	want = !strncmp(says, "RO)", 3) ? 0444 :
	       !strncmp(says, "WO)", 3) ? 0200 :
	       !strncmp(says, "RW)", 3) ? 0644 :
					  0;
	if (!want || (s.st_mode & 0777) != want)
		fail("%s has the mode %o, and the text says %.3s", path,
		     (unsigned int)s.st_mode & 0777, says);
}

static int text_is_true(void)
{
	int entries = 0;

	for (const char *at = text; (at = strstr(at, WHAT)); entries++) {
		char path[256];

		at += strlen(WHAT);
		path_of(at, path, sizeof(path));
		has_access(path, at);
	}
	return entries;
}

static bool is_ours(const char *name)
{
	for (size_t i = 0; i < sizeof(not_ours) / sizeof(*not_ours); i++)
		if (!strcmp(name, not_ours[i]))
			return false;
	return name[0] != '.' && strncmp(name, "vfifo", 5);
}

static bool in_text(const char *path)
{
	for (const char *at = text; (at = strstr(at, WHAT));) {
		char said[256];

		at += strlen(WHAT);
		path_of(at, said, sizeof(said));
		if (!strcmp(said, path))
			return true;
	}
	return false;
}

static int all_are_in_the_text(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	int files = 0;

	check(dir);
	while ((entry = readdir(dir))) {
		char path[512];
		struct stat s;

		if (!is_ours(entry->d_name))
			continue;
		snprintf(path, sizeof(path), "%s%s", folder, entry->d_name);
		check(!stat(path, &s));
		if (S_ISDIR(s.st_mode)) {
			strcat(path, "/");
			files += all_are_in_the_text(path);
		} else {
			if (!in_text(path))
				fail("%s is not in the text", path);
			files++;
		}
	}
	closedir(dir);
	return files;
}

int main(void)
{
	int entries = text_is_true();

	check(entries > 25);
	check_equal(all_are_in_the_text(CLASS) +
			    all_are_in_the_text(ATTRIBUTES),
		    entries);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Several processes store garbage in every attribute at once: NULs, extremes, a mebibyte of text.
 * Each store fails with EINVAL and no value changes. A member of the group can open no attribute for
 * writing, and reads them all.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "testlib.h"

#define MIB (1 << 20)
#define VALUE 4097 /* a page at most */

/* All that take a value, but for texts: label, generator/text. */
static const char *const names[] = {
	"capacity",
	"memory",
	"mode",
	"read_watermark",
	"write_watermark",
	"overflow",
	"eof",
	"scrub",
	"producer",
	"consumer",
	"clear",
	"stats/reset",
	"generator/pattern",
	"generator/burst",
	"generator/period_us",
	"generator/trigger",
};
#define NAMES (sizeof(names) / sizeof(*names))

static const struct garbage {
	const char *text;
	size_t n;
} garbage[] = {
#define TEXT(text)                     \
	{                              \
		text, sizeof(text) - 1 \
	}
	TEXT("\0"),
	TEXT("\0\0\0\0\0\0\0\0"),
	TEXT("\0001"),
	TEXT("\n"),
	TEXT(" "),
	TEXT("-1"),
	TEXT("-9223372036854775808"),
	TEXT("9223372036854775808"),
	TEXT("18446744073709551615"),
	TEXT("18446744073709551616"),
	TEXT("99999999999999999999999999999999999999999999"),
	TEXT("1e3"),
	TEXT("0x"),
	TEXT("%s%s%n"),
	TEXT("../../../1"),
	TEXT("\377\376\375"),
	TEXT("1 1"),
	TEXT("1\n1"),
};
#define KINDS (sizeof(garbage) / sizeof(*garbage))

static char mib[MIB];

/* Returns the error of a store, or 0. */
static int store(const char *name, const void *text, size_t n)
{
	char path[256];
	ssize_t done;
	int fd, err;

	snprintf(path, sizeof(path), ATTRIBUTES "%s", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	check(fd >= 0);
	done = write(fd, text, n);
	err = done < 0 ? errno : 0;
	close(fd);
	return err;
}

/* An attribute that can only be written has no value. */
static size_t load(const char *name, char *value)
{
	char path[256];
	ssize_t n = 0;
	int fd;

	snprintf(path, sizeof(path), ATTRIBUTES "%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, value, VALUE);
	close(fd);
	return n < 0 ? 0 : n;
}

static void refused(const char *name, const void *text, size_t n)
{
	int err = store(name, text, n);

	if (err != EINVAL)
		fail("%s, %zu bytes that begin with '%.40s': %s", name, n,
		     (const char *)text, strerror(err));
}

static void work_store(void *unused)
{
	(void)unused;
	for (int round = 0; round < 5; round++) {
		for (size_t i = 0; i < NAMES; i++) {
			for (size_t k = 0; k < KINDS; k++)
				refused(names[i], garbage[k].text,
					garbage[k].n);
			refused(names[i], mib, MIB);
		}
		refused("label", mib, MIB);
		refused("label", "a\0b", 3);
		refused("generator/text", mib, MIB);
	}
}

static void stores_at_once(void)
{
	static char before[NAMES][VALUE], after[VALUE];
	size_t n[NAMES];
	pid_t pids[4];

	check_equal(set_attribute("label", "kept"), 0);
	check_equal(set_attribute("generator/text", "kept"), 0);
	for (size_t i = 0; i < NAMES; i++)
		n[i] = load(names[i], before[i]);
	for (int i = 0; i < 4; i++)
		pids[i] = start(work_store, NULL);
	for (int i = 0; i < 4; i++)
		finish(pids[i]);
	for (size_t i = 0; i < NAMES; i++) {
		if (load(names[i], after) != n[i] ||
		    memcmp(before[i], after, n[i]))
			fail("%s has changed to %s", names[i], after);
	}
	check_attribute("label", "kept");
	check_equal(load("generator/text", after), 4);
	check(!memcmp(after, "kept", 4));
}

/* Returns the number of files, each of which was opened. */
static int open_all_of(const char *folder)
{
	DIR *d = opendir(folder);
	const struct dirent *e;
	char path[512], text[VALUE];
	struct stat st;
	int files = 0;

	check(d);
	while ((e = readdir(d))) {
		int fd;

		snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		if (e->d_name[0] == '.' || lstat(path, &st) ||
		    !S_ISREG(st.st_mode))
			continue;
		check_errno(open(path, O_WRONLY | O_CLOEXEC), EACCES);
		check_errno(open(path, O_RDWR | O_CLOEXEC), EACCES);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			check(errno == EACCES && !(st.st_mode & 0444));
		else
			check(read(fd, text, sizeof(text)) >= 0);
		close(fd);
		files++;
	}
	closedir(d);
	return files;
}

static void work_as_alice(void *unused)
{
	(void)unused;
	become_alice();
	check(open_all_of("/sys/class/vfifo") >= 2);
	check(open_all_of(ATTRIBUTES) >= 14);
	check(open_all_of(ATTRIBUTES "generator") >= 6);
	check(open_all_of(ATTRIBUTES "stats") >= 8);
}

static void member_may_only_read(void)
{
	finish(start(work_as_alice, NULL));
}

int main(void)
{
	memset(mib, '1', MIB);
	run_case(stores_at_once());
	run_case(member_may_only_read());
	return 0;
}

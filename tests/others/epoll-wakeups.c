// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's own test of epoll (tools/testing/selftests), with a vfifo in place of each pair of
 * sockets. Its source is fetched with that of Debian's kernel.
 */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-variable"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wunused-result"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#pragma GCC diagnostic ignored "-Wsign-compare"
#define main selftest_main
#include <filesystems/epoll/epoll_wakeup_test.c>
#undef main
#pragma GCC diagnostic pop
#include <sys/stat.h>
#include <sys/wait.h>

#define DEVICES 256

/*
 * Cases that have no pipe and no sockets, only an eventfd, and threads that wait for each other in
 * loops: they say nothing about the device, and time out where threads do not run at once.
 */
static char *const left_out[] = { "-T",	     "epoll59", "-T",
				  "epoll60", "-T",	"epoll61" };

/*
 * Runs the selftest, with its output in a file. In the child, as a case is registered once.
 * Return: the file.
 */
static FILE *run_selftest(char *const *options, int n)
{
	char *argv[8] = { "epoll_wakeup_test" };
	FILE *f = tmpfile();
	pid_t child;

	if (!f)
		exit(2);
	for (int i = 0; i < n; i++)
		argv[i + 1] = options[i];
	fflush(stdout);
	child = fork();
	if (!child) {
		dup2(fileno(f), STDOUT_FILENO);
		/* exit(3) would move the place at which the parent reads an earlier file. */
		n = selftest_main(n + 1, argv);
		fflush(stdout);
		_exit(n);
	}
	waitpid(child, NULL, 0);
	rewind(f);
	return f;
}

static void store(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	if (!f)
		return;
	fputs(text, f);
	fclose(f);
}

static void remove_devices(void)
{
	char path[64], number[16];
	struct stat s;

	for (int i = 1; i < DEVICES; i++) {
		snprintf(path, sizeof(path), "/sys/class/vfifo/vfifo%d", i);
		snprintf(number, sizeof(number), "%d\n", i);
		if (!stat(path, &s))
			store("/sys/class/vfifo/remove", number);
	}
}

/* Reads a line like `not ok 16 global.epoll16`. Return: whether it is the result of a case. */
static bool is_result(const char *line, bool *passed, char *name)
{
	char full[64], *dot;

	*passed = sscanf(line, "ok %*d %63s", full) == 1;
	if (!*passed && sscanf(line, "not ok %*d %63s", full) != 1)
		return false;
	dot = strrchr(full, '.');
	strcpy(name, dot ? dot + 1 : full);
	return true;
}

/*
 * A case that sleeps to let others come first fails now and then, with sockets as well (epoll16 once
 * in 20 runs). Return: whether it passes three times in a row now.
 */
static bool passes_after_all(char *name)
{
	char *const options[] = { "-t", name };
	char line[4096], other[64];
	bool passed = false;
	FILE *f;

	for (int i = 0; i < 3; i++) {
		passed = false;
		f = run_selftest(options, 2);
		while (fgets(line, sizeof(line), f) &&
		       !is_result(line, &passed, other))
			;
		fclose(f);
		if (!passed)
			break;
	}
	return passed;
}

int main(void)
{
	int cases = 0, bad = 0, planned = -1;
	FILE *f =
		run_selftest(left_out, sizeof(left_out) / sizeof(left_out[0]));
	char line[4096], name[64];
	bool passed;

	while (fgets(line, sizeof(line), f)) {
		sscanf(line, "1..%d", &planned);
		if (*line == '#' && strstr(line, ": Expected"))
			fputs(line + 1, stdout);
		if (!is_result(line, &passed, name))
			continue;
		cases++;
		if (passed)
			continue;
		passed = passes_after_all(name);
		printf("%s failed%s\n", name, passed ? " once" : "");
		bad += !passed;
	}
	fclose(f);
	remove_devices();
	printf("%d of %d cases, %d failed\n", cases, planned, bad);
	return bad || cases != planned || cases < 50;
}

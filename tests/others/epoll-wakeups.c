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

/* Return: how often a case passes until it fails, at most `runs`. */
static int passes(char *name, int runs)
{
	char *const options[] = { "-t", name };
	char line[4096], other[64];
	int n;

	for (n = 0; n < runs; n++) {
		bool passed = false;
		FILE *f = run_selftest(options, 2);

		while (fgets(line, sizeof(line), f) &&
		       !is_result(line, &passed, other))
			;
		fclose(f);
		if (!passed)
			break;
	}
	return n;
}

/*
 * A case that sleeps to let others come first fails now and then, with sockets as well: two threads
 * are woken, and the first takes the only event before the second one looks (epoll58 on a busy
 * machine). Return: whether it passes three times in a row now, or fails with sockets too.
 */
static bool passes_after_all(char *name)
{
	int n = passes(name, 3);

	if (n == 3)
		return true;
	setenv("VFIFO_FOR_PIPE_OFF", "1", 1);
	n = passes(name, 40);
	unsetenv("VFIFO_FOR_PIPE_OFF");
	printf("%s passes %d of 40 times with sockets\n", name, n);
	return n < 40;
}

#define MOST 100 /* cases */

int main(void)
{
	static char failed[MOST][64];
	int cases = 0, suspect = 0, bad = 0, planned = -1;
	FILE *f =
		run_selftest(left_out, sizeof(left_out) / sizeof(left_out[0]));
	char line[4096], name[64];
	bool passed;

	/* All of it first: a child would move the place at which it is read. */
	while (fgets(line, sizeof(line), f)) {
		sscanf(line, "1..%d", &planned);
		if (*line == '#' && strstr(line, ": Expected"))
			fputs(line + 1, stdout);
		if (!is_result(line, &passed, name))
			continue;
		cases++;
		if (!passed && suspect < MOST)
			strcpy(failed[suspect++], name);
	}
	fclose(f);
	for (int i = 0; i < suspect; i++) {
		passed = passes_after_all(failed[i]);
		printf("%s failed%s\n", failed[i], passed ? " once" : "");
		bad += !passed;
	}
	remove_devices();
	printf("%d of %d cases, %d failed\n", cases, planned, bad);
	return bad || cases != planned || cases < 50;
}

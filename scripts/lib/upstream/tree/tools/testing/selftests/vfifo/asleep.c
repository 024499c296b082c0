// SPDX-License-Identifier: GPL-2.0
/* User-Mode Linux does not tell where a process sleeps. */
static int is_asleep(pid_t pid, const char *function)
{
	char where[4096];

	if (user_mode_linux())
		return stays_asleep(pid);
	read_proc(pid, "wchan", where, sizeof(where));
	return !!strstr(where, function);
}

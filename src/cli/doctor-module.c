// SPDX-License-Identifier: GPL-2.0-or-later
/* vfifo doctor: the kernels, their headers, DKMS, Secure Boot, and the module's version. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor.h"

#define MOK "/var/lib/dkms/mok.pub"

/* The package vfifo-dkms keeps a log of each failed build, and builds when configured. */
#define LOGS "/var/log/vfifo-dkms"
#define NO_AUTOINSTALL "/etc/dkms/no-autoinstall"
#define BUILD "sudo dpkg-reconfigure vfifo-dkms"

/* Space for a line that contains the name of a kernel twice. */
#define KERNEL_LINE (2 * NAME_MAX + 128)

/* The exit code, or a negative errno, and the output of `dkms status`. */
struct dkms {
	int result;
	char said[8192];
};

static bool running_kernel(char *kernel, size_t size)
{
	return first_line("/proc/sys/kernel/osrelease", kernel, size);
}

static void check_kernel(struct report *r, const char *kernel)
{
	if (exists("/lib/modules/%s", kernel))
		well(r, "kernel", "%s", kernel);
	else
		unwell(r, "kernel", "sudo reboot",
		       "%s runs, but is not installed any more", kernel);
}

static bool has_headers(const char *kernel)
{
	return exists("/lib/modules/%s/build/include", kernel);
}

static void check_headers(struct report *r, const char *kernel)
{
	char check[KERNEL_LINE], mend[KERNEL_LINE];

	snprintf(check, sizeof(check), "headers of %s", kernel);
	snprintf(mend, sizeof(mend), "sudo apt install linux-headers-%s",
		 kernel);
	if (has_headers(kernel))
		well(r, check, "installed");
	else
		unwell(r, check, mend, "missing: linux-headers-%s", kernel);
}

/*
 * Finds the text after `vfifo/0.1.0, KERNEL, x86_64: `; an old dkms prints a comma in place
 * of the slash. If there are several versions, the installed one counts.
 */
static bool dkms_state(const struct dkms *dkms, const char *kernel, char *state,
		       size_t size)
{
	char wanted[KERNEL_LINE];
	const char *line = dkms->said, *colon;

	*state = 0;
	snprintf(wanted, sizeof(wanted), ", %s, ", kernel);
	while ((line = strstr(line, wanted)) && (colon = strstr(line, ": "))) {
		line = colon + 2;
		snprintf(state, size, "%.*s", (int)strcspn(line, "\n"), line);
		if (!strncmp(state, "installed", 9))
			break;
	}
	return *state;
}

static void unwell_dkms(struct report *r, const char *check, const char *kernel,
			const char *state)
{
	char mend[KERNEL_LINE], log[KERNEL_LINE], why[512];

	snprintf(log, sizeof(log), LOGS "/%s.log", kernel);
	/* Installing the headers builds the module as well. */
	snprintf(mend, sizeof(mend), "sudo apt install linux-headers-%s",
		 kernel);
	if (!has_headers(kernel))
		unwell(r, check, mend, "%s", state);
	else if (exists(NO_AUTOINSTALL))
		unwell(r, check, "sudo rm " NO_AUTOINSTALL " && " BUILD,
		       "%s, as " NO_AUTOINSTALL " exists", state);
	else if (first_line(log, why, sizeof(why)))
		unwell(r, check, BUILD ", after mending the error in the log",
		       "the build failed: %s; the log is %s", why, log);
	else
		unwell(r, check, BUILD, "%s", state);
}

/* Reads a field of the module file that modprobe would load. false: there is none. */
static bool installed(const char *kernel, const char *field, char *value,
		      size_t size)
{
	const char *const command[] = { "modinfo", "-k",    kernel, "-F",
					field,	   "vfifo", NULL };
	const char *const under[] = { "modinfo", "-b",	sysroot(), "-k", kernel,
				      "-F",	 field, "vfifo",   NULL };

	return !run_command(*sysroot() ? under : command, value, size) &&
	       *value;
}

static void check_dkms(struct report *r, const struct dkms *dkms,
		       const char *kernel)
{
	char check[KERNEL_LINE], state[256], file[PATH_MAX];

	snprintf(check, sizeof(check), "DKMS for %s", kernel);
	if (dkms->result == -ENOENT)
		unwell(r, check, "sudo apt install vfifo-dkms",
		       "dkms is not installed");
	else if (!strstr(dkms->said, "vfifo"))
		unwell(r, check, "sudo apt install --reinstall vfifo-dkms",
		       "DKMS does not know vfifo");
	else if (!dkms_state(dkms, kernel, state, sizeof(state)))
		unwell_dkms(r, check, kernel, "not built");
	else if (strncmp(state, "installed", 9) || strstr(state, "WARNING"))
		unwell_dkms(r, check, kernel, state);
	/* DKMS prints its records, and does not look for the file. */
	else if (!installed(kernel, "filename", file, sizeof(file)))
		unwell_dkms(r, check, kernel,
			    "DKMS has installed it, but the file is missing");
	else
		well(r, check, "%s", state);
}

static void ask_dkms(struct dkms *dkms)
{
	static const char *const command[] = { "dkms", "status", "vfifo",
					       NULL };

	*dkms->said = 0;
	dkms->result = run_command(command, dkms->said, sizeof(dkms->said));
}

/* The folder of a removed kernel may still contain files of other packages. */
static int is_kernel(const struct dirent *entry)
{
	return *entry->d_name != '.' &&
	       exists("/lib/modules/%s/kernel", entry->d_name);
}

/* Finds the installed kernels. The caller frees *kernels. Return: how many. */
static int find_kernels(struct dirent ***kernels)
{
	char path[PATH_MAX];
	int n = -1;

	if (!rooted(path, sizeof(path), "/lib/modules"))
		n = scandir(path, kernels, is_kernel, versionsort);
	return n > 0 ? n : 0;
}

static void check_kernels(struct report *r, struct dirent **kernels, int n)
{
	struct dkms dkms;

	ask_dkms(&dkms);
	for (int i = 0; i < n; i++) {
		check_headers(r, kernels[i]->d_name);
		check_dkms(r, &dkms, kernels[i]->d_name);
		free(kernels[i]);
	}
	free(kernels);
}

/* The variable has four bytes of attributes, then 1 if Secure Boot is on. */
static bool secure_boot(void)
{
	char path[PATH_MAX], variable[5] = "";
	FILE *f;

	if (rooted(path, sizeof(path),
		   "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"))
		return false;
	f = fopen(path, "re");
	if (!f)
		return false;
	if (fread(variable, 1, sizeof(variable), f) < sizeof(variable))
		variable[4] = 0;
	fclose(f);
	return variable[4] == 1;
}

static bool signatures_enforced(void)
{
	char line[8];

	return first_line("/sys/module/module/parameters/sig_enforce", line,
			  sizeof(line)) &&
	       *line == 'Y';
}

/* 1: the firmware trusts DKMS's key; 0: it does not; -ENOENT: mokutil is not installed. */
static int key_enrolled(void)
{
	char path[PATH_MAX], said[1024];
	const char *const command[] = { "mokutil", "--test-key", path, NULL };
	int result = rooted(path, sizeof(path), MOK);

	if (!result)
		result = run_command(command, said, sizeof(said));
	if (result < 0)
		return result;
	return strstr(said, "already enrolled") != NULL;
}

static void check_key(struct report *r, const char *why)
{
	int enrolled = key_enrolled();

	if (!exists(MOK))
		unwell(r, "Secure Boot",
		       "sudo apt install openssl mokutil && sudo dpkg-reconfigure vfifo-dkms",
		       "%s, and DKMS has no key to sign the module with", why);
	else if (enrolled == -ENOENT)
		unwell(r, "Secure Boot", "sudo apt install mokutil",
		       "%s, and mokutil, which lists and adds keys, is not installed",
		       why);
	else if (enrolled > 0)
		well(r, "Secure Boot", "%s, and DKMS's key is trusted", why);
	else
		unwell(r, "Secure Boot",
		       "sudo mokutil --import " MOK
		       ", choose a password, sudo reboot, then in the firmware: Enroll MOK, Continue, Yes, the password",
		       "%s, and DKMS's key is not trusted", why);
}

static void check_secure_boot(struct report *r)
{
	bool on = secure_boot();

	if (on || signatures_enforced())
		check_key(r, on ? "on" :
				  "off, but the kernel requires signatures");
	else
		well(r, "Secure Boot", "off");
}

/* Compares version as well, as srcversion is the same if only the build changed. */
static bool differs(const char *kernel, const char *field)
{
	char path[64], running[128], now[128];

	snprintf(path, sizeof(path), "/sys/module/vfifo/%s", field);
	return first_line(path, running, sizeof(running)) &&
	       installed(kernel, field, now, sizeof(now)) &&
	       strcmp(running, now);
}

static void check_version(struct report *r, const char *kernel)
{
	char version[128];

	if (!exists("/sys/module/vfifo"))
		return;
	if (!installed(kernel, "srcversion", version, sizeof(version)))
		unwell(r, "running module", BUILD,
		       "loaded, but none is installed for %s", kernel);
	else if (differs(kernel, "srcversion") || differs(kernel, "version"))
		unwell(r, "running module",
		       "sudo modprobe -r vfifo && sudo modprobe vfifo",
		       "not the installed one; the bytes in the FIFOs are lost when it is reloaded");
	else
		well(r, "running module", "the installed one, %s", version);
}

static void check_host(struct report *r, const char *kernel)
{
	if (exists("/sys/module/vfifo"))
		well(r, "kernel",
		     "%s, of this container's host, has the module", kernel);
	else
		unwell(r, "kernel", "on the host: sudo apt install vfifo-dkms",
		       "%s, of this container's host, does not have the module",
		       kernel);
}

void check_module(struct report *r)
{
	char kernel[128];
	struct dirent **kernels;
	int n = find_kernels(&kernels);

	if (!running_kernel(kernel, sizeof(kernel)))
		snprintf(kernel, sizeof(kernel), "unknown");
	r->contained = !n;
	if (r->contained) {
		check_host(r, kernel);
		return;
	}
	check_kernel(r, kernel);
	check_kernels(r, kernels, n);
	check_secure_boot(r);
	check_loaded(r);
	check_version(r, kernel);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli.h - what the files of the command vfifo share
 *
 * Each verb has a file of its own, which main.c calls; the verbs do not know each other.
 * Below them, each knowing those that follow: record.c and table.c (output), explain.c
 * (errors), account.c (users), run.c (other commands), node.c (opening devices), device.c
 * (finding devices, and their attributes), attribute.c (what is known of each), text.c (sizes, complaints).
 */
#ifndef VFIFO_CLI_H
#define VFIFO_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/vfifo.h>

/* What the command ends with. */
enum {
	EXIT_OK = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,	    /* the command line makes no sense */
	EXIT_NO_DEVICE = 3, /* no such device, or no module */
	EXIT_DENIED = 4,
	EXIT_MISMATCH = 5, /* what was received is not the pattern */
};

/* main.c: the verbs. argv[0] is "vfifo VERB"; --sysroot has been taken out. */
int verb_list(int argc, char **argv);
int verb_show(int argc, char **argv);
int verb_set(int argc, char **argv);
int verb_add(int argc, char **argv);
int verb_remove(int argc, char **argv);
int verb_send(int argc, char **argv);
int verb_receive(int argc, char **argv);
int verb_peek(int argc, char **argv);
int verb_clear(int argc, char **argv);
int verb_monitor(int argc, char **argv);
int verb_doctor(int argc, char **argv);

/* device.c */

/* The folder under which /sys, /dev and the rest are looked for: "" or --sysroot's. */
const char *sysroot(void);
/* -EINVAL: there is no such folder, or its name is too long. */
int set_sysroot(const char *dir);

#define DEVICE_NUMBER_MAX 255

struct device {
	int number;
	char name[16];	/* vfifo0 */
	char node[256]; /* /dev/vfifo0, under the sysroot */
};

/*
 * The device that `spec` names: vfifo0, 0, a path in /dev, or a label; NULL is vfifo0.
 * 0; else it has said what is wrong and what to do, and returns the exit code.
 */
int device_find(const char *spec, struct device *d);

/* All devices, by number; *list is the caller's to free. 0, or as device_find(). */
int device_all(struct device **list, size_t *n);

/*
 * The attribute's value: 0 or a negative errno. attribute_get() cuts one newline off the end,
 * attribute_read() gives the bytes as they are, and how many; attribute_set() adds a newline where
 * it is no part of the value.
 */
int attribute_get(const struct device *d, const char *name, char *buf,
		  size_t size);
ssize_t attribute_read(const struct device *d, const char *name, char *buf,
		       size_t size);
int attribute_number(const struct device *d, const char *name, uint64_t *value);
int attribute_set(const struct device *d, const char *name, const char *text);

/* Writes a file of the class itself: add, remove. */
int class_set(const char *name, const char *text);

/* A path under the sysroot: -ENAMETOOLONG. */
int rooted(char *buf, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The longest value of any attribute, and a NUL. */
#define ATTR_MAX 512

/* node.c */

/*
 * The only two ways in which a verb opens a device. They do not wait, and map nothing
 * before a vfifo has answered. Return: the file, or 0; else a negative errno for explain():
 * -EPROTO: what is there is not the device.
 */
struct vfifo_handle;
int device_open(const struct device *d, int flags);
int device_claim(const struct device *d, enum vfifo_end end,
		 struct vfifo_handle **f);

/* What is wrong with a node, and the command that mends it. */
struct node_fault {
	char what[512];
	char mend[512];
};

/* false: nothing, as far as can be told without opening it. */
bool node_fault(const struct device *d, struct node_fault *f);

/*
 * For a module that is not loaded: the names in /dev that its devices would have, and that
 * are in use, with blanks between them. false: there are none.
 */
bool nodes_left(char *names, size_t size);

/* attribute.c */

enum attribute_kind { ATTR_TEXT, ATTR_NUMBER, ATTR_BYTES };

struct attribute {
	const char *name;
	enum attribute_kind kind;
	enum { ATTR_RO, ATTR_RW, ATTR_WO } access;
	const char *meaning;
	const char *takes; /* what it can be set to */
};

extern const struct attribute attributes[];
extern const size_t attribute_count;

/* NULL: there is none of that name. */
const struct attribute *attribute_find(const char *name);

/* text.c */

/* 1024, 4K, 1.5M, 2G; -EINVAL. */
int parse_size(const char *text, uint64_t *bytes);
/* A whole number of decimal digits and nothing else; -EINVAL. */
int parse_number(const char *text, uint64_t *value);
/* For people: 12B, 64K, 1.5M. */
void format_size(uint64_t bytes, char *buf, size_t size);
/* Bytes as valid UTF-8 without control characters: those are \xHH. */
void format_text(const char *bytes, size_t n, char *buf, size_t size);
/* "vfifo: ..." on standard error. */
void complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/*
 * For a command line that makes no sense: complains (fmt NULL: getopt has) and tells how
 * to get help. Returns EXIT_USAGE.
 */
int misused(const char *verb, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* run.c */

/*
 * Runs a command of the PATH and waits for it; what it says, without newlines at the end
 * and as far as it fits, is in said[]. Its exit status, or a negative errno: -ENOENT, there
 * is no such command.
 */
int run_command(const char *const argv[], char *said, size_t size);

/* account.c */

enum membership { NOT_MEMBER, MEMBER_AT_LOGIN, MEMBER };

struct group;
/* Of this process; its number, if it has none. */
const char *user_name(void);
/* As getgrnam(3), under the sysroot. */
const struct group *group_find(const char *name);
/* Whether this process is in the group, or its user will be at the next login. */
enum membership membership(const struct group *g);

/* explain.c */

/* The name of a process, which the kernel gives to everybody; "" if it is gone. */
const char *process_name(uint64_t pid, char *buf, size_t size);

/*
 * Says that `what` failed with the negative errno and what to do about it. d may be
 * NULL. Returns the exit code.
 */
int explain(int err, const struct device *d, const char *what);
/* The same of something that only root may do; `verb` is what sudo is to be tried with. */
int explain_root(int err, const struct device *d, const char *what,
		 const char *verb);

/* table.c: tables and JSON, as lsblk has them */

struct column {
	const char *name;
	const char *help;
	bool right;  /* for people: aligned to the right */
	bool number; /* for JSON: not quoted */
};

struct table_options {
	bool bytes, json, noheadings;
	const char *output; /* names of columns, or NULL */
};

/* What a verb with a table adds to its options. */
#define TABLE_SHORT "bJno:"
#define TABLE_LONG                                        \
	{ "bytes", no_argument, NULL, 'b' },              \
		{ "json", no_argument, NULL, 'J' },       \
		{ "noheadings", no_argument, NULL, 'n' }, \
	{                                                 \
		"output", required_argument, NULL, 'o'    \
	}
/* Of a verb's --help. */
#define TABLE_HELP                                                         \
	"  -b, --bytes           sizes in bytes, not in K, M and G\n"      \
	"  -J, --json            JSON, with all sizes in bytes\n"          \
	"  -n, --noheadings      no line of headings\n"                    \
	"  -o, --output COLUMNS  these columns, with commas between them;" \
	" +COLUMNS: these as well\n"

/* Takes what getopt_long() returned, if it is one of these options. */
bool table_option(struct table_options *o, int c, const char *argument);

/*
 * All options of a verb that has no others but --help. True: go on with what is at optind;
 * false: it is done, with the exit code in *code.
 */
bool table_options_only(struct table_options *o, int argc, char **argv,
			const char *verb, int (*help)(void), int *code);

struct table {
	struct libscols_table *scols;
	struct libscols_line *line;
	const struct column *columns;
	size_t n;
	const struct table_options *options;
};

/*
 * `name` is the JSON's; `defaults` are the names of columns that there are without
 * --output, or NULL for all. 0, or it has complained and returns the exit code.
 */
int table_begin(struct table *t, const char *name,
		const struct table_options *options,
		const struct column *columns, size_t n, const char *defaults);
void table_row(struct table *t);
/*
 * Of the row that was begun last; nothing, where the column is not shown. The text is one
 * that format_text() has made, or cannot need it.
 */
void table_text(struct table *t, const char *column, const char *text);
void table_number(struct table *t, const char *column, uint64_t value);
void table_size(struct table *t, const char *column, uint64_t bytes);
/* Prints it and frees it; the exit code. */
int table_end(struct table *t);
/* Only frees it. */
void table_drop(struct table *t);

/* The lines of a verb's --help that list its columns. */
void print_columns(const struct column *columns, size_t n);

/* record.c: one thing with many values, a line each, or as JSON one object */

#define VALUES_MAX 32

struct value {
	const char *name;
	enum attribute_kind kind;
	const char *meaning;
	uint64_t number;
	char text[4 * ATTR_MAX]; /* safe to print */
};

void value_text(struct value *v, const char *name, const char *text,
		const char *meaning);
void value_number(struct value *v, const char *name, uint64_t number,
		  const char *meaning);
void value_bytes(struct value *v, const char *name, uint64_t bytes,
		 const char *meaning);
/* As table_begin() to table_end(); --output has the names of values. */
int record_print(const char *name, const struct table_options *o,
		 const struct value *v, size_t n);

/* map.c: show --map. The exit code. */
int map_show(const struct device *d, const char *text,
	     const struct table_options *o);

#endif /* VFIFO_CLI_H */

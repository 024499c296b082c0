/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli.h - what the files of the command vfifo share
 *
 * The layers, from the top. A file calls functions of lower lines only, which the test
 * tests/cli/layers checks:
 *
 *	main
 *	list show set add send receive play record peek clear monitor doctor
 *	map load prometheus transfer screen doctor-module doctor-device
 *	doctor-load port progress check watch recorder fault framer source-pattern source-file
 *	source source-recording protocol wav
 *	pattern
 *	wave prbs
 *	sample decimal
 *	report
 *	fields
 *	table
 *	find
 *	explain
 *	node account
 *	device
 *	run pace attribute
 *	interrupt text pcapng
 */
#ifndef VFIFO_CLI_H
#define VFIFO_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/vfifo.h>

/* The exit codes of the command. */
enum {
	EXIT_OK = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,	    /* the command line is wrong */
	EXIT_NO_DEVICE = 3, /* no such device, or no module */
	EXIT_DENIED = 4,
	EXIT_MISMATCH = 5, /* the received bytes are not the pattern */
};

/*
 * The verbs. argv[0] is "vfifo VERB". main.c has removed --sysroot, and has moved a --json
 * that preceded the verb behind it. Return: the exit code.
 */
int verb_list(int argc, char **argv);
int verb_show(int argc, char **argv);
int verb_set(int argc, char **argv);
int verb_add(int argc, char **argv);
int verb_remove(int argc, char **argv);
int verb_send(int argc, char **argv);
int verb_receive(int argc, char **argv);
int verb_play(int argc, char **argv);
int verb_record(int argc, char **argv);
int verb_peek(int argc, char **argv);
int verb_clear(int argc, char **argv);
int verb_monitor(int argc, char **argv);
int verb_doctor(int argc, char **argv);

/* device.c: the folder that stands for /, and the attributes of a device */

/* The argument of --sysroot as an absolute path; "" without it. */
const char *sysroot(void);
/* -EINVAL: `dir` is not a folder. */
int set_sysroot(const char *dir);
/* Makes a path under the sysroot. -ENAMETOOLONG. */
int rooted(char *buf, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#define DEVICE_NUMBER_MAX 255

struct device {
	int number;
	char name[16];	/* vfifo0 */
	char node[256]; /* /dev/vfifo0, under the sysroot */
};

/* Opens a file of /sys/class/vfifo. Return: the file descriptor, or a negative errno. */
int class_open(const char *path, int flags);
/* Stores a line in a file of /sys/class/vfifo: add, remove. 0, or a negative errno. */
int class_set(const char *name, const char *text);

/* The longest value of an attribute, with a NUL. */
#define ATTR_MAX 512

/* The bytes of the attribute. Return: how many, or a negative errno. */
ssize_t attribute_read(const struct device *d, const char *name, char *buf,
		       size_t size);
/* The same as a string, without the newline at its end. 0, or a negative errno. */
int attribute_get(const struct device *d, const char *name, char *buf,
		  size_t size);
/* The same as a number. */
int attribute_number(const struct device *d, const char *name, uint64_t *value);
/*
 * Stores n bytes, with a newline at the end unless the attribute is generator/text, where
 * a newline would be part of the value. 0, or a negative errno.
 */
int attribute_write(const struct device *d, const char *name, const char *bytes,
		    size_t n);
/* The same with a string. */
int attribute_set(const struct device *d, const char *name, const char *text);

/* find.c: devices by name. These functions print an error themselves. */

/*
 * Finds the device that `spec` names: vfifo0, 0, a path in /dev, or a label. NULL is
 * vfifo0. Return: 0, or the exit code after an error message.
 */
int device_find(const char *spec, struct device *d);
/* All devices in the order of their numbers. The caller frees *list. */
int device_all(struct device **list, size_t *n);

/* node.c: opening a device, and what is wrong with its node */

/*
 * device_open() and device_claim() are the only functions that open a device. They do not
 * wait, and they map nothing before VFIFO_KICK has succeeded. device_open() returns the
 * file descriptor, device_claim() returns 0; or a negative errno for explain():
 * -ENOTTY: the node is not that of a vfifo.
 */
struct vfifo_handle;
int device_open(const struct device *d, int flags);
int device_claim(const struct device *d, enum vfifo_end end, unsigned int flags,
		 struct vfifo_handle **f);
/* Ends the stream, by VFIFO_END. 0, or a negative errno; -ENOTTY: an older module. */
int device_end(int fd);

/* What is wrong with a node, and the command that mends it. */
struct node_fault {
	char what[512];
	char mend[512];
};

/* Looks at the node without opening it. Return: true if it is at fault; *f is set then. */
bool node_fault(const struct device *d, struct node_fault *f);

/*
 * While the module is not loaded: the files in /dev whose names the devices need, separated
 * by blanks. Return: false if there are none.
 */
bool nodes_left(char *names, size_t size);

/* attribute.c: the attributes that the command knows */

enum attribute_kind { ATTR_TEXT, ATTR_NUMBER, ATTR_BYTES };

struct attribute {
	const char *name;
	enum attribute_kind kind;
	enum { ATTR_RO, ATTR_RW, ATTR_WO } access;
	const char *meaning;
	const char *takes; /* the values that can be set */
};

extern const struct attribute attributes[];
extern const size_t attribute_count;

/* The first n bytes of `name` are the attribute's name. NULL: unknown. */
const struct attribute *attribute_find(const char *name, size_t n);

/* text.c */

/* 1024, 4K and 4KiB (of 1024), 4kB (of 1000), 1.5M. 0, or -EINVAL. */
int parse_size(const char *text, uint64_t *bytes);
/* Decimal digits only. 0, or -EINVAL. */
int parse_number(const char *text, uint64_t *value);
/* 12B, 64K, 1.5M: K is 1024. */
void format_size(uint64_t bytes, char *buf, size_t size);
/*
 * Makes bytes safe to print: valid UTF-8 stays, a control character and a byte that is not
 * UTF-8 become \xHH. What does not fit is cut off after a whole character.
 */
void format_text(const char *bytes, size_t n, char *buf, size_t size);
/* Makes bytes a JSON string, with its quotes, from which load.c makes the same bytes. */
void format_json(const char *bytes, size_t n, char *buf, size_t size);
/* Makes bytes the value of a label, without its quotes, in the text format of Prometheus. */
void format_prometheus(const char *bytes, size_t n, char *buf, size_t size);
/* Prints "vfifo: ..." on standard error. */
void complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/*
 * Prints the error of a wrong command line (none if fmt is NULL: getopt has printed it), and
 * how to get help. Returns EXIT_USAGE.
 */
int misused(const char *verb, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/*
 * Parses the options of a verb that has only --help. true: the operands begin at optind.
 * false: the verb is finished, and *code is its exit code.
 */
bool help_only(int argc, char **argv, const char *verb, int (*help)(void),
	       int *code);
/* Prints that there is no memory. Returns EXIT_FAILED. */
int out_of_memory(void);

/* run.c */

/*
 * Runs a command of the PATH and waits for it. Its output and errors go to said[], without
 * the newlines at the end; what does not fit is dropped. Return: its exit status, or a
 * negative errno. -ENOENT: there is no such command.
 */
int run_command(const char *const argv[], char *said, size_t size);

/* account.c */

enum membership { NOT_MEMBER, MEMBER_AT_LOGIN, MEMBER };

struct group;
/* The user of this process; the user's number if there is no name. */
const char *user_name(void);
/* As getgrnam(3), but in the sysroot's /etc/group. */
const struct group *group_find(const char *name);
/* MEMBER_AT_LOGIN: the user is in the group, but this process is not. */
enum membership membership(const struct group *g);

/* explain.c: error messages that name the cause and the remedy */

/* The name of a process; "" if it does not exist any more. */
const char *process_name(uint64_t pid, char *buf, size_t size);

/*
 * Prints why `what` failed with the negative errno `err`, and what to do. `d` may be NULL.
 * Returns the exit code.
 */
int explain(int err, const struct device *d, const char *what);
/* The same for an action that needs root: the message has "sudo vfifo `verb`". */
int explain_root(int err, const struct device *d, const char *what,
		 const char *verb);

/* table.c: tables for people and the same as JSON, by libsmartcols */

struct column {
	const char *name;
	const char *help;
	bool number;   /* aligned to the right; in JSON without quotes */
	bool optional; /* only with --output */
};

struct table_options {
	bool bytes, json, noheadings;
	bool one_line;	    /* JSON on one line */
	const char *output; /* the argument of --output, or NULL */
};

/* For a verb's table of options. */
#define TABLE_SHORT "bJno:"
#define TABLE_LONG                                        \
	{ "bytes", no_argument, NULL, 'b' },              \
		{ "json", no_argument, NULL, 'J' },       \
		{ "noheadings", no_argument, NULL, 'n' }, \
	{                                                 \
		"output", required_argument, NULL, 'o'    \
	}
/* For a verb's --help. */
#define TABLE_HELP                                                      \
	"  -b, --bytes           sizes in bytes, not in K, M and G\n"   \
	"  -J, --json            JSON, with all sizes in bytes\n"       \
	"  -n, --noheadings      no line of headings\n"                 \
	"  -o, --output COLUMNS  these columns, separated by commas;\n" \
	"                        +COLUMNS: in addition to the default\n"

/* Takes an option that getopt_long() returned. false: it is not one of the table's. */
bool table_option(struct table_options *o, int c, const char *argument);

/*
 * Parses the options of a verb that has only the table's and --help. true: the operands
 * begin at optind. false: the verb is finished, and *code is its exit code.
 */
bool table_options_only(struct table_options *o, int argc, char **argv,
			const char *verb, int (*help)(void), int *code);

#define COLUMNS_MAX 32

struct table {
	struct libscols_table *scols;
	struct libscols_line *line;
	const struct column *columns;
	size_t n;
	/* By the number of the column; NULL: not shown. */
	struct libscols_column *shown[COLUMNS_MAX];
	const struct table_options *options;
};

/*
 * Begins a table of the n `columns`; the functions below name a column by its index in
 * them. `name` is the key of the JSON. Return: 0, or the exit code after an error message.
 */
int table_begin(struct table *t, const char *name,
		const struct table_options *options,
		const struct column *columns, size_t n);
void table_row(struct table *t);
/* Sets a cell of the newest row. Without effect if the column is not shown. */
void table_text(struct table *t, size_t column, const char *text);
void table_bytes(struct table *t, size_t column, const char *bytes, size_t n);
void table_number(struct table *t, size_t column, uint64_t value);
void table_size(struct table *t, size_t column, uint64_t bytes);
void table_percent(struct table *t, size_t column, uint64_t part, uint64_t all);
/* The text is printed as it is, also in JSON. */
void table_raw(struct table *t, size_t column, const char *text);
/* Prints the table and frees it. Returns the exit code. */
int table_end(struct table *t);
/* Frees it without printing. */
void table_drop(struct table *t);

/* Prints the part of a verb's --help that lists the columns. */
void print_columns(const struct column *columns, size_t n);

/* fields.c: several values of one thing; a line for each, or one JSON object */

struct value {
	const char *name;
	enum attribute_kind kind;
	const char *meaning;
	uint64_t number;
	char bytes[ATTR_MAX]; /* ATTR_TEXT: `number` of them */
};

void value_text(struct value *v, const char *name, const char *text,
		const char *meaning);
void value_number(struct value *v, const char *name, uint64_t number,
		  const char *meaning);
void value_size(struct value *v, const char *name, uint64_t bytes,
		const char *meaning);
/*
 * Prints at most COLUMNS_MAX values. --output has their names; with --noheadings as well,
 * only the values are printed. Returns the exit code.
 */
int fields_print(const char *name, const struct table_options *o,
		 const struct value *v, size_t n);

/* map.c: show --map. Returns the exit code. */
int map_show(const struct device *d, const char *text,
	     const struct table_options *o);

/*
 * prometheus.c: list --prometheus. Prints the n devices, each once, and drops repeated ones from
 * the list.
 */
void prometheus_print(struct device *list, size_t n);

/* load.c: attributes from the JSON of vfifo show */

struct loaded {
	char *value; /* NULL: not in the file */
	size_t n;    /* bytes */
};

/*
 * Reads `file` ("-": standard input) and sets values[i] for each of attributes[] that the
 * file has and that can be set; `producer` and `consumer` are left out. The values are not
 * freed. Return: 0, or the exit code after an error message.
 */
int load_attributes(const char *file, struct loaded *values);

#endif /* VFIFO_CLI_H */

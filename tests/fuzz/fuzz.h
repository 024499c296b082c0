/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz.h - the stateful fuzzer
 *
 * A step is an operation and four numbers. The operation makes of them what is possible in the
 * world of the process that runs it: its files, mappings and pipes. So each selection of steps
 * can be run, which is what shrinking needs.
 *
 * In the model's mode one process runs the steps, and the results must be those of the model
 * (model.h). In the mob's mode several processes run steps at once. The results are then not
 * determined, and what is checked is that nothing breaks: see mob.c.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "model.h"

#define CLASS_FOLDER "/sys/class/vfifo/"

#define FILES 8
#define MAPS 6
#define ARGS 4
#define BYTES (1 << 20) /* the largest transfer */
#define PAGES_MAX 64	/* the largest mapping, in pages */

/* --- random numbers: a seed gives the same numbers on every machine ------------ */

struct random {
	uint64_t state;
};

uint32_t random_u32(struct random *r);
static inline uint32_t random_below(struct random *r, uint32_t n)
{
	return random_u32(r) % n;
}

/* --- the world of a process ----------------------------------------------------- */

struct file_slot {
	int fd; /* -1: none */
	struct description *of;
	uint32_t watched; /* the events of the epoll; 0: it is not in the epoll */
};

enum map_kind { MAP_DATA, MAP_STATUS, MAP_POSITION };

struct map_slot {
	uint8_t *at; /* NULL: none */
	size_t pages;
	size_t first; /* of the data, in pages */
	enum map_kind kind;
	enum vfifo_end end; /* MAP_POSITION */
	bool claim, revoked;
	bool writable; /* it was mapped so: mprotect(2) may make it writable again */
	bool alone; /* a child does not have all of it */
	bool split; /* the kernel may have more than one mapping for it */
	int left;   /* pages that are mapped */
	int protection[PAGES_MAX]; /* by page; -1: it is not mapped */
	struct description *of;
};

/* What may not be done to a device, as others stream through it. */
enum care {
	CARE_NOT,    /* anything may be done */
	CARE_STREAM, /* nothing that moves, drops or adds bytes */
	CARE_CLAIMED, /* both sides are claimed: no store to the data, and no revoke */
};

struct world {
	bool exact; /* the model's mode */
	bool child; /* forked by a step */
	uid_t user;
	int own; /* the mob: the number of a device that only this process adds */
	const struct step *step;
	struct random random; /* the mob's */
	struct file_slot files[FILES];
	struct map_slot maps[MAPS];
	int pipe[2], epoll, pair[2];
	struct uring *uring;
	int exported; /* a dma-buf; -1: none */
	struct fifo *exported_of;
	int held;	      /* an attribute that is held open; -1: none */
	bool signals;	      /* O_ASYNC was set since the beginning */
	int async_before;     /* how many files had O_ASYNC before the step */
	uint64_t written;     /* how many bytes of the pattern were used */
	struct fifo **fifos;  /* by number: the model's devices */
	unsigned long *count; /* operations done, in shared memory */
	uint8_t *bytes, *got, *unknown, *wanted;
	uint8_t *edge; /* the end of accessible memory of BYTES */
};

struct step {
	uint16_t op;
	uint16_t arg[ARGS];
};

/*
 * An operation. `reaches`: the entry points of the module, separated by blanks: members of
 * vfifo_file_operations, and those of vm_operations_struct with `vm.` before them. scripts/style
 * checks that each is in the table.
 */
struct operation {
	const char *name;
	const char *reaches;
	unsigned int weight, mob_weight;
	void (*act)(struct world *w, const uint16_t *arg);
};

extern const struct operation file_operations[], transfer_operations[],
	wait_operations[], memory_operations[], control_operations[],
	process_operations[];

const struct operation *operation(unsigned int number);
unsigned int operations(void);
struct step random_step(struct random *r, bool exact);

void world_begin(struct world *w, bool exact);
void world_end(struct world *w);
/* In a new process, which does not share the pipes of its parent. */
void world_forked(struct world *w);

/* The numbers of the devices that the steps use. */
#define NUMBERS 4
extern const int numbers[NUMBERS];
#define NUMBER_MAX 256

/* --- what an operation uses ------------------------------------------------------- */

/* Returns the number of a device, mostly one that exists. */
int some_number(uint16_t arg);
/* Returns an open file, or NULL. */
struct file_slot *some_file(struct world *w, uint16_t arg);
struct file_slot *file_of_description(struct world *w,
				      const struct description *d);
/* Closes the file of a slot, if there is one. */
void close_slot(struct world *w, struct file_slot *f);
void take_fd(struct file_slot *f, int fd, struct description *of);
enum care care_of(const struct description *d);
/* files.c: the flags that F_SETFL sets. */
int flags_of(const struct description *d);
/* Returns a size of a transfer; small ones are frequent. */
size_t some_size(struct world *w, const struct description *d, uint16_t arg);

static inline long outcome(long ret);

/* Ends the process if the model's mode is on and these differ. Counts one operation. */
void expect(struct world *w, const char *what, long is, long want);
/* In any mode. */
__attribute__((noreturn, format(printf, 2, 3))) void
mismatch(struct world *w, const char *format, ...);
void expect_bytes(struct world *w, const char *what, const uint8_t *is,
		  const uint8_t *want, const uint8_t *unknown, size_t n);
void count_operations(struct world *w, unsigned long n);

/* Sends SIGALRM soon and again, so that a call that waits ends with EINTR. */
void alarm_on(void);
void alarm_off(void);

/* Bytes that no other write of this process has. */
void fresh_bytes(struct world *w, uint8_t *bytes, size_t n);
/* In the model's mode: writes a byte and reads one, as far as the file may, and waits for nothing. */
void move_a_byte(struct world *w, const struct file_slot *f);
/* Applies the results of a read() and a write(), and compares. */
void did_read(struct world *w, struct fifo *f, const uint8_t *got, long n);
/*
 * To plan a call, the model looks at the positions of claimed sides, as the call will. Where no call
 * follows the plan, this has both look, so that they know the same.
 */
void look_too(const struct file_slot *f);

/* control.c: reads all attributes of a device, and compares each with the model's. */
void show_all(struct world *w, int number);
/* Return: the number of attributes that a step chooses from. */
size_t attributes_count(void);

/* Where a side of a FIFO of bytes, or of records, is claimed. */
static inline uint32_t claim_offset(enum vfifo_end end, uint32_t framing)
{
	static const uint32_t offsets[2][2] = {
		{ VFIFO_MMAP_PRODUCER, VFIFO_MMAP_CONSUMER },
		{ VFIFO_MMAP_RECORD_PRODUCER, VFIFO_MMAP_RECORD_CONSUMER },
	};

	return offsets[framing][end];
}

/* memory.c */
/* Set while the model has calls that were not made yet; and whether fifo_learn() was called then. */
extern bool learning_comes_too_early, would_learn;
void unmap_slot(struct world *w, struct map_slot *m);
void unmap_device(struct world *w, int number);
void mapping_was_revoked(struct world *w, struct fifo *f, enum vfifo_end end);
/* In a child of the mob: something else may come to where its parent has these mappings. */
void forget_uninherited(struct world *w);
/* Returns how many mappings of the device this process has, as /proc says. */
long mappings_of(struct world *w, const struct fifo *f);
/* The status pages that are mapped are as the model says. */
void check_status_pages(struct world *w);
void memory_begin(void);

/* wait.c */
struct uring *uring_new(void);
void uring_free(struct uring *u);
/* Before and after each step: SIGIO comes only for files with O_ASYNC. */
void note_signals(struct world *w);
void check_signals(struct world *w);
void forget_pending_signals(void);
bool signal_is_pending(void);
/* Ends the process if a signal of O_ASYNC is pending. */
void check_no_signal(struct world *w);
/* Returns how many files of this process have O_ASYNC. */
int async_files(const struct world *w);
void wait_begin(void);

/* control.c */
int store_text(const char *path, const void *text, size_t n);
/* Has the n-th allocation of this task fail, if the kernel can do that; 0: none. */
void fail_nth(int n);
bool device_add(struct world *w, int number);
void device_remove(struct world *w, int number);

/* --- the modes --------------------------------------------------------------------- */

/* What the environment's VFIFO_FUZZ says: see fuzz.c. */
struct campaign {
	uint64_t seed;
	unsigned long operations;
	double seconds;
	const char *replay; /* steps, or NULL */
};

struct campaign campaign_from_environment(uint64_t seed,
					  unsigned long operations,
					  double seconds);
void fuzz_against_the_model(const struct campaign *c);
void fuzz_by_a_mob(const struct campaign *c);
/* Runs steps that once failed. */
void run_found(const char *name, const char *steps);

#include <errno.h>

static inline long outcome(long ret)
{
	return ret < 0 ? -errno : ret;
}

#endif

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The installed library: its header in C and in C++, the shared and the static library, and
 * the exported symbols.
 */
#ifndef __cplusplus
#define _POSIX_C_SOURCE 200809L /* popen() */
#endif
#include <libvfifo.h>

#ifdef __cplusplus
extern "C" {
#endif

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#ifdef __cplusplus
}
#endif

static void what_is_no_vfifo_is_refused(void **state)
{
	static char byte;
	struct vfifo_handle *f = (struct vfifo_handle *)(void *)&byte;

	(void)state;
	assert_int_equal(vfifo_open("/dev/null", VFIFO_CONSUMER, 0, &f),
			 -ENOTTY);
	assert_null(f);
	vfifo_close(f);
}

/* A handle made by hand, with everything that the functions of the header use. */
static struct {
	struct __vfifo_records records;
	struct __vfifo_hot bytes;
} handles[2];

#define producer handles[VFIFO_PRODUCER].bytes
#define consumer handles[VFIFO_CONSUMER].bytes

static struct vfifo_handle *handle(struct __vfifo_hot *hot)
{
	return (struct vfifo_handle *)hot;
}

static void the_header_works_by_itself(void **state)
{
	static unsigned char data[2 * 4096];
	struct vfifo_position in = { 0xffffffff, 0 }, out = { 0xffffffff, 0 };
	struct vfifo_handle *i = handle(&producer), *o = handle(&consumer);
	struct vfifo_status status;
	void *p = NULL;

	(void)state;
	memset(&status, 0, sizeof(status));
	status.watermark[VFIFO_PRODUCER] = 4096;
	status.watermark[VFIFO_CONSUMER] = 1;
	producer.data = data;
	producer.capacity = 4096;
	producer.own = producer.published = producer.peer = in.position;
	producer.status = &status;
	consumer = producer;
	producer.limit = producer.peer + producer.capacity;
	consumer.limit = consumer.peer;
	producer.mine = &in;
	producer.theirs = &out;
	producer.end = VFIFO_PRODUCER;
	consumer.mine = &out;
	consumer.theirs = &in;
	consumer.end = VFIFO_CONSUMER;

	assert_int_equal(vfifo_capacity(i), 4096);
	assert_int_equal(vfifo_watermark(i), 4096);
	assert_int_equal(vfifo_watermark(o), 1);
	assert_int_equal(vfifo_peek(o, 1, &p), -EAGAIN);
	assert_int_equal(vfifo_reserve(i, 3, &p), 4096);
	memcpy(p, "abc", 3);
	assert_int_equal(vfifo_advance(i, 2), 0);
	assert_int_equal(vfifo_commit(i, 1), 0);
	assert_int_equal(vfifo_peek(o, 1, &p), 3);
	assert_memory_equal(p, "abc", 3);
	assert_int_equal(vfifo_consume(o, 3), 0);
	assert_int_equal(vfifo_publish(o), 0);
	assert_int_equal(out.position, 2);
	assert_int_equal((uintptr_t)&producer % 64, 0);
}

/* The output of a shell command, valid until the next call. */
static const char *said(const char *command)
{
	static char text[2][4096];
	static int turn;
	char *to = text[turn ^= 1];
	FILE *f = popen(command, "r");

	assert_non_null(f);
	to[fread(to, 1, sizeof(text[0]) - 1, f)] = 0;
	assert_int_equal(pclose(f), 0);
	return to;
}

#define IN_MAP \
	"sed -n 's/^\t\\([a-z_]*vfifo_[a-z_]*\\);/\\1/p' \"$VFIFO_TOP/src/lib/libvfifo.map\" | sort"
#define EXPORTED                                                 \
	"nm -D --defined-only \"$LIBVFIFO/lib/libvfifo.so.0\" |" \
	" sed -n '/ A /d; s/@@VFIFO_0$//; s/^[0-9a-f]* [A-Z] //p' | sort"
#define DECLARED                                                              \
	"sed -nE 's/^(int|void|ssize_t|unsigned long) ([a-z_]*vfifo_[a-z_]*)" \
	"\\(.*/\\2/p' \"$LIBVFIFO/include/libvfifo.h\" | sort"

static void it_exports_what_the_header_declares(void **state)
{
	(void)state;
	assert_non_null(strstr(said(DECLARED), "vfifo_open\n"));
	assert_string_equal(said(EXPORTED), said(IN_MAP));
	assert_string_equal(said(EXPORTED), said(DECLARED));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_vfifo_is_refused),
		cmocka_unit_test(the_header_works_by_itself),
		cmocka_unit_test(it_exports_what_the_header_declares),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("libvfifo, installed", tests, NULL,
					   NULL);
}

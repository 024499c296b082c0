// SPDX-License-Identifier: GPL-2.0-or-later
/* The arithmetic of positions (vfifo_ring.h), mainly where positions wrap. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <linux/vfifo.h>
#include <vfifo_ring.h>

static const uint32_t starts[] = { 0,	       1,	   4095,
				   0x7fffffff, 0x80000000, 0xfffffff0,
				   0xffffffff };

static void used_and_free_add_up_to_the_capacity(void **state)
{
	const uint32_t capacities[] = { 4096, 65536, VFIFO_CAPACITY_MAX };

	(void)state;
	for (size_t c = 0; c < 3; c++) {
		const uint32_t capacity = capacities[c];
		const uint32_t stored[] = { 0, 1, capacity / 2, capacity - 1,
					    capacity };

		for (size_t s = 0; s < sizeof(starts) / sizeof(*starts); s++) {
			for (size_t n = 0; n < 5; n++) {
				uint32_t out = starts[s], in = out + stored[n];

				assert_int_equal(vfifo_used(in, out),
						 stored[n]);
				assert_int_equal(vfifo_free(capacity, in, out),
						 capacity - stored[n]);
			}
		}
	}
}

static void offsets_stay_in_the_buffer_and_follow_each_other(void **state)
{
	(void)state;
	assert_int_equal(vfifo_offset(4096, 0), 0);
	assert_int_equal(vfifo_offset(4096, 4095), 4095);
	assert_int_equal(vfifo_offset(4096, 4096), 0);
	assert_int_equal(vfifo_offset(65536, 0xffffffff), 65535);
	assert_int_equal(vfifo_offset(VFIFO_CAPACITY_MAX, 0xffffffff),
			 VFIFO_CAPACITY_MAX - 1);
	for (uint32_t p = 0xffff0000; p != 0x10000; p++)
		assert_int_equal(vfifo_offset(4096, p + 1),
				 (vfifo_offset(4096, p) + 1) % 4096);
}

static void a_stream_past_2_to_the_32_keeps_its_order(void **state)
{
	static uint8_t buffer[4096];
	uint32_t in = 0xfffff000, out = in;
	uint8_t next_in = 0, next_out = 0;

	(void)state;
	for (int i = 0; i < 10000; i++) {
		for (int n = i * 7 % 100; n && vfifo_free(4096, in, out); n--)
			buffer[vfifo_offset(4096, in++)] = next_in++;
		for (int n = i * 5 % 100; n && vfifo_used(in, out); n--)
			assert_int_equal(buffer[vfifo_offset(4096, out++)],
					 next_out++);
	}
	assert_true(in < 0xfffff000); /* it did wrap */
}

static void capacities_round_up(void **state)
{
	static const struct {
		uint64_t bytes;
		uint32_t page, capacity;
	} cases[] = {
		{ 1, 4096, 4096 },
		{ 4096, 4096, 4096 },
		{ 4097, 4096, 8192 },
		{ 65535, 4096, 65536 },
		{ 1, 65536, 65536 },
		{ VFIFO_CAPACITY_MAX - 1, 4096, VFIFO_CAPACITY_MAX },
		{ VFIFO_CAPACITY_MAX, 4096, VFIFO_CAPACITY_MAX },
		{ VFIFO_CAPACITY_MAX, 65536, VFIFO_CAPACITY_MAX },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(vfifo_capacity_for(cases[i].bytes,
						    cases[i].page,
						    VFIFO_CAPACITY_MAX),
				 cases[i].capacity);
}

static void capacities_out_of_range_are_none(void **state)
{
	static const uint64_t cases[] = {
		0,	    VFIFO_CAPACITY_MAX + 1ULL, 1ULL << 31,
		1ULL << 32, (1ULL << 32) + 4096,       1ULL << 63,
		UINT64_MAX,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(vfifo_capacity_for(cases[i], 4096,
						    VFIFO_CAPACITY_MAX),
				 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(used_and_free_add_up_to_the_capacity),
		cmocka_unit_test(
			offsets_stay_in_the_buffer_and_follow_each_other),
		cmocka_unit_test(a_stream_past_2_to_the_32_keeps_its_order),
		cmocka_unit_test(capacities_round_up),
		cmocka_unit_test(capacities_out_of_range_are_none),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("vfifo_ring.h", tests, NULL, NULL);
}

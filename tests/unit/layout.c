// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The mappings of the ABI must be possible on every machine that runs Linux: with pages of any
 * size up to 64 KiB, for programs with an off_t of 32 bits, in either byte order.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <linux/vfifo.h>
#include <vfifo_ring.h>

static const uint32_t pages[] = { 4 << 10, 16 << 10, 64 << 10 };
static const uint32_t offsets[] = { VFIFO_MMAP_DATA,
				    VFIFO_MMAP_STATUS,
				    VFIFO_MMAP_PRODUCER,
				    VFIFO_MMAP_CONSUMER,
				    VFIFO_MMAP_RECORD_PRODUCER,
				    VFIFO_MMAP_RECORD_CONSUMER };

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static uint64_t end_of(size_t region, uint32_t page)
{
	const uint64_t length = offsets[region] == VFIFO_MMAP_DATA ?
					2ULL * VFIFO_CAPACITY_MAX :
					page;

	return offsets[region] + length;
}

static void offsets_begin_a_page_of_any_size(void **state)
{
	(void)state;
	for (size_t p = 0; p < COUNT(pages); p++)
		for (size_t i = 0; i < COUNT(offsets); i++)
			assert_int_equal(offsets[i] % pages[p], 0);
}

/* The length of the largest data, and the largest page. */
static void regions_are_apart(void **state)
{
	(void)state;
	for (size_t p = 0; p < COUNT(pages); p++)
		for (size_t i = 0; i < COUNT(offsets); i++)
			for (size_t j = 0; j < COUNT(offsets); j++)
				assert_true(i == j ||
					    end_of(i, pages[p]) <= offsets[j] ||
					    end_of(j, pages[p]) <= offsets[i]);
}

static void an_off_t_of_32_bits_reaches_all(void **state)
{
	(void)state;
	for (size_t p = 0; p < COUNT(pages); p++)
		for (size_t i = 0; i < COUNT(offsets); i++)
			assert_true(end_of(i, pages[p]) <= INT32_MAX);
}

/* The kernel finds the mapping by the number of the page, so each offset needs its own. */
static void page_numbers_tell_offsets_apart(void **state)
{
	(void)state;
	for (size_t p = 0; p < COUNT(pages); p++)
		for (size_t i = 0; i < COUNT(offsets); i++)
			for (size_t j = 0; j < i; j++)
				assert_int_not_equal(offsets[i] / pages[p],
						     offsets[j] / pages[p]);
}

static void the_smallest_page_has_all_numbers(void **state)
{
	(void)state;
	assert_true(sizeof(struct vfifo_status) <= pages[0]);
	assert_true(sizeof(struct vfifo_position) <= pages[0]);
}

/* The fields have no padding and the same offsets with every compiler. */
static void numbers_are_where_they_are(void **state)
{
	(void)state;
	assert_int_equal(sizeof(struct vfifo_position), 8);
	assert_int_equal(offsetof(struct vfifo_position, position), 0);
	assert_int_equal(offsetof(struct vfifo_position, sequence), 4);
	assert_int_equal(sizeof(struct vfifo_status), 128);
	assert_int_equal(offsetof(struct vfifo_status, magic), 0);
	assert_int_equal(offsetof(struct vfifo_status, abi), 4);
	assert_int_equal(offsetof(struct vfifo_status, capacity), 8);
	assert_int_equal(offsetof(struct vfifo_status, generation), 12);
	assert_int_equal(offsetof(struct vfifo_status, flags), 16);
	assert_int_equal(offsetof(struct vfifo_status, watermark), 20);
	assert_int_equal(offsetof(struct vfifo_status, claim), 28);
	assert_int_equal(offsetof(struct vfifo_status, features), 36);
	assert_int_equal(offsetof(struct vfifo_status, memory), 40);
	assert_int_equal(offsetof(struct vfifo_status, framing), 44);
	assert_int_equal(offsetof(struct vfifo_status, reserved), 48);
	assert_int_equal(offsetof(struct vfifo_status, need), 64);
	assert_int_equal(offsetof(struct vfifo_status, threshold), 68);
	assert_int_equal(offsetof(struct vfifo_status, reserved2), 76);
	assert_int_equal(sizeof(struct vfifo_record), 16);
	assert_int_equal(offsetof(struct vfifo_record, length), 0);
	assert_int_equal(offsetof(struct vfifo_record, sequence), 4);
	assert_int_equal(offsetof(struct vfifo_record, time), 8);
}

/* With each of them a record of any length begins and ends at a multiple of the alignment. */
static void a_record_takes_a_multiple_of_its_alignment(void **state)
{
	(void)state;
	assert_int_equal(sizeof(struct vfifo_record) % VFIFO_RECORD_ALIGN, 0);
	for (uint32_t n = 1; n < 100; n++) {
		const uint32_t space = vfifo_record_space(n);

		assert_int_equal(space % VFIFO_RECORD_ALIGN, 0);
		assert_true(space >= n + sizeof(struct vfifo_record));
		assert_true(space < n + sizeof(struct vfifo_record) +
					    VFIFO_RECORD_ALIGN);
	}
}

/* The longest record fits, and no number of a header stands for more than all that can be stored. */
static void lengths_fit_the_capacity(void **state)
{
	const uint32_t most = VFIFO_CAPACITY_MAX;

	(void)state;
	for (size_t p = 0; p < COUNT(pages); p++)
		assert_true(vfifo_record_space(vfifo_record_max(pages[p])) <=
			    pages[p]);
	assert_true(vfifo_record_max(most) <= VFIFO_RECORD_LENGTH);
	assert_int_equal(vfifo_record_length(0, most), 0);
	assert_int_equal(vfifo_record_length(~VFIFO_RECORD_LENGTH, most), 0);
	assert_int_equal(vfifo_record_length(UINT32_MAX, most), 0);
	assert_int_equal(vfifo_record_length(1, 23), 0);
	assert_int_equal(vfifo_record_length(1, 24), 1);
	assert_int_equal(vfifo_record_length(8 | ~VFIFO_RECORD_LENGTH, 24), 8);
	assert_int_equal(vfifo_record_length(9, 24), 0);
	/* Only the stored bytes count: the capacity may have been larger. */
	assert_int_equal(vfifo_record_length(most - 16, most), most - 16);
	assert_int_equal(vfifo_record_length(most - 15, most), 0);
}

/* A holder acts on every bit but those of its own side, also on one that is not defined. */
static void a_mask_of_need_leaves_out_only_the_own_side(void **state)
{
	const uint32_t producer = VFIFO_NEED_PRODUCER_SLEEP |
				  VFIFO_NEED_PRODUCER_POLL;
	const uint32_t consumer = VFIFO_NEED_CONSUMER_SLEEP |
				  VFIFO_NEED_CONSUMER_POLL;

	(void)state;
	assert_int_equal(VFIFO_NEED_PRODUCER, UINT32_MAX - consumer);
	assert_int_equal(VFIFO_NEED_CONSUMER, UINT32_MAX - producer);
	assert_int_equal(VFIFO_NEED_KNOWN,
			 producer | consumer | VFIFO_NEED_REMOVED);
}

/* The magic number differs on a machine of the other byte order. */
static void magic_is_not_its_own_reverse(void **state)
{
	static const unsigned char little[] = { 'V', 'I', 'F', 'O' };
	uint32_t magic = 0;

	(void)state;
	for (int i = 3; i >= 0; i--)
		magic = magic << 8 | little[i];
	assert_int_equal(magic, VFIFO_MAGIC);
	assert_int_not_equal(__builtin_bswap32(VFIFO_MAGIC), VFIFO_MAGIC);
}

/* A capacity is at least one page, and is rounded up to a power of two. */
static void capacities_are_whole_pages(void **state)
{
	(void)state;
	for (size_t p = 0; p < COUNT(pages); p++) {
		for (uint64_t wish = 1; wish <= VFIFO_CAPACITY_MAX;
		     wish += wish / 3 + 1) {
			uint32_t capacity = vfifo_capacity_for(
				wish, pages[p], VFIFO_CAPACITY_MAX);

			assert_true(capacity >= wish);
			assert_true(capacity == pages[p] ||
				    capacity / 2 < wish);
			assert_int_equal(capacity % pages[p], 0);
			assert_int_equal(capacity & (capacity - 1), 0);
			assert_true(capacity <= VFIFO_CAPACITY_MAX);
		}
		assert_int_equal(vfifo_capacity_for(1, pages[p],
						    VFIFO_CAPACITY_MAX),
				 pages[p]);
		assert_int_equal(vfifo_capacity_for(VFIFO_CAPACITY_MAX + 1ULL,
						    pages[p],
						    VFIFO_CAPACITY_MAX),
				 0);
	}
}

/* The initial watermarks fit the smallest capacity. */
static void first_watermarks_fit_a_page(void **state)
{
	const uint32_t read_watermark = 1, write_watermark = 4096;

	(void)state;
	for (size_t p = 0; p < COUNT(pages); p++)
		assert_true(read_watermark + write_watermark <= pages[p] + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(offsets_begin_a_page_of_any_size),
		cmocka_unit_test(regions_are_apart),
		cmocka_unit_test(an_off_t_of_32_bits_reaches_all),
		cmocka_unit_test(page_numbers_tell_offsets_apart),
		cmocka_unit_test(the_smallest_page_has_all_numbers),
		cmocka_unit_test(numbers_are_where_they_are),
		cmocka_unit_test(a_mask_of_need_leaves_out_only_the_own_side),
		cmocka_unit_test(magic_is_not_its_own_reverse),
		cmocka_unit_test(capacities_are_whole_pages),
		cmocka_unit_test(first_watermarks_fit_a_page),
		cmocka_unit_test(a_record_takes_a_multiple_of_its_alignment),
		cmocka_unit_test(lengths_fit_the_capacity),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("the layout", tests, NULL, NULL);
}

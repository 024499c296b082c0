// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * boost.cc - boost::lockfree::spsc_queue as a way: a queue of messages in shared memory, with a
 * capacity that is known to the compiler
 *
 * One by one: push() of a message that was made before, and consume_one(), which reads the message
 * in place. At once: push() and pop() of arrays.
 */
#include <new>
#include <type_traits>
#include <stdlib.h>
#include <sys/mman.h>

#include <boost/lockfree/spsc_queue.hpp>

#include "message.h"

namespace
{

/* Aligned, as otherwise each message of 64 bytes would have parts of two lines. */
template <size_t bytes> struct alignas(64) message {
	uint64_t word[bytes / sizeof(uint64_t)];
};

template <size_t bytes, size_t capacity>
using queue_of = boost::lockfree::spsc_queue<
	message<bytes>, boost::lockfree::capacity<capacity / bytes> >;

/* Calls use(pointer to the queue, pointer to a message) with the types of the channel. */
template <size_t bytes, typename Use> void with_bytes(channel *c, Use use)
{
	switch (c->capacity) {
	case 64 << 10:
		return use((queue_of<bytes, (64 << 10)> *)c->memory,
			   (message<bytes> *)c->buffer);
	case 1 << 20:
		return use((queue_of<bytes, (1 << 20)> *)c->memory,
			   (message<bytes> *)c->buffer);
	case 16 << 20:
		return use((queue_of<bytes, (16 << 20)> *)c->memory,
			   (message<bytes> *)c->buffer);
	default:
		die("boost.cc has no queue of %zu bytes", c->capacity);
	}
}

template <typename Use> void with_queue(channel *c, Use use)
{
	switch (c->bytes) {
	case 64:
		return with_bytes<64>(c, use);
	case 4096:
		return with_bytes<4096>(c, use);
	case 65536:
		return with_bytes<65536>(c, use);
	default:
		die("boost.cc has no messages of %zu bytes", c->bytes);
	}
}

template <typename Queue, typename Message>
void send_one(Queue *q, Message *m, uint64_t number)
{
	fill(m, sizeof(*m), number);
	while (!q->push(*m))
		pause_cpu();
}

template <typename Queue, typename Message>
void send_many(Queue *q, Message *m, uint64_t number, size_t n)
{
	size_t done = 0;

	for (size_t i = 0; i < n; i++)
		fill(&m[i], sizeof(*m), number + i);
	while (done < n) {
		size_t now = q->push(m + done, n - done);

		done += now;
		if (!now)
			pause_cpu();
	}
}

template <typename Queue, typename Message>
void receive_one(Queue *q, Message *, uint64_t number)
{
	auto look = [number](const Message &m) {
		verify(&m, sizeof(m), number);
	};

	while (!q->consume_one(look))
		pause_cpu();
}

template <typename Queue, typename Message>
void receive_many(Queue *q, Message *m, uint64_t number, size_t n)
{
	size_t done = 0;

	while (done < n) {
		size_t now = q->pop(m + done, n - done);

		done += now;
		if (!now)
			pause_cpu();
	}
	for (size_t i = 0; i < n; i++)
		verify(&m[i], sizeof(*m), number + i);
}

/* The indices, and one message that is never used. */
size_t memory_of(const channel *c)
{
	return c->capacity + c->bytes + 4096;
}

} // namespace

void make_boost(channel *c)
{
	c->memory = get_shared(memory_of(c));
	with_queue(c, [c](auto *q, auto *) {
		if (sizeof(*q) > memory_of(c))
			die("boost's queue is larger than its memory");
		new (q) typename std::remove_pointer<decltype(q)>::type;
	});
}

void enter_boost(channel *c)
{
	c->buffer = (unsigned char *)get_private(c->bytes * c->at_once);
}

void boost_send(channel *c, uint64_t first, uint64_t messages)
{
	with_queue(c, [=](auto *q, auto *m) {
		if (c->at_once == 1)
			for (uint64_t i = 0; i < messages; i++)
				send_one(q, m, first + i);
		else
			for (uint64_t i = 0; i < messages; i += c->at_once)
				send_many(q, m, first + i, c->at_once);
	});
}

void boost_receive(channel *c, uint64_t first, uint64_t messages)
{
	with_queue(c, [=](auto *q, auto *m) {
		if (c->at_once == 1)
			for (uint64_t i = 0; i < messages; i++)
				receive_one(q, m, first + i);
		else
			for (uint64_t i = 0; i < messages; i += c->at_once)
				receive_many(q, m, first + i, c->at_once);
	});
}

void leave_boost(channel *c)
{
	munmap(c->memory, memory_of(c));
	free(c->buffer);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The device of memory (tests/unit/fake-device.h) for the tests of the Python module, which is linked
 * with this file and with the library into one object. The tests call these functions by ctypes.
 */
#include "../unit/fake-device.h"

#define CONTROL __attribute__((visibility("default"), used))

/* A new device, with both positions at @start. The ends of the one before must be closed. */
CONTROL void control_create(uint32_t capacity, uint32_t start);
CONTROL void control_create(uint32_t capacity, uint32_t start)
{
	if (device.status)
		fake_destroy();
	fake_create(capacity, start);
	memset(&opened, 0, sizeof(opened));
	opened.fd = -1;
}

/* It is one of records, and the next one has the number @sequence. */
CONTROL void control_use_records(uint32_t sequence);
CONTROL void control_use_records(uint32_t sequence)
{
	fake_use_records(sequence);
}

/* What the other end does, honest or not. */
CONTROL void control_move(int end, uint32_t to);
CONTROL void control_move(int end, uint32_t to)
{
	fake_move((enum vfifo_end)end, to);
	fake_wake(VFIFO_PRODUCER);
	fake_wake(VFIFO_CONSUMER);
}

CONTROL uint32_t control_position(int end);
CONTROL uint32_t control_position(int end)
{
	return fake_position((enum vfifo_end)end);
}

CONTROL void control_store(uint32_t offset, unsigned char byte);
CONTROL void control_store(uint32_t offset, unsigned char byte)
{
	device.window[offset] = byte;
}

CONTROL int control_load(uint32_t offset);
CONTROL int control_load(uint32_t offset)
{
	return device.window[offset];
}

CONTROL void control_remove(void);
CONTROL void control_remove(void)
{
	fake_remove();
}

/* The stream ends, or goes on again. */
CONTROL void control_end(int ended);
CONTROL void control_end(int ended)
{
	device.revents = ended ? POLLHUP : 0;
	device.status->flags = ended ? VFIFO_ENDED : 0;
}

CONTROL void control_break(int broken);
CONTROL void control_break(int broken)
{
	device.revents = broken ? POLLERR : 0;
	device.status->flags = broken ? VFIFO_BROKEN : 0;
}

/* Revokes the claim of the end that was opened last. A store to its position is fatal from now on. */
CONTROL void control_revoke(int end);
CONTROL void control_revoke(int end)
{
	if (mprotect(opened.maps[FAKE_MAPS - 1], device.page, PROT_NONE))
		abort();
	__atomic_store_n(&device.status->claim[end], 77, __ATOMIC_SEQ_CST);
	fake_wake((enum vfifo_end)end);
}

CONTROL int control_maps_left(void);
CONTROL int control_maps_left(void)
{
	return fake_maps_left();
}

/* The next open fails with @error. */
CONTROL void control_fail(int error);
CONTROL void control_fail(int error)
{
	device.ioctl_error = error;
}

# SPDX-License-Identifier: GPL-2.0-or-later
"""The ends of the Python module on a device of memory, and its attributes in a made-up tree."""

import asyncio
import ctypes
import errno
import gc
import math
import os
import pathlib
import signal
import sys
import tempfile
import threading
import time
import unittest
import weakref

import vfifo
from vfifo import _device, _vfifo

try:
    import numpy
except ImportError:
    numpy = None

PATH = "/fake/vfifo0"
IN, OUT = 0, 1
CAPACITY = 8192
START = 0xFFFFFFF0  # soon wraps past 2^32

fake = ctypes.CDLL(_vfifo.__file__)


def words(value):
    return value & 0xFFFFFFFF


class Case(unittest.TestCase):
    def setUp(self):
        fake.control_create(CAPACITY, ctypes.c_uint32(START))

    def fails(self, number, call, *args, **kwargs):
        """The call raises OSError with this errno, and with the path."""
        with self.assertRaises(OSError) as caught:
            call(*args, **kwargs)
        self.assertEqual(caught.exception.errno, number)
        self.assertEqual(caught.exception.filename, PATH)
        self.assertTrue(caught.exception.strerror)
        return caught.exception

    def producer(self):
        f = vfifo.open(PATH, "w")
        self.addCleanup(f.close)
        return f

    def consumer(self):
        f = vfifo.open(PATH)
        self.addCleanup(f.close)
        return f


class Records(Case):
    FIRST = 0xFFFFFFFF  # the number of the first record; wraps

    def setUp(self):
        super().setUp()
        fake.control_use_records(ctypes.c_uint32(self.FIRST))
        self.sender = vfifo.open(PATH, "w", records=True)
        self.addCleanup(self.sender.close)
        self.receiver = vfifo.open(PATH, records=True)
        self.addCleanup(self.receiver.close)

    def test_copies_stay_apart(self):
        before = time.monotonic_ns()
        for data in b"one", b"x" * (CAPACITY // 2), bytearray(b"three"):
            self.assertIsNone(self.sender.write_record(data))
            got, number, when = self.receiver.read_record()
            self.assertEqual(got, data)
            self.assertLessEqual(before, when)
            self.assertLessEqual(when, time.monotonic_ns())
        self.assertEqual(number, words(self.FIRST + 2))
        with self.assertRaises(TimeoutError):
            self.receiver.read_record(timeout=0)
        with self.assertRaises(TimeoutError):
            self.receiver.read_record(timeout=0.01)
        with self.assertRaises(ValueError):
            self.sender.write_record(b"")
        self.fails(errno.EMSGSIZE, self.sender.write_record, b"x" * (CAPACITY // 2 + 1))

    def test_a_record_without_room_is_not_written(self):
        self.sender.write_record(bytes(CAPACITY // 2))
        with self.assertRaises(TimeoutError):
            self.sender.write_record(bytes(CAPACITY // 2), timeout=0.01)
        self.assertEqual(fake.control_position(IN) & 0xFFFFFFFF, words(START + CAPACITY // 2 + 16))

    def test_the_end_of_the_stream_is_none(self):
        self.sender.write_record(b"last")
        fake.control_end(1)
        self.assertEqual(self.receiver.read_record()[0], b"last")
        self.assertIsNone(self.receiver.read_record())

    def test_in_place(self):
        span = self.sender.reserve_record(3)
        self.assertEqual(len(span), CAPACITY // 2)
        span[:3] = b"abc"
        self.sender.advance_record(3, 7)
        self.sender.reserve_record()[:1] = b"d"
        with self.assertRaises(BlockingIOError):
            self.receiver.peek_record()
        self.sender.commit_record(1)
        span, number, when = self.receiver.peek_record()
        self.assertEqual((bytes(span), number, when), (b"abc", self.FIRST, 7))
        self.assertTrue(span.readonly)
        part = span[1:]
        with self.assertRaises(BufferError):
            self.receiver.consume_record()
        del part
        self.receiver.skip_record()
        with self.assertRaises(ValueError):
            bytes(span)
        self.fails(errno.EINVAL, self.receiver.skip_record)
        self.assertEqual(self.receiver.peek_record()[1:], (0, 0))
        self.receiver.consume_record()
        self.assertEqual(fake.control_position(OUT) & 0xFFFFFFFF, words(START + 48))
        self.fails(errno.EMSGSIZE, self.sender.reserve_record, CAPACITY // 2 + 1)
        self.fails(errno.EINVAL, self.sender.commit_record, 0)

    def test_an_invalid_header_is_told_and_can_be_dropped(self):
        self.sender.write_record(b"one")
        fake.control_store(START % CAPACITY, 0)
        for call in self.receiver.peek_record, self.receiver.read_record:
            with self.assertRaises(vfifo.BrokenError) as caught:
                call()
            self.assertIn("or the header of the record", str(caught.exception))
        self.receiver.drop_records()
        self.sender.write_record(b"two")
        self.assertEqual(self.receiver.read_record()[:2], (b"two", 0))

    def test_a_revocation_is_told(self):
        self.sender.write_record(b"one")
        self.receiver.peek_record()
        fake.control_revoke(OUT)
        for call in self.receiver.read_record, self.receiver.consume_record, self.receiver.drop_records:
            self.fails(errno.ESTALE, call)

    def test_the_framings_do_not_mix(self):
        self.fails(errno.EPROTO, self.sender.write, b"x")
        self.fails(errno.EPROTO, self.sender.reserve)
        self.fails(errno.EPROTO, self.sender.commit, 1)
        self.fails(errno.EPROTO, self.receiver.peek)
        self.sender.close()
        self.fails(errno.EPROTO, vfifo.open, PATH, "w")

    def test_bytes_have_no_records(self):
        self.sender.close()
        self.receiver.close()
        fake.control_create(CAPACITY, ctypes.c_uint32(START))
        sender, receiver = self.producer(), self.consumer()
        for call in receiver.peek_record, receiver.read_record, receiver.consume_record, receiver.drop_records:
            self.fails(errno.EPROTO, call)
        self.fails(errno.EPROTO, sender.reserve_record)
        self.fails(errno.EPROTO, sender.commit_record, 1)
        self.fails(errno.EPROTO, sender.write_record, b"x")
        self.fails(errno.EOPNOTSUPP, vfifo.open, PATH, records=True)


class Opening(Case):
    def test_a_with_block_closes(self):
        with vfifo.open(PATH, "w") as f:
            self.assertIsInstance(f, vfifo.Producer)
            self.assertFalse(f.closed)
            self.assertEqual(fake.control_maps_left(), 4)
            self.assertEqual((f.name, f.capacity, f.watermark), (PATH, CAPACITY, 4096))
            self.assertEqual(repr(f), "<vfifo.Producer '/fake/vfifo0'>")
            os.fstat(f.fileno())
        self.assertTrue(f.closed)
        self.assertEqual(fake.control_maps_left(), 0)
        self.assertEqual(repr(f), "<vfifo.Producer '/fake/vfifo0', closed>")
        f.close()

    def test_modes(self):
        for mode, kind in ("r", vfifo.Consumer), ("wb", vfifo.Producer), ("rb", vfifo.Consumer):
            with vfifo.open(pathlib.Path(PATH), mode) as f:
                self.assertIs(type(f), kind)
        for mode in "", "rw", "x", None:
            with self.assertRaises(ValueError):
                vfifo.open(PATH, mode)
        with self.assertRaises(TypeError):
            vfifo.open(1.5)

    def test_errors_have_errno_and_path(self):
        for number, kind in (
            (errno.ENODEV, OSError),
            (errno.ENOTTY, OSError),
        ):  # what the doorbell, which asks whether it is a vfifo, can give
            fake.control_fail(number)
            self.assertIs(type(self.fails(number, vfifo.open, PATH)), kind)
        with self.assertRaises(OSError) as caught:
            vfifo.open(b"/dev/null")
        self.assertEqual(caught.exception.errno, errno.ENOTTY)
        self.assertEqual(caught.exception.filename, b"/dev/null")
        fake.control_fail(0)
        with self.assertRaises(FileNotFoundError) as caught:
            vfifo.open("/nonexistent/x", "w")
        self.assertEqual(caught.exception.filename, "/nonexistent/x")
        with self.assertRaises(FileNotFoundError) as caught:
            vfifo.open(-1)
        self.assertEqual(caught.exception.filename, "/dev/vfifo-1")
        with self.assertRaises(ValueError):
            vfifo.open("/dev/\0")

    def test_an_invalid_position_at_the_open(self):
        fake.control_move(IN, words(START + CAPACITY + 1))
        self.assertIsInstance(self.fails(errno.EBADMSG, vfifo.open, PATH), vfifo.BrokenError)

    def test_dropping_an_end_closes_it(self):
        f = vfifo.open(PATH)
        f.wait
        del f
        gc.collect()
        self.assertEqual(fake.control_maps_left(), 0)

    def test_a_span_keeps_a_dropped_end(self):
        f = vfifo.open(PATH, "w")
        span = f.reserve()
        del f
        gc.collect()
        span[:] = bytes(CAPACITY)
        self.assertEqual(fake.control_maps_left(), 4)
        del span
        self.assertEqual(fake.control_maps_left(), 0)

    def test_types_that_are_no_interface(self):
        self.assertRaises(TypeError, _vfifo.End, PATH)
        f = self.producer()
        self.assertRaises(TypeError, type(f.reserve().obj))

    def test_a_class_of_a_user(self):
        class Mine(vfifo.Consumer):
            pass

        with Mine(PATH) as f:
            f.more = 1
            self.assertRaises(BlockingIOError, f.peek)


class Moving(Case):
    def test_bytes_in_place(self):
        i, o = self.producer(), self.consumer()
        span = i.reserve(3)
        self.assertEqual((len(span), span.readonly, span.format), (CAPACITY, False, "B"))
        span[:3] = b"abc"
        i.commit(3)
        got = o.peek()
        self.assertEqual((bytes(got), got.readonly), (b"abc", True))
        o.consume(2)
        self.assertEqual(bytes(o.peek()), b"c")
        self.assertEqual(fake.control_position(OUT) & 0xFFFFFFFF, words(START + 2))

    def test_advance_is_not_published(self):
        i, o = self.producer(), self.consumer()
        i.reserve()[:2] = b"ab"
        i.advance(1)
        i.advance(1)
        self.assertRaises(BlockingIOError, o.peek)
        i.publish()
        self.assertEqual(bytes(o.peek(2)), b"ab")
        self.fails(errno.EINVAL, o.consume, 3)
        self.fails(errno.EINVAL, o.advance, 3)
        self.assertEqual(bytes(o.peek(2)), b"ab")

    def test_copies(self):
        i, o = self.producer(), self.consumer()
        self.assertEqual(i.write(b"hello"), 5)
        self.assertEqual(i.write(memoryview(bytearray(b" you"))), 4)
        self.assertEqual(o.read(5), b"hello")
        self.assertEqual(o.read(), b" you")
        i.write(b"abc")
        buffer = bytearray(2)
        self.assertEqual(o.readinto(buffer), 2)
        self.assertEqual(buffer, b"ab")
        self.assertEqual(o.read(0), b"")
        self.assertEqual(o.readinto(bytearray()), 0)
        self.assertEqual(o.readinto(bytearray(9), timeout=0), 1)
        self.assertEqual(i.write(b""), 0)

    def test_from_one_fifo_to_another_without_a_buffer_between(self):
        i, o = self.producer(), self.consumer()
        i.write(b"x" * 5000)
        span = o.peek()
        self.assertEqual(i.write(span[:3000]), 3000)
        self.assertEqual(len(span), 5000)

    def test_a_span_of_its_own_end_is_no_source(self):
        i = self.producer()
        self.assertRaises(BufferError, i.write, i.reserve()[:10])
        self.assertEqual(i.write(b"a"), 1)

    def test_a_write_waits_for_space(self):
        i, o = self.producer(), self.consumer()
        data, got = os.urandom(10 * CAPACITY + 7), bytearray()

        def reader():
            while len(got) < len(data):
                got.extend(o.read(777, timeout=20))

        thread = threading.Thread(target=reader)
        thread.start()
        self.assertEqual(i.write(data, timeout=20), len(data))
        thread.join()
        self.assertEqual(got, data)

    def test_sizes(self):
        i, o = self.producer(), self.consumer()
        for call in i.reserve, i.commit, i.advance, i.wait, o.peek, o.consume, o.read:
            self.assertRaises(ValueError, call, -1)
            self.assertRaises(OverflowError, call, 1 << 64)
            self.assertRaises(OverflowError, call, -(1 << 64))
            self.assertRaises(TypeError, call, 1.0)
            self.assertRaises(TypeError, call, "1")
        for call in i.reserve, i.wait, o.peek, o.wait:
            self.fails(errno.EMSGSIZE, call, CAPACITY + 1)
            self.fails(errno.EMSGSIZE, call, sys.maxsize)
        for call in i.commit, i.advance, o.consume, o.advance:
            self.fails(errno.EINVAL, call, CAPACITY + 1)
            self.fails(errno.EINVAL, call, sys.maxsize)
        i.write(b"ab")
        self.assertEqual(o.read(sys.maxsize), b"ab")
        i.commit(0)
        i.advance(0)
        self.assertEqual(len(i.reserve(0)), CAPACITY - 2)  # as it saw the consumer last
        self.assertEqual(len(i.reserve(CAPACITY)), CAPACITY)

    def test_the_wrong_kind_of_argument(self):
        i, o = self.producer(), self.consumer()
        self.assertRaises(TypeError, i.write, "text")
        self.assertRaises(TypeError, i.write)
        self.assertRaises(BufferError, i.write, memoryview(b"abcd")[::2])
        self.assertRaises(TypeError, o.readinto, b"constant")
        self.assertRaises(TypeError, i.reserve, 1, 2)

    def test_settings(self):
        i = self.producer()
        i.set_spin(0)
        i.set_spin(2**32 - 1)
        self.assertRaises(OverflowError, i.set_spin, 2**32)
        self.assertRaises(OverflowError, i.set_spin, -1)
        self.assertEqual(i.copy, "cached")
        i.set_copy("cached")
        i.set_copy("auto")
        self.assertRaises(ValueError, i.set_copy, "")
        self.assertRaises(TypeError, i.set_copy, None)
        self.assertEqual((i.kicks, i.sleeps), (0, 0))


class Spans(Case):
    """A span gives no access to memory after its end."""

    def ends(self, f):
        f.set_spin(0)
        calls = [
            f.close,
            f.publish,
            lambda: f.advance(0),
            lambda: f.wait(1, 0),
            lambda: f.__exit__(None, None, None),
        ]
        if isinstance(f, vfifo.Producer):
            return [*calls, f.reserve, lambda: f.commit(1), lambda: f.write(b"a")]
        return [*calls, f.peek, lambda: f.consume(1), f.read, lambda: f.readinto(bytearray(1))]

    def test_each_call_ends_it(self):
        for mode in "wr":
            for number in range(8 if mode == "w" else 9):
                self.setUp()
                fake.control_move(IN, words(START + 2000))
                with vfifo.open(PATH, mode) as f:
                    span = f.peek() if mode == "r" else f.reserve()
                    self.ends(f)[number]()
                    with self.assertRaisesRegex(ValueError, "released"):
                        span[0]
                    with self.assertRaisesRegex(ValueError, "released"):
                        bytes(span)

    def test_what_was_made_of_it_keeps_it(self):
        made = [lambda span: span[1:], lambda span: memoryview(span), lambda span: span.cast("I")]
        if numpy:
            made.append(lambda span: numpy.frombuffer(span, "u1"))
            made.append(lambda span: numpy.asarray(span)[2:].view("<u2"))
        for make in made:
            for mode in "wr":
                for number in range(8 if mode == "w" else 9):
                    self.setUp()
                    fake.control_move(IN, words(START + 2000))
                    f = vfifo.open(PATH, mode)
                    span = f.peek() if mode == "r" else f.reserve()
                    kept = make(span)
                    before = fake.control_position(IN), fake.control_position(OUT)
                    self.assertRaises(BufferError, self.ends(f)[number])
                    kept[3]
                    self.assertEqual((fake.control_position(IN), fake.control_position(OUT)), before)
                    self.assertFalse(f.closed)
                    del kept
                    self.ends(f)[number]()
                    f.close()

    def test_a_buffer_of_the_memoryview_keeps_it(self):
        f = self.producer()
        span = f.reserve()
        array = (ctypes.c_char * 10).from_buffer(span)
        self.assertRaises(BufferError, f.close)
        array[0] = b"x"
        del array
        f.close()

    def test_the_memory_behind_it_ends_too(self):
        f = self.producer()
        span = f.reserve()
        memory = span.obj
        memoryview(memory).release()
        self.assertEqual(span.obj, memory)
        f.commit(1)
        self.assertRaises(BufferError, memoryview, memory)
        f.reserve()
        self.assertRaises(BufferError, memoryview, memory)
        f.close()
        self.assertRaises(BufferError, memoryview, memory)

    def test_a_consumer_cannot_store(self):
        fake.control_move(IN, words(START + 4))
        f = self.consumer()
        with self.assertRaises(TypeError):
            f.peek()[0] = 1
        self.assertRaises(TypeError, (ctypes.c_char * 1).from_buffer, f.peek())

    def test_an_exception_leaves_the_block_although_a_slice_is_in_use(self):
        try:
            with vfifo.open(PATH, "w") as f:
                span = f.reserve()
                kept, memory = span[5:], span.obj
                raise KeyError("mine")
        except KeyError:
            pass
        self.assertRaises(BufferError, memoryview, memory)
        self.assertTrue(f.closed)
        for call in f.reserve, f.fileno, f.publish, lambda: f.wait(1, 0):
            self.assertRaises(ValueError, call)
        f.close()
        self.assertEqual(fake.control_maps_left(), 4)
        kept[0] = 1
        del kept
        self.assertEqual(fake.control_maps_left(), 0)
        self.assertRaises(ValueError, f.reserve)
        self.assertRaises(BufferError, memoryview, memory)

    def test_without_an_exception_that_is_an_error(self):
        with self.assertRaises(BufferError):
            with vfifo.open(PATH, "w") as f:
                kept = f.reserve()[5:]
        self.assertFalse(f.closed)
        del kept
        f.close()

    @unittest.skipUnless(numpy, "no numpy")
    def test_an_array_has_no_copy(self):
        i, o = self.producer(), self.consumer()
        array = numpy.frombuffer(i.reserve(), "<u4", count=4)
        array[:] = [1, 2, 3, 4]
        at = START & (CAPACITY - 1)
        self.assertEqual(fake.control_load(at), 1)
        del array
        i.commit(16)
        samples = numpy.frombuffer(o.peek(), "<u4")
        self.assertFalse(samples.flags.writeable)
        self.assertEqual(samples.sum(), 10)
        fake.control_store(at, 11)
        self.assertEqual(samples.sum(), 20)

    def test_a_weak_reference_that_a_user_has(self):
        f = self.producer()
        span = f.reserve()
        ref = weakref.ref(span)
        del span
        self.assertIsNone(ref())
        f.commit(1)


class Waiting(Case):
    def test_results(self):
        i, o = self.producer(), self.consumer()
        self.assertIs(i.wait(), True)
        self.assertIs(i.wait(n=CAPACITY, timeout=None), True)
        self.fails(errno.ETIMEDOUT, o.wait, timeout=0)
        self.assertRaises(TimeoutError, o.wait, 1, 0.01)
        self.assertRaises(TimeoutError, o.read, timeout=0)
        self.assertRaises(TimeoutError, o.readinto, bytearray(1), 0)
        self.assertEqual(i.write(bytes(CAPACITY + 5), timeout=0.01), CAPACITY)
        self.assertRaises(TimeoutError, i.write, b"a", timeout=0.01)
        self.assertIs(o.wait(CAPACITY), True)

    def test_timeouts(self):
        o = self.consumer()
        for call in o.wait, o.read, lambda timeout: o.readinto(bytearray(1), timeout):
            for timeout in -1, -0.001, -math.inf, math.nan, -(10**300):
                self.assertRaises(ValueError, call, timeout=timeout)
            self.assertRaises(TypeError, call, timeout="1")
            self.assertRaises(OverflowError, call, timeout=10**400)
        begun = time.monotonic()
        self.assertRaises(TimeoutError, o.wait, 1, 0.7)  # more than a slice
        self.assertGreaterEqual(time.monotonic() - begun, 0.7)
        fake.control_move(IN, words(START + 1))
        for timeout in 0, -0.0, 5e-324, 1e9, 1e300, math.inf, None, 3:
            self.assertIs(o.wait(1, timeout), True)

    def test_the_end_of_the_stream(self):
        o = self.consumer()
        fake.control_move(IN, words(START + 3))
        fake.control_end(1)
        for timeout in None, 0, 0.01:
            self.assertIs(o.wait(4, timeout), False)
        self.assertEqual(o.read(), b"\0\0\0")
        for timeout in None, 0, 0.01:
            self.assertIs(o.wait(1, timeout), False)
            self.assertEqual(o.read(timeout=timeout), b"")
            self.assertEqual(o.readinto(bytearray(1), timeout), 0)
        fake.control_end(0)
        self.assertRaises(TimeoutError, o.read, timeout=0)

    def test_a_removed_device(self):
        o = self.consumer()
        fake.control_move(IN, words(START + 3))
        fake.control_remove()
        self.fails(errno.ENODEV, o.wait)
        self.fails(errno.ENODEV, o.read)
        self.assertEqual(len(o.peek()), 3)
        self.fails(errno.ENODEV, o.peek, 4)

    def test_it_publishes_first(self):
        i = self.producer()
        i.advance(5)
        i.wait()
        self.assertEqual(words(fake.control_position(IN)), words(START + 5))

    def test_other_threads_run(self):
        o = self.consumer()
        threading.Timer(0.2, fake.control_move, (IN, words(START + 1))).start()
        self.assertIs(o.wait(timeout=20), True)

    def test_a_second_thread_is_refused(self):
        o = self.consumer()
        o.set_spin(0)
        errors = []

        def waiter():
            errors.append(o.wait(timeout=30))

        thread = threading.Thread(target=waiter)
        thread.start()
        while True:
            try:
                o.kicks
            except RuntimeError:
                break
        calls = [o.close, o.peek, o.read, o.publish, lambda: o.consume(0), lambda: o.advance(0), o.wait]
        calls += [lambda: o.set_spin(1), lambda: o.set_copy("auto"), lambda: o.copy, lambda: o.sleeps]
        for call in calls:
            self.assertRaises(RuntimeError, call)
        self.assertEqual(o.capacity, CAPACITY)
        o.fileno()
        with self.assertRaises(RuntimeError):
            o.__exit__(None, None, None)
        fake.control_move(IN, words(START + 1))
        thread.join()
        self.assertEqual(errors, [True])
        o.close()

    def test_threads_that_close_and_use(self):
        """Many threads on one end: each call ends with a result or an exception."""
        for _ in range(20):
            self.setUp()
            fake.control_move(IN, words(START + CAPACITY))
            o = vfifo.open(PATH)
            stop = threading.Event()
            odd = []

            def use():
                while not stop.is_set():
                    time.sleep(0.001)
                    try:
                        o.wait(1, 0.001)
                        bytes(o.peek()[:10])
                        o.read(1, timeout=0)
                    except (RuntimeError, ValueError, BufferError, OSError):
                        pass
                    except BaseException as e:
                        odd.append(e)

            threads = [threading.Thread(target=use) for _ in range(4)]
            for thread in threads:
                thread.start()
            time.sleep(0.02)
            while not o.closed:
                try:
                    o.close()
                except (RuntimeError, BufferError):
                    time.sleep(0.0003)
            stop.set()
            for thread in threads:
                thread.join()
            self.assertEqual(odd, [])
            self.assertEqual(fake.control_maps_left(), 0)

    def interrupted(self, call, *args, **kwargs):
        """The call, with a signal after a while. Returns how long it took."""

        def handler(number, frame):
            raise KeyboardInterrupt

        before = signal.signal(signal.SIGALRM, handler)
        begun = time.monotonic()
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.1)
            self.assertRaises(KeyboardInterrupt, call, *args, **kwargs)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        return time.monotonic() - begun

    def test_signals_interrupt(self):
        o = self.consumer()
        for call in o.wait, o.read, lambda timeout: o.readinto(bytearray(1), timeout):
            self.assertLess(self.interrupted(call, timeout=30), 5)
        i = self.producer()
        self.assertLess(self.interrupted(i.write, bytes(2 * CAPACITY)), 5)
        # The end can be used afterwards.
        self.assertEqual(len(o.read()), CAPACITY)
        self.assertEqual(i.write(b"abc"), 3)

    def test_a_handler_that_returns_does_not_interrupt(self):
        o, seen = self.consumer(), []
        before = signal.signal(signal.SIGALRM, lambda *a: seen.append(1))
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
            self.assertRaises(TimeoutError, o.wait, 1, 0.4)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        self.assertTrue(seen)

    def test_a_handler_cannot_use_the_end(self):
        o, seen = self.consumer(), []

        def handler(*args):
            for call in o.close, o.read:
                try:
                    call()
                except RuntimeError as e:
                    seen.append(e)

        before = signal.signal(signal.SIGALRM, handler)
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            self.assertRaises(TimeoutError, o.wait, 1, 1)
        finally:
            signal.signal(signal.SIGALRM, before)
        self.assertEqual(len(seen), 2)
        self.assertFalse(o.closed)


class Hostile(Case):
    def test_use_after_close(self):
        i, o = self.producer(), self.consumer()
        i.close()
        o.close()
        calls = [i.reserve, i.publish, i.wait, i.fileno, i.__enter__, o.peek, o.read, o.fileno]
        calls += [lambda: i.write(b"a"), lambda: i.commit(0), lambda: i.advance(0)]
        calls += [lambda: o.readinto(bytearray(1)), lambda: o.consume(0), lambda: o.set_spin(1)]
        calls += [lambda: i.set_copy("auto")]
        for name in "capacity", "watermark", "copy", "kicks", "sleeps":
            calls.append(lambda name=name: getattr(i, name))
        for call in calls:
            self.assertRaisesRegex(ValueError, "closed", call)
        self.assertEqual(i.name, PATH)

    def test_an_argument_that_closes(self):
        class Evil:
            def __init__(self, f):
                self.f = f

            def __index__(self):
                self.f.close()
                return 1

            def __float__(self):
                self.f.close()
                return 0.0

        for name in "reserve", "commit", "advance", "wait":
            f = vfifo.open(PATH, "w")
            self.assertRaises(ValueError, getattr(f, name), Evil(f))
        for name in "peek", "consume", "read":
            f = vfifo.open(PATH)
            self.assertRaises(ValueError, getattr(f, name), Evil(f))
        for call in "wait", "read":
            f = vfifo.open(PATH)
            self.assertRaises(ValueError, getattr(f, call), timeout=Evil(f))
        f = vfifo.open(PATH, "w")
        self.assertRaises(ValueError, f.write, b"a", Evil(f))

    def test_a_peer_that_lies(self):
        for lie in CAPACITY + 1, -1, 1 << 31:
            self.setUp()
            with vfifo.open(PATH) as o:
                fake.control_move(IN, words(START + lie))
                for call in o.peek, o.wait, o.read, lambda: o.readinto(bytearray(9)):
                    e = self.fails(errno.EBADMSG, call)
                    self.assertIsInstance(e, vfifo.BrokenError)
                    self.assertIn("position of the other end is invalid", str(e))
                self.assertFalse(o.closed)
                # It mends its ways.
                fake.control_move(IN, words(START + 1))
                self.assertEqual(o.read(), b"\0")

    def test_a_broken_fifo(self):
        o = self.consumer()
        fake.control_break(1)
        for timeout in None, 0, 1:
            e = self.fails(errno.EIO, o.wait, 1, timeout)
            self.assertIsInstance(e, vfifo.BrokenError)
        fake.control_break(0)
        self.assertRaises(TimeoutError, o.wait, 1, 0)

    def test_a_claim_that_is_revoked(self):
        i = self.producer()
        i.advance(3)
        fake.control_revoke(IN)
        # A store to the position would be fatal.
        calls = [i.publish, i.wait, lambda: i.commit(1), lambda: i.write(b"a")]
        for call in calls:
            e = self.fails(errno.ESTALE, call)
            self.assertIn("revoked", str(e))
        i.close()

    def test_a_child_after_fork(self):
        i, o = self.producer(), self.consumer()
        i.write(b"abc")
        span, slice_ = o.peek(), None
        slice_ = span[1:]
        pid = os.fork()
        if not pid:
            code = 1
            try:
                self.assertEqual(bytes(slice_), b"bc")  # the data are inherited
                for call in o.peek, o.read, o.wait, o.publish, i.reserve, lambda: i.write(b"a"):
                    self.fails(errno.ESTALE, call)
                self.fails(errno.ESTALE, lambda: i.kicks)
                self.assertEqual(i.capacity, 0)
                self.assertEqual(i.watermark, 0)
                self.assertRaises(BufferError, o.close)
                del slice_, span
                o.close()
                i.close()
                code = 0
            finally:
                os._exit(code)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0)
        self.assertEqual(bytes(slice_), b"bc")
        del slice_
        o.consume(1)
        self.assertEqual(o.read(), b"bc")

    def test_a_fork_while_a_thread_waits(self):
        o = self.consumer()
        thread = threading.Thread(target=o.wait, kwargs={"timeout": 30})
        thread.start()
        while True:
            try:
                o.kicks
            except RuntimeError:
                break
        pid = os.fork()
        if not pid:
            code = 1
            try:
                self.fails(errno.ESTALE, o.wait)
                o.close()
                code = 0
            finally:
                os._exit(code)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0)
        fake.control_move(IN, words(START + 1))
        thread.join()
        self.assertEqual(o.read(), b"\0")

    def waits_over_a_fork(self, o, in_handler, afterwards):
        """A signal handler forks while o waits. The parent waits on; the child's wait is ESTALE.

        The child calls in_handler() in the handler, and afterwards() must be true after its wait.
        """
        parent, code, pids = os.getpid(), 1, []

        def handler(*args):
            pids.append(os.fork())
            if not pids[0]:
                in_handler()

        before = signal.signal(signal.SIGALRM, handler)
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            try:
                o.wait(1, 2)
            except TimeoutError:
                self.assertEqual(os.getpid(), parent)
            except OSError as e:
                code = 0 if e.errno == errno.ESTALE and afterwards() else 1
        finally:
            if os.getpid() != parent:
                os._exit(code)
            signal.signal(signal.SIGALRM, before)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pids[0], 0)[1]), 0)

    def test_a_fork_in_a_handler_while_it_waits(self):
        self.waits_over_a_fork(self.consumer(), lambda: None, lambda: True)

    def in_child(self, call):
        """The child's exit status is 0 if the call returns true."""
        pid = os.fork()
        if not pid:
            code = 1
            try:
                code = 0 if call() else 1
            finally:
                os._exit(code)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0)

    def test_a_child_that_closes_in_the_handler(self):
        o = self.consumer()

        def closes():
            o.close()
            return o.closed

        self.waits_over_a_fork(o, lambda: self.assertRaises(RuntimeError, o.close), closes)

    def test_a_finalizer_that_closes_in_a_child(self):
        i = self.producer()
        span = i.reserve()

        class Closes:
            def __init__(self):
                self.me = self

            def __del__(self):
                i.close()

        def close():
            gc.disable()
            gc.collect()
            gc.set_threshold(1, 1, 1)
            Closes()
            gc.enable()
            _vfifo.End.close(i)
            return i.closed

        self.in_child(close)
        del span

    def test_a_task_that_waits_when_the_end_closes(self):
        reader, writer = os.pipe()

        class Watched(vfifo.Consumer):
            def fileno(self):
                super().fileno()
                return reader

        async def waits():
            o = Watched(PATH)
            loop = asyncio.get_running_loop()
            task = asyncio.create_task(o.wait_async())
            await asyncio.sleep(0.05)
            fake.control_move(IN, words(START + 16))
            with self.assertRaises(KeyError):
                with o:
                    kept = o.peek()[:4]
                    raise KeyError
            await asyncio.wait([task], timeout=5)
            self.assertIsInstance(task.exception(), ValueError)
            self.assertFalse(loop.remove_reader(reader))
            o.close()
            del kept

        async def cannot_watch():
            class Regular(vfifo.Consumer):
                def fileno(self):
                    return regular.fileno()

            o = Regular(PATH)
            with open(__file__) as regular, o:
                for _ in range(2):
                    with self.assertRaises(PermissionError):
                        await o.wait_async()

        asyncio.run(waits())
        self.setUp()
        asyncio.run(cannot_watch())
        os.close(reader)
        os.close(writer)

    def test_nothing_leaks(self):
        def use():
            with vfifo.open(PATH, "w") as i, vfifo.open(PATH) as o:
                i.write(b"abc")
                with o.peek() as span:
                    kept = span[1:]
                self.assertRaises(BufferError, o.consume, 1)
                del kept
                o.consume(1)
                self.assertRaises(TimeoutError, o.wait, 100, 0)
                o.read()
                self.assertRaises(OSError, i.reserve, CAPACITY * 2)

        use()
        gc.collect()
        objects, files = len(gc.get_objects()), len(os.listdir("/proc/self/fd"))
        for _ in range(50):
            use()
        gc.collect()
        self.assertLess(len(gc.get_objects()) - objects, 20)
        self.assertEqual(len(os.listdir("/proc/self/fd")), files)


class Attributes(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.addCleanup(setattr, _device, "_SYSFS", _device._SYSFS)
        _device._SYSFS = folder.name
        self.folder = pathlib.Path(folder.name, "class/vfifo/vfifo3")
        self.folder.mkdir(parents=True)
        for name in "generator", "stats":
            (self.folder / name).mkdir()
        self.put("size", "12\n")
        self.put("capacity", "65536\n")
        self.put("label", "\n")
        self.put("eof", "0\n")
        self.put("overflow", "block\n")
        self.put("generator/text", "AUTO \n")
        self.put("stats/in_bytes", "18446744073709551615\n")
        self.put("stats/reset", "")
        self.put("clear", "")

    def put(self, name, text):
        (self.folder / name).write_text(text)

    def get(self, name):
        return (self.folder / name).read_bytes()

    def test_values(self):
        d = vfifo.Device(3)
        self.assertEqual((d.size, d.label, d.eof, d.overflow), (12, "", False, "block"))
        self.assertEqual(d.stats.in_bytes, 2**64 - 1)
        self.assertEqual(d.generator.text, b"AUTO \n")
        self.assertEqual((d.name, repr(d)), ("vfifo3", "<vfifo.Device vfifo3>"))
        (self.folder / "label").write_bytes(b"\xffx\n")
        self.assertEqual(d.label, "\udcffx")

    def test_stores(self):
        d = vfifo.Device(3)
        for name in "capacity", "eof", "label", "overflow", "generator/text":
            self.put(name, "")
        d.capacity = 131072
        d.eof = True
        d.label = "adc"
        d.overflow = "drop"
        d.generator.text = bytearray(b"x\0")
        d.stats.reset()
        d.clear()
        got = [self.get(n) for n in ("capacity", "eof", "label", "overflow", "generator/text")]
        self.assertEqual(got, [b"131072", b"1", b"adc\n", b"drop\n", b"x\0"])
        self.assertEqual((self.get("stats/reset"), self.get("clear")), (b"1", b"1"))

    def test_refused(self):
        d = vfifo.Device(3)
        with self.assertRaises(AttributeError):
            d.size = 1
        with self.assertRaises(AttributeError):
            d.sise = 1
        with self.assertRaises(TypeError):
            d.capacity = "1"
        with self.assertRaises(FileNotFoundError) as caught:
            d.mode
        self.assertTrue(caught.exception.filename.endswith("vfifo3/mode"))
        with self.assertRaises(OSError) as caught:
            vfifo.Device(4)
        self.assertEqual(caught.exception.errno, errno.ENODEV)
        with self.assertRaises(OSError) as caught:
            vfifo.Device("/dev/null")
        self.assertEqual((caught.exception.errno, caught.exception.filename), (errno.ENOTTY, "/dev/null"))
        self.assertRaises(TypeError, vfifo.Device, None)
        self.assertRaises(FileNotFoundError, vfifo.Device, "/nonexistent")

    def test_devices(self):
        (self.folder.parent / "vfifo11").mkdir()
        (self.folder.parent / "add").touch()
        self.assertEqual(vfifo.devices(), [3, 11])
        self.assertEqual(vfifo.add(11).name, "vfifo11")
        self.assertEqual((self.folder.parent / "add").read_bytes(), b"11")
        _device._SYSFS = "/nonexistent"
        self.assertEqual(vfifo.devices(), [])


class Text(unittest.TestCase):
    def test_all_that_is_public_is_documented(self):
        import inspect

        things = [getattr(vfifo, name) for name in vfifo.__all__]
        for kind in [t for t in things if isinstance(t, type)]:
            things += [getattr(kind, n) for n in dir(kind) if not n.startswith("_")]
        for thing in things:
            if getattr(thing, "__objclass__", None) not in (OSError, BaseException):
                self.assertTrue(inspect.getdoc(thing), thing)

    def test_the_stubs_are_complete(self):
        import ast
        import inspect

        path = pathlib.Path(os.environ["VFIFO_TOP"], "src/python/vfifo/_vfifo.pyi")
        classes = {c.name: c for c in ast.parse(path.read_text()).body if isinstance(c, ast.ClassDef)}
        self.assertEqual(set(classes), {n for n in dir(_vfifo) if not n.startswith("_")})
        for name in "End", "Producer", "Consumer":
            kind = getattr(_vfifo, name)
            own = {n for n in vars(kind) if n not in ("__doc__", "__module__", "__repr__")}
            declared = {f.name: f for f in classes[name].body}
            self.assertEqual(set(declared), own)
            for method, declaration in declared.items():
                if method.startswith("__") or declaration.decorator_list:
                    continue
                real = inspect.signature(getattr(kind, method))
                names = [a.arg for a in declaration.args.posonlyargs + declaration.args.args]
                self.assertEqual(list(real.parameters), names, method)
                defaults = [ast.literal_eval(d) for d in declaration.args.defaults]
                given = [p.default for p in real.parameters.values() if p.default is not p.empty]
                self.assertEqual(given, defaults, method)


if __name__ == "__main__":
    unittest.main()

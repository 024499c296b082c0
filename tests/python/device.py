# SPDX-License-Identifier: GPL-2.0-or-later
"""The Python module on a real device, /dev/vfifo0; as root, who may set its attributes."""

import asyncio
import errno
import mmap
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import vfifo

PATH = "/dev/vfifo0"
FOLDER = pathlib.Path("/sys/class/vfifo/vfifo0")
device = vfifo.Device(0)


def until(condition):
    for _ in range(3000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it did not happen in 30 seconds")


class Case(unittest.TestCase):
    def setUp(self):
        self.assertEqual((device.producer, device.consumer), (0, 0))
        device.clear()
        device.eof = False
        device.overflow = "block"
        device.write_watermark = 4096
        device.read_watermark = 1

    def fails(self, number, call, *args, **kwargs):
        with self.assertRaises(OSError) as caught:
            call(*args, **kwargs)
        self.assertEqual(caught.exception.errno, number)
        return caught.exception

    def open(self, mode):
        f = vfifo.open(0, mode)
        self.addCleanup(f.close)
        return f


class Ends(Case):
    def test_claims(self):
        with vfifo.open(0, "w") as i:
            self.assertEqual(device.producer, os.getpid())
            e = self.fails(errno.EBUSY, vfifo.open, PATH, "w")
            self.assertEqual(e.filename, PATH)
            with vfifo.open(0) as o:
                self.assertEqual(device.consumer, os.getpid())
                self.assertEqual(o.device.path, os.path.realpath(FOLDER))
                self.assertEqual(o.capacity, device.capacity)
                self.assertEqual((i.watermark, o.watermark), (4096, 1))
        self.assertEqual((device.producer, device.consumer, device.mappings), (0, 0, 0))
        for path in "/dev/null", "/dev/zero", "/dev/mem":
            self.fails(errno.ENOTTY, vfifo.open, path)

    def test_a_view_that_is_left_keeps_the_claim_and_the_memory(self):
        try:
            with vfifo.open(0, "w") as i:
                kept = i.reserve()[10:]
                raise KeyError
        except KeyError:
            pass
        self.assertTrue(i.closed)
        self.assertNotEqual(device.producer, 0)
        kept[:] = bytes(len(kept))
        del kept
        self.assertEqual((device.producer, device.mappings), (0, 0))

    def test_shell_programs_at_the_other_end(self):
        data = os.urandom(300000)
        with vfifo.open(0, "w") as i, tempfile.TemporaryFile() as got:
            head = subprocess.Popen(["head", "-c", "300000", PATH], stdout=got)
            self.assertEqual(i.write(data, timeout=30), len(data))
            self.assertEqual(head.wait(timeout=30), 0)
            got.seek(0)
            self.assertEqual(got.read(), data)
        with vfifo.open(0) as o:
            dd = subprocess.Popen(["dd", "bs=5000", "of=" + PATH, "status=none"], stdin=subprocess.PIPE)
            thread = threading.Thread(target=dd.communicate, args=(data,))
            thread.start()
            got = bytearray()
            while len(got) < len(data):
                o.wait(timeout=30)
                span = o.peek()
                got += span
                o.consume(len(span))
            thread.join()
            self.assertEqual(got, data)

    def test_threads_at_both_ends(self):
        i, o, data, got = self.open("w"), self.open("r"), os.urandom(1 << 20), bytearray(1 << 20)

        def reader():
            at = 0
            while at < len(got):
                at += o.readinto(memoryview(got)[at:], timeout=30)

        thread = threading.Thread(target=reader)
        thread.start()
        self.assertEqual(i.write(data, timeout=30), len(data))
        thread.join()
        self.assertEqual(got, data)

    def test_the_end_of_the_stream(self):
        device.eof = True
        with open(PATH, "wb") as writer, vfifo.open(0) as o:
            writer.write(b"abc")
            writer.flush()
            self.assertIs(o.wait(3, timeout=30), True)
            threading.Timer(0.3, writer.close).start()
            self.assertIs(o.wait(4), False)
            self.assertIs(o.wait(4, timeout=0), False)
            self.assertEqual(o.read(), b"abc")
            self.assertEqual(o.read(timeout=0), b"")
            self.assertEqual(o.readinto(bytearray(1)), 0)

    def test_a_revoked_claim(self):
        o = self.open("r")
        threading.Timer(0.3, setattr, (device, "consumer", 0)).start()
        self.assertIn("revoked", str(self.fails(errno.ESTALE, o.wait)))
        for call in o.publish, o.read, lambda: o.consume(0):
            self.fails(errno.ESTALE, call)

    def test_a_removed_device(self):
        other = vfifo.add(7)
        until(lambda: os.path.exists("/dev/vfifo7"))
        with vfifo.open(7) as o, vfifo.open("/dev/vfifo7", "w") as i:
            i.write(b"abc")
            self.assertEqual(other.size, 3)
            self.assertEqual(vfifo.devices(), [0, 7])
            threading.Timer(0.3, vfifo.remove, (7,)).start()
            self.fails(errno.ENODEV, o.wait, 4)
            self.fails(errno.ENODEV, i.write, b"a")
            self.assertEqual(bytes(o.peek()), b"abc")  # as the memory is valid
            self.assertEqual(vfifo.devices(), [0])
        self.fails(errno.ENODEV, vfifo.Device, 7)
        self.fails(errno.ENODEV, vfifo.remove, 7)

    def test_a_peer_that_lies(self):
        with open(PATH, "r+b", buffering=0) as file:
            page = mmap.mmap(file.fileno(), mmap.PAGESIZE, offset=0x71000000)
            with vfifo.open(0) as o:
                words = memoryview(page).cast("I")
                good = words[0]
                words[0] = good + device.capacity + 1 & 0xFFFFFFFF
                for call in o.wait, o.peek, o.read:
                    with self.assertRaises(vfifo.BrokenError) as caught:
                        call()
                    self.assertEqual(caught.exception.filename, PATH)
                words[0] = good + 2 & 0xFFFFFFFF
                self.assertEqual(len(o.read()), 2)
                words.release()
            page.close()

    def test_a_killed_peer(self):
        code = "import time, vfifo; f = vfifo.open(0, 'w'); f.write(b'abc'); f.advance(9); time.sleep(99)"
        child = subprocess.Popen([sys.executable, "-c", code])
        o = self.open("r")
        self.assertEqual(o.read(), b"abc")
        child.kill()
        child.wait()
        self.assertRaises(TimeoutError, o.wait, timeout=0.01)
        with open(PATH, "wb") as writer:
            writer.write(b"shell")
        self.assertEqual(o.read(), b"shell")

    def test_an_interrupt_from_the_keyboard(self):
        code = """import vfifo
with vfifo.open(0) as f:
    try:
        f.wait()
    except KeyboardInterrupt:
        print(len(f.read()))
"""
        child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
        until(lambda: device.consumer == child.pid)
        time.sleep(0.3)
        child.send_signal(signal.SIGINT)
        with open(PATH, "wb") as writer:
            writer.write(b"1234")
        self.assertEqual(child.communicate(timeout=30)[0], b"4\n")

    def test_a_child_after_fork(self):
        o = self.open("r")
        with open(PATH, "wb") as writer:
            writer.write(b"abc")
        kept = o.peek()[1:]
        pid = os.fork()
        if not pid:
            code = 1
            try:
                self.assertEqual(bytes(kept), b"bc")
                self.fails(errno.ESTALE, o.read)
                del kept
                o.close()
                code = 0
            finally:
                os._exit(code)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0)
        self.assertEqual(device.consumer, os.getpid())
        del kept
        self.assertEqual(o.read(), b"abc")


class Asyncio(Case):
    def run_(self, main):
        return asyncio.run(asyncio.wait_for(main, 60))

    def test_both_ends_in_one_loop(self):
        i, o, data = self.open("w"), self.open("r"), os.urandom(1 << 20)

        async def receive():
            got = bytearray()
            while len(got) < len(data):
                got += await o.read_async()
            return got

        async def main():
            return (await asyncio.gather(i.write_async(data), receive()))[1]

        self.assertEqual(self.run_(main()), data)

    def test_more_and_fewer_than_the_watermark(self):
        device.read_watermark = 100
        for n in 1, 99, 100, 101, 3000:
            with vfifo.open(0) as o, open(PATH, "wb", buffering=0) as writer:

                async def feed():
                    for _ in range(n):
                        writer.write(b"x")
                        if not _ % 100:
                            await asyncio.sleep(0.001)

                async def main():
                    return (await asyncio.gather(o.wait_async(n), feed()))[0]

                self.assertIs(self.run_(main()), True)
                self.assertEqual(len(o.read()), n)

    def test_other_tasks_run_and_it_does_not_spin(self):
        o = self.open("r")

        async def main():
            begun = time.process_time()
            with self.assertRaises(TimeoutError):
                await asyncio.wait_for(o.wait_async(), 1)
            return time.process_time() - begun

        self.assertLess(self.run_(main()), 0.5)
        with open(PATH, "wb") as writer:
            writer.write(b"abc")
        self.assertEqual(o.read(), b"abc")

    def test_the_end_of_the_stream(self):
        device.eof = True
        with open(PATH, "wb") as writer, vfifo.open(0) as o:

            async def main():
                asyncio.get_running_loop().call_later(0.2, writer.close)
                self.assertIs(await o.wait_async(4), False)
                return await o.read_async()

            self.assertEqual(self.run_(main()), b"")

    def test_a_removed_device(self):
        vfifo.add(7)
        until(lambda: os.path.exists("/dev/vfifo7"))
        with vfifo.open(7) as o:

            async def main():
                asyncio.get_running_loop().call_later(0.2, vfifo.remove, 7)
                await o.wait_async()

            self.fails(errno.ENODEV, self.run_, main())

    def test_a_second_task_is_refused(self):
        o = self.open("r")

        async def main():
            first = asyncio.create_task(o.wait_async())
            await asyncio.sleep(0.05)
            with self.assertRaises(RuntimeError):
                await o.wait_async()
            first.cancel()
            await asyncio.wait([first])
            with open(PATH, "wb") as writer:
                writer.write(b"a")
            return await o.wait_async()

        self.assertIs(self.run_(main()), True)

    def test_a_close_while_it_waits(self):
        for n in 1, 5000:  # it sleeps in poll, or naps
            o = vfifo.open(0)

            async def main():
                asyncio.get_running_loop().call_later(0.2, o.close)
                await o.wait_async(n)

            self.assertRaises(ValueError, self.run_, main())


class Attributes(Case):
    def test_each_attribute(self):
        for folder, name in (device, ""), (device.generator, "generator"), (device.stats, "stats"):
            for file in sorted((FOLDER / name).iterdir()):
                if not file.is_file() or file.name in ("dev", "uevent"):
                    continue
                if file.name in ("clear", "reset", "trigger"):
                    getattr(folder, file.name)()
                    continue
                value, text = getattr(folder, file.name), file.read_bytes()
                if isinstance(value, bytes):
                    self.assertEqual(value, text)
                else:
                    text = text.decode().removesuffix("\n")
                    self.assertEqual(value if isinstance(value, str) else str(int(value)), text)
                # What root may write can be written back.
                if file.stat().st_mode & 0o200 and file.name not in ("producer", "consumer"):
                    setattr(folder, file.name, value)

    def test_stores(self):
        before = device.capacity
        device.capacity = 100000
        self.assertEqual(device.capacity, 131072)
        device.capacity = before
        device.label = "Prüfstand"
        self.assertEqual((device.label, (FOLDER / "label").read_text()), ("Prüfstand", "Prüfstand\n"))
        device.label = ""
        self.assertEqual(device.label, "")
        e = self.fails(errno.EINVAL, setattr, device, "overflow", "x")
        self.assertTrue(e.filename.endswith("/vfifo0/overflow"))
        device.generator.text = b"ab"
        self.assertEqual(device.generator.text, b"ab")
        device.generator.period_us = 1000
        device.mode = 1
        with vfifo.open(0) as o:
            self.assertTrue(o.wait(4, timeout=30))
            self.assertEqual(bytes(o.peek()[:4]), b"abab")
        device.mode = 0
        device.clear()
        device.generator.count = 3
        device.generator.trigger()
        with vfifo.open(0) as o:
            self.assertTrue(o.wait(6, timeout=30))
        while device.mode:
            time.sleep(0.001)
        self.assertEqual(device.size, 6)
        device.clear()
        device.generator.count = 0
        device.generator.text = b"AUTO "
        device.generator.period_us = 1000000
        with vfifo.open(0):
            self.fails(errno.EBUSY, device.clear)

# SPDX-License-Identifier: LGPL-2.1-or-later
"""One end of a vfifo in a Python program, without a copy and without system calls.

A vfifo is a FIFO of bytes in the kernel that has a name: /dev/vfifo0. Any program can read and
write it. This module is for a program that claims one end, with libvfifo, and then has the bytes in
its own memory:

    with vfifo.open(0, "w") as f:           with vfifo.open(0, "r") as f:
        f.wait(4)                               while f.wait():
        f.reserve(4)[:4] = b"abc\\n"                 with f.peek() as span:
        f.commit(4)                                     n = use(span)
                                                    f.consume(n)

reserve() and peek() return a memoryview of the FIFO itself, so numpy.frombuffer() and struct work on
it without a copy. This span ends with the next call of its end that moves, waits or looks, and
cannot be used afterwards. A slice or an array that was made of it keeps the bytes: such a call is
BufferError until it is deleted. write(), read() and readinto() copy.

A FIFO of records (attribute framing) is opened with records=True. Its ends have reserve_record(),
commit_record(), peek_record(), consume_record(), write_record() and read_record(), and no other
calls that move.

For asyncio there are wait_async(), read_async() and write_async(). Device has the attributes, such
as Device(0).size.

Errors are OSError with the errno of the library and the path as filename: BlockingIOError for
EAGAIN, TimeoutError, PermissionError and so on; BrokenError if the other end has stored an invalid
position. A method of an end that is closed is ValueError.

Threads: a call from a second thread, while one is in progress, is RuntimeError. Use two ends in two
threads. Fork: the claim stays with the parent; in the child, every call but close() is OSError with
ESTALE.

Use this module instead of a mapping of your own. A position must be stored by one store, and after
the bytes. struct.pack_into() does not do that: it stores zeroes first, so the other end sees an
invalid position.
"""

from __future__ import annotations

import asyncio
import operator
import os
from typing import TYPE_CHECKING, Any, Callable, Literal, overload

from . import _vfifo
from ._device import Device, Generator, Stats, add, devices, remove
from ._vfifo import BrokenError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

    _Device = int | str | bytes | os.PathLike[str] | os.PathLike[bytes]

__all__ = [
    "BrokenError",
    "Consumer",
    "Device",
    "Generator",
    "Producer",
    "Stats",
    "add",
    "devices",
    "open",
    "remove",
]

_NAP, _NAP_MAX = 0.001, 0.016  # seconds; the longest is VFIFO_NAP_MAX_MS of the library


class _Asyncio(_vfifo.End):
    """What both ends have for asyncio."""

    _waiter: asyncio.Future[bool] | None = None
    _fd = -1  # that _waiter watches

    @property
    def device(self) -> Device:
        """The attributes of the device."""
        return Device(self)

    async def wait_async(self, n: int = 1) -> bool:
        """As wait(), while other tasks run. Use asyncio.timeout() or wait_for() for a limit.

        A second task that waits for the same end is RuntimeError. If the end is closed meanwhile,
        that is ValueError.
        """
        nap, ready = _NAP, False
        while True:
            try:
                return self.wait(n, timeout=0)
            except TimeoutError:
                pass
            # The descriptor is ready at the watermark, not at n. For fewer bytes it may stay as it
            # is although they are there; for more it is ready before they are there.
            napping = ready or n < self.watermark
            if ready:
                await asyncio.sleep(nap)
                ready = False
            else:
                ready = await self._ready(nap if napping else None)
            if napping:
                nap = min(2 * nap, _NAP_MAX)

    def _watchers(
        self, loop: asyncio.AbstractEventLoop
    ) -> tuple[Callable[..., None], Callable[[int], bool]]:
        if isinstance(self, _vfifo.Producer):
            return loop.add_writer, loop.remove_writer
        return loop.add_reader, loop.remove_reader

    async def _ready(self, timeout: float | None) -> bool:
        """Waits for the descriptor. Returns whether it is ready."""
        if self._waiter is not None:
            raise RuntimeError("another task waits for this end")
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[bool] = loop.create_future()
        fd = self.fileno()
        self._watchers(loop)[0](fd, _wake, waiter)
        self._waiter, self._fd = waiter, fd
        try:
            await asyncio.wait([waiter], timeout=timeout)
        finally:
            self._unwatch()
        return waiter.done() and waiter.result()

    def _unwatch(self) -> asyncio.Future[bool] | None:
        """Once for each wait: when the end is closed, the number soon belongs to another file."""
        waiter, self._waiter = self._waiter, None
        if waiter is not None:
            self._watchers(waiter.get_loop())[1](self._fd)
        return waiter

    def _end_wait(self) -> None:
        """The end is closed."""
        waiter = self._unwatch()
        if waiter is not None and not waiter.done():
            waiter.set_exception(ValueError("the end was closed"))

    def close(self) -> None:
        super().close()
        self._end_wait()

    close.__doc__ = _vfifo.End.close.__doc__

    def __exit__(self, *raised: Any) -> None:
        # It may close the end although close() raises BufferError.
        try:
            super().__exit__(*raised)
        finally:
            if self.closed:
                self._end_wait()


def _wake(waiter: asyncio.Future[bool]) -> None:
    if not waiter.done():
        waiter.set_result(True)


class Producer(_vfifo.Producer, _Asyncio):
    """Producer(path, *, records=False)

    The producer's end of the FIFO at path, claimed until it is closed. Its user fills bytes:

        span = f.reserve(least)     # a memoryview; BlockingIOError: wait(least), then again
        span[:n] = ...
        f.commit(n)                 # hands them to the consumer

    Raises OSError: EBUSY, if this end is claimed or the generator produces; ENOTTY, if path is not a
    vfifo; EPROTO, if records is not what the FIFO has; EPROTONOSUPPORT, if it is one of another ABI; or an error of open(2) and mmap(2).
    """

    async def write_async(self, data: ReadableBuffer) -> None:
        """As write(), while other tasks run. If it is cancelled, a part may be written."""
        with memoryview(data) as given, given.cast("B") as left:
            done = 0
            while done < len(left):
                await self.wait_async(min(len(left) - done, self.watermark))
                with left[done:] as rest:
                    done += self.write(rest, timeout=0)


class Consumer(_vfifo.Consumer, _Asyncio):
    """Consumer(path, *, records=False)

    The consumer's end of the FIFO at path, claimed until it is closed. Its user takes bytes:

        span = f.peek(least)        # a memoryview; BlockingIOError: wait(least), then again
        use(span[:n])
        f.consume(n)                # gives them back to the producer

    Raises OSError as Producer.
    """

    async def read_async(self, n: int | None = None) -> bytes:
        """As read(), while other tasks run."""
        if n == 0 or not await self.wait_async():
            return b""
        return self.read(n, timeout=0)


@overload
def open(
    device: _Device, mode: Literal["r", "rb"] = "r", *, records: bool = False
) -> Consumer: ...
@overload
def open(device: _Device, mode: Literal["w", "wb"], *, records: bool = False) -> Producer: ...
def open(device: Any, mode: str = "r", *, records: bool = False) -> Consumer | Producer:
    """Claims one end of a FIFO: 'r' returns a Consumer, 'w' a Producer.

    device is a number, 0 for /dev/vfifo0, or a path, such as /dev/vfifo/by-label/adc. Bytes are bytes:
    'rb' and 'wb' are the same as 'r' and 'w'. records: the FIFO is one of records. The caller closes the end, or uses it in a `with` block.
    """
    ends: dict[str, type[Consumer] | type[Producer]]
    ends = {"r": Consumer, "rb": Consumer, "w": Producer, "wb": Producer}
    if mode not in ends:
        raise ValueError(f"mode must be 'r' or 'w', not {mode!r}")
    if not isinstance(device, (str, bytes, os.PathLike)):
        device = f"/dev/vfifo{operator.index(device)}"
    return ends[mode](device, records=records)

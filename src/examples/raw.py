#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""raw.py produce|consume [BYTES [DEVICE]]

One end of a vfifo (/dev/vfifo0) without the library, by protocol.rst and <linux/vfifo.h> alone:
produce moves its standard input in, consume moves stored bytes to its standard output, BYTES
of them or until it is killed.

    seq 1000000 | ./raw.py produce & head -n 1000000 /dev/vfifo0

The module vfifo (python3-vfifo) does all this, and has none of the limits below.

Python has no memory barriers. Two places of the protocol (Moving bytes) need one:

- The bytes must be stored before the position (steps 2 and 3). The position is stored here by
  one 32-bit store of compiled code, after the bytes. A processor that keeps its stores in
  order, such as x86, needs no more. This program refuses to run on other processors: use the
  library there.
- The position must be visible before the holder loads `need` (steps 3 to 5). This program does
  not load `need`: it rings the doorbell after each move, and the kernel looks. That is one
  system call for each move, where a C program needs one for each time that the other side
  sleeps. It also covers every bit of `need` that a later kernel may define. To make up for the
  calls, it moves as many bytes at a time as there are.
"""

import fcntl
import mmap
import os
import platform
import select
import sys

PAGE = mmap.PAGESIZE
STATUS, PRODUCER, CONSUMER = 0x70000000, 0x71000000, 0x72000000
MAGIC, ABI = 0x4F464956, 1
KICK = 0xFB << 8 | 1  # _IO(VFIFO_IOC, 1)


class End:
    """The claim of one end: it lasts as long as the mapping of its position."""

    def __init__(self, device, producer):
        self.producer = producer
        self.fd = os.open(device, os.O_RDWR | os.O_CLOEXEC)
        # The status first: the capacity is fixed once something is mapped.
        status = self.words(STATUS, mmap.PROT_READ)
        magic, abi, self.capacity = status[0], status[1], status[2]
        if (magic, abi) != (MAGIC, ABI):
            sys.exit(f"{device}: not a vfifo, or a vfifo of another ABI")
        self.data = self.map(0, 2 * self.capacity, mmap.PROT_READ | mmap.PROT_WRITE)
        mine, other = (PRODUCER, CONSUMER) if producer else (CONSUMER, PRODUCER)
        self.theirs = self.words(other, mmap.PROT_READ)
        self.mine = self.words(mine, mmap.PROT_READ | mmap.PROT_WRITE)  # the claim
        self.own = self.mine[0]

    def map(self, offset, length, protection):
        return mmap.mmap(self.fd, length, mmap.MAP_SHARED, protection, offset=offset)

    def words(self, offset, protection):
        """A page as 32-bit numbers, each loaded and stored in one piece."""
        return memoryview(self.map(offset, PAGE, protection)).cast("I")

    def room(self):
        """Bytes that we may fill or take. The position of the peer is checked before use."""
        ahead, behind = self.own, self.theirs[0]
        if not self.producer:
            ahead, behind = behind, ahead
        used = ahead - behind & 0xFFFFFFFF
        if used > self.capacity:
            sys.exit("the position of the other end is invalid")
        return self.capacity - used if self.producer else used

    def wait(self):
        """Waits for room. Returns how many bytes there are."""
        events = select.POLLOUT if self.producer else select.POLLIN
        poll = select.poll()
        poll.register(self.fd, events)
        while not (room := self.room()):
            # poll(2) sets our bit of `need`, checks the positions again, then sleeps.
            if poll.poll()[0][1] & ~events:
                sys.exit("the device was removed, or is broken")
        return room

    def span(self, length):
        """The bytes at our position: contiguous, as the buffer is mapped twice."""
        start = self.own & self.capacity - 1
        return memoryview(self.data)[start : start + length]

    def move(self, length):
        self.own = self.own + length & 0xFFFFFFFF
        self.mine[0] = self.own
        fcntl.ioctl(self.fd, KICK)


def produce(end, left):
    while left > 0:
        done = os.readv(0, [end.span(min(end.wait(), left))])
        if not done:
            break
        end.move(done)
        left -= done


def consume(end, left):
    while left > 0:
        done = os.write(1, end.span(min(end.wait(), left)))
        end.move(done)
        left -= done


def main():
    verbs = {"produce": produce, "consume": consume}
    if len(sys.argv) < 2 or sys.argv[1] not in verbs:
        sys.exit(__doc__.split("\n", 1)[0])
    if platform.machine() not in ("x86_64", "i686"):
        sys.exit("this processor does not keep its stores in order, and Python has no barrier")
    verb = sys.argv[1]
    left = int(sys.argv[2]) if len(sys.argv) > 2 else sys.maxsize
    device = sys.argv[3] if len(sys.argv) > 3 else "/dev/vfifo0"
    verbs[verb](End(device, verb == "produce"), left)


if __name__ == "__main__":
    main()

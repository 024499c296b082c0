# SPDX-License-Identifier: GPL-2.0-or-later
"""client.py DEVICE: Python's selectors and asyncio on a vfifo, which its tests have for themselves.
Both directions are on one file."""

import asyncio
import os
import random
import selectors
import sys

DATA = random.Random(1).randbytes(1 << 20)


def by_selectors(device, selector):
    fd = os.open(device, os.O_RDWR | os.O_NONBLOCK)
    sent, got = 0, bytearray()
    with selector:
        selector.register(fd, selectors.EVENT_READ)
        assert selector.select(0.2) == [], "the FIFO is empty"
        selector.modify(fd, selectors.EVENT_READ | selectors.EVENT_WRITE)
        while len(got) < len(DATA):
            ready = selector.select(30)
            assert ready, "it hangs"
            for _, events in ready:
                if events & selectors.EVENT_WRITE and sent < len(DATA):
                    sent += os.write(fd, DATA[sent:])
                if sent == len(DATA):
                    selector.modify(fd, selectors.EVENT_READ)
                if events & selectors.EVENT_READ:
                    got += os.read(fd, 5000)
    os.close(fd)
    assert got == DATA


async def by_asyncio(device):
    loop = asyncio.get_running_loop()
    file = open(device, "r+b", buffering=0)
    reader = asyncio.StreamReader()
    incoming, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), file)
    duplicate = open(os.dup(file.fileno()), "wb", buffering=0)
    outgoing, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, duplicate)
    writer = asyncio.StreamWriter(outgoing, protocol, None, loop)

    async def send():
        for at in range(0, len(DATA), 10000):
            writer.write(DATA[at:at + 10000])
            await writer.drain()

    _, got = await asyncio.gather(send(), reader.readexactly(len(DATA)))
    assert got == DATA
    outgoing.close()
    incoming.close()


def main(device):
    print(sys.version.split()[0])
    for kind in selectors.SelectSelector, selectors.PollSelector, selectors.EpollSelector:
        by_selectors(device, kind())
        print(kind.__name__)
    asyncio.run(asyncio.wait_for(by_asyncio(device), 60))
    print("asyncio")


main(sys.argv[1])

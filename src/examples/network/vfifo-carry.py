#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""usage: vfifo-carry send DEVICE WHERE
       vfifo-carry receive DEVICE WHERE

Carries the stream of a vfifo to another machine, or from there, through an engine that exists.
WHERE is one of

    mqtt://HOST[:PORT]/TOPIC    a broker of MQTT (QoS 2, persistent sessions): python3-paho-mqtt
    redis://HOST[:PORT]/STREAM  a stream of Redis: python3-redis
    lines COMMAND...            a program that takes, or prints, lines of text

Each block of bytes is one message, one entry, or one line in base64. `send` takes a block out of
the FIFO only after the engine has acknowledged it (for `lines`: after the program has got it).
`receive` puts a block into the FIFO as a whole. One `send` and one `receive` use a topic or a
stream. SIGTERM ends both between two blocks, and `send` also ends at the end of the stream.
"""

import base64
import os
import signal
import subprocess
import sys
import threading
import time
from urllib.parse import urlsplit

import vfifo

BLOCK = 16 << 10  # bytes of a message; the FIFO that receives must have at least this capacity
ENTRIES = 1024  # blocks that wait in Redis before the sender waits as well

PATIENCE = 10  # seconds after SIGTERM for which a block still waits for the engine, or for space

stopping = False
patience_ends = None


def stop(*_):
    global stopping, patience_ends
    stopping = True
    patience_ends = time.monotonic() + PATIENCE


def may_give_up(why):
    if stopping and time.monotonic() > patience_ends:
        sys.exit(f"stopped {why}")


def tell(text):
    print(text, file=sys.stderr, flush=True)


def has_bytes(fifo):
    """Waits for bytes. Returns False at the end of the stream, or after SIGTERM."""
    while not stopping:
        try:
            return fifo.wait(1, 0.5)
        except TimeoutError:
            pass
    return False


def blocks(fifo):
    """Yields the stored bytes in blocks. A block is consumed when the next one is asked for, so a
    block whose delivery fails is still stored."""
    while has_bytes(fifo):
        with fifo.peek() as span:
            block = bytes(span[:BLOCK])
        yield block
        fifo.consume(len(block))


def put(fifo, block):
    """Stores the block as a whole, in one step: a receiver that is killed has not stored half of it."""
    while True:
        try:
            fifo.wait(len(block), 0.5)
            break
        except TimeoutError:
            may_give_up("while the FIFO is full")
    fifo.reserve(len(block))[: len(block)] = block
    fifo.commit(len(block))


def mqtt_client(action, where):
    import paho.mqtt.client as mqtt

    url = urlsplit(where)
    topic = url.path[1:]
    # The broker keeps a session under this name, with what was not delivered yet.
    client = mqtt.Client(
        mqtt.CallbackAPIVersion.VERSION2,
        client_id=f"vfifo-{action}-{topic}",
        clean_session=False,
    )

    def connected(client, _, flags, reason, __):
        tell(f"broker: {reason}")
        # A persistent session keeps the subscription, but it can be a new one.
        if action == "receive" and not reason.is_failure:
            client.subscribe(topic, qos=2)

    client.on_connect = connected
    client.on_disconnect = lambda client, _, flags, reason, __: tell(f"broker: {reason}")
    client.reconnect_delay_set(1, 10)
    client.connect_async(url.hostname, url.port or 1883)
    return client, topic


def mqtt_send(fifo, where):
    client, topic = mqtt_client("send", where)
    acknowledged = threading.Event()
    client.on_publish = lambda *_: acknowledged.set()
    client.loop_start()
    for block in blocks(fifo):
        acknowledged.clear()
        # While there is no connection the message waits in the client, which reconnects.
        client.publish(topic, block, qos=2)
        while not acknowledged.wait(0.5):
            may_give_up("without an answer of the broker")
    client.disconnect()
    client.loop_stop()


def mqtt_receive(fifo, where):
    client, _ = mqtt_client("receive", where)
    client.on_message = lambda client, _, message: put(fifo, message.payload)

    def end():
        while not stopping:
            time.sleep(0.5)
        client.disconnect()

    threading.Thread(target=end, daemon=True).start()
    client.loop_forever(retry_first_connection=True)


def redis_stream(where):
    """Returns the name of the stream, and a function that calls a method of the server until the
    server has answered."""
    import redis

    url = urlsplit(where)
    server = redis.Redis(
        url.hostname, url.port or 6379, socket_timeout=10, socket_connect_timeout=5, socket_keepalive=True
    )

    def call(method, *arguments, **options):
        while True:
            try:
                return getattr(server, method)(*arguments, **options)
            except (redis.ConnectionError, redis.TimeoutError) as error:
                if stopping:
                    sys.exit(f"stopped without an answer: {error}")
                tell(f"server: {error}")
                time.sleep(1)

    return url.path[1:], call


def redis_send(fifo, where):
    import redis

    stream, call = redis_stream(where)
    number = 0
    if call("exists", stream):
        number = int(call("xinfo_stream", stream)["last-generated-id"].split(b"-")[0])
    for block in blocks(fifo):
        while call("xlen", stream) >= ENTRIES and not stopping:
            time.sleep(0.1)
        number += 1
        try:
            call("xadd", stream, {"bytes": block}, id=f"{number}-0")
        except redis.ResponseError as error:
            # The first try was carried out, but its answer was lost.
            if "equal or smaller" not in str(error):
                raise


def redis_receive(fifo, where):
    stream, call = redis_stream(where)
    # What is still in the stream was not put into the FIFO.
    last = b"0"
    while not stopping:
        for _, entries in call("xread", {stream: last}, count=1, block=500):
            for last, fields in entries:
                put(fifo, fields[b"bytes"])
                call("xdel", stream, last)


def lines_send(fifo, *command):
    with subprocess.Popen(command, stdin=subprocess.PIPE) as program:
        for block in blocks(fifo):
            line = base64.b64encode(block) + b"\n"
            # kcat reads 1024 bytes at a time, so it would wait for the end of the line. It skips
            # the empty lines.
            program.stdin.write(line + b"\n" * (-len(line) % 1024))
            program.stdin.flush()
    # The program had its end of file, and has delivered the rest.
    sys.exit(program.returncode)


def lines_receive(fifo, *command):
    with subprocess.Popen(command, stdout=subprocess.PIPE) as program:
        signal.signal(signal.SIGTERM, lambda *_: (stop(), program.terminate()))
        for line in program.stdout:
            if not line.endswith(b"\n"):
                sys.exit("the last line is not whole")
            put(fifo, base64.b64decode(line[:-1], validate=True))
    sys.exit(program.returncode)


ENGINES = {
    "send": {"mqtt": mqtt_send, "redis": redis_send, "lines": lines_send},
    "receive": {"mqtt": mqtt_receive, "redis": redis_receive, "lines": lines_receive},
}


def main():
    try:
        action, device, where, *command = sys.argv[1:]
        carry = ENGINES[action][where.split(":")[0]]
    except (ValueError, KeyError):
        sys.exit(__doc__)
    signal.signal(signal.SIGTERM, stop)
    with vfifo.open(os.path.join("/dev", device), "r" if action == "send" else "w") as fifo:
        carry(fifo, *(command or [where]))


main()

# SPDX-License-Identifier: LGPL-2.1-or-later
"""The attributes of a device: files of sysfs. sysfs-class-vfifo describes each of them."""

from __future__ import annotations

import errno
import operator
import os
from typing import Any, Callable

_SYSFS = "/sys"


def _store(path: str, value: bytes) -> None:
    """One write(2), as the kernel takes a value in one piece."""
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(fd, value)
        finally:
            os.close(fd)
    except OSError as e:
        raise OSError(e.errno, e.strerror, path) from None


def _load(path: str) -> bytes:
    with open(path, "rb", buffering=0) as f:
        try:
            return f.read()
        except OSError as e:
            raise OSError(e.errno, e.strerror, path) from None


def _number(text: bytes) -> int:
    return int(text)


def _of_number(value: Any) -> bytes:
    return b"%d" % operator.index(value)


def _flag(text: bytes) -> bool:
    return int(text) != 0


def _of_flag(value: Any) -> bytes:
    return b"1" if value else b"0"


def _text(text: bytes) -> str:
    return os.fsdecode(text.removesuffix(b"\n"))


def _of_text(value: Any) -> bytes:
    # An empty write(2) does not reach the kernel's attribute.
    return os.fsencode(value) + b"\n"


def _bytes(text: bytes) -> bytes:
    return text


def _of_bytes(value: Any) -> bytes:
    return bytes(memoryview(value))


class _Attribute:
    """A file of sysfs as a property."""

    def __init__(
        self, load: Callable[[bytes], Any], store: Callable[[Any], bytes] | None, doc: str
    ) -> None:
        self.load, self.store, self.__doc__ = load, store, doc

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, folder: Any, owner: type | None = None) -> Any:
        if folder is None:
            return self
        return self.load(_load(os.path.join(folder.path, self.name)))

    def __set__(self, folder: Any, value: Any) -> None:
        if self.store is None:
            raise AttributeError(f"{self.name} can only be read")
        _store(os.path.join(folder.path, self.name), self.store(value))


def _count(doc: str) -> Any:
    return _Attribute(_number, None, doc)


def _setting(doc: str) -> Any:
    return _Attribute(_number, _of_number, doc)


def _switch(doc: str) -> Any:
    return _Attribute(_flag, _of_flag, doc)


def _word(doc: str) -> Any:
    return _Attribute(_text, _of_text, doc)


class _Folder:
    __slots__ = {"path": "the folder in sysfs"}

    def __init__(self, path: str) -> None:
        self.path = path


class Generator(_Folder):
    """The generator of a device: a producer in the kernel. Device.mode starts and stops it."""

    __slots__ = ()

    pattern: str = _word("'text', 'counter', 'ramp', 'prbs31' or 'zero'")
    text: bytes = _Attribute(_bytes, _of_bytes, "the text of the pattern 'text'")  # type: ignore
    period_us: int = _setting("the microseconds between bursts")
    burst: int = _setting("the bytes of a burst; 0: the text once, or 1024")
    count: int = _setting("the bursts until it stops by itself; 0: it does not")

    def trigger(self) -> None:
        """Starts one count, or one burst, at once."""
        _store(os.path.join(self.path, "trigger"), b"1")


class Stats(_Folder):
    """The counters of a device."""

    __slots__ = ()

    in_bytes: int = _count("bytes ever produced")
    out_bytes: int = _count("bytes ever consumed")
    dropped_bytes: int = _count("bytes lost for lack of space")
    dropped_records: int = _count("records lost for lack of space")
    reads: int = _count("system calls that read")
    writes: int = _count("system calls that wrote")
    kicks: int = _count("calls of VFIFO_KICK")
    wakeups: int = _count("wake-ups of waiters")

    def reset(self) -> None:
        """Sets the counters to 0."""
        _store(os.path.join(self.path, "reset"), b"1")


class Device(_Folder):
    """Device(device)

    The attributes of a device: each access reads or writes a file of sysfs. All users may read them,
    and root may write them. device is a number, a path of its node, or one of its ends.

    Raises OSError: ENODEV, if there is no such device; ENOTTY, if the path is not a vfifo.
    """

    __slots__ = ()

    def __init__(self, device: Any) -> None:
        if not isinstance(device, (str, bytes, os.PathLike)) and not hasattr(device, "fileno"):
            number = operator.index(device)
            path = os.path.join(_SYSFS, f"class/vfifo/vfifo{number}")
            if not os.path.isdir(path):
                raise OSError(errno.ENODEV, f"there is no vfifo{number}", path)
        else:
            path = _folder_of(device)
        super().__init__(path)

    size: int = _count("the bytes that are stored")
    capacity: int = _setting("the bytes that can be stored; a write rounds up to a power of two")
    memory: str = _word(
        "'cached', 'write-combining', 'uncached', 'coherent' or 'contiguous': where the bytes are"
    )
    framing: str = _word("'bytes', or 'records': each write(2) is kept apart from the others")
    mode: int = _setting("1: the generator produces; 0: it does not")
    read_watermark: int = _setting("the stored bytes from which on poll(2) reports POLLIN")
    write_watermark: int = _setting("the free bytes from which on poll(2) reports POLLOUT")
    overflow: str = _word("what write(2) does if there is no space: 'block', 'drop' or 'overwrite'")
    eof: bool = _switch("whether the stream ends when no producer is left")
    scrub: bool = _switch("whether bytes are overwritten with zeroes when they are read")
    label: str = _word("a name: udev makes the link /dev/vfifo/by-label/LABEL")
    mappings: int = _count("the mappings of the device")
    producer: int = _setting("the process that claims this side; root writes 0 to revoke the claim")
    consumer: int = _setting("the process that claims this side; root writes 0 to revoke the claim")

    def clear(self) -> None:
        """Drops the stored bytes."""
        _store(os.path.join(self.path, "clear"), b"1")

    @property
    def generator(self) -> Generator:
        """The attributes in the folder generator."""
        return Generator(os.path.join(self.path, "generator"))

    @property
    def stats(self) -> Stats:
        """The counters in the folder stats."""
        return Stats(os.path.join(self.path, "stats"))

    @property
    def name(self) -> str:
        """The name in the kernel, such as vfifo0."""
        return os.path.basename(self.path)

    def __repr__(self) -> str:
        return f"<vfifo.Device {self.name}>"


def _folder_of(device: Any) -> str:
    """The folder of the device of a node, by its number: a link or a copy of the node will do."""
    is_file = hasattr(device, "fileno")
    status = os.fstat(device.fileno()) if is_file else os.stat(device)
    number = f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}"
    path = os.path.realpath(os.path.join(_SYSFS, "dev/char", number))
    subsystem = os.path.realpath(os.path.join(path, "subsystem"))
    if os.path.basename(subsystem) != "vfifo":
        name = getattr(device, "name", None) if is_file else os.fspath(device)
        raise OSError(errno.ENOTTY, "not a vfifo", name)
    return path


def devices() -> list[int]:
    """The numbers of the devices that there are."""
    try:
        names = os.listdir(os.path.join(_SYSFS, "class/vfifo"))
    except FileNotFoundError:
        return []
    return sorted(int(n[5:]) for n in names if n.startswith("vfifo") and n[5:].isdecimal())


def add(number: int) -> Device:
    """Makes a device. For root only. Its node, /dev/vfifoN, belongs to root until udev has seen it."""
    _store(os.path.join(_SYSFS, "class/vfifo/add"), _of_number(number))
    return Device(number)


def remove(number: int) -> None:
    """Removes a device. For root only."""
    _store(os.path.join(_SYSFS, "class/vfifo/remove"), _of_number(number))

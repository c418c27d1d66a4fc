"""Any recording, read without ROS: rosbag2 (MCAP, SQLite), ROS 1, split, compressed, cut short.

What is wrong with a file and can be done without is told in :attr:`BagReader.notes`; what cannot
is an INVALID_BAG with one sentence, whatever the bytes of a file make its reader raise.
"""

from __future__ import annotations

import shutil
import sqlite3
import struct
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from rosbags.convert.converter import generate_message_converter
from rosbags.highlevel import AnyReader
from rosbags.interfaces import Connection, ConnectionExtRosbag1, ConnectionExtRosbag2, Qos
from rosbags.typesys.store import Typestore

from unihm.errors import ErrorCode, UnihmError
from unihm.learning.datasets.bag import MessageTypes

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_RENAMED = {"tf/msg/tfMessage": "tf2_msgs/msg/TFMessage"}  # since ROS 1
_MCAP_MAGIC = b"\x89MCAP0\r\n"
_MCAP_END = (
    b"\x0f" + struct.pack("<QI", 4, 0)  # end of data, without a checksum
    + b"\x02" + struct.pack("<QQQI", 20, 0, 0, 0)  # footer: there is no summary
    + _MCAP_MAGIC
)  # fmt: skip


@dataclass(frozen=True)
class BagTopic:
    """A topic of a bag.

    Attributes:
        kind: message type, ``package/msg/Name``.
        count: messages.
        qos: that its publishers offered; empty where the bag does not say.
        latched: whether a late listener was to get the last message.
    """

    kind: str
    count: int
    qos: tuple[Qos, ...]
    latched: bool


@dataclass(frozen=True)
class BagMessage:
    """A message of a bag.

    Attributes:
        topic: that it was on.
        kind: its type.
        nanoseconds: when it was recorded.
        data: it, serialised as ROS 2 does (CDR).
        read: makes an object of it, with attributes called as the message's fields.
    """

    topic: str
    kind: str
    nanoseconds: int
    data: bytes
    read: Callable[[], Any]


class BagReader:
    """The messages of one recording, in the order in which they were recorded.

    Use it as a context manager.

    Args:
        path: the folder of a rosbag2 recording, one ``.mcap`` or ``.db3`` file of it, or a ROS 1
            ``.bag``.
        types: for bags that do not carry their messages' definitions.

    Attributes:
        topics: by name.
        notes: sentences on what is wrong with the files and was done without.

    Raises:
        UnihmError: INVALID_BAG.
    """

    def __init__(self, path: Path, types: MessageTypes | None = None) -> None:
        self.path = path
        self.topics: dict[str, BagTopic] = {}
        self.notes: list[str] = []
        self._types = types or MessageTypes()
        self._stack = ExitStack()
        self._converters: dict[str, Callable[[bytes], Any] | None] = {}

    def __enter__(self) -> BagReader:
        try:
            self._reader = self._open()
        except BaseException as error:
            self._stack.close()
            if isinstance(error, Exception) and not isinstance(error, UnihmError):
                raise self._failure(error) from error
            raise
        for connection in self._reader.connections:
            self.topics[connection.topic] = _topic(connection, self.topics.get(connection.topic))
        return self

    @property
    def duration(self) -> float:
        """Seconds from the first message to the last."""
        return max(0, self._reader.duration) * 1e-9 if self.topics else 0.0

    @property
    def start(self) -> int:
        """Nanoseconds of the first message."""
        return int(self._reader.start_time)

    def of_kind(self, *kinds: str) -> list[str]:
        """Topics with messages of these types, by name."""
        return sorted(name for name, topic in self.topics.items() if topic.kind in kinds)

    def messages(self, topics: Iterable[str] | None = None) -> Iterator[BagMessage]:
        """The messages of some topics, or of all.

        Raises:
            UnihmError: INVALID_BAG at the place where the file is damaged; what comes before it was
                given.
        """
        wanted = None if topics is None else set(topics)
        connections = [c for c in self._reader.connections if wanted is None or c.topic in wanted]
        if not connections:
            return
        count = 0
        try:
            for connection, nanoseconds, data in self._reader.messages(connections):
                yield self._message(connection, nanoseconds, data)
                count += 1
        except Exception as error:
            raise self._failure(error, f" after {count} messages") from error

    def _message(self, connection: Connection, nanoseconds: int, data: bytes) -> BagMessage:
        kind = _RENAMED.get(connection.msgtype, connection.msgtype)
        if not self._reader.is2:
            data = self._to_ros2(connection.msgtype, kind)(data)
            store = self._types.store
        else:
            store = self._reader.typestore
        raw = bytes(data)

        def read() -> Any:
            try:
                return _deserialized(store, raw, kind)
            except Exception as error:
                raise self._failure(error, f" in a message on {connection.topic}") from error

        return BagMessage(connection.topic, kind, nanoseconds, raw, read)

    def _to_ros2(self, old: str, new: str) -> Callable[[bytes], Any]:
        converter = self._converters.get(old)
        if converter is None:
            target = self._types.store if self._types.knows(new) else self._reader.typestore
            converter = generate_message_converter(
                self._reader.typestore, target, old, new, {}, src_is2=False, dst_is2=True
            )
            self._converters[old] = converter
        return converter

    # ------------------------------------------------------------ opening

    def _open(self) -> AnyReader:
        if not self.path.exists():
            raise UnihmError(ErrorCode.INVALID_BAG, f"There is no recording at {self.path}.")
        if (self.path / "metadata.yaml").is_file():
            try:
                return self._enter([self.path])
            except Exception as error:
                files = self._storage_files()
                self.notes.append(f"metadata.yaml was not used: {_words(error)}.")
        else:
            files = self._storage_files() if self.path.is_dir() else [self.path]
            if self.path.is_dir():
                self.notes.append("metadata.yaml is missing; the files themselves were read.")
        if not files:
            raise UnihmError(
                ErrorCode.INVALID_BAG,
                f"{self.path} holds no recording: no .mcap, .db3 or .bag file.",
            )
        return self._enter([self._readable(file) for file in files])

    def _enter(self, paths: list[Path]) -> AnyReader:
        reader = AnyReader(paths, default_typestore=self._types.store)
        return self._stack.enter_context(reader)

    def _storage_files(self) -> list[Path]:
        """The storage files of a folder, those of one kind, in the order of their names."""
        for suffix in (".mcap", ".db3", ".bag"):
            files = [
                path
                for path in self.path.iterdir()
                if path.name.removesuffix(".zstd").endswith(suffix)
            ]
            if files:
                # bag_10 comes behind bag_9.
                return sorted(files, key=lambda path: (len(path.name), path.name))
        return []

    def _readable(self, path: Path) -> Path:
        """The file, or a copy of it that was unpacked or mended."""
        if path.stat().st_size == 0:
            raise UnihmError(ErrorCode.INVALID_BAG, f"{path} is empty.")
        if path.suffix == ".zstd":
            path = self._unpacked(path)
        if path.suffix == ".mcap":
            return self._with_an_end(path)
        journal = path.with_name(f"{path.name}-journal")
        if path.suffix == ".db3" and journal.exists():
            return self._rolled_back(path, journal)
        return path

    def _scratch(self) -> Path:
        return Path(self._stack.enter_context(tempfile.TemporaryDirectory()))

    def _unpacked(self, path: Path) -> Path:
        copy = self._scratch() / path.stem
        with zstd.open(path, "rb") as source, copy.open("wb") as target:
            shutil.copyfileobj(source, target)
        return copy

    def _with_an_end(self, path: Path) -> Path:
        """A copy that ends behind its last whole record, where the writer had no time to end it."""
        with path.open("rb") as file:
            if file.read(8) != _MCAP_MAGIC:
                raise UnihmError(ErrorCode.INVALID_BAG, f"{path} is no MCAP file.")
            file.seek(-8, 2)
            if file.read(8) == _MCAP_MAGIC and path.stat().st_size > 60:
                return path
            end = _end_of_records(file, path.stat().st_size)
        self.notes.append(f"{path.name} was cut short; {end} bytes of it were read.")
        copy = self._scratch() / path.name
        with path.open("rb") as source, copy.open("wb") as target:
            left = end
            while left > 0:
                block = source.read(min(left, 1 << 20))
                target.write(block)
                left -= len(block)
            target.write(_MCAP_END)
        return copy

    def _rolled_back(self, path: Path, journal: Path) -> Path:
        """A copy without the transaction that its writer had no time to end."""
        folder = self._scratch()
        copy = folder / path.name
        shutil.copy(path, copy)
        shutil.copy(journal, folder / journal.name)
        with sqlite3.connect(copy) as database:
            database.execute("SELECT count(*) FROM sqlite_master").fetchone()
        database.close()
        self.notes.append(f"{path.name} was being written when its writer ended.")
        return copy

    def _failure(self, error: Exception, where: str = "") -> UnihmError:
        return UnihmError(
            ErrorCode.INVALID_BAG,
            f"{self.path} cannot be read{where}: {_words(error)}. Is there a better copy, or does "
            "`ros2 bag reindex` help?",
        )

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()


def _deserialized(store: Typestore, data: bytes, kind: str) -> Any:
    """A message of its CDR.

    ROS's own writers may leave bytes behind a message, which its readers ignore; rosbags' own
    ``deserialize_cdr`` refuses them.
    """
    if len(data) < 4 or data[0] != 0 or data[1] not in (0, 1):
        raise ValueError("the encapsulation is not CDR")
    definition = store.get_msgdef(kind)
    read = definition.deserialize_cdr_le if data[1] else definition.deserialize_cdr_be
    return read(data[4:], 0, definition.cls, store)[0]


def _words(error: Exception) -> str:
    return (str(error) or type(error).__name__).rstrip(".")


def _end_of_records(file: BinaryIO, size: int) -> int:
    """Behind the last whole record of an MCAP file that is not the end of its data."""
    place = 8
    while place + 9 <= size:
        file.seek(place)
        code, length = struct.unpack("<BQ", file.read(9))
        # Behind 0x0F comes the summary, which is not complete either.
        if code in (0x00, 0x02, 0x0F) or place + 9 + length > size:
            break
        place += 9 + length
    return place


def _topic(connection: Connection, before: BagTopic | None) -> BagTopic:
    """A connection's part of a topic, added to that of another publisher."""
    kind = _RENAMED.get(connection.msgtype, connection.msgtype)
    qos: tuple[Qos, ...] = ()
    latched = False
    if isinstance(connection.ext, ConnectionExtRosbag2):
        qos = tuple(connection.ext.offered_qos_profiles)
        latched = any(profile.durability.name == "TRANSIENT_LOCAL" for profile in qos)
    elif isinstance(connection.ext, ConnectionExtRosbag1):
        latched = bool(connection.ext.latching)
    count = connection.msgcount
    if before is not None:
        qos, count = before.qos + qos, count + before.count
        latched = latched or before.latched
    return BagTopic(kind, count, qos, latched)

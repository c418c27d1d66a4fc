"""Bags written without a ROS installation: MCAP or SQLite files that ``ros2 bag`` can read."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from rosbags.interfaces import Connection, Nodetype, Qos
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from unihm.errors import ErrorCode, UnihmError

#: How a bag may be stored.
STORAGES = ("mcap", "sqlite3")
_FAILURES = (OSError, sqlite3.Error)
CHECKPOINT = 1.0  # s: what was written longer ago is on disk, whatever ends the process


class MessageTypes:
    """Message types of ROS 2, and of every package whose definitions are installed.

    Args:
        prefixes: installation prefixes, as on ``AMENT_PREFIX_PATH``.

    Attributes:
        store: what is known so far.
    """

    def __init__(self, prefixes: Iterable[Path] = ()) -> None:
        self.store: Typestore = get_typestore(Stores.ROS2_KILTED)
        self._prefixes = tuple(prefixes)

    def knows(self, kind: str) -> bool:
        """Whether ``kind`` (``package/msg/Name``) is known, or installed and now known."""
        if kind in self.store.types:
            return True
        found: dict[str, Any] = {}
        wanted = [kind]
        while wanted:
            name = wanted.pop()
            if name in found or name in self.store.types:
                continue
            text = self._definition(name)
            if text is None:
                return False
            types = get_types_from_msg(text, name)
            found.update(types)
            wanted += [part for _, fields in types.values() for part in _parts(fields)]
        self.store.register(found)
        return True

    def _definition(self, kind: str) -> str | None:
        package, _, name = kind.split("/")
        for prefix in self._prefixes:
            path = prefix / "share" / package / "msg" / f"{name}.msg"
            if path.is_file():
                return path.read_text()
        return None


def _parts(fields: Sequence[tuple[str, Any]]) -> list[str]:
    """Message types that fields are of."""
    parts = []
    for _, (node, what) in fields:
        inner, name = what[0] if node in (Nodetype.ARRAY, Nodetype.SEQUENCE) else (node, what)
        if inner == Nodetype.NAME:
            parts.append(name)
    return parts


def installed_types() -> MessageTypes:
    """Every message type of the sourced installation."""
    prefixes = os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep)
    return MessageTypes(Path(prefix) for prefix in prefixes if prefix)


class BagWriter:
    """Serialised messages into one bag; use it as a context manager.

    An MCAP file is compressed (zstd) and carries the messages' definitions. Whatever ends the
    process, what was written more than :data:`CHECKPOINT` ago can be read.

    Args:
        path: folder of the bag; it must not exist.
        types: of the messages.
        storage: one of :data:`STORAGES`.

    Raises:
        UnihmError: INVALID_BAG where the folder exists, or cannot be written to.
    """

    def __init__(self, path: Path, types: MessageTypes, storage: str = "mcap") -> None:
        if path.exists():
            raise UnihmError(
                ErrorCode.INVALID_BAG, f"{path} exists; a recording goes into a folder of its own."
            )
        self.path = path
        self.messages = 0
        self._types = types
        self._writer = Writer(path, version=9, storage_plugin=StoragePlugin[storage.upper()])
        if storage == "mcap":
            self._writer.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD)
        self._connections: dict[tuple[str, str], Connection] = {}
        self._saved = time.monotonic()

    def __enter__(self) -> BagWriter:
        try:
            self._writer.open()
        except _FAILURES as error:
            raise self._failure(error) from error
        return self

    def knows(self, kind: str) -> bool:
        """Whether messages of ``kind`` (``package/msg/Name``) can be written."""
        return self._types.knows(kind)

    def write(self, topic: str, kind: str, nanoseconds: int, data: bytes, qos: list[Qos]) -> None:
        """Add a serialised message; ``qos`` counts for a topic's first message only.

        Raises:
            UnihmError: INVALID_BAG where the disk is full or gone; what was written before stays.
                MISSING_DEPENDENCY for a message whose definition is not to be found.
        """
        try:
            connection = self._connections.get((topic, kind))
            if connection is None:
                if not self.knows(kind):
                    raise UnihmError(
                        ErrorCode.MISSING_DEPENDENCY, f"The definition of {kind} is not installed."
                    )
                connection = self._writer.add_connection(
                    topic, kind, typestore=self._types.store, offered_qos_profiles=qos
                )
                self._connections[topic, kind] = connection
            self._writer.write(connection, nanoseconds, data)
            self.messages += 1
            if time.monotonic() - self._saved > CHECKPOINT:
                self.save()
        except _FAILURES as error:
            raise self._failure(error) from error

    def save(self) -> None:
        """Bring what was written to the disk, so that it can be read if this process is killed."""
        # rosbags keeps an MCAP chunk, or a whole SQLite transaction, until the bag is closed.
        storage: Any = self._writer.storage
        if hasattr(storage, "close_chunk"):
            if storage.chunk.bio.tell():
                storage.close_chunk()
            storage.bio.flush()
        else:
            storage.conn.commit()
        self._saved = time.monotonic()

    def _failure(self, error: Exception) -> UnihmError:
        reason = error.strerror if isinstance(error, OSError) else error
        return UnihmError(
            ErrorCode.INVALID_BAG,
            f"{self.path} cannot be written to ({reason}); what was recorded "
            "until now can be read.",
        )

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self._writer.close()
        except _FAILURES as failure:
            with suppress(*_FAILURES):
                self._writer.abort()
            if error is None:
                raise self._failure(failure) from failure

"""Bags written without a ROS installation: MCAP files that ``ros2 bag`` and Foxglove can read."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from rosbags.interfaces import Connection, Qos
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from unihm.errors import ErrorCode, UnihmError


def typestore(prefixes: list[Path]) -> Typestore:
    """Message types of ROS 2 and of ``unihm_msgs``, read from its installed definitions.

    Args:
        prefixes: installation prefixes, as on ``AMENT_PREFIX_PATH``.

    Raises:
        UnihmError: MISSING_DEPENDENCY where no prefix holds ``share/unihm_msgs``.
    """
    store = get_typestore(Stores.ROS2_KILTED)
    for prefix in prefixes:
        share = prefix / "share" / "unihm_msgs" / "msg"
        if share.is_dir():
            types = {}
            for path in sorted(share.glob("*.msg")):
                types.update(get_types_from_msg(path.read_text(), f"unihm_msgs/msg/{path.stem}"))
            store.register(types)
            return store
    raise UnihmError(
        ErrorCode.MISSING_DEPENDENCY,
        "The definitions of unihm_msgs were not found; build the workspace and `source env.sh`.",
    )


class BagWriter:
    """Serialised messages into one compressed MCAP bag; use it as a context manager.

    Args:
        path: folder of the bag; it must not exist.
        store: of :func:`typestore`.
    """

    def __init__(self, path: Path, store: Typestore) -> None:
        self._store = store
        self._writer = Writer(path, version=9, storage_plugin=StoragePlugin.MCAP)
        self._writer.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD)
        self._connections: dict[str, Connection] = {}

    def __enter__(self) -> BagWriter:
        self._writer.open()
        return self

    def knows(self, kind: str) -> bool:
        """Whether messages of ``kind`` (``package/msg/Name``) can be written."""
        return kind in self._store.types

    def write(self, topic: str, kind: str, nanoseconds: int, data: bytes, qos: list[Qos]) -> None:
        """Add a serialised message; ``qos`` counts for a topic's first message only."""
        connection = self._connections.get(topic)
        if connection is None:
            connection = self._writer.add_connection(
                topic, kind, typestore=self._store, offered_qos_profiles=qos
            )
            self._connections[topic] = connection
        self._writer.write(connection, nanoseconds, data)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._writer.close()

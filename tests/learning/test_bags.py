"""Bags that were written here, by others, cut short or damaged: read without ROS."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rosbags.interfaces import Qos
from rosbags.rosbag1 import Writer as Ros1Writer
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore
from unihm.errors import ErrorCode, UnihmError
from unihm.learning.datasets.bag import STORAGES, BagWriter, MessageTypes
from unihm.learning.datasets.bag_reader import BagReader

STORE = get_typestore(Stores.ROS2_KILTED)
STRING = "std_msgs/msg/String"
NO_QOS: list[Qos] = []


def text(words: str) -> bytes:
    return bytes(STORE.serialize_cdr(STORE.types[STRING](words), STRING))


def write(path: Path, storage: str = "mcap", count: int = 5) -> Path:
    with BagWriter(path, MessageTypes(), storage) as bag:
        for i in range(count):
            bag.write("/words", STRING, 10**9 + i, text(f"word {i}"), NO_QOS)
    return path


def words(path: Path) -> list[str]:
    with BagReader(path) as bag:
        return [message.read().data for message in bag.messages()]


ALL = [f"word {i}" for i in range(5)]


@pytest.mark.parametrize("storage", STORAGES)
def test_what_is_written_is_read(tmp_path: Path, storage: str) -> None:
    path = write(tmp_path / "bag", storage)
    assert words(path) == ALL
    with BagReader(path) as bag:
        assert bag.topics["/words"].count == 5
        assert bag.of_kind(STRING) == ["/words"]
        assert not bag.notes
        assert bag.start == 10**9
        times = [message.nanoseconds for message in bag.messages(["/words"])]
        assert times == [10**9 + i for i in range(5)]
        assert not list(bag.messages([]))
    (file,) = (p for p in path.iterdir() if p.suffix in (".mcap", ".db3"))
    assert words(file) == ALL  # a file of it alone
    (path / "metadata.yaml").unlink()
    with BagReader(path) as bag:
        assert "metadata.yaml is missing" in bag.notes[0]
    assert words(path) == ALL


def test_a_recording_never_goes_over_another(tmp_path: Path) -> None:
    path = write(tmp_path / "bag")
    with pytest.raises(UnihmError, match="exists") as caught:
        BagWriter(path, MessageTypes())
    assert caught.value.code is ErrorCode.INVALID_BAG


WRITING = """
import sys, time
from pathlib import Path
sys.path.insert(0, {tests!r})
from unihm.learning.datasets.bag import BagWriter, MessageTypes
from test_bags import STRING, text
with BagWriter(Path({path!r}), MessageTypes(), {storage!r}) as bag:
    for i in range(5):
        bag.write("/words", STRING, 10**9 + i, text(f"word {{i}}"), [])
    bag.save()
    for i in range(5, 8):
        bag.write("/words", STRING, 10**9 + i, text(f"word {{i}}"), [])
    print("written", flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("storage", STORAGES)
def test_of_a_writer_that_was_killed_all_that_was_saved_is_read(
    tmp_path: Path, storage: str
) -> None:
    path = tmp_path / "bag"
    code = WRITING.format(path=str(path), tests=str(Path(__file__).parent), storage=storage)
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"written\n"
        process.send_signal(signal.SIGKILL)
    assert words(path)[:5] == ALL


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.999])
def test_a_file_that_was_cut_short_gives_what_is_whole(tmp_path: Path, share: float) -> None:
    path = tmp_path / "bag"
    with BagWriter(path, MessageTypes()) as bag:
        for i in range(40):
            bag.write("/words", STRING, 10**9 + i, text(f"word {i}"), NO_QOS)
            bag.save()
    file = path / "bag.mcap"
    size = int(share * file.stat().st_size)
    os.truncate(file, size)
    with BagReader(path) as bag:
        read = [message.read().data for message in bag.messages()]
        assert any("cut short" in note for note in bag.notes)
    assert read == [f"word {i}" for i in range(len(read))]
    # What is cut off at last is the index.
    assert len(read) == 40 if share > 0.8 else len(read) > 0
    assert len(read) < 40 or share > 0.5


def test_split_and_compressed_bags(tmp_path: Path) -> None:
    folder = tmp_path / "split"
    folder.mkdir()
    for part in range(11):
        made = tmp_path / f"part{part}"
        writer = Writer(made, version=9, storage_plugin=StoragePlugin.MCAP)
        writer.set_compression(CompressionMode.FILE, CompressionFormat.ZSTD)
        with writer:
            topic = writer.add_connection("/words", STRING, typestore=STORE)
            writer.write(topic, 10**9 + part, text(f"word {part}"))
        shutil.move(next(made.glob("*.zstd")), folder / f"split_{part}.mcap.zstd")
    assert words(folder) == [f"word {i}" for i in range(11)]


def test_messages_compressed_one_by_one(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "bag", version=9, storage_plugin=StoragePlugin.SQLITE3)
    writer.set_compression(CompressionMode.MESSAGE, CompressionFormat.ZSTD)
    with writer:
        topic = writer.add_connection("/words", STRING, typestore=STORE)
        for i in range(5):
            writer.write(topic, i, text(f"word {i}"))
    assert words(tmp_path / "bag") == ALL


def test_a_bag_of_ros_1_speaks_the_names_of_ros_2(tmp_path: Path) -> None:
    old = get_typestore(Stores.ROS1_NOETIC)
    header = old.types["std_msgs/msg/Header"](
        seq=7, stamp=old.types["builtin_interfaces/msg/Time"](3, 4), frame_id="eye"
    )
    K = np.array([[500.0, 0, 320], [0, 500.0, 240], [0, 0, 1]]).ravel()
    roi = old.types["sensor_msgs/msg/RegionOfInterest"](0, 0, 0, 0, False)
    info = old.types["sensor_msgs/msg/CameraInfo"](
        header, 480, 640, "plumb_bob", np.zeros(5), K, np.eye(3).ravel(), np.zeros(12), 0, 0, roi
    )
    with Ros1Writer(tmp_path / "old.bag") as bag:
        topic = bag.add_connection("/camera_info", "sensor_msgs/msg/CameraInfo", typestore=old)
        bag.write(topic, 5, old.serialize_ros1(info, "sensor_msgs/msg/CameraInfo"))
    with BagReader(tmp_path / "old.bag") as bag:
        (message,) = bag.messages()
        read: Any = message.read()
    assert message.kind == "sensor_msgs/msg/CameraInfo"
    assert read.header.stamp.nanosec == 4
    np.testing.assert_array_equal(read.k, K)
    again: Any = STORE.deserialize_cdr(message.data, message.kind)
    assert (again.header.frame_id, again.height) == ("eye", 480)


@pytest.mark.parametrize("name", ["bag.mcap", "bag.db3", "bag.bag"])
@pytest.mark.parametrize("content", [b"", b"no bag at all, but long enough to be looked at" * 9])
def test_what_is_no_bag_is_a_sentence(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UnihmError) as caught, BagReader(tmp_path / name):
        pass
    assert caught.value.code is ErrorCode.INVALID_BAG
    assert name in caught.value.message


def test_nothing_there_is_a_sentence(tmp_path: Path) -> None:
    for path, words_ in ((tmp_path / "none", "no recording at"), (tmp_path, "holds no recording")):
        with pytest.raises(UnihmError, match=words_) as caught, BagReader(path):
            pass
        assert caught.value.code is ErrorCode.INVALID_BAG


@pytest.mark.parametrize("storage", STORAGES)
def test_damage_in_the_middle_is_told_where_it_is(tmp_path: Path, storage: str) -> None:
    path = tmp_path / "bag"
    noise = np.random.default_rng(0)
    with BagWriter(path, MessageTypes(), storage) as bag:
        for i in range(40):
            random = "".join(map(chr, noise.integers(97, 122, 3000)))
            bag.write("/words", STRING, 10**9 + i, text(f"word {i} {random}"), NO_QOS)
            bag.save()
    file = next(p for p in path.iterdir() if p.suffix in (".mcap", ".db3"))
    content = bytearray(file.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 12000] = bytes(12000)
    file.write_bytes(content)
    read: list[str] = []
    with pytest.raises(UnihmError) as caught, BagReader(path) as bag:
        read += [message.read().data for message in bag.messages()]
    assert caught.value.code is ErrorCode.INVALID_BAG
    assert str(path) in caught.value.message


def test_metadata_that_lies_is_not_believed(tmp_path: Path) -> None:
    path = write(tmp_path / "bag")
    (path / "metadata.yaml").write_text("rosbag2_bagfile_information: {version: 9}")
    assert words(path) == ALL
    with BagReader(path) as bag:
        assert "metadata.yaml was not used" in bag.notes[0]


def test_a_full_disk_is_a_sentence_and_what_was_written_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with BagWriter(tmp_path / "bag", MessageTypes()) as bag:
        bag.write("/words", STRING, 10**9, text("word 0"), NO_QOS)
        bag.save()
        with monkeypatch.context() as patch:
            patch.setattr(bag, "save", full)
            patch.setattr("unihm.learning.datasets.bag.CHECKPOINT", -1.0)
            with pytest.raises(UnihmError, match="No space left") as caught:
                bag.write("/words", STRING, 10**9 + 1, text("word 1"), NO_QOS)
    assert caught.value.code is ErrorCode.INVALID_BAG
    assert words(tmp_path / "bag")[0] == "word 0"


def full() -> None:
    raise OSError(28, "No space left on device")

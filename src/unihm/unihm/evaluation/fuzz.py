"""Hostile files for every reader: valid ones with something changed.

A reader may give a result or a :class:`UnihmError`; any other exception, the death of the process,
more than :data:`LONGEST` seconds, or :data:`LARGEST` bytes are faults. Where a format has numbers
in text, numbers are changed; where it has arrays, arrays; and bytes are changed in all of them.
"""

from __future__ import annotations

import io
import random
import re
import resource
import signal
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from unihm.errors import UnihmError

LONGEST = 2.0  # seconds of the processor that a reader may take
LARGEST = 1e9  # bytes that the process may have
_STUCK = 60.0  # seconds after which a reader that waits for ever is interrupted
_CHUNK = 100  # inputs that one process reads in a go
_TOKENS = (
    b"", b"nan", b"inf", b"-1", b"0", b"1e999", b"-0.0", b"1e-320", b"99999999999999999999", b"\0",
    b"\xff\xfe", b"<", b">", b'"', b"{", b"[", b"&a [*a]", b"*a", b"!!python/object:x", b"- ",
    b": ", b"~", b"\n", b"${1/0}", b"../../x", b"package://x/y", b"true", b"2001-02-30",
)  # fmt: skip


@dataclass(frozen=True)
class FuzzReader:
    """One reader with files that it takes.

    Attributes:
        name: for people.
        files: valid ones, by the name that they must have.
        read: reads the file at a path.
        arrays: the files are npz: their arrays are changed too.
    """

    name: str
    files: dict[str, bytes]
    read: Callable[[Path], object]
    arrays: bool = False


@dataclass
class FuzzOutcome:
    """What became of inputs to one reader.

    Attributes:
        reader: which.
        inputs: how many.
        refused: those that ended in a UnihmError.
        crashes: (number of the input, what was raised).
        slowest: seconds of the processor, whatever else the machine does.
        peak_mb: of the process that read them, in all.
    """

    reader: str
    inputs: int = 0
    refused: int = 0
    crashes: list[tuple[int, str]] = field(default_factory=list)
    slowest: float = 0.0
    peak_mb: float = 0.0


def mutate(data: bytes, other: bytes, chance: random.Random) -> bytes:
    """``data`` with one to four things changed; ``other`` is where strange parts come from."""
    for _ in range(chance.choice((1, 1, 2, 4))):
        start = chance.randrange(len(data) + 1)
        end = min(len(data), start + int(2 ** chance.uniform(0, 8)))
        kind = chance.randrange(8)
        if kind == 0:
            data = data[:start]
        elif kind == 1:
            data = data[:start] + data[end:]
        elif kind == 2:
            data = data[:end] + data[start:end] * chance.choice((1, 2, 50)) + data[end:]
        elif kind == 3:
            data = data[:start] + bytes(chance.randrange(256) for _ in range(8)) + data[end:]
        elif kind == 4:
            data = data[:start] + chance.choice(_TOKENS) + data[start:]
        elif kind == 5 and other:
            place = chance.randrange(len(other))
            data = data[:start] + other[place : place + end - start] + data[end:]
        elif kind == 6:
            numbers = list(re.finditer(rb"-?\d+\.?\d*(e-?\d+)?", data[:50_000]))
            if numbers:
                found = chance.choice(numbers)
                data = data[: found.start()] + chance.choice(_TOKENS) + data[found.end() :]
        elif data:
            flipped = bytearray(data)
            flipped[chance.randrange(len(flipped))] ^= 1 << chance.randrange(8)
            data = bytes(flipped)
    return data


def mutate_arrays(data: bytes, chance: random.Random) -> bytes:
    """An npz file with one of its arrays of another shape, type or with other values."""
    with np.load(io.BytesIO(data), allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    name = chance.choice(sorted(arrays))
    array: Any = arrays[name]
    kind = chance.randrange(8)
    if kind == 0:
        del arrays[name]
    elif kind == 1:
        arrays[name] = array.reshape(-1)[: chance.randrange(array.size + 1)]
    elif kind == 2:
        arrays[name] = array[None]
    elif kind == 3:
        arrays[name] = array.astype(chance.choice(("U8", "S4", "complex64", "bool", "u1", "f2")))
    elif kind == 4:
        arrays[name] = array.T
    elif kind == 5:
        arrays[name] = np.full(array.shape, chance.choice((0.0, -1.0, np.nan, np.inf, 1e300)))
    elif kind == 6:
        other = chance.choice(sorted(arrays))
        arrays[name], arrays[other] = arrays[other], array
    elif array.dtype.kind == "u" and array.ndim == 1:  # a header of bytes
        arrays[name] = np.frombuffer(mutate(array.tobytes(), b"", chance), np.uint8)
    else:
        spoilt = array.astype(float, copy=True).reshape(-1)
        if spoilt.size:
            spoilt[chance.randrange(spoilt.size)] = chance.choice((np.nan, np.inf, 1e300, 0.0))
        arrays[name] = spoilt.reshape(array.shape)
    changed = io.BytesIO()
    np.savez(changed, **arrays)
    return changed.getvalue()


def make_input(reader: FuzzReader, number: int) -> tuple[str, bytes]:
    """Name and bytes of the input ``number``, always the same."""
    chance = random.Random(f"{reader.name} {number}")
    name = chance.choice(sorted(reader.files))
    data = reader.files[name]
    if reader.arrays and chance.random() < 0.7:
        try:
            return name, mutate_arrays(data, chance)
        except (ValueError, TypeError):  # an array that has no such type
            pass
    return name, mutate(data, reader.files[chance.choice(sorted(reader.files))], chance)


def fuzz(reader: FuzzReader, first: int, count: int) -> FuzzOutcome:
    """Read the inputs ``first`` to ``first + count`` in this process."""
    outcome = FuzzOutcome(reader.name)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, data in reader.files.items():  # what is imported the first time is no hang
            (Path(folder) / name).write_bytes(data)
            reader.read(Path(folder) / name)
        for number in range(first, first + count):
            name, data = make_input(reader, number)
            path = Path(folder) / name
            path.write_bytes(data)
            start = time.process_time()
            try:
                with _no_longer_than(_STUCK):
                    reader.read(path)
            except UnihmError:
                outcome.refused += 1
            except Exception as error:
                place = traceback.extract_tb(error.__traceback__)[-1]
                where = f"{Path(place.filename).name}:{place.lineno}"
                outcome.crashes.append((number, f"{type(error).__name__}: {error} ({where})"))
            outcome.slowest = max(outcome.slowest, time.process_time() - start)
            outcome.inputs += 1
    outcome.peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    return outcome


@contextmanager
def _no_longer_than(seconds: float) -> Iterator[None]:
    """TimeoutError in the main thread after that time."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise TimeoutError(f"it takes more than {seconds:g} s")

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def fuzz_all(
    inputs: int, progress: Callable[[int], object] = lambda count: None
) -> list[FuzzOutcome]:
    """``inputs`` in all, evenly over the readers, in a process that may die.

    Args:
        inputs: how many.
        progress: called with the number of those just read.
    """
    each = max(1, -(-inputs // len(readers())))
    totals = {name: FuzzOutcome(name) for name in readers()}
    waiting = [
        (name, first, min(_CHUNK, each - first))
        for first in range(0, each, _CHUNK)
        for name in totals
    ]
    while waiting:
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            while waiting:
                name, first, count = waiting.pop(0)
                try:
                    _add(totals[name], pool.submit(_in_process, name, first, count).result())
                except BrokenProcessPool:
                    totals[name].crashes.append((first, f"the process died within {count} inputs"))
                    break
                finally:
                    progress(count)
    return list(totals.values())


def _in_process(name: str, first: int, count: int) -> FuzzOutcome:
    return fuzz(readers()[name], first, count)


def _add(total: FuzzOutcome, part: FuzzOutcome) -> None:
    total.inputs += part.inputs
    total.refused += part.refused
    total.crashes += part.crashes
    total.slowest = max(total.slowest, part.slowest)
    total.peak_mb = max(total.peak_mb, part.peak_mb)


@lru_cache(maxsize=1)
def readers() -> dict[str, FuzzReader]:
    """Every reader of files, by name."""
    import open3d
    import torch
    import trimesh
    import yaml
    from safetensors.torch import save

    from unihm.config import from_mapping, read_yaml
    from unihm.errors import ErrorCode
    from unihm.learning.datasets.episode import Episode
    from unihm.learning.datasets.motion_file import read_cloud, read_motion, write_motion
    from unihm.learning.datasets.plain_pickle import read_plain_pickle
    from unihm.meshes import FORMATS, read_mesh
    from unihm.paths import config_dir
    from unihm.perception.camera.calibration_files import (
        read_calibration,
        read_intrinsics,
        read_poses,
    )
    from unihm.perception.trajectory import make_trajectory
    from unihm.refinement import RefinementConfig
    from unihm.retargeting.keypoints import check_keypoints, read_keypoints
    from unihm.robots import Hand, load_hand
    from unihm.robots.arm import Arm
    from unihm.robots.spec import read_spec
    from unihm.robots.urdf import read_urdf
    from unihm.sim.scene import load_scene
    from unihm.transforms import make_transform
    from unihm.types import HandMotion, ObjectCloud, TaskKind
    from unihm.weights import read_state

    config = config_dir()
    hand = load_hand("inspire")
    trajectory = make_trajectory(
        TaskKind.GRAB, make_transform(np.eye(3), [0.5, 0.0, 0.05]), np.array([0.5, 0.0, 0.1])
    )
    frames = len(trajectory)
    motion = HandMotion(
        "inspire",
        np.repeat(np.eye(4)[None], frames, axis=0),
        np.repeat(hand.open_joints[None], frames, axis=0),
        trajectory,
    )
    ball = trimesh.creation.icosphere(2, 0.04)
    points, normals = np.asarray(ball.vertices), np.asarray(ball.vertex_normals)
    person = load_hand("human")
    keypoints = np.stack(
        [person.keypoints(q) for q in np.linspace(person.open_joints, person.pregrasp_joints, 12)]
    )
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        episode = Episode(
            "fuzz", "synth", "ball", ("take the ball",), trajectory,
            ObjectCloud(points, normals), {"inspire": motion}, keypoints=None,
        ).save(folder).read_bytes()  # fmt: skip
        write_motion(folder / "motion.npz", motion)
        cloud = open3d.geometry.PointCloud(open3d.utility.Vector3dVector(points))
        for suffix in ("ply", "pcd", "xyz"):
            open3d.io.write_point_cloud(folder / f"cloud.{suffix}", cloud)
        open3d.io.write_point_cloud(folder / "ascii.pcd", cloud, write_ascii=True)
        clouds = {path.name: path.read_bytes() for path in folder.glob("*.*") if path.suffix in
                  (".ply", ".pcd", ".xyz")}  # fmt: skip
        written_motion = (folder / "motion.npz").read_bytes()
    clouds |= {"cloud.npy": _npy(points), "cloud.npz": _npz(points=points, normals=normals)}
    clouds["cloud.csv"] = b"x,y,z\n" + b"\n".join(b"%f,%f,%f" % tuple(row) for row in points)
    meshes = {
        f"mesh{suffix}": _bytes(ball.export(file_type=suffix[1:]))
        for suffix in FORMATS
        if suffix != ".gltf"
    }
    claw = {
        f"{name}.urdf": (config / "robots" / f"{name}.urdf").read_bytes()
        for name in ("inspire", "panda_gripper", "fr3")
    }
    xacro = claw["panda_gripper.urdf"].replace(
        b"<robot", b'<robot xmlns:xacro="http://www.ros.org/wiki/xacro"', 1
    ).replace(b"</robot>", b'<xacro:property name="a" value="${2*3}"/></robot>')  # fmt: skip
    arm = (config / "robots" / "fr3.yaml").read_text()
    arm = arm.replace("urdf: fr3.urdf", f"urdf: {config / 'robots' / 'fr3.urdf'}")
    camera = yaml.safe_dump(
        {
            "image_width": 640,
            "image_height": 480,
            "camera_matrix": {"data": [600.0, 0, 320, 0, 600, 240, 0, 0, 1]},
            "distortion_model": "plumb_bob",
            "distortion_coefficients": {"data": [0.1, 0, 0, 0, 0]},
        }
    ).encode()
    pose = [0.5, 0.1, 0.4, 0.0, 0.0, 0.0, 1.0]
    calibration = yaml.safe_dump({"camera_pose": pose, "board_on_gripper": pose}).encode()
    poses = b"x,y,z,qx,qy,qz,qw\n" + b"0.5,0.1,0.4,0,0,0,1\n" * 5
    checkpoint = io.BytesIO()
    torch.save({"a": torch.zeros(3, 4)}, checkpoint)
    tensors = {"a": torch.zeros(3, 4), "b": torch.ones(2)}
    preset = yaml.safe_dump(
        read_yaml(config / "presets" / "tiny.yaml")["refinement"] or {}
    ).encode()
    all_readers = (
        FuzzReader("urdf", claw, lambda path: read_urdf(path)),
        FuzzReader("xacro", {"robot.urdf.xacro": xacro}, lambda path: read_urdf(path)),
        FuzzReader(
            "hand file",
            {
                f"{n}.yaml": (config / "hands" / f"{n}.yaml").read_bytes()
                for n in ("inspire", "leap")
            },
            lambda path: Hand(read_spec(path)),
        ),
        FuzzReader("arm file", {"fr3.yaml": arm.encode()}, lambda path: Arm(str(path))),
        FuzzReader(
            "scene",
            {path.name: path.read_bytes() for path in (config / "scenes").glob("table.yaml")},
            load_scene,
        ),
        FuzzReader(
            "preset",
            {"preset.yaml": preset},
            lambda path: from_mapping(RefinementConfig, read_yaml(path)),
        ),
        FuzzReader("mesh", meshes, lambda path: read_mesh(path, ErrorCode.INVALID_SCENE)),
        FuzzReader("cloud", clouds, read_cloud),
        FuzzReader(
            "keypoints",
            {"a.npz": _npz(keypoints=keypoints)},
            lambda path: [check_keypoints(k, "right") for k in read_keypoints(path).values()],
            arrays=True,
        ),
        FuzzReader("keypoints npy", {"a.npy": _npy(keypoints)}, read_keypoints),
        FuzzReader("motion", {"motion.npz": written_motion}, read_motion, arrays=True),
        FuzzReader("episode", {"episode.npz": episode}, Episode.load, arrays=True),
        FuzzReader("intrinsics", {"camera.yaml": camera}, read_intrinsics),
        FuzzReader("calibration", {"calibration.yaml": calibration}, read_calibration),
        FuzzReader("poses", {"poses.csv": poses}, read_poses),
        FuzzReader(
            "weights", {"a.safetensors": save(tensors), "a.ckpt": checkpoint.getvalue()}, read_state
        ),
        FuzzReader("pickle", {"a.pkl": _pickle({"a": points, "b": [1, "x"]})}, read_plain_pickle),
    )
    return {reader.name: reader for reader in all_readers}


def _bytes(exported: Any) -> bytes:
    return exported.encode() if isinstance(exported, str) else bytes(exported)


def _npz(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def _npy(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def _pickle(value: Any) -> bytes:
    import pickle

    return pickle.dumps(value, protocol=4)

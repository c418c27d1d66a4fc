"""Reads OakInk-Image (Yang et al., 2022) as it is unpacked from its archives.

    <root>/image/anno/seq_all.json                      [[sequence/time, subject, frame, camera]]
    <root>/image/anno/{hand_j,obj_transf,cam_intr,general_info}/<sample>.pkl
    <root>/image/obj/<object>.obj or .ply
    <root>/image/stream_release_v2/<sequence>/<time>/<camera>_<frame>.png

with <sample> = <sequence>__<time>__<subject>__<frame>__<camera>. The annotations are pickles; they
are read by :mod:`unihm.learning.datasets.plain_pickle`, which executes nothing. One camera of each
sequence is used, and its world frame. What is up in it the data set does not say; z is taken.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import trimesh

from unihm.errors import ErrorCode, UnihmError
from unihm.learning.datasets.episode import EpisodeCamera
from unihm.learning.datasets.plain_pickle import read_plain_pickle
from unihm.learning.datasets.recorded import Recording
from unihm.meshes import read_mesh
from unihm.transforms import apply, invert
from unihm.types import FloatArray

FRAME_RATE = 30.0  # Hz
CAMERAS = ("north_east_color", "south_east_color", "north_west_color", "south_west_color")
HANDOVER = "0004"  # intent in which two people share an object


@dataclass(frozen=True)
class Sequence:
    """One person with one object, from one camera.

    Attributes:
        root: of the data set.
        name: sequence and time, ``A01001_0001_0000/2021-09-26-19-59-58``.
        subject: 0 or 1, of the people in the sequence.
        camera: index into :data:`CAMERAS`.
        frames: numbers of the annotated frames, increasing.
    """

    root: Path
    name: str
    subject: int
    camera: int
    frames: tuple[int, ...]

    def annotation(self, kind: str, frame: int) -> FloatArray:
        """The array ``kind`` of one frame."""
        return np.asarray(read_plain_pickle(self._file(kind, frame)), float)

    def T_camera_world(self, frame: int) -> FloatArray:
        """(4, 4) of one frame."""
        return np.asarray(read_plain_pickle(self._file("general_info", frame))["cam_extr"], float)

    def _file(self, kind: str, frame: int) -> Path:
        sample = "__".join(
            [self.name.replace("/", "__"), f"{self.subject}__{frame}__{self.camera}"]
        )
        return self.root / "image" / "anno" / kind / f"{sample}.pkl"


def find_sequences(root: Path) -> list[Sequence]:
    """All single-person sequences, each from the camera with the most frames.

    Raises:
        UnihmError: INVALID_EPISODE where ``root`` holds no annotations.
    """
    index = root / "image" / "anno" / "seq_all.json"
    try:
        samples = json.loads(index.read_text())
        frames: dict[tuple[str, int], dict[int, set[int]]] = {}
        for name, subject, frame, camera in samples:
            if name.split("_")[1] != HANDOVER:
                frames.setdefault((name, subject), {}).setdefault(camera, set()).add(frame)
    except (OSError, ValueError, TypeError, IndexError) as error:
        raise UnihmError(
            ErrorCode.INVALID_EPISODE, f"{index} does not list OakInk's samples: {error}."
        ) from error
    found = []
    for (name, subject), cameras in sorted(frames.items()):
        camera = max(sorted(cameras), key=lambda c: len(cameras[c]))
        found.append(Sequence(root, name, subject, camera, tuple(sorted(cameras[camera]))))
    return found


def read_sequence(sequence: Sequence) -> Recording:
    """Object and right hand of one sequence.

    Raises:
        UnihmError: INVALID_EPISODE where a file is missing or not what it should be.
    """
    object_id = sequence.name.split("_")[0]
    try:
        first = sequence.frames[0]
        T_world_camera = invert(sequence.T_camera_world(first))
        T_camera_mesh = np.stack([sequence.annotation("obj_transf", f) for f in sequence.frames])
        joints = np.stack([sequence.annotation("hand_j", f) for f in sequence.frames])
        return Recording(
            name=f"oakink-{sequence.name.replace('/', '-')}-{sequence.subject}",
            source="oakink",
            object_id=f"oakink-{object_id}",
            words="object",
            side="right",
            times=(np.array(sequence.frames) - first) / FRAME_RATE,
            T_world_mesh=T_world_camera @ T_camera_mesh,
            keypoints=apply(T_world_camera, joints),
            mesh=_mesh(sequence.root / "image" / "obj", object_id),
            camera=EpisodeCamera(
                sequence.annotation("cam_intr", first),
                T_world_camera,
                tuple(
                    f"image/stream_release_v2/{sequence.name}/{CAMERAS[sequence.camera]}_{f}.png"
                    for f in sequence.frames
                ),
            ),
        )
    except (OSError, KeyError, ValueError, IndexError, TypeError) as error:
        raise UnihmError(
            ErrorCode.INVALID_EPISODE,
            f"{sequence.name} is not an OakInk sequence: {type(error).__name__} {error}.",
        ) from error


def _mesh(folder: Path, object_id: str) -> trimesh.Trimesh:
    """The model, moved to the centre of its bounding box: poses refer to that."""
    for ending in ("obj", "ply"):
        path = folder / f"{object_id}.{ending}"
        if path.is_file():
            mesh = read_mesh(path, ErrorCode.INVALID_EPISODE)
            return mesh.apply_translation(-mesh.bounds.mean(axis=0))
    raise FileNotFoundError(f"{folder / object_id}.obj or .ply")

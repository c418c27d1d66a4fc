"""One episode: what was said, what was there, where it went and how each hand moved.

On disk an episode is one ``.npz`` without pickled values: numeric arrays, and a JSON header
stored as bytes under the key ``header``. ``docs/data.md`` lists the keys.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from unihm.errors import ErrorCode, UnihmError
from unihm.files import read_arrays, write_arrays
from unihm.transforms import apply, from_pose7, invert, to_pose7
from unihm.types import FloatArray, HandMotion, IntArray, ObjectCloud, ObjectTrajectory, TaskKind

FORMAT_VERSION = 1


@dataclass(frozen=True)
class EpisodeCamera:
    """Where the images of an episode were taken from, and where they are.

    Attributes:
        K: (3, 3) pinhole intrinsics in pixels.
        T_world_camera: (4, 4); optical frame.
        rgb_files: one path per frame, relative to the data set's own root; may be empty.
        depth_files: likewise.
    """

    K: FloatArray
    T_world_camera: FloatArray
    rgb_files: tuple[str, ...] = ()
    depth_files: tuple[str, ...] = ()


@dataclass(frozen=True)
class EpisodeView:
    """The object as perception would have it: seen by a noisy camera, then completed.

    Attributes:
        cloud: in the object frame that perception found.
        T_object_view: (4, 4): that frame in the episode's own object frame.
    """

    cloud: ObjectCloud
    T_object_view: FloatArray


@dataclass(frozen=True)
class Episode:
    """One manipulation of one object, by one or several hands.

    Attributes:
        episode_id: unique in its data set; also the file's name.
        source: ``synth``, ``dexycb``, ``oakink`` or ``bag``.
        object_id: episodes with the same object share it; splits never separate them.
        instructions: one or more sentences that ask for this episode.
        trajectory: where the object goes, in the world; T frames.
        cloud: the object's clean surface, in the object frame.
        motions: by hand name; every motion refers to ``trajectory``.
        keypoints: (T, 21, 3) metres, human hand in the object frame, where there was one;
            wrist, then thumb to little finger, four each, tip last.
        vertices: (V, 3) metres, object mesh in the object frame; empty when there is none.
        faces: (F, 3) indices into ``vertices``.
        timestamps: (T,) seconds.
        camera: for recorded episodes.
        views: the same object as perception would give it.
        info: anything measured about the episode (mass, predicted and simulated quality).
    """

    episode_id: str
    source: str
    object_id: str
    instructions: tuple[str, ...]
    trajectory: ObjectTrajectory
    cloud: ObjectCloud
    motions: dict[str, HandMotion]
    keypoints: FloatArray | None = None
    vertices: FloatArray = field(default_factory=lambda: np.zeros((0, 3)))
    faces: IntArray = field(default_factory=lambda: np.zeros((0, 3), int))
    timestamps: FloatArray | None = None
    camera: EpisodeCamera | None = None
    views: tuple[EpisodeView, ...] = ()
    info: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.validate()

    def validate(self) -> None:
        """Check what the constructors of the parts cannot.

        Raises:
            UnihmError: INVALID_EPISODE, saying which part disagrees with which.
        """
        frames = len(self.trajectory)
        if not self.episode_id or "/" in self.episode_id:
            self._fail(f"the name '{self.episode_id}' cannot be a file's name")
        if not self.instructions or not all(s.strip() for s in self.instructions):
            self._fail("an instruction is missing or empty")
        if not self.motions and self.keypoints is None:
            self._fail("it holds neither a hand motion nor keypoints")
        for name, motion in self.motions.items():
            if motion.hand != name:
                self._fail(f"the motion stored as '{name}' is one of '{motion.hand}'")
            if len(motion) != frames:
                self._fail(f"'{name}' has {len(motion)} frames, the object {frames}")
        if self.keypoints is not None and (
            self.keypoints.shape != (frames, 21, 3) or not np.isfinite(self.keypoints).all()
        ):
            self._fail(f"keypoints must be finite and ({frames}, 21, 3)")
        if self.timestamps is not None and (
            self.timestamps.shape != (frames,) or (np.diff(self.timestamps) <= 0).any()
        ):
            self._fail(f"timestamps must be ({frames},) and increase")
        if len(self.faces) and (self.faces.min() < 0 or self.faces.max() >= len(self.vertices)):
            self._fail("a face refers to a vertex that is not there")

    def as_seen(self, view: EpisodeView) -> Episode:
        """The same episode in the frame, and with the cloud, of one of its views.

        What happens in the world stays the same: object frame, motions and keypoints move together.
        """
        T_view_object = invert(view.T_object_view)
        trajectory = replace(
            self.trajectory, T_world_object=self.trajectory.T_world_object @ view.T_object_view
        )
        return replace(
            self,
            trajectory=trajectory,
            cloud=view.cloud,
            motions={
                name: HandMotion(
                    name, T_view_object @ motion.T_object_wrist, motion.joints, trajectory
                )
                for name, motion in self.motions.items()
            },
            keypoints=None if self.keypoints is None else apply(T_view_object, self.keypoints),
            vertices=apply(T_view_object, self.vertices),
            views=(),
        )

    def variants(self) -> Iterator[Episode]:
        """This episode, then as seen in each of its views: what a generator should learn from."""
        yield self
        for view in self.views:
            yield self.as_seen(view)

    def _fail(self, reason: str) -> None:
        raise UnihmError(ErrorCode.INVALID_EPISODE, f"Episode {self.episode_id!r}: {reason}.")

    def save(self, folder: Path) -> Path:
        """Write ``folder/<episode_id>.npz`` (atomically) and return its path."""
        trajectory = self.trajectory
        header: dict[str, Any] = {
            "format": FORMAT_VERSION,
            "episode_id": self.episode_id,
            "source": self.source,
            "object_id": self.object_id,
            "instructions": list(self.instructions),
            "kind": trajectory.kind.name,
            "dt": trajectory.dt,
            "description": trajectory.description,
            "hands": list(self.motions),
            "confidence": self.cloud.confidence,
            "view_confidence": [view.cloud.confidence for view in self.views],
            "info": self.info,
        }
        arrays: dict[str, Any] = {
            "object_pose": to_pose7(trajectory.T_world_object).astype(np.float32),
            "phase": trajectory.phase.astype(np.int8),
            "pick_point": trajectory.pick_point.astype(np.float32),
            "vertices": self.vertices.astype(np.float32),
            "faces": self.faces.astype(np.int32),
            **_cloud_arrays("cloud", self.cloud),
        }
        for k, view in enumerate(self.views):
            arrays |= _cloud_arrays(f"view/{k}", view.cloud)
            arrays[f"view/{k}_pose"] = to_pose7(view.T_object_view).astype(np.float32)
        for name, motion in self.motions.items():
            arrays[f"hand/{name}/wrist"] = to_pose7(motion.T_object_wrist).astype(np.float32)
            arrays[f"hand/{name}/joints"] = motion.joints.astype(np.float32)
        if self.keypoints is not None:
            arrays["keypoints"] = self.keypoints.astype(np.float32)
        if self.timestamps is not None:
            arrays["timestamps"] = self.timestamps
        if self.camera is not None:
            arrays["camera_K"] = self.camera.K
            arrays["camera_pose"] = self.camera.T_world_camera
            header["rgb_files"] = list(self.camera.rgb_files)
            header["depth_files"] = list(self.camera.depth_files)
        arrays["header"] = np.frombuffer(json.dumps(header, allow_nan=False).encode(), np.uint8)
        path = folder / f"{self.episode_id}.npz"
        write_arrays(path, arrays)
        return path

    @classmethod
    def load(cls, path: Path) -> Episode:
        """Read one file.

        Raises:
            UnihmError: INVALID_EPISODE when the file is missing, damaged or of another format.
        """
        path = Path(path)
        arrays = read_arrays(path, ErrorCode.INVALID_EPISODE)
        try:
            return cls._from_arrays(_header(arrays), arrays)
        except UnihmError as error:
            raise UnihmError(ErrorCode.INVALID_EPISODE, f"{path}: {error.message}") from error
        except _DAMAGED as error:
            raise _unreadable(path, error) from error

    @classmethod
    def _from_arrays(cls, header: dict[str, Any], arrays: dict[str, Any]) -> Episode:
        trajectory = ObjectTrajectory(
            T_world_object=from_pose7(arrays["object_pose"].astype(float)),
            phase=arrays["phase"].astype(np.int64),
            dt=header["dt"],
            kind=TaskKind[header["kind"]],
            pick_point=arrays["pick_point"].astype(float),
            description=header["description"],
        )
        motions = {
            name: HandMotion(
                hand=name,
                T_object_wrist=from_pose7(arrays[f"hand/{name}/wrist"].astype(float)),
                joints=arrays[f"hand/{name}/joints"].astype(float),
                trajectory=trajectory,
            )
            for name in header["hands"]
        }
        camera = None
        if "camera_K" in arrays:
            camera = EpisodeCamera(
                arrays["camera_K"],
                arrays["camera_pose"],
                tuple(header["rgb_files"]),
                tuple(header["depth_files"]),
            )
        keypoints = arrays.get("keypoints")
        return cls(
            episode_id=header["episode_id"],
            source=header["source"],
            object_id=header["object_id"],
            instructions=tuple(header["instructions"]),
            trajectory=trajectory,
            cloud=_read_cloud(arrays, "cloud", header["confidence"]),
            motions=motions,
            keypoints=None if keypoints is None else keypoints.astype(float),
            vertices=arrays["vertices"].astype(float),
            faces=arrays["faces"].astype(np.int64),
            timestamps=arrays.get("timestamps"),
            camera=camera,
            views=tuple(
                EpisodeView(
                    _read_cloud(arrays, f"view/{k}", confidence),
                    from_pose7(arrays[f"view/{k}_pose"].astype(float)),
                )
                for k, confidence in enumerate(header.get("view_confidence", ()))
            ),
            info=header["info"],
        )


def _cloud_arrays(name: str, cloud: ObjectCloud) -> dict[str, Any]:
    arrays: dict[str, Any] = {
        f"{name}_points": cloud.points.astype(np.float32),
        f"{name}_normals": cloud.normals.astype(np.float32),
    }
    if cloud.observed is not None:
        arrays[f"{name}_observed"] = cloud.observed
    return arrays


def _read_cloud(arrays: dict[str, Any], name: str, confidence: float) -> ObjectCloud:
    return ObjectCloud(
        points=arrays[f"{name}_points"].astype(float),
        normals=arrays[f"{name}_normals"].astype(float),
        confidence=confidence,
        observed=arrays.get(f"{name}_observed"),
    )


#: How an episode fails whose arrays are not what their names say.
_DAMAGED = (KeyError, ValueError, TypeError, IndexError, AttributeError, OverflowError)


def _unreadable(path: Path, error: Exception) -> UnihmError:
    reason = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
    return UnihmError(ErrorCode.INVALID_EPISODE, f"{path} is not a readable episode: {reason}.")


def _header(arrays: Mapping[str, Any]) -> dict[str, Any]:
    header = json.loads(arrays["header"].tobytes().decode())
    if header.get("format") != FORMAT_VERSION:
        raise ValueError(f"format {header.get('format')}, this version reads {FORMAT_VERSION}")
    return header


def read_header(path: Path) -> dict[str, Any]:
    """The JSON header alone, without reading the arrays; raises INVALID_EPISODE."""
    arrays = read_arrays(path, ErrorCode.INVALID_EPISODE, only=("header",))
    try:
        return _header(arrays)
    except _DAMAGED as error:
        raise _unreadable(path, error) from error


class EpisodeDataset(Sequence[Episode]):
    """Episodes of a folder, read from disk when they are asked for."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = tuple(paths)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return EpisodeDataset(self.paths[index])
        return Episode.load(self.paths[index])

    def __iter__(self) -> Iterator[Episode]:
        return (Episode.load(path) for path in self.paths)


def is_validation(object_id: str, seed: int = 0, share: float = 0.1) -> bool:
    """Whether an object belongs to the validation split.

    Decided by a hash of its name, so that the split stays the same when episodes are added.
    """
    digest = hashlib.sha256(f"{seed}:{object_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64 < share


def load_dataset(
    folder: Path | str, split: str = "train", seed: int = 0, validation_share: float = 0.1
) -> EpisodeDataset:
    """Episodes under ``folder`` (searched deeply), split by object.

    Args:
        folder: where ``unihm synth`` or a converter wrote.
        split: ``train``, ``validation`` (no object of it is in ``train``) or ``all``.
        seed: of the split.
        validation_share: share of the OBJECTS, not of the episodes.

    Raises:
        UnihmError: INVALID_EPISODE for an empty folder, a damaged file or an unknown split.
    """
    if split not in ("train", "validation", "all"):
        raise UnihmError(
            ErrorCode.INVALID_EPISODE, f"No split '{split}'; there are train, validation and all."
        )
    paths = sorted(Path(folder).rglob("*.npz"))
    if not paths:
        raise UnihmError(ErrorCode.INVALID_EPISODE, f"There are no episodes in {folder}.")
    if split != "all":
        wanted = split == "validation"
        paths = [
            path
            for path in paths
            if is_validation(read_header(path)["object_id"], seed, validation_share) == wanted
        ]
    return EpisodeDataset(paths)

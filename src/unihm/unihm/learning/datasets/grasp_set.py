"""Grasps of one object that lift it, with what was measured of each: a file per object.

An ``.npz`` without pickled values, everything in the object frame, metres and radians:

    points, normals    (N, 3) the whole surface
    names              (N,) the part that each point belongs to; empty where it has no name
    T_world_object     (4, 4) where it stood
    hand               (G,) names of files in config/hands
    T_object_wrist     (G, 4, 4) when the pads touch
    joints, open_joints  (G, 24) when they touch, and before; NaN beyond the hand's joints
    approach           (G, 3) from the touching wrist to where it comes from
    forces, contacts   (G, 5), (G, 5, 3) N and place of each finger's contact, thumb first; NaN
                       where a finger does not touch or there is none
    part, part_share   (G,) the part most contacts are on, and their share
    above              (G,) degrees above the horizon at which the palm is seen from the contacts
    margin             (G,) N, the largest push from all sides that it stood
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unihm.errors import ErrorCode, UnihmError
from unihm.files import read_arrays, write_arrays
from unihm.robots import load_hand
from unihm.types import FloatArray, ObjectCloud

MOST_JOINTS, MOST_FINGERS = 24, 5
VALIDATION_EVERY = 6  # objects: the last of so many are kept from training


@dataclass(frozen=True)
class LabelledGrasp:
    """One grasp with its labels, as a row of the file says it."""

    hand: str
    T_object_wrist: FloatArray
    joints: FloatArray
    open_joints: FloatArray
    approach: FloatArray
    forces: FloatArray
    contacts: FloatArray
    part: str
    part_share: float
    above: float
    margin: float

    @property
    def fingers(self) -> int:
        """How many touch."""
        return int(np.isfinite(self.contacts[:, 0]).sum())


@dataclass(frozen=True)
class GraspSet:
    """All grasps of one object.

    Attributes:
        object_id: name of the file, which ends in the object's number in its series.
        cloud: the whole surface, object frame.
        names: (N,) the part that each point belongs to.
        T_world_object: (4, 4).
        grasps: of all hands.
    """

    object_id: str
    cloud: ObjectCloud
    names: np.ndarray
    T_world_object: FloatArray
    grasps: tuple[LabelledGrasp, ...]

    @property
    def held_out(self) -> bool:
        """Whether it is kept from training."""
        return int(self.object_id.rsplit("-", 1)[-1]) % VALIDATION_EVERY == VALIDATION_EVERY - 1

    def save(self, folder: Path) -> None:
        """Write ``<object_id>.npz``."""
        rows = self.grasps

        def joints(values: FloatArray) -> FloatArray:
            return np.append(values, np.full(MOST_JOINTS - len(values), np.nan))

        write_arrays(
            folder / f"{self.object_id}.npz",
            {
                "points": self.cloud.points.astype(np.float32),
                "normals": self.cloud.normals.astype(np.float32),
                "names": self.names.astype(str),
                "T_world_object": self.T_world_object,
                "hand": np.array([g.hand for g in rows], str),
                "T_object_wrist": np.array([g.T_object_wrist for g in rows]),
                "joints": np.array([joints(g.joints) for g in rows]),
                "open_joints": np.array([joints(g.open_joints) for g in rows]),
                "approach": np.array([g.approach for g in rows]),
                "forces": np.array([_fill(g.forces) for g in rows]),
                "contacts": np.array([_fill(g.contacts) for g in rows]),
                "part": np.array([g.part for g in rows], str),
                "part_share": np.array([g.part_share for g in rows]),
                "above": np.array([g.above for g in rows]),
                "margin": np.array([g.margin for g in rows]),
            },
        )

    @classmethod
    def load(cls, path: Path) -> GraspSet:
        """Read a file.

        Raises:
            UnihmError: INVALID_EPISODE, naming the file and what is wrong with it.
        """
        arrays = read_arrays(path, ErrorCode.INVALID_EPISODE)
        try:
            grasps = []
            for i, hand in enumerate(arrays["hand"]):
                count = load_hand(str(hand)).num_joints
                grasps.append(
                    LabelledGrasp(
                        str(hand),
                        np.asarray(arrays["T_object_wrist"][i], float),
                        np.asarray(arrays["joints"][i][:count], float),
                        np.asarray(arrays["open_joints"][i][:count], float),
                        np.asarray(arrays["approach"][i], float),
                        np.asarray(arrays["forces"][i], float),
                        np.asarray(arrays["contacts"][i], float),
                        str(arrays["part"][i]),
                        float(arrays["part_share"][i]),
                        float(arrays["above"][i]),
                        float(arrays["margin"][i]),
                    )
                )
            cloud = ObjectCloud(
                np.asarray(arrays["points"], float), np.asarray(arrays["normals"], float)
            )
            T_world_object = np.asarray(arrays["T_world_object"], float)
            return cls(path.stem, cloud, arrays["names"], T_world_object, tuple(grasps))
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise UnihmError(
                ErrorCode.INVALID_EPISODE, f"{path} holds no grasps of an object: {error}."
            ) from error


def load_grasps(folder: Path) -> Iterator[GraspSet]:
    """All objects of a folder that `unihm synth grasps` wrote, in order.

    Raises:
        UnihmError: INVALID_EPISODE where there is none.
    """
    paths = sorted(folder.glob("*.npz"))
    if not paths:
        raise UnihmError(
            ErrorCode.INVALID_EPISODE,
            f"There are no grasps in {folder}; `unihm synth grasps --out {folder}` makes some.",
        )
    for path in paths:
        yield GraspSet.load(path)


def _fill(values: FloatArray) -> FloatArray:
    """Rows (F, ...) for all fingers that any hand has."""
    missing = np.full((MOST_FINGERS - len(values), *values.shape[1:]), np.nan)
    return np.concatenate([values, missing])

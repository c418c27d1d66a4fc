"""Reads DexYCB (Chao et al., 2021) as it is unpacked from its archives.

    <root>/<subject>/<sequence>/meta.yml, pose.npz
    <root>/<subject>/<sequence>/<serial>/color_000000.jpg, aligned_depth_to_color_000000.png,
                                         labels_000000.npz
    <root>/calibration/intrinsics/<serial>_640x480.yml
    <root>/calibration/extrinsics_<id>/extrinsics.yml
    <root>/models/<name>/textured_simple.obj

Everything is expressed in the frame of the tag on the table, whose z points up. The joints come
from the labels, so no MANO model is needed.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from unihm.config import read_yaml
from unihm.errors import ErrorCode, UnihmError
from unihm.files import read_arrays
from unihm.learning.datasets.episode import EpisodeCamera
from unihm.learning.datasets.recorded import Recording
from unihm.meshes import read_mesh
from unihm.transforms import apply, from_pose7, invert, make_transform
from unihm.types import FloatArray

FRAME_RATE = 30.0  # Hz
# Names of the object models by the number that meta.yml uses.
YCB_NAMES = dict(
    enumerate(
        (
            "002_master_chef_can", "003_cracker_box", "004_sugar_box", "005_tomato_soup_can",
            "006_mustard_bottle", "007_tuna_fish_can", "008_pudding_box", "009_gelatin_box",
            "010_potted_meat_can", "011_banana", "019_pitcher_base", "021_bleach_cleanser",
            "024_bowl", "025_mug", "035_power_drill", "036_wood_block", "037_scissors",
            "040_large_marker", "051_large_clamp", "052_extra_large_clamp", "061_foam_brick",
        ),
        start=1,
    )
)  # fmt: skip
_ABSENT = np.array([0, 0, 0, 1, 0, 0, 0], float)  # pose of an object that is not there


def find_sequences(root: Path) -> list[Path]:
    """Folders of all sequences.

    Raises:
        UnihmError: INVALID_EPISODE where ``root`` holds none.
    """
    found = sorted(path.parent for path in root.glob("*/*/meta.yml"))
    if not found:
        raise UnihmError(
            ErrorCode.INVALID_EPISODE,
            f"{root} holds no DexYCB sequence (<subject>/<sequence>/meta.yml).",
        )
    return found


def read_sequence(folder: Path) -> Recording:
    """The grasped object and the hand of one sequence.

    Raises:
        UnihmError: INVALID_EPISODE where a file is missing or not what it should be.
    """
    root = folder.parents[1]
    try:
        return _read(root, folder)
    except UnihmError as error:
        raise UnihmError(
            ErrorCode.INVALID_EPISODE, f"{folder} cannot be used: {error.message}"
        ) from error
    except (OSError, KeyError, ValueError, IndexError, TypeError) as error:
        raise UnihmError(
            ErrorCode.INVALID_EPISODE,
            f"{folder} is not a DexYCB sequence: {type(error).__name__} {error}.",
        ) from error


def _read(root: Path, folder: Path) -> Recording:
    meta = read_yaml(folder / "meta.yml")
    frames, grasped = int(meta["num_frames"]), int(meta["ycb_grasp_ind"])
    model = YCB_NAMES[meta["ycb_ids"][grasped]]
    extrinsics = read_yaml(
        root / "calibration" / f"extrinsics_{meta['extrinsics']}" / "extrinsics.yml"
    )
    T_master = {name: _rows(rows) for name, rows in extrinsics["extrinsics"].items()}
    T_world_master = invert(T_master["apriltag"])  # the world is the tag's frame

    poses = read_arrays(folder / "pose.npz", ErrorCode.INVALID_EPISODE)["pose_y"]
    pose = poses[:frames, grasped].astype(float)  # quaternion xyzw, then xyz
    absent = np.isclose(pose, _ABSENT).all(axis=1) | ~(np.abs(pose[:, :4]).max(axis=1) > 0.1)
    pose[absent] = _ABSENT
    T_world_mesh = T_world_master @ from_pose7(np.concatenate([pose[:, 4:], pose[:, :4]], axis=1))
    T_world_mesh[absent] = np.nan

    serials = [s for s in meta["serials"] if (folder / s / "labels_000000.npz").is_file()]
    if not serials:
        raise ValueError("no camera folder has labels")
    keypoints = np.full((frames, 21, 3), np.nan)
    for serial in serials:  # the first camera that labels the hand in a frame decides
        missing = np.isnan(keypoints[:, 0, 0])
        if missing.any():
            T_world_camera = T_world_master @ T_master[serial]
            seen = _joints(folder / serial, frames)
            keypoints[missing] = apply(T_world_camera, seen[missing])
    return Recording(
        name=f"dexycb-{folder.parent.name}-{folder.name}",
        source="dexycb",
        object_id=f"ycb-{model}",
        words=model.split("_", 1)[1].replace("_", " "),
        side=meta["mano_sides"][0],
        times=np.arange(frames) / FRAME_RATE,
        T_world_mesh=T_world_mesh,
        keypoints=keypoints,
        mesh=read_mesh(root / "models" / model / "textured_simple.obj", ErrorCode.INVALID_EPISODE),
        camera=_camera(root, folder, serials[0], frames, T_world_master @ T_master[serials[0]]),
    )


def _joints(folder: Path, frames: int) -> FloatArray:
    """(F, 21, 3) in the camera's frame, NaN where the hand is not labelled."""
    joints = np.full((frames, 21, 3), np.nan)
    for frame in range(frames):
        labels = read_arrays(folder / f"labels_{frame:06d}.npz", ErrorCode.INVALID_EPISODE)
        joint = labels["joint_3d"].reshape(-1, 21, 3)[0]
        if np.ptp(joint, axis=0).any():  # not -1 everywhere, nor 0: no hand is labelled
            joints[frame] = joint
    return joints


def _camera(
    root: Path, folder: Path, serial: str, frames: int, T_world_camera: FloatArray
) -> EpisodeCamera:
    color = read_yaml(root / "calibration" / "intrinsics" / f"{serial}_640x480.yml")["color"]
    K = np.array([[color["fx"], 0, color["ppx"]], [0, color["fy"], color["ppy"]], [0, 0, 1.0]])
    place = (folder / serial).relative_to(root)
    return EpisodeCamera(
        K,
        T_world_camera,
        tuple(str(place / f"color_{i:06d}.jpg") for i in range(frames)),
        tuple(str(place / f"aligned_depth_to_color_{i:06d}.png") for i in range(frames)),
    )


def _rows(values: list[float]) -> FloatArray:
    """Twelve numbers, the upper rows of a transform, to (4, 4)."""
    rows = np.array(values, float).reshape(3, 4)
    return make_transform(rows[:, :3], rows[:, 3])

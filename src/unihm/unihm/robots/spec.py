"""The hand file: one YAML that says everything the project knows of a hand.

``docs/add_a_hand.md`` explains every field to somebody who writes one.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, Literal, get_args

from unihm.config import Positive, from_mapping, read_yaml, settings
from unihm.errors import ErrorCode, UnihmError
from unihm.paths import config_dir
from unihm.robots.urdf_text import split_arguments

Finger = Literal["thumb", "index", "middle", "ring", "little"]
FINGERS: tuple[Finger, ...] = get_args(Finger)
#: Names of the 21 human keypoints, in order: wrist, then four per finger, tip last.
KEYPOINT_NAMES = (
    "wrist",
    *(f"thumb_{part}" for part in ("cmc", "mcp", "ip", "tip")),
    *(f"{finger}_{part}" for finger in FINGERS[1:] for part in ("mcp", "pip", "dip", "tip")),
)
DESCRIPTIONS = (".urdf", ".xacro", ".xml")  # how a URDF's name ends
POSES = ("open", "pregrasp", "closed")
Protocol = Literal[
    "xhand", "inspire", "joint_trajectory", "joint_state", "gripper_command", "franka_gripper"
]

Vector = tuple[float, float, float]


@settings(ErrorCode.INVALID_HAND_FILE)
class LinkPoint:
    """A point (metres) in the frame of a link."""

    link: str
    xyz: Vector = (0.0, 0.0, 0.0)


@settings(ErrorCode.INVALID_HAND_FILE)
class Fingertip:
    """The pad of a finger, in the frame of ``link``.

    Attributes:
        finger: one of :data:`FINGERS`.
        xyz: centre of the pad on the surface, metres.
        normal: unit, out of the surface.
        flexion_normal: unit, the way the pad moves when the finger flexes.
        pad_radius: curvature radius of the pad, metres.
    """

    finger: Finger
    link: str
    xyz: Vector
    normal: Vector
    flexion_normal: Vector
    pad_radius: Positive

    def __post_init__(self) -> None:
        for name in ("normal", "flexion_normal"):
            length = sum(x * x for x in getattr(self, name)) ** 0.5
            if abs(length - 1) > 0.01:
                raise ValueError(f"{name} of the {self.finger} has length {length:.3f}, not 1")


@settings(ErrorCode.INVALID_HAND_FILE)
class Palm:
    """The palm in the frame of the wrist link with all joints at zero.

    Attributes:
        xyz: centre of its surface, metres.
        approach: unit, from the wrist to the fingers.
        normal: unit, out of the palm.
    """

    xyz: Vector
    approach: Vector
    normal: Vector

    def __post_init__(self) -> None:
        cosine = sum(a * n for a, n in zip(self.approach, self.normal))
        lengths = [sum(x * x for x in v) ** 0.5 for v in (self.approach, self.normal)]
        if abs(cosine) > 0.01 or max(abs(length - 1) for length in lengths) > 0.01:
            raise ValueError("approach and normal of the palm must be orthogonal unit vectors")


@settings(ErrorCode.INVALID_HAND_FILE)
class Mount:
    """Arm flange to wrist link, as a URDF origin (metres, radians)."""

    xyz: Vector
    rpy: Vector


@settings(ErrorCode.INVALID_HAND_FILE)
class Channel:
    """One value of the driver's command.

    ``at_lower`` and ``at_upper`` are the driver's values at the joint's limits, straight
    between; both absent: the joint's own value in radians or metres.
    """

    name: str
    joint: str
    at_lower: float | None = None
    at_upper: float | None = None

    def __post_init__(self) -> None:
        if (self.at_lower is None) != (self.at_upper is None):
            raise ValueError(f"channel '{self.name}' needs both at_lower and at_upper, or neither")


@settings(ErrorCode.INVALID_HAND_FILE)
class Driver:
    """What the hand's own driver listens to; channels in its order."""

    protocol: Protocol
    command_topic: str
    state_topic: str
    rate_hz: Positive
    channels: tuple[Channel, ...]


@settings(ErrorCode.INVALID_HAND_FILE)
class HandSpec:
    """A hand file as read; the fields are those of the YAML.

    Attributes:
        name: how the hand is called everywhere.
        side: ``right`` or ``left``.
        urdf: URDF or xacro file beside the hand file or in ``config/robots``, absolute path or
            ``package://``; arguments for xacro follow as ``name:=value``.
        wrist_link: link that a wrist pose is the pose of; the root, or the first link to keep.
        joints: independent joints, in the order of every (J,) array.
        fingertips: thumb first where there is one.
        keypoints: 21 points in the order of :data:`KEYPOINT_NAMES`; None where there is none.
        poses: (J,) per name of :data:`POSES`.
        path: of the hand file.
    """

    name: str
    side: Literal["right", "left"]
    urdf: str
    wrist_link: str
    joints: tuple[str, ...]
    fingertips: tuple[Fingertip, ...]
    palm: Palm
    keypoints: tuple[LinkPoint | None, ...]
    mount: Mount
    poses: dict[str, tuple[float, ...]]
    driver: Driver
    path: Path

    def __post_init__(self) -> None:
        check_name(self.name)
        if not self.joints or len(set(self.joints)) != len(self.joints):
            raise ValueError("joints must name each independent joint once")
        if not self.fingertips:
            raise ValueError("a hand needs at least one fingertip")
        if set(self.poses) != set(POSES):
            raise ValueError(f"poses must be {', '.join(POSES)}, not {', '.join(self.poses)}")
        for name, pose in self.poses.items():
            if len(pose) != len(self.joints):
                raise ValueError(
                    f"pose '{name}' has {len(pose)} values for {len(self.joints)} joints"
                )
        unknown = {channel.joint for channel in self.driver.channels} - set(self.joints)
        if unknown:
            raise ValueError(
                f"the driver commands {', '.join(sorted(unknown))}, not among the joints"
            )


def is_name(text: str) -> bool:
    """Whether it can name a hand or an arm: a word that is part of files' names, and no path."""
    return re.fullmatch(r"\w[\w.+-]*", text) is not None


def check_name(text: str) -> None:
    """Raise ValueError unless :func:`is_name`."""
    if not is_name(text):
        raise ValueError(f"the name must be one word of letters, digits, _ - + and ., not '{text}'")


def list_hands() -> list[str]:
    """Names of all hands: files in ``config/hands`` and in the folders of ``UNIHM_HANDS_PATH``."""
    return sorted({path.stem for folder in _folders() for path in folder.glob("*.yaml")})


def find_hand_file(name: str) -> Path:
    """File of a hand given by name, by the path of its YAML, or of a URDF that it lies beside.

    Raises:
        UnihmError: UNKNOWN_HAND, naming the hands there are.
    """
    reference, _ = split_arguments(name)
    if reference.endswith(DESCRIPTIONS):
        path = Path(reference).with_name(f"{Path(reference).name.split('.')[0]}.yaml")
        if path.is_file():
            return path
        raise UnihmError(
            ErrorCode.UNKNOWN_HAND,
            f"{name} says what a hand is made of; its palm, pads, poses and driver stand in a hand "
            f"file: write {path} (docs/add_a_hand.md).",
        )
    if name.endswith((".yaml", ".yml")):
        if Path(name).is_file():
            return Path(name)
        raise UnihmError(ErrorCode.UNKNOWN_HAND, f"There is no hand file {name}.")
    for folder in _folders() if is_name(name) else ():
        if (folder / f"{name}.yaml").is_file():
            return folder / f"{name}.yaml"
    raise UnihmError(
        ErrorCode.UNKNOWN_HAND, f"No hand is called '{name}'. There are: {', '.join(list_hands())}."
    )


def _folders() -> list[Path]:
    user = [Path(p) for p in os.environ.get("UNIHM_HANDS_PATH", "").split(os.pathsep) if p]
    return [*user, config_dir() / "hands"]


def read_spec(path: Path) -> HandSpec:
    """Read a hand file.

    Raises:
        UnihmError: INVALID_HAND_FILE with the file's name and what is wrong in it.
    """
    try:
        values = read_yaml(path)
        values["keypoints"] = _keypoints(values.get("keypoints"))
        return from_mapping(HandSpec, {**values, "path": str(path)}, path.name)
    except UnihmError as error:
        raise UnihmError(ErrorCode.INVALID_HAND_FILE, error.message) from error
    except ValueError as error:
        raise UnihmError(ErrorCode.INVALID_HAND_FILE, f"{path.name}: {error}.") from error


def _keypoints(parts: Any) -> list[Any]:
    """The points of a hand file's mapping of fingers, in the order of :data:`KEYPOINT_NAMES`."""
    parts = {} if parts is None else parts
    if not isinstance(parts, dict):
        raise ValueError("keypoints must be a mapping of fingers")
    unknown = sorted(set(parts) - {"wrist", *FINGERS})
    if unknown:
        raise ValueError(f"keypoints of unknown parts: {', '.join(unknown)}")
    points = [parts.get("wrist")]
    for finger in FINGERS:
        of_finger = parts.get(finger, [None] * 4)
        if not isinstance(of_finger, list) or len(of_finger) != 4:
            raise ValueError(f"keypoints of the {finger} must be a list of four")
        points += of_finger
    return points

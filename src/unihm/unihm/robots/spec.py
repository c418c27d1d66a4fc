"""The hand file: one YAML that says everything the project knows of a hand.

``docs/add_a_hand.md`` explains every field to somebody who writes one.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from unihm.config import from_mapping, read_yaml
from unihm.errors import ErrorCode, UnihmError
from unihm.paths import config_dir

FINGERS = ("thumb", "index", "middle", "ring", "little")
#: Names of the 21 human keypoints, in order: wrist, then four per finger, tip last.
KEYPOINT_NAMES = (
    "wrist",
    *(f"thumb_{part}" for part in ("cmc", "mcp", "ip", "tip")),
    *(f"{finger}_{part}" for finger in FINGERS[1:] for part in ("mcp", "pip", "dip", "tip")),
)
POSES = ("open", "pregrasp", "closed")
PROTOCOLS = ("xhand", "inspire", "joint_trajectory", "joint_state", "gripper_command")

Vector = tuple[float, float, float]
Part = TypeVar("Part")


@dataclass(frozen=True)
class LinkPoint:
    """A point (metres) in the frame of a link."""

    link: str
    xyz: Vector = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Fingertip:
    """The pad of a finger, in the frame of ``link``.

    Attributes:
        finger: one of :data:`FINGERS`.
        xyz: centre of the pad on the surface, metres.
        normal: unit, out of the surface.
        flexion_normal: unit, the way the pad moves when the finger flexes.
        pad_radius: curvature radius of the pad, metres.
    """

    finger: str
    link: str
    xyz: Vector
    normal: Vector
    flexion_normal: Vector
    pad_radius: float

    def __post_init__(self) -> None:
        if self.finger not in FINGERS:
            raise ValueError(f"finger '{self.finger}' is none of {', '.join(FINGERS)}")
        if not self.pad_radius > 0:
            raise ValueError(f"pad_radius of the {self.finger} must be positive")
        for name in ("normal", "flexion_normal"):
            length = sum(x * x for x in getattr(self, name)) ** 0.5
            if abs(length - 1) > 0.01:
                raise ValueError(f"{name} of the {self.finger} has length {length:.3f}, not 1")


@dataclass(frozen=True)
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


@dataclass(frozen=True)
class Mount:
    """Arm flange to wrist link, as a URDF origin (metres, radians)."""

    xyz: Vector
    rpy: Vector


@dataclass(frozen=True)
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


@dataclass(frozen=True)
class Driver:
    """What the hand's own driver listens to; channels in its order."""

    protocol: str
    command_topic: str
    state_topic: str
    rate_hz: float
    channels: tuple[Channel, ...]

    def __post_init__(self) -> None:
        if self.protocol not in PROTOCOLS:
            raise ValueError(f"protocol '{self.protocol}' is none of {', '.join(PROTOCOLS)}")


@dataclass(frozen=True)
class HandSpec:
    """A hand file as read; the fields are those of the YAML.

    Attributes:
        name: how the hand is called everywhere.
        side: ``right`` or ``left``.
        urdf: file in ``config/robots``, absolute path or ``package://``.
        wrist_link: link that a wrist pose is the pose of; the root, or the first link to keep.
        joints: independent joints, in the order of every (J,) array.
        fingertips: thumb first where there is one.
        keypoints: 21 points in the order of :data:`KEYPOINT_NAMES`; None where there is none.
        poses: (J,) per name of :data:`POSES`.
        path: of the hand file.
    """

    name: str
    side: str
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
        if self.side not in ("right", "left"):
            raise ValueError(f"side is '{self.side}', neither right nor left")
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


def list_hands() -> list[str]:
    """Names of all hands: files in ``config/hands`` and in the folders of ``UNIHM_HANDS_PATH``."""
    return sorted({path.stem for folder in _folders() for path in folder.glob("*.yaml")})


def find_hand_file(name: str) -> Path:
    """File of a hand given by name, or by the path of its YAML.

    Raises:
        UnihmError: UNKNOWN_HAND, naming the hands there are.
    """
    if name.endswith((".yaml", ".yml")):
        if Path(name).is_file():
            return Path(name)
        raise UnihmError(ErrorCode.UNKNOWN_HAND, f"There is no hand file {name}.")
    for folder in _folders():
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
        for key, cls in (("palm", Palm), ("mount", Mount)):
            values[key] = _part(cls, values.get(key), key)
        driver = dict(values.get("driver") or {})
        driver["channels"] = tuple(_part(Channel, c, "channel") for c in driver.get("channels", ()))
        values["driver"] = _part(Driver, driver, "driver")
        values["fingertips"] = [
            _part(Fingertip, tip, "fingertip") for tip in values.get("fingertips") or ()
        ]
        values["keypoints"] = _keypoints(values.get("keypoints") or {})
        values["poses"] = {k: tuple(map(float, v)) for k, v in (values.get("poses") or {}).items()}
        return from_mapping(HandSpec, {**values, "path": path}, path.name)
    except UnihmError as error:
        raise UnihmError(ErrorCode.INVALID_HAND_FILE, error.message) from error
    except (TypeError, ValueError) as error:
        raise UnihmError(ErrorCode.INVALID_HAND_FILE, f"{path.name}: {error}.") from error


def _part(cls: type[Part], values: Any, where: str) -> Part:
    if not isinstance(values, dict):
        raise ValueError(f"'{where}' is missing or not a mapping")
    # YAML reads 1e-5 as text, so every vector is converted.
    vectors = {k: [float(x) for x in v] for k, v in values.items() if isinstance(v, list)}
    for key, vector in vectors.items():
        if len(vector) != 3:
            raise ValueError(f"{where}: '{key}' must have three numbers, not {len(vector)}")
    return from_mapping(cls, {**values, **vectors}, where)


def _keypoints(parts: dict[str, Any]) -> list[LinkPoint | None]:
    unknown = sorted(set(parts) - {"wrist", *FINGERS})
    if unknown:
        raise ValueError(f"keypoints of unknown parts: {', '.join(unknown)}")
    entries = [parts.get("wrist")]
    for finger in FINGERS:
        points = parts.get(finger, [None] * 4)
        if not isinstance(points, list) or len(points) != 4:
            raise ValueError(f"keypoints of the {finger} must be a list of four")
        entries += points
    return [None if entry is None else _part(LinkPoint, entry, "keypoint") for entry in entries]

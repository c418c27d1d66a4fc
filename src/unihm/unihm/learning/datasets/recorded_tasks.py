"""The tasks in a recording: what the graph was given, what every stage made of it, how it ended."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from unihm.errors import ErrorCode, UnihmError
from unihm.learning.datasets import messages as contents
from unihm.learning.datasets.bag import MessageTypes
from unihm.learning.datasets.bag_reader import BagReader
from unihm.learning.datasets.episode import Episode
from unihm.perception.camera import StampMatcher, is_colour, is_depth
from unihm.robots.frames import FrameTree, Transform
from unihm.transforms import from_pose7
from unihm.types import (
    FloatArray,
    HandMotion,
    HandTokens,
    ObjectCloud,
    ObjectTrajectory,
    RgbdObservation,
    Task,
)

MADE_BY_THE_GRAPH = ("/affordance", "/segmentation_overlay")  # images for people
TOLERANCE = 0.02  # s between the stamps of a pair of images
WORLD = "world"
StageResult = ObjectTrajectory | ObjectCloud | HandTokens | HandMotion
# Message type to the stage that it is of, and its reader.
_RESULTS: dict[str, tuple[str, Callable[[Any], StageResult]]] = {
    "ObjectTrajectory": ("planner", contents.trajectory_from_msg),
    "ObjectCloud": ("segmentation", contents.cloud_from_msg),
    "HandTokens": ("generator", contents.tokens_from_msg),
}
_MOTIONS = {"hand_motion": "decoder", "refined_hand_motion": "refiner"}
_FAILED = 3  # of StageStatus


@dataclass
class RecordedTask:
    """One task of a recording.

    Attributes:
        bag: name of the recording.
        task: what was asked for.
        observation: the image that it was planned from.
        joints: joint to radians (metres), as last reported before the hand's motion was planned.
        results: stage to what it made.
        error: how it failed; None where it did not, or nothing is known of its end.
    """

    bag: str
    task: Task
    observation: RgbdObservation
    joints: dict[str, float] = field(default_factory=dict)
    results: dict[str, StageResult] = field(default_factory=dict)
    error: UnihmError | None = None


def read_tasks(
    path: Path, types: MessageTypes | None = None
) -> tuple[list[RecordedTask], list[str]]:
    """The tasks of a recorded graph, in the order in which they were given.

    Args:
        path: of the bag.
        types: for bags without their messages' definitions.

    Returns:
        the tasks that have an image, and sentences on what was wrong and done without.

    Raises:
        UnihmError: INVALID_BAG.
    """
    given: dict[str, Any] = {}
    seen: dict[str, Any] = {}
    joints: dict[str, float] = {}
    held: dict[str, dict[str, float]] = {}
    results: dict[str, dict[str, StageResult]] = {}
    errors: dict[str, UnihmError] = {}
    with BagReader(path, types) as bag:
        notes = list(bag.notes)
        wanted = [
            name
            for name, topic in bag.topics.items()
            if topic.kind == "sensor_msgs/msg/JointState"
            or (topic.kind.startswith("unihm_msgs/") and not name.endswith("/verification"))
        ]
        for record in bag.messages(wanted):
            kind, topic = record.kind.rsplit("/", 1)[1], record.topic.rsplit("/", 1)[1]
            if kind == "JointState":
                message = record.read()
                joints.update(zip(message.name, map(float, message.position)))
            elif kind == "Task":
                message = record.read()
                given[message.task_id] = message
            elif kind == "RgbdObservation":
                message = record.read()
                seen.setdefault(message.task_id, message)
            elif kind == "StageStatus":
                message = record.read()
                if message.state == _FAILED:
                    code = ErrorCode(int(message.error_code))
                    errors.setdefault(message.task_id, UnihmError(code, message.error_msg))
            elif kind in _RESULTS or topic in _MOTIONS:
                message = record.read()
                if kind == "ObjectCloud":
                    held[message.task_id] = dict(joints)
                if kind in _RESULTS:
                    stage, reader = _RESULTS[kind]
                else:
                    stage, reader = _MOTIONS[topic], contents.motion_from_msg
                try:
                    results.setdefault(message.task_id, {})[stage] = reader(message)
                except UnihmError as error:
                    notes.append(f"{record.topic} of {message.task_id}: {error.message}")
    tasks = []
    for task_id, message in given.items():
        if task_id not in seen:
            notes.append(f"{task_id} has no image, and is left out.")
            continue
        tasks.append(
            RecordedTask(
                path.name,
                contents.task_from_msg(message),
                contents.observation_from_msg(seen[task_id]),
                held.get(task_id, dict(joints)),
                results.get(task_id, {}),
                errors.get(task_id),
            )
        )
    return tasks, notes


def to_episodes(tasks: Iterable[RecordedTask]) -> list[Episode]:
    """The tasks that came as far as a motion and did not fail, for training.

    The motion is the refined one where there is one; the cloud is what perception made of it.
    """
    episodes = []
    for task in tasks:
        trajectory, cloud = task.results.get("planner"), task.results.get("segmentation")
        motion = task.results.get("refiner") or task.results.get("decoder")
        if (
            task.error is None
            and isinstance(trajectory, ObjectTrajectory)
            and isinstance(cloud, ObjectCloud)
            and isinstance(motion, HandMotion)
        ):
            name = f"{task.bag}-{task.task.task_id}"
            episodes.append(
                Episode(
                    episode_id=name,
                    source="bag",
                    object_id=name,
                    instructions=(task.task.instruction,),
                    trajectory=motion.trajectory,
                    cloud=cloud,
                    motions={motion.hand: motion},
                )
            )
    return episodes


@dataclass(frozen=True)
class CameraTopics:
    """Of a recording of a camera; empty names are found out."""

    rgb: str = ""
    depth: str = ""
    info: str = ""


def first_observation(
    path: Path,
    topics: CameraTopics | None = None,
    T_world_camera: FloatArray | None = None,
    types: MessageTypes | None = None,
) -> RgbdObservation:
    """The first whole pair of images of any recording of a camera.

    Args:
        path: of the bag.
        topics: where they are; by default what can only be meant.
        T_world_camera: (4, 4); by default what TF or the topic ``camera_pose`` says in the bag.
        types: for bags without their messages' definitions.

    Raises:
        UnihmError: INVALID_BAG where there are no such topics, or several; CAMERA_TIMEOUT where
            colour, depth and camera_info never match; INVALID_TRANSFORM where nobody says where
            the camera is.
    """
    with BagReader(path, types) as bag:
        names = _camera_topics(bag, topics or CameraTopics())
        keys = {names.rgb: "rgb", names.depth: "depth", names.info: "info"}
        matcher = StampMatcher(keys.values(), TOLERANCE)
        for record in bag.messages(keys):
            message = record.read()
            stamp = contents.time_to_seconds(message.header.stamp)
            pair: Any = matcher.add(keys[record.topic], stamp, message)
            if pair is not None:
                break
        else:
            raise UnihmError(
                ErrorCode.CAMERA_TIMEOUT,
                f"{path}: the stamps of {', '.join(keys)} never match.",
            )
        if T_world_camera is None:
            T_world_camera = _camera_pose(bag, pair["rgb"].header.frame_id)
    return contents.observation_from_images(
        pair["rgb"], pair["depth"], pair["info"], T_world_camera
    )


def _camera_topics(bag: BagReader, given: CameraTopics) -> CameraTopics:
    images = bag.of_kind("sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage")
    missing = [t for t in (given.rgb, given.depth, given.info) if t and t not in bag.topics]
    if missing:
        raise UnihmError(ErrorCode.INVALID_BAG, f"{bag.path} has no topic {', '.join(missing)}.")
    encodings = {}
    for name in images:
        if name.endswith(MADE_BY_THE_GRAPH):
            continue
        for record in bag.messages([name]):
            message = record.read()
            encodings[name] = getattr(message, "encoding", "") or message.format
            break
    colour = [name for name, encoding in encodings.items() if is_colour(encoding)]
    deep = [name for name, encoding in encodings.items() if is_depth(encoding)]
    rgb = given.rgb or _only(bag, "colour images", "rgb", colour)
    depth = given.depth or _only(bag, "depth images", "depth", deep)
    infos = bag.of_kind("sensor_msgs/msg/CameraInfo")
    # That of the colour image stands beside it.
    beside = [name for name in infos if name.rsplit("/", 1)[0] == rgb.rsplit("/", 1)[0]]
    info = given.info or _only(bag, "camera_info", "info", beside or infos)
    return CameraTopics(rgb, depth, info)


def _only(bag: BagReader, what: str, option: str, found: Sequence[str]) -> str:
    if len(found) == 1:
        return found[0]
    several = f"several topics with {what}: {', '.join(found)}; say --{option}"
    raise UnihmError(
        ErrorCode.INVALID_BAG,
        f"{bag.path} has {several if found else f'no topic with {what}'}.",
    )


def _camera_pose(bag: BagReader, frame: str) -> FloatArray:
    """(4, 4) T_world_camera as the bag says, or INVALID_TRANSFORM."""
    tree = FrameTree()
    for record in bag.messages(bag.of_kind("tf2_msgs/msg/TFMessage")):
        for stamped in record.read().transforms:
            tree.add(_transform(stamped))
        T_world_camera = tree.lookup(WORLD, frame)
        if T_world_camera is not None:
            return T_world_camera
    poses: Iterable[str] = [n for n in bag.topics if n.endswith("/camera_pose")]
    for record in bag.messages(poses):
        return contents.pose_from_msg(record.read().pose)
    raise UnihmError(
        ErrorCode.INVALID_TRANSFORM,
        f"{bag.path} does not say where the camera ({frame}) is in {WORLD}: no transform, no "
        "camera_pose. Say --camera-pose x y z qx qy qz qw.",
    )


def _transform(stamped: Any) -> Transform:
    t, q = stamped.transform.translation, stamped.transform.rotation
    return Transform(
        stamped.header.frame_id.lstrip("/"),
        stamped.child_frame_id.lstrip("/"),
        from_pose7(np.array([t.x, t.y, t.z, q.x, q.y, q.z, q.w])),
    )

"""The values that travel from stage to stage; each has a message of the same name in unihm_msgs.

SI units and radians; ``T_a_b`` maps coordinates of frame b to frame a; quaternions xyzw.
The constructors check shapes and finiteness, so that a stage may trust what it was given.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from unihm.errors import ErrorCode, UnihmError
from unihm.transforms import FloatArray, IntArray, is_rigid

#: What the pipeline consists of, in order: a room of the package and a node each.
STAGES = ("planner", "segmentation", "generator", "decoder", "refiner")


class Phase(IntEnum):
    """What the hand is doing in a frame of a motion: the contact schedule."""

    APPROACH = 0  # open hand, object untouched
    GRASP = 1  # fingers close; contact at the last frame of this phase
    HOLD = 2  # object moves with the hand
    RELEASE = 3  # fingers open; object rests
    RETREAT = 4  # open hand leaves


class TaskKind(IntEnum):
    """What an instruction asks for."""

    GRAB = 0
    PICK_AND_PLACE = 1
    PUSH = 2
    OPEN_CLOSE = 3


@dataclass(frozen=True)
class Task:
    """One instruction for one hand.

    Attributes:
        task_id: unique; every message of the graph that derives from the task carries it.
        instruction: the sentence, in the person's own words.
        hand: name of a file in ``config/hands``, e.g. ``xhand``.
    """

    task_id: str
    instruction: str
    hand: str


@dataclass(frozen=True)
class RgbdObservation:
    """One registered colour and depth image.

    Attributes:
        rgb: (H, W, 3) uint8.
        depth: (H, W) float32 in metres along the optical axis; 0 or NaN where missing.
        K: (3, 3) pinhole intrinsics in pixels.
        T_world_camera: (4, 4); the camera frame is optical (x right, y down, z forward).
        stamp: seconds.
    """

    rgb: NDArray[np.uint8]
    depth: NDArray[np.float32]
    K: FloatArray
    T_world_camera: FloatArray
    stamp: float = 0.0

    def __post_init__(self) -> None:
        if self.rgb.ndim != 3 or self.rgb.shape[2] != 3 or self.rgb.dtype != np.uint8:
            raise UnihmError(
                ErrorCode.INVALID_IMAGE, f"rgb must be (H, W, 3) uint8, not {self.rgb.shape}."
            )
        if self.depth.shape != self.rgb.shape[:2]:
            raise UnihmError(
                ErrorCode.INVALID_DEPTH,
                f"Depth {self.depth.shape} and colour {self.rgb.shape[:2]} differ in size.",
            )
        height, width = self.depth.shape
        if (
            self.K.shape != (3, 3)
            or not np.isfinite(self.K).all()
            or min(self.K[0, 0], self.K[1, 1]) <= 0
            or not 0 < self.K[0, 2] < width
            or not 0 < self.K[1, 2] < height
        ):
            raise UnihmError(
                ErrorCode.CAMERA_INFO_MISMATCH,
                f"The intrinsics do not fit a {width}x{height} image: {self.K.tolist()}.",
            )
        if not is_rigid(self.T_world_camera):
            raise UnihmError(
                ErrorCode.INVALID_TRANSFORM, "T_world_camera is not a rigid transform."
            )


@dataclass(frozen=True)
class ObjectTrajectory:
    """Where the target object goes, and when the hand touches it.

    Attributes:
        T_world_object: (T, 4, 4); frame 0 is where the object is now. The object frame is
            the one of :func:`unihm.perception.scene.frames.canonical_object_frame`.
        phase: (T,) values of :class:`Phase`, never decreasing.
        dt: seconds between frames.
        kind: the task.
        pick_point: (3,) metres, world: a point on the object's surface (prompt for segmentation).
        description: the words that the object was found by, for people.
    """

    T_world_object: FloatArray
    phase: IntArray
    dt: float
    kind: TaskKind
    pick_point: FloatArray
    description: str = ""

    def __post_init__(self) -> None:
        if self.T_world_object.ndim != 3 or not is_rigid(self.T_world_object):
            raise UnihmError(
                ErrorCode.INVALID_TRANSFORM, "T_world_object must be (T, 4, 4) rigid transforms."
            )
        if self.phase.shape != (len(self.T_world_object),) or (np.diff(self.phase) < 0).any():
            raise UnihmError(ErrorCode.INVALID_MOTION, "phase must be (T,) and never decrease.")
        if not self.dt > 0:
            raise UnihmError(ErrorCode.INVALID_MOTION, f"dt must be positive, not {self.dt}.")

    def __len__(self) -> int:
        return len(self.T_world_object)

    @property
    def contact(self) -> int:
        """The frame in which the fingers touch: the last of GRASP; the last of all without one."""
        closing = np.flatnonzero(self.phase == Phase.GRASP)
        return int(closing[-1]) if len(closing) else len(self) - 1


@dataclass(frozen=True)
class ObjectCloud:
    """Surface of the target object, in the object frame of the trajectory.

    Attributes:
        points: (N, 3) metres.
        normals: (N, 3) unit, outward.
        confidence: 0 to 1: how far the completed part may be trusted.
        observed: (N,) bool: seen by the camera, not completed.
        around: (M, 3) metres: what else is seen in the workspace, which a hand must not touch.
    """

    points: FloatArray
    normals: FloatArray
    confidence: float = 1.0
    observed: NDArray[np.bool_] | None = None
    around: FloatArray = field(default_factory=lambda: np.zeros((0, 3)), repr=False)

    def __post_init__(self) -> None:
        if self.points.ndim != 2 or self.points.shape[1] != 3 or len(self.points) == 0:
            raise UnihmError(
                ErrorCode.INVALID_CLOUD,
                f"points must be (N, 3) with N > 0, not {self.points.shape}.",
            )
        if self.normals.shape != self.points.shape:
            raise UnihmError(ErrorCode.INVALID_CLOUD, "normals must have the shape of points.")
        if self.around.ndim != 2 or self.around.shape[1] != 3:
            raise UnihmError(
                ErrorCode.INVALID_CLOUD, f"around must be (M, 3), not {self.around.shape}."
            )
        if not all(np.isfinite(a).all() for a in (self.points, self.normals, self.around)):
            raise UnihmError(ErrorCode.INVALID_CLOUD, "The cloud holds values that are not finite.")


@dataclass(frozen=True)
class HandTokens:
    """Codes of a motion over the shared codebook; any hand's decoder can read them.

    Attributes:
        codes: (L, R) int64: L chunks of ``chunk`` frames, R residual levels (1 = the paper's).
        chunk: frames per code.
        codebook_id: identity of the codebook the codes index.
        T_object_frame: (4, 4): the frame that the motion is written in, which stays where it is
            on the object; the object's own by default. Another one is another grasp.
    """

    codes: IntArray
    chunk: int
    codebook_id: str
    T_object_frame: FloatArray = field(default_factory=lambda: np.eye(4), repr=False)

    def __post_init__(self) -> None:
        if self.T_object_frame.shape != (4, 4) or not is_rigid(self.T_object_frame):
            raise UnihmError(
                ErrorCode.INVALID_TRANSFORM, "T_object_frame is not a rigid transform."
            )


@dataclass(frozen=True)
class HandMotion:
    """A hand's whole motion relative to a moving object.

    Attributes:
        hand: name of a file in ``config/hands``.
        T_object_wrist: (T, 4, 4): the hand's root link in the object frame.
        joints: (T, J) radians (metres for sliding joints): the independent joints, in the
            order of the hand file.
        trajectory: what the motion is relative to, T frames.
    """

    hand: str
    T_object_wrist: FloatArray
    joints: FloatArray
    trajectory: ObjectTrajectory = field(repr=False)

    def __post_init__(self) -> None:
        frames = len(self.trajectory)
        if self.T_object_wrist.shape != (frames, 4, 4) or not is_rigid(self.T_object_wrist):
            raise UnihmError(
                ErrorCode.INVALID_MOTION,
                f"T_object_wrist must be ({frames}, 4, 4) rigid transforms.",
            )
        if self.joints.ndim != 2 or len(self.joints) != frames:
            raise UnihmError(
                ErrorCode.INVALID_MOTION,
                f"joints must be ({frames}, J), not {self.joints.shape}.",
            )
        if not np.isfinite(self.joints).all():
            raise UnihmError(
                ErrorCode.INVALID_MOTION, "The motion holds joints that are not finite."
            )

    def __len__(self) -> int:
        return len(self.joints)

    @property
    def T_world_wrist(self) -> FloatArray:
        """(T, 4, 4): the wrist's path in the world."""
        return self.trajectory.T_world_object @ self.T_object_wrist

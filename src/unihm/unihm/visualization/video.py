"""Record what moved while a task runs; look at it afterwards from anywhere.

Recording costs microseconds, so it never slows a run down; the pictures are rendered later, in
a world of the same scene and hand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unihm.errors import ErrorCode, UnihmError
from unihm.sim.world import World
from unihm.transforms import FloatArray, look_at


@dataclass(frozen=True)
class Moment:
    """Positions of driven joints by name (radians, metres), and of objects.

    Their poses (4, 4), and how far what opens is open, from 0 to 1.
    """

    time: float
    joints: Mapping[str, float]
    objects: Mapping[str, FloatArray]
    openings: Mapping[str, float] = field(default_factory=dict)


@dataclass
class SceneRecording:
    """Moments in order of time; 20 Hz and more make a smooth render_video."""

    moments: list[Moment] = field(default_factory=list)

    def sample(self, world: World) -> None:
        """Record a world as it is now."""
        state = world.joint_state()
        self.add(world.time, state.names, state.position, world.object_poses(), world.openings())

    def add(
        self,
        time: float,
        names: Sequence[str],
        positions: ArrayLike,
        objects: Mapping[str, FloatArray],
        openings: Mapping[str, float] | None = None,
    ) -> None:
        """Record joint positions (N,) and object poses of elsewhere, e.g. of topics or a bag."""
        joints = dict(zip(names, np.asarray(positions, float).tolist()))
        self.moments.append(Moment(time, joints, dict(objects), dict(openings or {})))

    def at(self, time: float) -> Moment:
        """The moment nearest to ``time``.

        Raises:
            UnihmError: INVALID_EPISODE when nothing was recorded.
        """
        if not self.moments:
            raise UnihmError(ErrorCode.INVALID_EPISODE, "Nothing was recorded.")
        return min(self.moments, key=lambda moment: abs(moment.time - time))

    @property
    def duration(self) -> float:
        """Seconds from the first moment to the last."""
        return self.moments[-1].time - self.moments[0].time if self.moments else 0.0


def show(world: World, moment: Moment) -> None:
    """Put robot and objects of ``world`` as they were; joints that are not named stay."""
    robot = world.robot
    if robot is not None:
        here = robot.joint_state()
        robot.place([moment.joints.get(n, q) for n, q in zip(here.names, here.position)])
    known = world.object_poses()
    for name, pose in moment.objects.items():
        if name in known:
            world.set_object_pose(name, pose)
    for name, share in moment.openings.items():
        if name in known:
            world.set_opening(name, share)


def render_video(
    world: World,
    recording: SceneRecording,
    view: Callable[[float], FloatArray],
    fps: float = 15.0,
    width: int = 640,
    height: int = 480,
    fov: float = 0.75,
) -> Iterator[tuple[float, NDArray[np.uint8]]]:
    """Render a recording.

    Args:
        world: of the same scene and hand, with rendering; it is moved about.
        recording: what happened.
        view: optical camera pose (4, 4) at a fraction 0 to 1 of the recording.
        fps: frames per second of recorded time.

    Yields:
        Seconds since the start, and the image (height, width, 3) uint8.
    """
    start = recording.at(-np.inf).time
    for number in range(int(recording.duration * fps) + 1):
        time = number / fps
        show(world, recording.at(start + time))
        fraction = min(1.0, time / max(recording.duration, 1e-6))
        yield time, world.render_view(view(fraction), width, height, fov)


def orbit(fraction: float) -> FloatArray:
    """A camera that drifts slowly round the front of the table, robot and objects in sight."""
    azimuth = np.radians(-46 + 16 * fraction)
    eye = [0.33 + 1.45 * np.cos(azimuth), 1.45 * np.sin(azimuth), 0.82]
    return look_at(eye, [0.33, 0.0, 0.27])


def close_up(target: ArrayLike) -> FloatArray:
    """A camera before the point ``target`` (3,): thumb on one side, fingers on the other."""
    x, y, z = np.asarray(target, float)
    return look_at([x + 0.40, y + 0.14, z + 0.36], [x, y, z + 0.02])


def half_length(target: ArrayLike) -> FloatArray:
    """A camera that shows arm, hand and the point ``target`` (3,) that they are at."""
    x, y, z = np.asarray(target, float)
    return look_at([x + 0.92, y - 0.82, z + 0.42], [x - 0.17, y, z + 0.07])

"""What counts as done, measured from the simulator's object poses and outside the graph.

A :class:`Track` collects poses while a task runs; the ``judge_*`` functions read it afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from unihm.errors import ErrorCode, UnihmError
from unihm.sim.scene import Scene
from unihm.transforms import FloatArray, invert

LIFT_HEIGHT = 0.10  # m: how far a grabbed object must have risen
HOLD_TIME = 1.0  # s: for how long it must stay there
OTHERS_HEIGHT = 0.03  # m: what another object may rise (it may be nudged, not lifted)
PUSH_DISTANCE = 0.05  # m
STILL = 0.01  # m: motion in the last half second that counts as lying still


@dataclass
class Track:
    """Object poses over time, oldest first; sample it at 10 Hz or more."""

    times: list[float] = field(default_factory=list)
    poses: list[dict[str, FloatArray]] = field(default_factory=list)

    def sample(self, time: float, poses: dict[str, FloatArray]) -> None:
        """Add T_world_object (4, 4) of every object at ``time`` in seconds."""
        self.times.append(time)
        self.poses.append(poses)

    def positions(self, name: str) -> FloatArray:
        """(N, 3) metres: the object's centre over time."""
        if not self.poses or name not in self.poses[0]:
            raise UnihmError(ErrorCode.INVALID_SCENE, f"There is no track of '{name}'.")
        return np.array([poses[name][:3, 3] for poses in self.poses])

    def rise(self, name: str) -> FloatArray:
        """(N,) metres above where the object was at first."""
        heights = self.positions(name)[:, 2]
        return heights - heights[0]


@dataclass(frozen=True)
class TaskOutcome:
    """Verdict on a task.

    Attributes:
        success: whether it was done.
        reason: why not, as a sentence; empty on success.
        measurements: metres and seconds, by name.
    """

    success: bool
    reason: str
    measurements: dict[str, float]


def judge_grab(track: Track, target: str) -> TaskOutcome:
    """Success: ``target`` risen by 10 cm, for 1 s and to the end, and nothing else lifted."""
    rise = track.rise(target)
    others = {n: float(track.rise(n).max()) for n in track.poses[0] if n != target}
    held = _time_above(np.array(track.times), rise, LIFT_HEIGHT)
    measurements = {
        "rise": float(rise[-1]),
        "highest": float(rise.max()),
        "held": held,
        "others_rise": max(others.values(), default=0.0),
    }
    also = [name for name, height in others.items() if height > OTHERS_HEIGHT]
    if rise.max() < LIFT_HEIGHT:
        reason = f"The {target} rose by {100 * rise.max():.1f} cm at the most."
        if also:
            reason += f" The {also[0]} was lifted instead."
    elif held < HOLD_TIME:
        reason = f"The {target} was held for {held:.1f} s only."
    elif also:
        reason = f"The {also[0]} was lifted as well."
    else:
        reason = ""
    return TaskOutcome(not reason, reason, measurements)


def judge_place(track: Track, scene: Scene, target: str, container: str) -> TaskOutcome:
    """Success: ``target`` was lifted and now lies still within ``container``."""
    rise, last = track.rise(target), track.poses[-1]
    vessel = scene.object(container)
    local = invert(last[container]) @ last[target][:, 3]
    outside = np.abs(local[:2]) - vessel.geometry.extents[:2] / 2
    above = float(local[2] - scene.object(target).geometry.extents.max() / 2)
    moved = _motion(track, target, 0.5)
    measurements = {
        "highest": float(rise.max()),
        "outside": float(outside.max()),
        "motion": moved,
    }
    if rise.max() < 0.02:
        reason = f"The {target} was not lifted."
    elif outside.max() > 0 or above > vessel.geometry.extents[2]:
        away = f"{100 * outside.max():.1f} cm beside" if outside.max() > 0 else "above"
        reason = f"The {target} ended {away} the {container}."
    elif moved > STILL:
        reason = f"The {target} still moves."
    else:
        reason = ""
    return TaskOutcome(not reason, reason, measurements)


def judge_push(track: Track, target: str, direction: FloatArray | None = None) -> TaskOutcome:
    """Success: ``target`` slid 5 cm over the table, along ``direction`` (x, y) where one is given.

    It must stay on the table and upright.
    """
    path = track.positions(target)
    shift = path[-1, :2] - path[0, :2]
    way = float(np.linalg.norm(shift))
    if direction is not None:
        unit = np.asarray(direction, float)[:2]
        way = float(shift @ unit / np.linalg.norm(unit))
    tilt = float(track.poses[-1][target][2, :3] @ track.poses[0][target][2, :3])
    highest = float(track.rise(target).max())
    measurements = {
        "distance": way,
        "highest": highest,
        "tilt": float(np.arccos(np.clip(tilt, -1, 1))),
    }
    if way < PUSH_DISTANCE:
        reason = f"The {target} was pushed by {100 * way:.1f} cm."
    elif highest > OTHERS_HEIGHT:
        reason = f"The {target} was lifted, not pushed."
    elif tilt < 0.7:
        reason = f"The {target} fell over."
    else:
        reason = ""
    return TaskOutcome(not reason, reason, measurements)


def _time_above(times: FloatArray, values: FloatArray, threshold: float) -> float:
    """Seconds for which ``values`` has been above ``threshold`` without a break, to the end."""
    below = np.flatnonzero(values < threshold)
    first = 0 if len(below) == 0 else below[-1] + 1
    return float(times[-1] - times[first]) if first < len(times) else 0.0


def _motion(track: Track, name: str, seconds: float) -> float:
    """Metres that an object moved within the last ``seconds``."""
    recent = np.array(track.times) >= track.times[-1] - seconds
    path = track.positions(name)[recent]
    return float(np.linalg.norm(path - path[-1], axis=1).max())

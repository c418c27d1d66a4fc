"""What counts as done, measured from the simulator's object poses and outside the graph.

A :class:`Track` collects poses while a task runs; the ``judge_*`` functions read it afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from unihm.errors import ErrorCode, UnihmError
from unihm.perception.planner.placing import side_axis
from unihm.sim.scene import Scene
from unihm.transforms import FloatArray, apply, invert

LIFT_HEIGHT = 0.10  # m: how far a grabbed object must have risen
HOLD_TIME = 1.0  # s: for how long it must stay there
OTHERS_HEIGHT = 0.03  # m: what another object may rise (it may be nudged, not lifted)
PUSH_DISTANCE = 0.05  # m: the least that counts where no distance was asked for
ABOUT = (0.5, 1.5)  # shares of an asked distance between which it was about that
ASIDE = 0.05  # m that a pushed thing may leave its line
STILL = 0.01  # m: motion in the last half second that counts as lying still
UPRIGHT = 0.7  # cosine of the angle from which a thing has fallen over
STIRRED = 0.05  # m that another thing may be moved
BESIDE = 0.10  # m between two things that stand beside each other
OPENED = 0.5  # share of the whole way from which on a thing is open
CLOSED = 0.1  # and up to which it is closed
ON_TOP = 0.02  # m between the bottom of what is on a thing and that thing's top


@dataclass
class Track:
    """Object poses over time, oldest first; sample it at 10 Hz or more."""

    times: list[float] = field(default_factory=list)
    poses: list[dict[str, FloatArray]] = field(default_factory=list)
    openings: list[dict[str, float]] = field(default_factory=list)

    def sample(
        self, time: float, poses: dict[str, FloatArray], openings: dict[str, float] | None = None
    ) -> None:
        """Add T_world_object (4, 4) of every object at ``time`` in seconds.

        ``openings`` says of what opens how far it is open, from 0 to 1.
        """
        self.times.append(time)
        self.poses.append(poses)
        self.openings.append(openings or {})

    def restart(self) -> None:
        """Forget what was before: somebody else has moved something."""
        self.times, self.poses, self.openings = [], [], []

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
        stage: where it failed, in a word or two; empty on success.
        reason: why not, as a sentence; empty on success.
        measurements: metres and seconds, by name.
    """

    stage: str
    reason: str
    measurements: dict[str, float]

    @property
    def success(self) -> bool:
        """Whether it was done."""
        return not self.stage


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
        stage, reason = "grasp", f"The {target} rose by {100 * rise.max():.1f} cm at the most."
        if also:
            stage, reason = "other object", f"{reason} The {also[0]} was lifted instead."
    elif held < HOLD_TIME:
        stage, reason = "hold", f"The {target} was held for {held:.1f} s only."
    elif also:
        stage, reason = "other object", f"The {also[0]} was lifted as well."
    else:
        stage = reason = ""
    return TaskOutcome(stage, reason, measurements)


def judge_place(track: Track, scene: Scene, target: str, relation: str, anchor: str) -> TaskOutcome:
    """Success: ``target`` was lifted and now lies still where it was to be put.

    Args:
        track: of the task.
        scene: with the sizes of things.
        target: what was to be put somewhere.
        relation: ``in``, ``on``, ``beside``, or a side: ``left``, ``right``, ``front``, ``behind``.
        anchor: the thing that it stands in that relation to.
    """
    rise, last = track.rise(target), track.poses[-1]
    moved = _motion(track, target, 0.5)
    wrong, away = _placed(scene, last, target, relation, anchor)
    measurements = {"highest": float(rise.max()), "away": away, "motion": moved}
    spoilt = _disturbed(track, scene, but=(target, anchor))
    if rise.max() < 0.02:
        stage, reason = "grasp", f"The {target} was not lifted."
    elif wrong:
        stage, reason = "place", f"The {target} ended {wrong}."
    elif moved > STILL:
        stage, reason = "rest", f"The {target} still moves."
    elif spoilt:
        stage, reason = "other object", spoilt
    else:
        stage = reason = ""
    return TaskOutcome(stage, reason, measurements)


def judge_push(
    track: Track,
    scene: Scene,
    target: str,
    direction: FloatArray | None = None,
    distance: float | None = None,
) -> TaskOutcome:
    """Success: ``target`` slid over the table, upright, and nothing else was moved.

    Args:
        track: of the task.
        scene: with what may not be moved.
        target: what was to be pushed.
        direction: (2,) or (3,), world, along which it must go, and not 5 cm off its line; None:
            anywhere.
        distance: m that were asked for: half of it to one and a half times are about that; None:
            5 cm and more.
    """
    path = track.positions(target)
    shift = path[-1, :2] - path[0, :2]
    way, aside = float(np.linalg.norm(shift)), 0.0
    if direction is not None:
        unit = np.asarray(direction, float)[:2]
        unit = unit / np.linalg.norm(unit)
        way = float(shift @ unit)
        aside = float(np.linalg.norm(shift - way * unit))
    upright = _upright(track, target)
    highest = float(track.rise(target).max())
    measurements = {
        "distance": way,
        "aside": aside,
        "highest": highest,
        "tilt": float(np.arccos(np.clip(upright, -1, 1))),
    }
    least, most = (PUSH_DISTANCE, np.inf) if distance is None else np.multiply(ABOUT, distance)
    spoilt = _disturbed(track, scene, but=(target,))
    if highest > OTHERS_HEIGHT:
        stage, reason = "lifted", f"The {target} was lifted, not pushed."
    elif _fallen(track, scene, target):
        stage, reason = "fell over", f"The {target} fell over."
    elif not least <= way <= most:
        stage, reason = "distance", f"The {target} was pushed by {100 * way:.1f} cm."
    elif aside > ASIDE:
        stage, reason = "direction", f"The {target} ended {100 * aside:.1f} cm off its line."
    elif spoilt:
        stage, reason = "other object", spoilt
    else:
        stage = reason = ""
    return TaskOutcome(stage, reason, measurements)


def judge_open(
    track: Track, scene: Scene, target: str, least: float = OPENED, most: float = 1.01
) -> TaskOutcome:
    """Success: ``target`` was opened, to a share of its way from ``least`` to ``most``."""
    return _judge_opening(track, scene, target, 1, least, most)


def judge_close(
    track: Track, scene: Scene, target: str, least: float = -0.01, most: float = CLOSED
) -> TaskOutcome:
    """Success: ``target`` was closed, up to a share of its way from ``least`` to ``most``."""
    return _judge_opening(track, scene, target, -1, least, most)


def _judge_opening(
    track: Track, scene: Scene, target: str, sign: int, least: float, most: float
) -> TaskOutcome:
    first, last = track.openings[0][target], track.openings[-1][target]
    measurements = {"before": first, "opening": last}
    spoilt = _disturbed(track, scene, but=(target,))
    word = "opened" if sign > 0 else "closed"
    if sign * (last - first) < 0.02:
        stage, reason = "grasp", f"The {target} was not {word} at all."
    elif not least <= last <= most:
        stage, reason = "amount", f"The {target} ended {100 * last:.0f} % open."
    elif spoilt:
        stage, reason = "other object", spoilt
    else:
        stage = reason = ""
    return TaskOutcome(stage, reason, measurements)


def _placed(
    scene: Scene, poses: dict[str, FloatArray], target: str, relation: str, anchor: str
) -> tuple[str, float]:
    """What is wrong with where a thing is, in words, and by how many metres; empty where right."""
    low, high = _bounds(scene, poses, target)
    if relation in ("in", "on"):
        vessel = scene.object(anchor).geometry.extents
        local = invert(poses[anchor]) @ poses[target][:, 3]
        outside = float((np.abs(local[:2]) - vessel[:2] / 2).max())
        if outside > 0:
            return f"{100 * outside:.1f} cm beside the {anchor}", outside
        top = _bounds(scene, poses, anchor)[1][2]
        above = float(low[2] - top)
        if above > (0.0 if relation == "in" else ON_TOP):
            return f"above the {anchor}", above
        if relation == "on" and above < -ON_TOP:
            return f"below the top of the {anchor}", -above
        return "", outside
    other_low, other_high = _bounds(scene, poses, anchor)
    gap = float(np.maximum(other_low - high, low - other_high)[:2].max())
    if gap > BESIDE:
        return f"{100 * gap:.1f} cm from the {anchor}", gap
    if low[2] > ON_TOP:
        return "not on the table", float(low[2])
    axis = side_axis(relation)
    if axis is not None:
        offset = poses[target][:2, 3] - poses[anchor][:2, 3]
        along = float(offset @ axis)
        if along < 0.7 * np.linalg.norm(offset):  # within 45 degrees of that side
            return f"on another side of the {anchor}", gap
    return "", gap


def _bounds(scene: Scene, poses: dict[str, FloatArray], name: str) -> tuple[FloatArray, FloatArray]:
    """(3,) twice, world: the box round an object as it lies now."""
    points = apply(poses[name], scene.object(name).geometry.surface.vertices)
    return points.min(axis=0), points.max(axis=0)


def _upright(track: Track, name: str) -> float:
    """Cosine of the angle between what was up in an object and what is now."""
    return float(track.poses[-1][name][2, :3] @ track.poses[0][name][2, :3])


def _fallen(track: Track, scene: Scene, name: str) -> bool:
    """Whether an object lies otherwise than it stood; what rolls cannot fall over."""
    rolls = scene.object(name).shape in ("sphere", "ellipsoid")
    return not rolls and _upright(track, name) < UPRIGHT


def _disturbed(track: Track, scene: Scene, but: tuple[str, ...]) -> str:
    """A sentence about something else that was knocked over or moved; empty where nothing was."""
    for item in scene.objects:
        if item.name in but or item.stands_fast:
            continue
        path = track.positions(item.name)
        if _fallen(track, scene, item.name):
            return f"The {item.name} was knocked over."
        way = float(np.linalg.norm(path[-1] - path[0]))
        if way > STIRRED:
            return f"The {item.name} was moved by {100 * way:.1f} cm."
    return ""


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

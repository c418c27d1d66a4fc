"""What a refinement did: measured before and after, in SI units."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from unihm.types import FloatArray


@dataclass(frozen=True)
class Measures:
    """One motion against one cloud.

    Attributes:
        energy: by term (``contact``, ``penetration``, ``self_collision``, ``opposition``,
            ``generation``, ``velocity``, ``acceleration``), summed over frames; of a motion that
            is faster than the hand, that of the motion slowed down to the hand's limits.
        penetration_max: metres, the deepest point of the hand in any frame.
        penetration_mean: metres, mean over frames of the deepest point.
        contact_distance: metres by finger, mean of the pad's distance from the surface over the
            frames in contact; empty without such frames.
        velocity_max: rad/s over joints and frames.
        acceleration_max: rad/s^2.
        jerk_max: rad/s^3.
        limit_margin: rad, the least distance of a joint from its limits; negative is beyond.
    """

    energy: dict[str, float]
    penetration_max: float
    penetration_mean: float
    contact_distance: dict[str, float]
    velocity_max: float
    acceleration_max: float
    jerk_max: float
    limit_margin: float

    @property
    def total_energy(self) -> float:
        """Sum over all terms."""
        return sum(self.energy.values())


@dataclass(frozen=True)
class GraspForces:
    """Static estimate of what holding the object asks of the contacts of the HOLD frames.

    Attributes:
        fingers: (C,) names of the fingers in contact.
        points: (C, 3) metres, object frame.
        normals: (C, 3) outward.
        forces: (C, 3) newtons on the object: the least that carry its weight within the friction
            cones, whichever way is down.
        torques: (J,) Nm (N where sliding) at the joints, the hand's own weight left out.
        normal_force: newtons, the sum of normal forces; infinite where the contacts cannot hold it.
    """

    fingers: tuple[str, ...]
    points: FloatArray
    normals: FloatArray
    forces: FloatArray
    torques: FloatArray
    normal_force: float


@dataclass(frozen=True)
class RefinementReport:
    """Everything measured about one refinement.

    Attributes:
        before: the motion that came in.
        after: the refined motion.
        fingers: names of the fingers that are attracted to the surface.
        joint_change: rad, mean absolute change of the joints.
        wrist_shift: metres, the largest move of the wrist.
        iterations: Gauss-Newton steps that lowered an energy.
        frames: T.
        seconds: wall time without this report; of a batch, this motion's share.
        grasp: contact forces; None without frames in contact.
    """

    before: Measures
    after: Measures
    fingers: tuple[str, ...]
    joint_change: float
    wrist_shift: float
    iterations: int
    frames: int
    seconds: float
    grasp: GraspForces | None = None

    def to_dict(self) -> dict[str, Any]:
        """For JSON: plain numbers, strings, lists and dictionaries."""
        return _plain(dataclasses.asdict(self))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(v) for key, v in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(v) for v in value]
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    return value

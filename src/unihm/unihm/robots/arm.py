"""Kinematics of the arm: forward, Jacobian, and inverse for a pose or a whole path."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pinocchio as pin

from unihm.errors import ErrorCode, UnihmError
from unihm.least_squares import damped_step
from unihm.robots import Hand
from unihm.robots.arm_spec import find_arm_file, read_arm_spec, read_arm_urdf
from unihm.robots.kinematics import build_model, joint_of, link_frame
from unihm.robots.limits import JointLimits
from unihm.robots.urdf import MOVING, Joint, Primitive, Urdf
from unihm.transforms import apply, invert
from unihm.types import FloatArray

FEWEST_JOINTS = 6  # to bring a hand into any pose
LIMIT_MARGIN = 0.03  # rad kept from every joint limit
POSITION_TOLERANCE = 1e-4  # m
ROTATION_TOLERANCE = 1e-3  # rad
SMOOTH_STEP, MAX_STEP = 0.15, 0.4  # rad from frame to frame: always welcome; the most there may be
TABLE_CLEARANCE = 0.01  # m between the arm's links and the table
_DAMPING = 1e-4
_ROTATION_WEIGHT = 0.3  # m/rad: what a radian of error counts against a metre
_MAX_ITERATIONS = 60
_CENTRING = 0.02  # share of the way to the rest posture taken per frame in the null space
_CENTRING_STEP = 0.01  # change of the pose (m, or of a rotation's entries) from which it is taken


class Arm:
    """A serial arm whose base link stands at the world's origin.

    Args:
        name: of a file in ``config/robots``, or the path of an arm's YAML, or of the URDF that it
            lies beside.
        urdf: the vendor's description to use instead of the light one that comes with the project.

    Attributes:
        joint_names: the n moving joints, base to flange.
        limits: of position, velocity, acceleration, jerk.
        home: (n,) rad.
        shapes: (link, collision shape) of every link.
    """

    def __init__(self, name: str = "fr3", urdf: Path | None = None) -> None:
        self.name = name
        self.spec = read_arm_spec(find_arm_file(name))
        description = read_arm_urdf(self.spec, urdf)
        chain = _chain(description, self.spec.flange)
        own = [joint for joint in chain if joint.kind in MOVING]
        where = f"{self.spec.path.name} and {description.path}"
        if len(self.spec.home) != len(own) or len(own) < FEWEST_JOINTS:
            raise UnihmError(
                ErrorCode.INVALID_CONFIG,
                f"{where}: {len(own)} joints move the flange {self.spec.flange} (at least "
                f"{FEWEST_JOINTS} are needed), home has {len(self.spec.home)} values.",
            )
        for joint in own:
            if joint.mimic or not (joint.lower < joint.upper and 0 < joint.velocity < np.inf):
                raise UnihmError(
                    ErrorCode.INVALID_CONFIG,
                    f"{where}: joint {joint.name} needs limits of position and velocity, and must "
                    "not be a mimic joint.",
                )
        names = {joint.name for joint in own}
        self.model = build_model(
            description, [j.name for j in description.moving_joints if j.name not in names]
        )
        self.data = self.model.createData()
        self._flange = link_frame(self.model, self.spec.flange)
        self.joint_names = tuple(joint.name for joint in own)
        self.home = np.array(self.spec.home)
        self.limits = JointLimits(
            np.array([joint.lower for joint in own]),
            np.array([joint.upper for joint in own]),
            np.array([joint.velocity for joint in own]),
            np.array(self.spec.acceleration),
            np.array(self.spec.jerk),
        )
        outside = (self.home < self.limits.lower) | (self.home > self.limits.upper)
        if outside.any():
            raise UnihmError(
                ErrorCode.INVALID_CONFIG,
                f"{where}: home is outside the limits of {own[int(outside.argmax())].name}.",
            )
        self._lower = self.limits.lower + LIMIT_MARGIN
        self._upper = self.limits.upper - LIMIT_MARGIN
        self.shapes = description.shapes
        # Links 0 to 3 cannot touch the table; the others are checked as spheres.
        self._spheres = [
            (frame, centre, radius)
            for link, shape in description.shapes
            if joint_of(self.model.frames[frame := link_frame(self.model, link)]) > 3
            for centre, radius in _extremes(shape)
        ]

    def __len__(self) -> int:
        return self.model.nq

    def forward(self, q: FloatArray) -> FloatArray:
        """T_world_flange (4, 4) at joint positions ``q`` (n,)."""
        pin.forwardKinematics(self.model, self.data, q)
        return pin.updateFramePlacement(self.model, self.data, self._flange).homogeneous

    def jacobian(self, q: FloatArray) -> FloatArray:
        """(6, n): linear (m/rad) then angular (rad/rad) velocity of the flange, world axes."""
        return pin.computeFrameJacobian(
            self.model, self.data, q, self._flange, pin.LOCAL_WORLD_ALIGNED
        )

    def lowest_point(self, q: FloatArray) -> float:
        """World z in metres of the lowest point of the arm's moving links (without the hand)."""
        pin.framesForwardKinematics(self.model, self.data, q)
        return min(
            (
                self.data.oMf[frame].act(centre)[2] - radius
                for frame, centre, radius in self._spheres
            ),
            default=np.inf,
        )

    def solve(
        self, T_world_flange: FloatArray, seed: FloatArray, table_height: float | None = 0.0
    ) -> FloatArray:
        """Joint positions (n,) for a flange pose, the solution nearest to ``seed``.

        Args:
            T_world_flange: (4, 4).
            seed: (n,) where the arm comes from.
            table_height: m; solutions with a link below it are refused. None: no table.

        Raises:
            UnihmError: UNREACHABLE.
        """
        candidates = self._candidates(T_world_flange, seed, table_height)
        if not candidates:
            raise UnihmError(ErrorCode.UNREACHABLE, _unreachable(T_world_flange))
        return candidates[0]

    def solve_path(
        self,
        T_world_wrist: FloatArray,
        hand: Hand,
        q_start: FloatArray,
        table_height: float | None = 0.0,
    ) -> FloatArray:
        """Continuous joint positions (T, n) that carry the hand along ``T_world_wrist`` (T, 4, 4).

        The arm's posture (elbow, wrist branch) is chosen at the first frame, nearest to
        ``q_start`` (n,) first: the first posture that follows the whole path smoothly is kept, or
        else the one with the smallest largest step.

        Raises:
            UnihmError: UNREACHABLE with the place that could not be reached.
        """
        T_world_flange = np.asarray(T_world_wrist, float) @ invert(hand.T_flange_wrist)
        furthest, best, best_step = 0, None, MAX_STEP
        for candidate in self._candidates(T_world_flange[0], q_start, table_height):
            path = self._track(T_world_flange, candidate, table_height)
            if len(path) == len(T_world_flange):
                step = np.abs(np.diff(path, axis=0)).max(initial=0.0)
                if step < SMOOTH_STEP:
                    return path
                if step < best_step:
                    best, best_step = path, step
            else:
                furthest = max(furthest, len(path))
        if best is not None:
            return best
        raise UnihmError(ErrorCode.UNREACHABLE, _unreachable(T_world_wrist[furthest]))

    def track(
        self,
        T_world_wrist: FloatArray,
        hand: Hand,
        start: FloatArray,
        table_height: float | None = 0.0,
    ) -> FloatArray:
        """Like :meth:`solve_path`, from ``start`` (n,), which has the wrist at the first pose."""
        T_world_flange = np.asarray(T_world_wrist, float) @ invert(hand.T_flange_wrist)
        path = self._track(T_world_flange, start, table_height)
        if len(path) < len(T_world_flange):
            raise UnihmError(ErrorCode.UNREACHABLE, _unreachable(T_world_wrist[len(path)]))
        return path

    def _track(
        self, T_world_flange: FloatArray, start: FloatArray, table_height: float | None
    ) -> FloatArray:
        """Follow the path from ``start`` for as many frames as it goes; (<= T, n)."""
        path = [start]
        for before, target in pairwise(T_world_flange):
            # One centring step per frame, before the iterations: smooth along the path. None
            # while the hand stands still, so that the elbow does too.
            moved = min(1.0, np.abs(target - before).max() / _CENTRING_STEP)
            q = self._converge(target, self._centred(path[-1], _CENTRING * moved))
            if q is None or np.abs(q - path[-1]).max() > MAX_STEP or self._touches(q, table_height):
                break
            path.append(q)
        return np.array(path)

    def _candidates(
        self, T_world_flange: FloatArray, near: FloatArray, table_height: float | None
    ) -> list[FloatArray]:
        """Distinct solutions of one pose, the one the arm gets to soonest first."""
        towards = np.arctan2(T_world_flange[1, 3], T_world_flange[0, 3])
        found: list[FloatArray] = []
        for seed in [near, *self._seeds(towards)]:
            q = self._converge(T_world_flange, seed, centring=_CENTRING)
            if q is None or self._touches(q, table_height):
                continue
            if all(np.abs(q - other).max() > 0.1 for other in found):
                found.append(q)
        return sorted(found, key=lambda q: self._cost(q, near))

    def _seeds(self, towards: float) -> list[FloatArray]:
        """The home posture turned towards the target, elbow and wrist to either side."""
        seeds = []
        for elbow, wrist in product((0.0, -0.7, 0.7), (0.0, -1.6, 1.6)):
            seed = self.home.copy()
            seed[0] += towards - elbow / 2
            seed[2] += elbow
            seed[-1] += wrist
            seeds.append(np.clip(seed, self._lower, self._upper))
        return seeds

    def _cost(self, q: FloatArray, near: FloatArray) -> float:
        """Seconds of travel at full speed, plus a price for being close to a limit."""
        travel = (np.abs(q - near) / self.limits.velocity).max()
        margin = np.minimum(q - self.limits.lower, self.limits.upper - q).min()
        return float(travel + 0.1 / max(margin, 1e-3))

    def _touches(self, q: FloatArray, table_height: float | None) -> bool:
        return table_height is not None and self.lowest_point(q) < table_height + TABLE_CLEARANCE

    def _centred(self, q: FloatArray, share: float) -> FloatArray:
        """``q`` moved in its null space by ``share`` of the way to the rest posture."""
        J = self.jacobian(q)
        step = share * (self._rest(q) - q)
        anywhere = np.full(len(q), np.inf)
        step += damped_step(J, J @ step, _DAMPING, -anywhere, anywhere)
        return np.clip(q + step, self._lower, self._upper)

    def _rest(self, q: FloatArray) -> FloatArray:
        """Posture that the null space is drawn to: mid-range, the base joint left alone."""
        rest = (self.limits.lower + self.limits.upper) / 2
        rest[0] = q[0]
        return rest

    def _converge(
        self, target: FloatArray, seed: FloatArray, centring: float = 0.0
    ) -> FloatArray | None:
        """Damped least squares from ``seed``; None where it does not reach ``target`` (4, 4)."""
        q = np.clip(seed, self._lower, self._upper)
        weights = np.array([1.0, 1.0, 1.0, *[_ROTATION_WEIGHT] * 3])
        before = np.inf
        for iteration in range(_MAX_ITERATIONS):
            pose = self.forward(q)
            error = np.concatenate(
                [target[:3, 3] - pose[:3, 3], pin.log3(target[:3, :3] @ pose[:3, :3].T)]
            )
            size = np.linalg.norm(error[:3]), np.linalg.norm(error[3:])
            if size[0] < POSITION_TOLERANCE and size[1] < ROTATION_TOLERANCE:
                return q
            now = float(np.linalg.norm(weights * error))
            if iteration > 12 and now > 0.98 * before:
                return None  # stuck at a limit or out of reach
            before = now
            J = weights[:, None] * self.jacobian(q)
            damping = _DAMPING + 0.01 * now**2
            step = damped_step(J, -weights * error, damping, self._lower - q, self._upper - q)
            q = q + step * min(1.0, 0.5 / max(np.abs(step).max(), 1e-9))
            if centring and iteration < 20:
                q = self._centred(q, centring)
        return None


@lru_cache(maxsize=2)
def load_arm(name: str = "fr3") -> Arm:
    """The arm ``name``, read once."""
    return Arm(name)


def _unreachable(T_world: FloatArray) -> str:
    x, y, z = T_world[:3, 3]
    return (
        f"The arm cannot bring the hand to x {x:.2f}, y {y:.2f}, z {z:.2f} m "
        f"({np.hypot(x, y):.2f} m from its base) in the pose that the grasp needs."
    )


def _chain(urdf: Urdf, flange: str) -> list[Joint]:
    """The joints from the root to the flange, in order."""
    above = {joint.child: joint for joint in urdf.joints}
    chain: list[Joint] = []
    while flange in above:
        chain.insert(0, above[flange])
        flange = chain[0].parent
    return chain


def _extremes(shape: Primitive) -> list[tuple[FloatArray, float]]:
    """(centre (3,), radius) of the few balls that have the lowest point of a shape."""
    if shape.kind in ("capsule", "cylinder"):
        radius, length = shape.size
        centres = np.array([[0.0, 0.0, -length / 2], [0.0, 0.0, length / 2]])
    elif shape.kind == "sphere":
        radius, centres = shape.size[0], np.zeros((1, 3))
    elif shape.kind == "box":
        radius, centres = 0.0, np.array(list(product((-0.5, 0.5), repeat=3))) * shape.size
    else:
        return []  # a mesh: the description has no simple shape to check
    return [(centre, radius) for centre in apply(shape.T_link_shape, centres)]

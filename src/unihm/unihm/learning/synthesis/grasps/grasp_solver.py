"""One hand on one object: pads on opposite sides of the surface, everything else clear of it.

Damped least squares over the wrist pose and the joints, always started from the same
template, so that similar objects get similar grasps: a model that answers in one forward pass can
only learn what is nearly a function of the geometry.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.spatial.transform import Rotation

from unihm.learning.synthesis.grasps.distance_field import DistanceField
from unihm.learning.synthesis.grasps.force_closure import worst_wrench
from unihm.learning.synthesis.grasps.hand_points import HandPoints, PointState
from unihm.least_squares import damped_step, minimise
from unihm.robots.fingers import PALM
from unihm.transforms import BoolArray, make_transform
from unihm.types import FloatArray


@dataclass(frozen=True)
class Weights:
    """Standard deviations: how far each wish may be missed before it costs 1."""

    contact: float = 0.001  # m, pad to surface
    normal: float = 0.4  # of pad normal + surface normal, length
    centre: float = 0.010  # m, contacts along x beside the target
    height: float = 0.012  # m, contacts above or below the target
    penetration: float = 0.001  # m
    collision: float = 0.002  # m, between thumb and fingers
    tilt: float = 0.25  # rad, wrist turned about the object's x axis, from the template's
    twist: float = 0.10  # rad, likewise about its y and z axes
    joints: float = 0.6  # rad from the template's
    coupling: float = 0.5  # rad between neighbouring fingers


@dataclass(frozen=True)
class ContactTargets:
    """Where the hand should touch, in the object frame, metres.

    Attributes:
        x: of the middle of the contacts.
        finger_height: z of the finger pads.
        thumb_height: z of the thumb pad.
        table: z of the table's top.
    """

    x: float
    finger_height: float
    thumb_height: float
    table: float


@dataclass(frozen=True)
class Grasp:
    """A solved grasp.

    Attributes:
        T_object_wrist: (4, 4).
        joints: (J,).
        touching: (D,) bool: pads on the surface.
        contacts: (C, 3) of the touching pads, on the surface.
        normals: (C, 3) outward surface normals there.
        quality: from :func:`.force_closure.worst_wrench`, smaller is better.
        penetration: metres by which a ball enters the object (0 when clear).
        table_clearance: metres between the lowest ball and the table.
    """

    T_object_wrist: FloatArray
    joints: FloatArray
    touching: np.ndarray
    contacts: FloatArray
    normals: FloatArray
    quality: float
    penetration: float
    table_clearance: float


@dataclass(frozen=True)
class Wishes:
    """What one descent is drawn to.

    Attributes:
        T: (4, 4) the template's T_object_wrist.
        q: (J,) its joints.
        targets: where to touch.
        scale: metres; pads farther away than this stop being pulled.
    """

    T: FloatArray
    q: FloatArray
    targets: ContactTargets
    scale: float


@dataclass
class GraspSolver:
    """Solves grasps of one object by one hand.

    Attributes:
        points: the hand.
        surface: the object.
        centre: (3,) centre of mass in the object frame, for the quality.
        weights: what matters how much.
        using: how many of the fingers shall touch, thumb first; the others stay as they are in
            the template. None: all.
    """

    points: HandPoints
    surface: DistanceField
    centre: FloatArray
    weights: Weights = Weights()
    using: int | None = None

    CONTACT_SCALES = (0.05, 0.02, 0.01, 0.005)  # m; pads farther than this stop being pulled
    ITERATIONS = 12  # per scale
    DAMPING = 1e-2  # the first, of the normal equations' own diagonal
    SMALL = 1e-3  # m or rad; a smaller step is the last of its scale
    TOUCH = 0.0025  # m
    CLEAR = 0.002  # m kept between the object and all but the last links
    TABLE = 0.003  # m kept above the table
    PAD_SINK = 0.001  # m by which the last link's balls may enter: a pad is soft

    def solve(self, T_start: FloatArray, q_start: FloatArray, targets: ContactTargets) -> Grasp:
        """The grasp nearest to the template (``T_start``, ``q_start``)."""
        x = np.concatenate([T_start.ravel(), self.points.hand.clip(q_start)])[None]
        for scale in self.CONTACT_SCALES:
            problem = _Descent(self, Wishes(T_start, q_start, targets, scale))
            x = minimise(problem, x, self.ITERATIONS, self.DAMPING, self.SMALL).x
        return self.describe(x[0, :16].reshape(4, 4), x[0, 16:], targets.table)

    def opened(self, grasp: Grasp, clearance: float) -> FloatArray:
        """Joints (J,) that lift every pad ``clearance`` metres off the surface, or nearly.

        The wrist stays. The joints that open the hand most for the least turn are used.
        """
        T, q = grasp.T_object_wrist, grasp.joints.copy()
        hand, pads = self.points.hand, self.points.num_pads
        for _ in range(15):
            state = self.points.state(T, q)
            distance, slope = self.surface(state.positions[:pads])
            J = np.einsum("di,dij->dj", slope, state.jacobian[:pads, :, 6:])
            short = clearance - distance
            row = np.concatenate([J / 0.002, np.eye(len(q)) / 1.0])
            wish = np.concatenate([short / 0.002, grasp.joints - q])
            lower, upper = np.maximum(hand.lower - q, -0.2), np.minimum(hand.upper - q, 0.2)
            q = hand.clip(q + damped_step(row, -wish, 1e-6, lower, upper))
        return q

    def describe(self, T: FloatArray, q: FloatArray, table: float) -> Grasp:
        """Measure a hand pose as a grasp."""
        state = self.points.state(T, q)
        distance, _ = self.surface(state.positions)
        pads = self.points.num_pads
        touching = np.abs(distance[:pads]) < self.TOUCH
        positions = state.positions[:pads][touching]
        normals = self.surface.normals(positions)
        contacts = positions - distance[:pads][touching, None] * normals
        clearance = distance[pads:] - self.points.radii
        return Grasp(
            T_object_wrist=T,
            joints=q,
            touching=touching,
            contacts=contacts,
            normals=normals,
            quality=worst_wrench(contacts, normals, self.centre),
            penetration=max(0.0, -float(clearance.min())),
            table_clearance=float((state.positions[pads:, 2] - self.points.radii).min() - table),
        )

    def residuals(
        self, T: FloatArray, q: FloatArray, wishes: Wishes
    ) -> tuple[FloatArray, FloatArray]:
        """Stacked residuals (R,) and Jacobian (R, 6 + J)."""
        state = self.points.state(T, q)
        distance, slope = self.surface(state.positions)
        rows = [
            *self._contact_terms(state, distance, slope, wishes.targets, wishes.scale),
            self._clearance_term(state, distance, slope),
            self._table_term(state, wishes.targets.table),
            self._collision_term(state),
            self._tilt_term(T, wishes.T, len(q)),
            *self._joint_terms(q, wishes.q),
        ]
        return np.concatenate([r for r, _ in rows]), np.concatenate([J for _, J in rows])

    def _contact_terms(
        self,
        state: PointState,
        distance: FloatArray,
        slope: FloatArray,
        targets: ContactTargets,
        scale: float,
    ) -> list[tuple[FloatArray, FloatArray]]:
        w, pads = self.weights, self.points.num_pads
        d, g, J = distance[:pads], slope[:pads], state.jacobian[:pads]
        # Fingers that cannot reach let go of the surface; the thumb never does.
        outward = g / np.maximum(np.linalg.norm(g, axis=1, keepdims=True), 1e-9)
        opposition = -(state.normals * outward).sum(axis=1)
        pull = scale**2 / (scale**2 + d**2) * np.clip(0.5 + opposition, 0.05, 1.0)
        pull[0] = 1.0
        pull[self.using or len(pull) :] = 0.0
        contact = pull * d / w.contact, pull[:, None] * np.einsum("di,dij->dj", g, J) / w.contact
        opposed = pull[:, None] * (state.normals + outward) / w.normal
        opposed_J = pull[:, None, None] * state.normal_jacobian / w.normal
        share = pull[1:] / pull[1:].sum()
        middle, middle_J = share @ state.positions[1:pads], np.einsum("d,dij->ij", share, J[1:])
        placed = np.array(
            [
                (middle[0] - targets.x) / w.centre,
                (state.positions[0, 0] - targets.x) / w.centre,
                (middle[2] - targets.finger_height) / w.height,
                (state.positions[0, 2] - targets.thumb_height) / w.height,
            ]
        )
        placed_J = np.stack(
            [middle_J[0] / w.centre, J[0, 0] / w.centre, middle_J[2] / w.height, J[0, 2] / w.height]
        )
        return [contact, (opposed.ravel(), opposed_J.reshape(3 * pads, -1)), (placed, placed_J)]

    def _clearance_term(
        self, state: PointState, distance: FloatArray, slope: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        pads = self.points.num_pads
        margin = np.where(self.points.distal, -self.PAD_SINK, self.CLEAR)
        short = self.points.radii + margin - distance[pads:]
        hit = short > 0
        J = -np.einsum("bi,bij->bj", slope[pads:][hit], state.jacobian[pads:][hit])
        return short[hit] / self.weights.penetration, J / self.weights.penetration

    def _table_term(self, state: PointState, table: float) -> tuple[FloatArray, FloatArray]:
        pads = self.points.num_pads
        short = self.points.radii + self.TABLE - (state.positions[pads:, 2] - table)
        hit = short > 0
        J = -state.jacobian[pads:][hit][:, 2]
        return short[hit] / self.weights.penetration, J / self.weights.penetration

    def _collision_term(self, state: PointState) -> tuple[FloatArray, FloatArray]:
        """Thumb against fingers: fingers side by side may touch."""
        pads, digit = self.points.num_pads, self.points.digit
        thumb = np.flatnonzero((digit == 0) & self.points.distal)
        fingers = np.flatnonzero((digit != PALM) & (digit != 0))
        a, b = state.positions[pads + thumb], state.positions[pads + fingers]
        apart = a[:, None] - b[None]
        length = np.linalg.norm(apart, axis=-1)
        short = self.points.radii[thumb][:, None] + self.points.radii[fingers][None] - length
        i, k = np.nonzero(short > 0)
        direction = apart[i, k] / np.maximum(length[i, k], 1e-9)[:, None]
        relative = state.jacobian[pads + thumb[i]] - state.jacobian[pads + fingers[k]]
        J = -np.einsum("ni,nij->nj", direction, relative)
        return short[i, k] / self.weights.collision, J / self.weights.collision

    def _tilt_term(
        self, T: FloatArray, T_prior: FloatArray, joints: int
    ) -> tuple[FloatArray, FloatArray]:
        turned = Rotation.from_matrix(T[:3, :3] @ T_prior[:3, :3].T).as_rotvec()  # object frame
        J = np.zeros((3, 6 + joints))
        J[:, 3:6] = T[:3, :3]  # to first order in the angle, which the term keeps small
        w = self.weights
        scale = 1 / np.array([w.tilt, w.twist, w.twist])
        return scale * turned, scale[:, None] * J

    def _joint_terms(
        self, q: FloatArray, q_prior: FloatArray
    ) -> list[tuple[FloatArray, FloatArray]]:
        w, J = self.weights, len(q)
        near = np.concatenate([np.zeros((J, 6)), np.eye(J)], axis=1)
        terms = [((q - q_prior) / w.joints, near / w.joints)]
        # Fingers bend alike, so that one that touches nothing follows its neighbours.
        fingers = self.points.chains[1 : self.using]
        for one, other in pairwise(fingers):
            count = min(len(one), len(other), 2)
            for i, k in zip(one[-count:], other[-count:]):
                if i != k:
                    terms.append(
                        (
                            np.array([(q[i] - q[k]) / w.coupling]),
                            (near[i] - near[k])[None] / w.coupling,
                        )
                    )
        return terms


@dataclass
class _Descent:
    """One grasp as a problem for :func:`unihm.least_squares.minimise`.

    A point x (1, 16 + J) is T_object_wrist row by row and the joints; a step (1, 6 + J) is a twist
    of the wrist in its own frame and the joints' turns.
    """

    solver: GraspSolver
    wishes: Wishes

    SHIFT, TURN = 0.02, 0.3  # m and rad that one step may move the hand by

    def linearise(
        self, x: FloatArray, wanted: BoolArray | None
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        r, J = self.solver.residuals(x[0, :16].reshape(4, 4), x[0, 16:], self.wishes)
        return np.array([0.5 * r @ r]), (J.T @ r)[None], (J.T @ J)[None]

    def scale(self, matrix: FloatArray) -> FloatArray:
        return np.diagonal(matrix, axis1=1, axis2=2) + 1e-6

    def room(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        hand, free = self.solver.points.hand, np.full(6, np.inf)
        lower, upper = hand.lower - x[0, 16:], hand.upper - x[0, 16:]
        return np.append(-free, lower)[None], np.append(free, upper)[None]

    def moved(self, x: FloatArray, step: FloatArray) -> FloatArray:
        shift, turns = float(np.linalg.norm(step[0, :3])), float(np.abs(step[0, 3:]).max())
        step = step[0] * min(1.0, self.SHIFT / max(shift, 1e-9), self.TURN / max(turns, 1e-9))
        turn = Rotation.from_rotvec(step[3:6]).as_matrix()
        T = x[0, :16].reshape(4, 4) @ make_transform(turn, step[:3])
        return np.append(T, self.solver.points.hand.clip(x[0, 16:] + step[6:]))[None]

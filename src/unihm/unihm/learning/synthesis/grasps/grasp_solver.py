"""One hand on one object: pads on opposite sides of the surface, everything else clear of it.

A damped Gauss-Newton method over the wrist pose and the joints, always started from the same
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
from unihm.learning.synthesis.grasps.hand_points import PALM, HandPoints, PointState
from unihm.transforms import make_transform
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


@dataclass
class GraspSolver:
    """Solves grasps of one object by one hand.

    Attributes:
        points: the hand.
        surface: the object.
        centre: (3,) centre of mass in the object frame, for the quality.
        weights: what matters how much.
    """

    points: HandPoints
    surface: DistanceField
    centre: FloatArray
    weights: Weights = Weights()

    CONTACT_SCALES = (0.05, 0.02, 0.01, 0.005)  # m; pads farther than this stop being pulled
    ITERATIONS = 12  # per scale
    TOUCH = 0.0025  # m
    CLEAR = 0.002  # m kept between the object and all but the last links
    TABLE = 0.003  # m kept above the table
    PAD_SINK = 0.001  # m by which the last link's balls may enter: a pad is soft

    def solve(self, T_start: FloatArray, q_start: FloatArray, targets: ContactTargets) -> Grasp:
        """The grasp nearest to the template (``T_start``, ``q_start``)."""
        T, q = T_start.copy(), self.points.hand.clip(q_start)
        for scale in self.CONTACT_SCALES:
            T, q = self._descend(T, q, T_start, q_start, targets, scale)
        return self.describe(T, q, targets.table)

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
            step = np.linalg.solve(row.T @ row + 1e-6 * np.eye(len(q)), row.T @ wish)
            q = np.clip(q + np.clip(step, -0.2, 0.2), hand.lower, hand.upper)
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

    def _descend(
        self,
        T: FloatArray,
        q: FloatArray,
        T_prior: FloatArray,
        q_prior: FloatArray,
        targets: ContactTargets,
        scale: float,
    ) -> tuple[FloatArray, FloatArray]:
        """Levenberg-Marquardt with the joint limits as an active set."""
        lower, upper = self.points.hand.lower, self.points.hand.upper
        damping = 1e-2
        residual, jacobian = self._residuals(T, q, T_prior, q_prior, targets, scale)
        cost = residual @ residual
        for _ in range(self.ITERATIONS):
            gradient = jacobian.T @ residual
            free = np.ones(len(gradient), bool)
            free[6:] = ~(
                ((q <= lower + 1e-9) & (gradient[6:] > 0))
                | ((q >= upper - 1e-9) & (gradient[6:] < 0))
            )
            active = jacobian[:, free]
            normal = active.T @ active
            step = np.zeros(len(gradient))
            step[free] = -np.linalg.solve(
                normal + damping * np.diag(np.diag(normal) + 1e-6), gradient[free]
            )
            step *= min(1.0, 0.02 / max(float(np.linalg.norm(step[:3])), 1e-9))
            step *= min(1.0, 0.3 / max(float(np.abs(step[3:]).max()), 1e-9))
            T_new = T @ make_transform(Rotation.from_rotvec(step[3:6]).as_matrix(), step[:3])
            q_new = np.clip(q + step[6:], lower, upper)
            trial = self._residuals(T_new, q_new, T_prior, q_prior, targets, scale)
            trial_cost = trial[0] @ trial[0]
            if trial_cost < cost:
                small = cost - trial_cost < 1e-4 * cost
                T, q, cost, (residual, jacobian) = T_new, q_new, trial_cost, trial
                damping = max(damping / 5, 1e-5)
                if small:
                    break
            else:
                damping *= 8
                if damping > 1e4:
                    break
        return T, q

    def _residuals(
        self,
        T: FloatArray,
        q: FloatArray,
        T_prior: FloatArray,
        q_prior: FloatArray,
        targets: ContactTargets,
        scale: float,
    ) -> tuple[FloatArray, FloatArray]:
        """Stacked residuals (R,) and Jacobian (R, 6 + J)."""
        state = self.points.state(T, q)
        distance, slope = self.surface(state.positions)
        rows = [
            *self._contact_terms(state, distance, slope, targets, scale),
            self._clearance_term(state, distance, slope),
            self._table_term(state, targets.table),
            self._collision_term(state),
            self._tilt_term(T, T_prior, len(q)),
            *self._joint_terms(q, q_prior),
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
        fingers = self.points.chains[1:]
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

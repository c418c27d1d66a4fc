"""Grasps found by search on a known shape: they prove the control path without any learned part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import trimesh
from unihm.learning.synthesis.grasps.distance_field import DistanceField
from unihm.learning.synthesis.grasps.force_closure import worst_wrench
from unihm.learning.synthesis.grasps.hand_points import HandPoints, hand_points
from unihm.perception.trajectory import APPROACH, GRASP, make_trajectory
from unihm.robots import Hand, load_hand
from unihm.transforms import FloatArray, make_transform, minimum_snap
from unihm.types import HandMotion, TaskKind

CLEARANCE = 0.004  # m, of the open hand to object and table
OPPOSED = {"xhand": (1.1, 1.8), "inspire": (0.9, 1.3)}  # rad, of the thumb's first joint
GOOD = 8.0  # N per N: total normal force for the worst unit load


@dataclass(frozen=True)
class OracleGrasp:
    """A grasp in the object's frame: wrist pose, open joints, joints at first contact, score."""

    T_object_wrist: FloatArray
    open_joints: FloatArray
    contact_joints: FloatArray
    score: float


class Oracle:
    """Random search for grasps of one hand on one mesh, whose frame is its bounding box's, z up."""

    def __init__(self, hand: str, mesh: trimesh.Trimesh, seed: int = 0) -> None:
        self.hand: Hand = load_hand(hand)
        self.points: HandPoints = hand_points(hand)
        self.field = DistanceField(mesh.vertices, mesh.faces)
        self.half = mesh.extents / 2
        self.rng = np.random.default_rng(seed)

    def find(self, steep: tuple[float, float], tries: int = 4000) -> OracleGrasp | None:
        """The first good grasp whose fingers point ``steep`` degrees below the horizon."""
        best = None
        for _ in range(tries):
            grasp = self.candidate(steep)
            if grasp is not None and (best is None or grasp.score < best.score):
                best = grasp
                if best.score < GOOD:
                    return best
        return best

    def candidate(self, steep: tuple[float, float]) -> OracleGrasp | None:
        """One random grasp, or None where it touches too early or does not hold."""
        start, end = self._random_closing()
        T_object_wrist = self._random_wrist(np.deg2rad(self.rng.uniform(*steep)), start, end)
        low = CLEARANCE - self._balls(T_object_wrist, start)[2].min()
        T_object_wrist[2, 3] += max(0.0, low + self.rng.uniform(0.001, 0.02))
        if not self._clear(T_object_wrist, start):
            return None
        for back in (0.04, 0.08):
            if not self._clear(_backed(T_object_wrist, self.hand, back), start):
                return None
        return self._close(T_object_wrist, start, end)

    def _random_closing(self) -> tuple[FloatArray, FloatArray]:
        """Open and closed joints: the thumb opposed, fingers bent a little to begin with."""
        start, end = self.hand.open_joints.copy(), self.hand.closed_joints.copy()
        thumb = np.abs(self.hand.fingertip_jacobian(start)[0]).max(axis=0) > 1e-6
        start[0] = end[0] = self.rng.uniform(*OPPOSED[self.hand.name])
        share = np.where(thumb, self.rng.uniform(0.0, 0.5), self.rng.uniform(0.0, 0.6))
        return start + share * (end - start), end

    def _random_wrist(self, lean: float, start: FloatArray, end: FloatArray) -> FloatArray:
        """Thumb pad and finger pads level on two sides of the object.

        ``lean`` turns the hand about the line between them: at 0 the fingers point as far down
        as they can, at pi/2 the hand comes from the side of the arm.
        """
        pads = self.hand.fingertips(start + self.rng.uniform(0.2, 0.7) * (end - start))[0]
        fingers, thumb = pads[1:4].mean(axis=0), pads[0]
        hand_axes = _axes(fingers - thumb, self.hand.T_wrist_palm[:3, 0])
        turn, slope = self.rng.normal(0.0, 0.3), self.rng.normal(0.0, 0.15)
        across = np.array([np.sin(turn), -np.cos(turn), slope])
        if self.hand.side == "left":
            across[1] *= -1
        down = np.array([np.sin(lean), 0.0, -np.cos(lean)])
        rotation = _axes(across, down) @ hand_axes.T
        target = self.rng.normal(0.0, 0.008, 3)
        target[2] += self.rng.uniform(-0.5, 0.8) * self.half[2]
        return make_transform(rotation, target - rotation @ (fingers + thumb) / 2)

    def _balls(
        self, T_object_wrist: FloatArray, q: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Ball centres, distances of their surfaces to the object, and heights over the table."""
        centres = self.points.state(T_object_wrist, q).positions[self.points.num_pads :]
        distance = self.field(centres)[0] - self.points.radii
        return centres, distance, centres[:, 2] + self.half[2] - self.points.radii

    def _clear(self, T_object_wrist: FloatArray, q: FloatArray) -> bool:
        _, distance, height = self._balls(T_object_wrist, q)
        return distance.min() > CLEARANCE and height.min() > CLEARANCE

    def _close(
        self, T_object_wrist: FloatArray, start: FloatArray, end: FloatArray
    ) -> OracleGrasp | None:
        """Close every digit to its first touch, all of them along the same fraction."""
        digits = range(self.points.num_pads)
        stopped: dict[int, tuple[float, FloatArray, FloatArray]] = {}
        for fraction in np.linspace(0.02, 1.0, 50):
            q = start + fraction * (end - start)
            centres, distance, height = self._balls(T_object_wrist, q)
            for digit in digits:
                mine = (self.points.digit == digit) & (digit not in stopped)
                if mine.any() and height[mine].min() < 0.002:
                    return None
                if mine.any() and distance[mine].min() < 0.0:
                    ball = np.flatnonzero(mine)[distance[mine].argmin()]
                    if not self.points.distal[ball]:
                        return None
                    normal = self.field.normals(centres[ball][None])[0]
                    point = centres[ball] - normal * self.points.radii[ball]
                    stopped[digit] = (fraction, point, normal)
        if 0 not in stopped or len(stopped) < 3:
            return None
        score = worst_wrench(
            np.array([point for _, point, _ in stopped.values()]),
            np.array([normal for _, _, normal in stopped.values()]),
        )
        if not np.isfinite(score):
            return None
        contact = start.copy()
        for digit, (fraction, _, _) in stopped.items():
            mine = np.abs(self.hand.fingertip_jacobian(start)[digit]).max(axis=0) > 1e-6
            contact[mine] = (start + fraction * (end - start))[mine]
        return OracleGrasp(T_object_wrist, start, contact, score)


def _axes(first: FloatArray, second: FloatArray) -> FloatArray:
    """Right-handed axes as columns: ``first``, then ``second`` as far as it is normal to it."""
    x = first / np.linalg.norm(first)
    y = second - (second @ x) * x
    y /= np.linalg.norm(y)
    return np.stack([x, y, np.cross(x, y)], axis=1)


def grab_motion(hand: Hand, grasp: OracleGrasp, T_world_object: FloatArray) -> HandMotion:
    """Approach over 12 cm, close, lift 15 cm, hold: with the project's standard timing."""
    trajectory = make_trajectory(TaskKind.GRAB, T_world_object, T_world_object[:3, 3])
    wrist = np.tile(grasp.T_object_wrist, (len(trajectory), 1, 1))
    joints = np.tile(grasp.contact_joints, (len(trajectory), 1))
    for frame, done in enumerate(minimum_snap(np.linspace(0, 1, APPROACH))):
        wrist[frame] = _backed(grasp.T_object_wrist, hand, 0.12 * (1 - done))
    joints[:APPROACH] = grasp.open_joints
    closing = minimum_snap(np.arange(1, GRASP + 1) / GRASP)[:, None]
    joints[APPROACH : APPROACH + GRASP] = grasp.open_joints + closing * (
        grasp.contact_joints - grasp.open_joints
    )
    return HandMotion(hand.name, wrist, joints, trajectory)


def _backed(T_object_wrist: FloatArray, hand: Hand, distance: float) -> FloatArray:
    """The wrist drawn back by ``distance`` against the fingers' direction."""
    moved = T_object_wrist.copy()
    moved[:3, 3] -= distance * (T_object_wrist[:3, :3] @ hand.T_wrist_palm[:3, 0])
    return moved

"""Human keypoints to any hand (paper, section B.1, equation B1).

Targets first, then joints:

1. The palm's frame is fitted to wrist and knuckles; the hand's palm takes its orientation.
2. Adaptive scaling, finger by finger: the human finger, seen from its knuckle, is scaled by the
   ratio of the lengths of the two fingers and put on the hand's knuckle, so that a long little
   finger or a short thumb moves as naturally as the person's (appendix E). Where thumb and finger
   come close, their true distance takes over: a pinch stays a pinch and the width of a grasp
   stays the object's, whatever the size of the hand.
3. The wrist is placed so that the grasp centre (between thumb tip and the mean of the finger tips)
   of the targets is the person's.
4. The joints minimise B1: fingertip residuals, weaker ones of the links between (they decide
   where the tips leave freedom, and matter more on hands whose fingers have few motors), and
   lambda |q - q_prev|^2, within exact limits (projected Levenberg-Marquardt, analytic Jacobians).

A parallel gripper takes the thumb-index aperture instead, scaled and clamped.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from unihm.errors import ErrorCode, UnihmError
from unihm.hands.batch import PointKinematics
from unihm.hands.keypoints import (
    TIPS,
    bone_lengths,
    check_keypoints,
    hand_size,
    palm_frames,
)
from unihm.hands.kinematics import Hand
from unihm.hands.spec import FINGERS
from unihm.transforms import Array, apply, invert, make_transform


@dataclass(frozen=True)
class RetargetingConfig:
    """Weights are relative to one squared metre of fingertip error.

    Attributes:
        link_weight: of a link between knuckle and tip, on fingers with three or more motors.
        coupled_link_weight: the same on fingers with fewer.
        smoothness: lambda of B1, m^2/rad^2.
        rest: pull to the pre-grasp pose, m^2/rad^2; for joints that move the whole hand (a
            wrist inside the hand) ``wrist_rest``.
        pinch_near, pinch_far: metres between human thumb and finger tips; below the first the
            true distance counts alone, above the second the scaled posture alone.
        aperture_scale: gripper opening per human aperture.
        stride: a sequence is first solved at every ``stride``-th frame, from several starts.
    """

    link_weight: float = 0.003
    coupled_link_weight: float = 0.03
    smoothness: float = 1e-4
    rest: float = 1e-6
    wrist_rest: float = 1e-3
    pinch_near: float = 0.05
    pinch_far: float = 0.12
    aperture_scale: float = 1.0
    stride: int = 8

    def __post_init__(self) -> None:
        if not 0 <= self.pinch_near < self.pinch_far:
            raise ValueError("pinch_near must be less than pinch_far")
        if self.stride < 1:
            raise ValueError("stride must be at least 1")


@dataclass(frozen=True)
class RetargetResult:
    """A hand's motion after human keypoints.

    Attributes:
        T_world_wrist: (T, 4, 4) pose of the wrist link in the frame of the keypoints.
        joints: (T, J) radians (metres), within the limits.
        targets: (T, F, 3) where the tips should be, wrist frame; fingers as in the hand's
            ``finger_names``.
        tip_error: (T, F) metres from there.
    """

    T_world_wrist: Array
    joints: Array
    targets: Array
    tip_error: Array

    def __len__(self) -> int:
        return len(self.joints)


@dataclass(frozen=True)
class Targets:
    """Positions to reach in the wrist frame: ``points`` (T, N, 3), and the wrist's own pose."""

    points: Array
    T_world_wrist: Array


class Retargeter:
    """Retargets to one hand: whole sequences, many at once, or frame by frame.

    Args:
        hand: the hand; keypoints must be of the same side.
        config: weights.
    """

    def __init__(self, hand: Hand, config: RetargetingConfig | None = None) -> None:
        self.hand, self.config = hand, config or RetargetingConfig()
        self.gripper = hand.num_joints == 1
        self._palm_wrist = invert(hand.T_wrist_palm)
        self._lay_out_points()
        self.kinematics = PointKinematics(hand, [hand.spec.keypoints[i] for i in self._points])  # type: ignore[misc]
        self._weigh()
        self._lengths = None  # running mean of the person's bones, for step()
        self._frames_seen = 0
        self._last: Array | None = None

    def retarget(self, keypoints: ArrayLike) -> RetargetResult:
        """Retarget one sequence (T, 21, 3), 1 to any number of frames, metres, any fixed frame.

        Raises:
            UnihmError: INVALID_KEYPOINTS, see :func:`unihm.hands.keypoints.check_keypoints`.
        """
        return self.retarget_many([keypoints])[0]

    def retarget_many(self, sequences: list[ArrayLike]) -> list[RetargetResult]:
        """Retarget several sequences in one go; each on its own, faster than one after another."""
        clean = [check_keypoints(keypoints, self.hand.side) for keypoints in sequences]
        targets = [self.targets(keypoints) for keypoints in clean]
        if self.gripper:
            joints = [self._aperture_joints(keypoints) for keypoints in clean]
            targets = [self._gripper_targets(k, q) for k, q in zip(clean, joints)]
        else:
            joints = self._solve_sequences([t.points for t in targets])
        return [self._result(t, q) for t, q in zip(targets, joints)]

    def targets(self, keypoints: Array, lengths: Array | None = None) -> Targets:
        """Steps 1 to 3 for clean keypoints (T, 21, 3); ``lengths`` (20,): the person's bones."""
        if self.gripper:
            return self._gripper_targets(keypoints, self._aperture_joints(keypoints))
        if lengths is None:
            lengths = np.median(bone_lengths(keypoints), axis=0)
        T_world_palm = palm_frames(keypoints, self.hand.side)
        human = apply(invert(T_world_palm), keypoints)  # (T, 21, 3), palm frame
        targets = np.empty((len(keypoints), len(self._points), 3))
        for finger, rows, base, sources in self._fingers:
            scale = self._reach[finger] / lengths[sources - 1].sum()
            offset = scale * (human[:, self._points[rows]] - human[:, base, None])
            targets[:, rows] = self._base[finger] + offset
        targets = self._keep_apertures(targets, human)
        tips, human_tips = targets[:, self._tip_rows], human[:, self._points[self._tip_rows]]
        shift = _grasp_centre(human_tips) - _grasp_centre(tips)  # (T, 3), palm frame
        T_palm_wrist = np.tile(self._palm_wrist, (len(keypoints), 1, 1))
        T_palm_wrist[:, :3, 3] += shift
        return Targets(apply(self.hand.T_wrist_palm, targets), T_world_palm @ T_palm_wrist)

    def reset(self) -> None:
        """Forget the person and the last frame: :meth:`step` starts anew."""
        self._frames_seen, self._last = 0, None

    def step(self, keypoints: ArrayLike) -> RetargetResult:
        """Retarget the next frame (21, 3) of a live stream; a result of one frame.

        Bone lengths are learned over the first 100 frames. The side and the order of the
        keypoints are checked in the first frame, units too; a frame that is not finite raises
        INVALID_KEYPOINTS and leaves the state as it was, so that the caller may go on.
        """
        frame = np.asarray(keypoints, float)
        if frame.shape != (21, 3) or not np.isfinite(frame).all():
            raise UnihmError(
                ErrorCode.INVALID_KEYPOINTS, "A frame of keypoints must be (21, 3) and finite."
            )
        if self._last is None:
            checked = check_keypoints(frame[None], self.hand.side)
            self._unit = float(hand_size(checked[0]) / hand_size(frame))
            self._lengths = bone_lengths(checked[0])
        clean = frame[None] * self._unit
        if self._frames_seen < 100:
            self._frames_seen += 1
            self._lengths += (bone_lengths(clean[0]) - self._lengths) / self._frames_seen
        targets = self.targets(clean, self._lengths)
        if self.gripper:
            q = self._aperture_joints(clean)
        elif self._last is None:
            q = self._first_guess(targets.points)
        else:
            q = self._descend(self._last, targets.points, self._last, iterations=4)
        self._last = q
        return self._result(targets, q)

    # Layout -------------------------------------------------------------------------------

    def _lay_out_points(self) -> None:
        """Which keypoints the hand has, and the reach of its fingers from their bases."""
        hand, rest = self.hand, self.hand.keypoints(self.hand.open_joints)
        place = apply(self._palm_wrist, rest)
        points: list[int] = []
        self._fingers, self._base, self._reach, tip_rows = [], {}, {}, []
        for finger in hand.finger_names:
            first = 1 + 4 * FINGERS.index(finger)
            known = [i for i in range(first, first + 4) if hand.spec.keypoints[i] is not None]
            if not known or known[-1] != first + 3:
                raise UnihmError(
                    ErrorCode.INVALID_HAND_FILE,
                    f"{hand.name}: the keypoints lack the tip of the {finger}.",
                )
            base, moved = known[0], known[1:] or known
            self._base[finger] = place[base]
            self._reach[finger] = np.linalg.norm(np.diff(place[known], axis=0), axis=1).sum()
            rows = np.arange(len(points), len(points) + len(moved))
            self._fingers.append((finger, rows, base, np.arange(base + 1, first + 4)))
            points += moved
            tip_rows.append(rows[-1])
        self._points, self._tip_rows = np.array(points), np.array(tip_rows)

    def _weigh(self) -> None:
        config, tree = self.config, self.kinematics.tree
        moved_by = np.abs(tree.ancestors[self.kinematics.body].astype(float) @ tree.expansion) > 0
        weights = np.empty(len(self._points))
        for _, rows, _, _ in self._fingers:
            motors = moved_by[rows[-1]].sum()
            weights[rows] = config.link_weight if motors >= 3 else config.coupled_link_weight
        weights[self._tip_rows] = 1.0
        self._root_weight = np.sqrt(weights)[:, None]
        whole_hand = moved_by[self._tip_rows].all(axis=0)
        self._rest_weight = np.where(whole_hand, config.wrist_rest, config.rest)

    # Targets ------------------------------------------------------------------------------

    def _keep_apertures(self, targets: Array, human: Array) -> Array:
        """Let true thumb-finger vectors take over where thumb and finger are close (step 2)."""
        if "thumb" not in self.hand.finger_names:
            return targets
        thumb = self.hand.finger_names.index("thumb")
        others = [i for i in range(len(self._tip_rows)) if i != thumb]
        tips, human_tips = targets[:, self._tip_rows], human[:, self._points[self._tip_rows]]
        true = human_tips[:, others] - human_tips[:, [thumb]]  # (T, F - 1, 3)
        scaled = tips[:, others] - tips[:, [thumb]]
        near, far = self.config.pinch_near, self.config.pinch_far
        u = np.clip((far - np.linalg.norm(true, axis=-1)) / (far - near), 0.0, 1.0)
        weight = (u * u * (3 - 2 * u))[..., None]  # (T, F - 1, 1)
        excess = weight * (true - scaled)
        # Thumb and fingers each go half of the way.
        thumb_shift = -0.5 * excess.sum(axis=1) / np.maximum(weight.sum(axis=1), 1.0)
        shift = np.empty_like(tips)
        shift[:, thumb] = thumb_shift
        shift[:, others] = excess + weight * thumb_shift[:, None]
        out = targets.copy()
        for (_, rows, _, _), finger_shift in zip(self._fingers, shift.swapaxes(0, 1)):
            fraction = np.linspace(0.0, 1.0, len(rows) + 1)[1:]
            out[:, rows] += fraction[:, None] * finger_shift[:, None]
        return out

    def _aperture_joints(self, keypoints: Array) -> Array:
        """(T, 1): thumb-index aperture, scaled, to an opening, clamped to the limits."""
        hand = self.hand
        ends = np.array([hand.lower, hand.upper])
        widths = [np.linalg.norm(np.diff(hand.fingertips(q)[0], axis=0)) for q in ends]
        aperture = np.linalg.norm(keypoints[:, TIPS[0]] - keypoints[:, TIPS[1]], axis=1)
        fraction = (self.config.aperture_scale * aperture - widths[0]) / (widths[1] - widths[0])
        return hand.clip(hand.lower + fraction[:, None] * (hand.upper - hand.lower))

    def _gripper_targets(self, keypoints: Array, q: Array) -> Targets:
        """Pads on the thumb-index axis about its middle, approach from the wrist."""
        thumb, index = keypoints[:, TIPS[0]], keypoints[:, TIPS[1]]
        centre = (thumb + index) / 2
        # The knuckles' axis decides where the fingertips touch and have no direction.
        axis = _unit(index - thumb + 0.2 * (keypoints[:, 5] - keypoints[:, 2]))
        approach = centre - keypoints[:, 0]
        approach = _unit(approach - (approach * axis).sum(axis=1, keepdims=True) * axis)
        rotation = np.stack([approach, np.cross(axis, approach), axis], axis=2)
        R_world_wrist = rotation @ self.hand.T_wrist_palm[:3, :3].T
        pads = self.kinematics.positions(q)  # (T, 2, 3)
        middle = (R_world_wrist @ pads.mean(axis=1)[..., None])[..., 0]
        T_world_wrist = make_transform(R_world_wrist, centre - middle)
        tips = keypoints[:, self._points]
        return Targets(apply(invert(T_world_wrist), tips), T_world_wrist)

    # Solver -------------------------------------------------------------------------------

    def _solve_sequences(self, sequences: list[Array]) -> list[Array]:
        """Joints (T, J) for each sequence of targets (T, N, 3)."""
        stride = self.config.stride
        coarse_frames = [_every(stride, len(points)) for points in sequences]
        splits = np.cumsum([len(f) for f in coarse_frames])[:-1]
        coarse_points = np.concatenate([p[f] for p, f in zip(sequences, coarse_frames)])
        guess = self._first_guess(coarse_points, splits)
        joints = []
        for points, frames, q in zip(sequences, coarse_frames, np.split(guess, splits)):
            joints.append(_interpolate(frames, q, len(points)))
        ends = np.cumsum([len(points) for points in sequences])
        q, points = np.concatenate(joints), np.concatenate(sequences)
        for _ in range(2):
            q = self._descend(q, points, _neighbours(q, ends), iterations=2)
        return np.split(q, ends[:-1])

    def _first_guess(self, points: Array, splits: Array | None = None) -> Array:
        """Joints (B, J) from nothing: solved from three poses, the best path through them."""
        hand = self.hand
        starts = np.stack([hand.pregrasp_joints, hand.open_joints, hand.closed_joints])
        many = np.repeat(starts, len(points), axis=0)
        repeated = np.tile(points, (len(starts), 1, 1))
        q = self._descend(many, repeated, None, iterations=15)
        cost = self._cost(q, self.kinematics.positions(q), repeated, None)
        q = q.reshape(len(starts), len(points), -1).swapaxes(0, 1)  # (B, starts, J)
        cost = cost.reshape(len(starts), len(points)).T
        chosen = [
            best
            for part_q, part_cost in zip(_split(q, splits), _split(cost, splits))
            for best in _best_path(part_q, part_cost, self.config.smoothness)
        ]
        return q[np.arange(len(points)), chosen]

    def _cost(self, q: Array, positions: Array, points: Array, prior: Array | None) -> Array:
        """Value (B,) of B1."""
        residual = self._root_weight * (positions - points)
        cost = np.einsum("bni,bni->b", residual, residual)
        cost += ((q - self.hand.pregrasp_joints) ** 2) @ self._rest_weight
        if prior is not None:
            cost += self.config.smoothness * ((q - prior) ** 2).sum(axis=1)
        return cost

    def _descend(self, q: Array, points: Array, prior: Array | None, iterations: int) -> Array:
        """Projected Levenberg-Marquardt on B1 for frames (B, J), each with its own damping."""
        block = 256  # frames at a time, so that the Jacobians stay in the cache
        out = np.empty_like(q)
        for i in range(0, len(q), block):
            part = slice(i, i + block)
            part_prior = None if prior is None else prior[part]
            out[part] = self._descend_block(q[part], points[part], part_prior, iterations)
        return out

    def _descend_block(
        self, q: Array, points: Array, prior: Array | None, iterations: int
    ) -> Array:
        hand, J = self.hand, self.hand.num_joints
        q = hand.clip(q)
        pull = self._rest_weight.copy()
        if prior is not None:
            pull = pull + self.config.smoothness
        damping = np.full(len(q), 1e-3 if prior is None else 1e-5)
        position, jacobian = self.kinematics.positions_and_jacobian(q)
        cost = self._cost(q, position, points, prior)
        diagonal = np.arange(J)
        for i in range(iterations):
            residual = (self._root_weight * (position - points)).reshape(len(q), 1, -1)
            A = (self._root_weight[:, None] * jacobian).swapaxes(1, 2).reshape(len(q), J, -1)
            gradient = (A @ residual.swapaxes(1, 2))[..., 0]
            gradient += self._rest_weight * (q - hand.pregrasp_joints)
            if prior is not None:
                gradient += self.config.smoothness * (q - prior)
            hessian = A @ A.swapaxes(1, 2)
            hessian[:, diagonal, diagonal] += pull + damping[:, None]
            # Joints at a limit that the gradient pushes against stay there.
            held = ((q <= hand.lower) & (gradient > 0)) | ((q >= hand.upper) & (gradient < 0))
            hessian[held] = 0.0
            hessian.swapaxes(1, 2)[held] = 0.0
            hessian[:, diagonal, diagonal] += held
            step = np.linalg.solve(hessian, np.where(held, 0.0, gradient)[..., None])[..., 0]
            trial = hand.clip(q - step)
            if i == iterations - 1:
                trial_position = self.kinematics.positions(trial)
            else:
                trial_position, trial_jacobian = self.kinematics.positions_and_jacobian(trial)
            trial_cost = self._cost(trial, trial_position, points, prior)
            better = trial_cost < cost
            q = np.where(better[:, None], trial, q)
            if i == iterations - 1 or np.abs(step).max() < 1e-4:
                break
            if better.all():
                position, jacobian, cost = trial_position, trial_jacobian, trial_cost
            else:
                position = np.where(better[:, None, None], trial_position, position)
                jacobian = np.where(better[:, None, None, None], trial_jacobian, jacobian)
                cost = np.where(better, trial_cost, cost)
            damping *= np.where(better, 0.3, 5.0)
        return q

    def _result(self, targets: Targets, q: Array) -> RetargetResult:
        reached = self.kinematics.positions(q)[:, self._tip_rows]
        wanted = targets.points[:, self._tip_rows]
        error = np.linalg.norm(reached - wanted, axis=-1)
        return RetargetResult(targets.T_world_wrist, q, wanted, error)


def _grasp_centre(tips: Array) -> Array:
    """(T, 3) between the first tip (the thumb's) and the mean of the others, of (T, F, 3)."""
    return 0.5 * (tips[:, 0] + tips[:, 1:].mean(axis=1))


def _unit(vectors: Array) -> Array:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)


def _every(stride: int, length: int) -> Array:
    """Frames 0, stride, 2 stride, ... and the last one."""
    return np.unique(np.append(np.arange(0, length, stride), length - 1))


def _interpolate(frames: Array, values: Array, length: int) -> Array:
    """Straight lines between values (K, J) at ``frames`` (K,): (length, J)."""
    if length == 1:
        return values
    right = np.clip(np.searchsorted(frames, np.arange(length)), 1, len(frames) - 1)
    left = right - 1
    fraction = (np.arange(length) - frames[left]) / (frames[right] - frames[left])
    return values[left] + fraction[:, None] * (values[right] - values[left])


def _neighbours(q: Array, ends: Array) -> Array:
    """Mean (B, J) of the frames before and after, within sequences that end at ``ends``."""
    before, after = np.roll(q, 1, axis=0), np.roll(q, -1, axis=0)
    starts = np.append(0, ends[:-1])
    before[starts], after[ends - 1] = after[starts], before[ends - 1]
    single = np.append(0, ends[:-1]) == ends - 1
    before[starts[single]] = after[starts[single]] = q[starts[single]]
    return 0.5 * (before + after)


def _split(values: Array, splits: Array | None) -> list[Array]:
    return [values] if splits is None else np.split(values, splits)


def _best_path(q: Array, cost: Array, smoothness: float) -> list[int]:
    """Choice (B,) among S candidates q (B, S, J) of cost (B, S) that also moves little."""
    total, came_from = cost[0], []
    for t in range(1, len(q)):
        move = ((q[t, None] - q[t - 1, :, None]) ** 2).sum(axis=-1)  # (from, to)
        through = total[:, None] + smoothness * move
        came_from.append(through.argmin(axis=0))
        total = through.min(axis=0) + cost[t]
    path = [int(total.argmin())]
    for previous in reversed(came_from):
        path.append(int(previous[path[-1]]))
    return path[::-1]

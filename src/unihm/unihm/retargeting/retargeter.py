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
4. Joints and a small correction of the wrist (a hand with few motors reaches more of the targets
   with it) minimise B1: fingertip residuals, weaker ones of the links between (they decide where
   the tips leave freedom, and matter more on fingers with few motors), and lambda |x - x_prev|^2,
   within exact limits (projected Levenberg-Marquardt, analytic Jacobians).

A parallel gripper takes the thumb-index aperture instead, scaled and clamped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from unihm.config import NotNegative, Positive, settings
from unihm.errors import ErrorCode, UnihmError
from unihm.retargeting.keypoints import bone_lengths, check_keypoints, check_next, hand_size
from unihm.retargeting.solver import WRIST, WRIST_LIMIT, TargetSolver
from unihm.retargeting.targets import GripperTargets, TargetBuilder, Targets
from unihm.robots.kinematics import Hand, load_hand
from unihm.robots.numpy_kinematics import PointKinematics
from unihm.transforms import FloatArray

#: A sequence is solved at every 16th frame from several poses, then at closer frames (stride,
#: iterations) from what is known.
COARSEST, FINER = 16, ((4, 3), (1, 2))
#: Frames over which a live person's bone lengths are averaged.
MEMORY = 1000
#: Frames of a live stream that may be refused in a row before it counts as a new one.
PATIENCE = 15


@settings()
class RetargetingConfig:
    """Weights are relative to one squared metre of fingertip error.

    Attributes:
        link_weight: of a link between knuckle and tip, on fingers with three or more motors.
        coupled_link_weight: the same on fingers with fewer.
        smoothness: lambda of B1, m^2/rad^2.
        rest: pull to the pre-grasp pose, m^2/rad^2; for joints that move the whole hand (a
            wrist inside the hand) ``wrist_rest``.
        wrist_shift, wrist_turn: cost of correcting the wrist, per m^2 and m^2/rad^2.
        wrist_smoothness: cost of its correction changing from frame to frame, relative to its own.
        pinch_near, pinch_far: metres between human thumb and finger tips; below the first the
            true distance counts alone, above the second the scaled posture alone.
        aperture_scale: gripper opening per human aperture.
        correct_wrist: whether the wrist may leave the pose that the palm gives it (step 4).
    """

    link_weight: NotNegative = 0.02
    coupled_link_weight: NotNegative = 0.02
    smoothness: NotNegative = 1e-3
    rest: NotNegative = 3e-5
    wrist_rest: NotNegative = 1e-3
    wrist_shift: Positive = 0.05
    wrist_turn: Positive = 1e-3
    wrist_smoothness: NotNegative = 20.0
    pinch_near: NotNegative = 0.05
    pinch_far: Positive = 0.12
    aperture_scale: Positive = 1.0
    correct_wrist: bool = True

    def __post_init__(self) -> None:
        if not self.pinch_near < self.pinch_far:
            raise ValueError("pinch_near must be less than pinch_far")


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

    T_world_wrist: FloatArray
    joints: FloatArray
    targets: FloatArray
    tip_error: FloatArray

    def __len__(self) -> int:
        return len(self.joints)


class Retargeter:
    """Retargets to one hand: whole sequences, many at once, or frame by frame.

    Args:
        hand: the hand; keypoints must be of the same side.
        config: weights.
    """

    def __init__(self, hand: Hand, config: RetargetingConfig | None = None) -> None:
        self.hand, self.config = hand, config or RetargetingConfig()
        self._gripper = (
            GripperTargets(hand, self.config.aperture_scale) if hand.num_joints == 1 else None
        )
        self.builder = TargetBuilder(hand, self.config.pinch_near, self.config.pinch_far)
        self.kinematics = PointKinematics(hand, self.builder.link_points)
        self.solver = self._solver()
        self._starts = np.stack(
            [
                np.append(q, np.zeros(WRIST))
                for q in (hand.pregrasp_joints, hand.open_joints, hand.closed_joints)
            ]
        )
        self.reset()

    def retarget(self, keypoints: ArrayLike) -> RetargetResult:
        """Retarget one sequence (T, 21, 3), 1 to any number of frames, metres, any fixed frame.

        Raises:
            UnihmError: INVALID_KEYPOINTS, see :func:`unihm.retargeting.keypoints.check_keypoints`.
        """
        return self.retarget_many([keypoints])[0]

    def retarget_many(self, sequences: Sequence[ArrayLike]) -> list[RetargetResult]:
        """Retarget several sequences in one go; each on its own, faster than one after another."""
        clean = [check_keypoints(keypoints, self.hand.side) for keypoints in sequences]
        if self._gripper is not None:
            return [self._grip(keypoints) for keypoints in clean]
        targets = [
            self.builder.build(keypoints, np.median(bone_lengths(keypoints), axis=0))
            for keypoints in clean
        ]
        solutions = self._solve_sequences([t.points for t in targets])
        return [self._result(t, *solution) for t, solution in zip(targets, solutions)]

    def reset(self) -> None:
        """Forget the person and the last frame: :meth:`step` starts anew."""
        self._last: FloatArray | None = None
        self._frames_seen = self._refused = 0
        self._unit, self._bones = 1.0, np.zeros(20)
        self._wrist: FloatArray = np.zeros(3)

    def step(self, keypoints: ArrayLike) -> RetargetResult:
        """Retarget the next frame (21, 3) of a live stream; a result of one frame.

        Bone lengths are learned on the way. The order and the unit of the keypoints are checked in
        the first frame; that it is the same hand, of the same side and unit, that did not jump, in
        every one. A frame that cannot be used raises INVALID_KEYPOINTS and leaves the state as it
        was, so that the caller may go on; after :data:`PATIENCE` of them in a row the next one is
        taken as the first of a new stream.
        """
        frame = np.asarray(keypoints, float)
        if frame.shape != (21, 3) or not np.isfinite(frame).all():
            raise UnihmError(
                ErrorCode.INVALID_KEYPOINTS, "A frame of keypoints must be (21, 3) and finite."
            )
        if self._refused >= PATIENCE:
            self.reset()
        try:
            if self._frames_seen == 0:
                checked = check_keypoints(frame[None], self.hand.side)
                self._unit = float(hand_size(checked[0]) / hand_size(frame))
            else:
                check_next(frame * self._unit, self._wrist, self._bones, self.hand.side)
        except UnihmError:
            self._refused += 1
            raise
        self._refused = 0
        frame = frame[None] * self._unit
        self._wrist = frame[0, 0]
        self._frames_seen = min(self._frames_seen + 1, MEMORY)
        self._bones = self._bones + (bone_lengths(frame[0]) - self._bones) / self._frames_seen
        if self._gripper is not None:
            return self._grip(frame)
        targets = self.builder.build(frame, self._bones)
        if self._last is None:
            x, reached = self._first_guess(targets.points, np.array([], int))
        else:
            x, reached = self.solver.solve(self._last, targets.points, self._last, iterations=2)
        self._last = x
        return self._result(targets, x, reached)

    def _solver(self) -> TargetSolver:
        hand, config, builder = self.hand, self.config, self.builder
        moves = hand.tree.moves[self.kinematics.body].astype(float)
        moved_by = np.abs(moves @ hand.tree.expansion) > 0
        motors = moved_by[builder.tip_rows].sum(axis=1)[builder.finger]
        weights = np.where(motors >= 3, config.link_weight, config.coupled_link_weight)
        weights[builder.tip_rows] = 1.0
        whole_hand = moved_by[builder.tip_rows].all(axis=0) & (len(builder.tip_rows) > 2)
        wrist = np.repeat([config.wrist_shift, config.wrist_turn], 3)
        return TargetSolver(
            self.kinematics,
            weights,
            hand.lower,
            hand.upper,
            rest=np.append(hand.pregrasp_joints, np.zeros(WRIST)),
            rest_weight=np.append(np.where(whole_hand, config.wrist_rest, config.rest), wrist),
            smoothness=np.append(
                np.full(hand.num_joints, config.smoothness), config.wrist_smoothness * wrist
            ),
            wrist_limit=WRIST_LIMIT if config.correct_wrist else np.zeros(WRIST),
        )

    def _grip(self, keypoints: FloatArray) -> RetargetResult:
        assert self._gripper is not None
        targets, joints = self._gripper.build(keypoints), self._gripper.joints(keypoints)
        reached = self.kinematics.positions(joints)
        error = np.linalg.norm(reached - targets.points, axis=-1)
        return RetargetResult(targets.T_world_wrist, joints, targets.points, error)

    def _solve_sequences(self, sequences: list[FloatArray]) -> list[tuple[FloatArray, FloatArray]]:
        """Variables (T, D) and points reached (T, N, 3) for each sequence of targets (T, N, 3).

        Coarse in time first, then finer.
        """
        every = [_every(COARSEST, len(points)) for points in sequences]
        coarse = np.concatenate([points[frames] for points, frames in zip(sequences, every)])
        splits = np.cumsum([len(frames) for frames in every])[:-1]
        x, reached = self._first_guess(coarse, splits)
        for stride, iterations in FINER:
            finer = [_every(stride, len(points)) for points in sequences]
            x = np.concatenate(
                [
                    _interpolate(known, part, frames)
                    for known, part, frames in zip(every, np.split(x, splits), finer)
                ]
            )
            points = np.concatenate([p[frames] for p, frames in zip(sequences, finer)])
            ends = np.cumsum([len(frames) for frames in finer])
            x, reached = self.solver.solve(x, points, _neighbours(x, ends), iterations)
            every, splits = finer, ends[:-1]
        return list(zip(np.split(x, splits), np.split(reached, splits)))

    def _first_guess(self, points: FloatArray, splits: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Variables (B, D) from nothing, and points reached (B, N, 3).

        Begun from three poses; the best path through the three from frame to frame is finished.
        Sequences begin at frame 0 and at each of ``splits``.
        """
        S, B = len(self._starts), len(points)
        repeated = np.tile(points, (S, 1, 1))
        starts = np.repeat(self._starts, B, axis=0)
        x, reached = self.solver.solve(starts, repeated, None, iterations=5)
        cost = self.solver.cost(x, reached, repeated).reshape(S, B).T
        x = x.reshape(S, B, -1).swapaxes(0, 1)  # (B, S, D)
        chosen = [
            choice
            for x_part, cost_part in zip(np.split(x, splits), np.split(cost, splits))
            for choice in _best_path(x_part, cost_part, self.config.smoothness)
        ]
        return self.solver.solve(x[np.arange(B), chosen], points, None, iterations=8)

    def _result(self, targets: Targets, x: FloatArray, reached: FloatArray) -> RetargetResult:
        rows = self.builder.tip_rows
        T_before_after = self.solver.correction(x)
        wanted = targets.points[:, rows]
        offset = reached[:, rows] - wanted
        return RetargetResult(
            targets.T_world_wrist @ T_before_after,
            x[:, :-WRIST],
            (wanted - x[:, None, -6:-3]) @ T_before_after[:, :3, :3],
            np.sqrt((offset * offset).sum(axis=-1)),
        )


def _every(stride: int, length: int) -> FloatArray:
    """Frames 0, stride, 2 stride, ... and the last one."""
    return np.unique(np.append(np.arange(0, length, stride), length - 1))


def _interpolate(frames: FloatArray, values: FloatArray, wanted: FloatArray) -> FloatArray:
    """Values (K, D) at ``frames`` (K,), straight lines between: (W, D) at ``wanted`` (W,)."""
    if len(frames) == 1:
        return values
    right = np.clip(np.searchsorted(frames, wanted), 1, len(frames) - 1)
    left = right - 1
    fraction = (wanted - frames[left]) / (frames[right] - frames[left])
    return values[left] + fraction[:, None] * (values[right] - values[left])


def _neighbours(x: FloatArray, ends: FloatArray) -> FloatArray:
    """Mean (B, D) of the frames before and after, within sequences that end at ``ends``."""
    first, last = np.append(0, ends[:-1]), ends - 1
    before, after = np.roll(x, 1, axis=0), np.roll(x, -1, axis=0)
    before[first] = np.where((first == last)[:, None], x[first], after[first])
    after[last] = np.where((first == last)[:, None], x[last], before[last])
    return 0.5 * (before + after)


def _best_path(x: FloatArray, cost: FloatArray, smoothness: float) -> list[int]:
    """Choice (B,) among S candidates x (B, S, D) of cost (B, S) that also moves little."""
    total, came_from = cost[0], []
    for t in range(1, len(x)):
        move = ((x[t, None] - x[t - 1, :, None]) ** 2).sum(axis=-1)  # (from, to)
        through = total[:, None] + smoothness * move
        came_from.append(through.argmin(axis=0))
        total = through.min(axis=0) + cost[t]
    path = [int(total.argmin())]
    for previous in reversed(came_from):
        path.append(int(previous[path[-1]]))
    return path[::-1]


def retarget(
    keypoints: ArrayLike, hand: Hand | str, config: RetargetingConfig | None = None
) -> RetargetResult:
    """A hand's motion after human keypoints (equation B1).

    Args:
        keypoints: (T, 21, 3) metres, any fixed frame, of the hand's side; in the order of
            :data:`unihm.robots.spec.KEYPOINT_NAMES`.
        hand: the hand, or the name of its file in ``config/hands``.
        config: weights.

    Raises:
        UnihmError: INVALID_KEYPOINTS, UNKNOWN_HAND.
    """
    hand = load_hand(hand) if isinstance(hand, str) else hand
    return Retargeter(hand, config).retarget(keypoints)

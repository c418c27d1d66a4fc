"""Codes of pinches: a small codebook that nobody trained, for the handles of what opens.

A motion that takes a bar, goes with it and leaves it is said by one row of codes: how the hand is
rolled about the object's x axis, tilted about its y axis, and flipped about x again, in steps of
:data:`STEP` degrees, and the width of the bar in millimetres. Every hand with a thumb and a finger
reads it: thumb and neighbouring fingers face each other, that width apart. The joints minimise
by damped least squares, within their limits,

    |m - t - w n_t|^2 / s^2 + |n_t + n_f|^2 / u^2 + |(p_1 - p_2).n_t|^2 / s^2 + c |q - q_0|^2

with the thumb's pad t and its normal n_t, the mean m of the fingers' pads p_1, p_2 and n_f of their
normals, and the hand's pose before a grasp q_0.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from unihm.errors import ErrorCode, UnihmError
from unihm.least_squares import minimise
from unihm.robots import Hand, load_hand
from unihm.transforms import invert, make_transform, minimum_snap
from unihm.types import FloatArray, HandMotion, HandTokens, ObjectTrajectory, Phase

_FINGERS = 2  # that oppose the thumb
_NEAR, _FACING, _PRIOR = 0.004, 0.25, 0.06  # m, cosine, per rad
_DIFFERENCE = 1e-5
_ITERATIONS = 80


CODEBOOK = "pinches"
STEP = 5.0  # degrees of the turns in a row of codes
_OPEN = 0.045  # m that the pads are farther apart before they close
_STANDOFF = 0.07  # m from which the hand comes straight


def encode_pinch(
    roll: float, tilt: float, flip: float, width: float, trajectory: ObjectTrajectory
) -> HandTokens:
    """Tokens of a pinch: turns in degrees, the width in metres."""
    codes = [round(angle / STEP) % round(360 / STEP) for angle in (roll, tilt, flip)]
    return HandTokens(np.array([[*codes, round(1000 * width)]]), len(trajectory), CODEBOOK)


def decode_pinch(tokens: HandTokens, hand: Hand, trajectory: ObjectTrajectory) -> HandMotion:
    """The hand comes straight, closes round the bar, goes with it, opens and leaves straight.

    Raises:
        UnihmError: INVALID_MOTION for codes that are none of a pinch.
    """
    codes = tokens.codes
    if codes.shape != (1, 4) or (codes < 0).any() or codes[0, 3] > 100:
        raise UnihmError(ErrorCode.INVALID_MOTION, f"These are no codes of a pinch: {codes}.")
    turn = Rotation.from_euler("XYX", STEP * codes[0, :3], degrees=True).as_matrix()
    width = 0.001 * float(codes[0, 3])
    closed, opened = (pinch_joints(hand.name, w) for w in (width, width + _OPEN))
    phase = trajectory.phase
    share, away = np.zeros(len(phase)), np.zeros(len(phase))
    share[phase == Phase.HOLD] = 1.0

    def ramp(of: Phase) -> tuple[NDArray[np.bool_], FloatArray]:
        frames = phase == of
        count = int(frames.sum())
        return frames, minimum_snap(np.arange(1, count + 1) / max(count, 1))

    frames, s = ramp(Phase.APPROACH)
    away[frames] = _STANDOFF * (1 - s)
    frames, s = ramp(Phase.GRASP)
    share[frames] = s
    frames, s = ramp(Phase.RELEASE)
    share[frames] = 1 - s
    frames, s = ramp(Phase.RETREAT)
    away[frames] = _STANDOFF * s
    joints = opened + share[:, None] * (closed - opened)
    T_object_pinch = make_transform(turn, np.zeros(3))
    T_object_wrist = np.empty((len(phase), 4, 4))
    values, first = np.unique(share, return_index=True)
    T_pinch_wrist = {s: invert(pinch_frame(hand, joints[k])) for s, k in zip(values, first)}
    for k, part in enumerate(share):
        back = make_transform(np.eye(3), [away[k], 0.0, 0.0])
        T_object_wrist[k] = T_object_pinch @ back @ T_pinch_wrist[part]
    return HandMotion(hand.name, T_object_wrist, joints, trajectory)


@lru_cache(maxsize=64)
def pinch_joints(hand_name: str, width: float) -> FloatArray:
    """(J,) rad: the pads of thumb and fingers ``width`` metres apart, as opposed as they can be."""
    hand = load_hand(hand_name)
    problem = _Pinch(hand, width)
    start = np.asarray(hand.pregrasp_joints, float)[None]
    joints = minimise(problem, start, _ITERATIONS, 1.0, 1e-5).x[0]
    pads = [_thumb(hand), *_fingers(hand)]
    idle = np.abs(hand.fingertip_jacobian(joints)[pads]).max(axis=(0, 1)) < 1e-6
    joints[idle] = hand.closed_joints[idle]  # the other fingers are out of the way
    return joints


def pinch_frame(hand: Hand, joints: FloatArray) -> FloatArray:
    """(4, 4) T_wrist_pinch: the middle between the pads; x back to the palm, z from the thumb.

    A bar that is pinched lies along y.
    """
    pads, _ = hand.fingertips(joints)
    thumb, fingers = _thumb(hand), _fingers(hand)
    middle = pads[fingers].mean(axis=0)
    center = (middle + pads[thumb]) / 2
    z = middle - pads[thumb]
    z = z / max(np.linalg.norm(z), 1e-9)
    if len(fingers) > 1:
        y = pads[fingers[0]] - pads[fingers[-1]]
    else:
        y = hand.T_wrist_palm[:3, 1]
    back = hand.T_wrist_palm[:3, 3] - center
    if len(fingers) == 1:
        y = np.cross(z, back)
    y = y - (y @ z) * z
    y = y / np.linalg.norm(y)
    x = np.cross(y, z)
    if x @ back < 0:
        x, y = -x, -y
    return make_transform(np.stack([x, y, z], axis=1), center)


def _thumb(hand: Hand) -> int:
    return hand.finger_names.index("thumb")


def _fingers(hand: Hand) -> list[int]:
    others = [k for k, name in enumerate(hand.finger_names) if name != "thumb"]
    return others[:_FINGERS]


class _Pinch:
    """The one problem for :func:`unihm.least_squares.minimise`; its Jacobian by differences."""

    def __init__(self, hand: Hand, width: float) -> None:
        self.hand, self.width = hand, width
        self.lower, self.upper = (np.asarray(a, float) for a in (hand.lower, hand.upper))
        self.rest = np.asarray(hand.pregrasp_joints, float)

    def residual(self, q: FloatArray) -> FloatArray:
        pads, normals = self.hand.fingertips(q)
        thumb, fingers = _thumb(self.hand), _fingers(self.hand)
        n_t, n_f = normals[thumb], normals[fingers].mean(axis=0)
        gap = pads[fingers].mean(axis=0) - pads[thumb] - self.width * n_t
        level = (pads[fingers] - pads[fingers].mean(axis=0)) @ n_t
        return np.concatenate(
            [gap / _NEAR, (n_t + n_f) / _FACING, level / _NEAR, _PRIOR * (q - self.rest)]
        )

    def linearise(self, x: FloatArray, wanted: object) -> tuple[FloatArray, FloatArray, FloatArray]:
        q = x[0]
        r = self.residual(q)
        steps = _DIFFERENCE * np.eye(len(q))
        J = np.stack([(self.residual(q + s) - r) / _DIFFERENCE for s in steps], axis=1)
        return np.array([r @ r / 2]), (J.T @ r)[None], (J.T @ J)[None]

    def scale(self, matrix: FloatArray) -> FloatArray:
        return np.ones(matrix.shape[:2])

    def room(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        return self.lower - x, self.upper - x

    def moved(self, x: FloatArray, step: FloatArray) -> FloatArray:
        return x + step

"""How a hand takes a handle: pinches of its bar from all sides that have room, the roomiest first.

The object frame is that of a handle (:class:`unihm.perception.scene.openings.Opening`): x out of
the panel, y along the bar.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from scipy.spatial import cKDTree

from unihm.robots import Hand
from unihm.robots.collision import cover_hand
from unihm.tokenizer.pinches import decode_pinch, encode_pinch
from unihm.transforms import apply
from unihm.types import FloatArray, HandMotion, HandTokens, ObjectCloud, ObjectTrajectory, Phase

_TILTS = (0, 15, -15, 30, -30, 45, -45, 60, -60, 75, -75)  # degrees from straight to the panel
_ROLLS = (0, 20, -20)  # about the normal, of a bar
_KNOB_ROLLS = (0, 45, 90, 135)
_STEEP = 0.0001  # m of room that a tilt by a degree must be worth
_ROOM = 0.012  # m from which on more room is worth nothing
_LEAST_ROOM = -0.004  # m that a ball may be in what is around, which is seen roughly
_NEAR, _FLAT = 0.07, 0.008  # m from the handle within which its panel is seen, and how flat
_LONG = 1.8  # times as long as thick: a bar, no knob
_MOST = 24  # ways that are worth asking the arm about
_TABLE = 0.004  # m above the table


def handle_tokens(hand: Hand, trajectory: ObjectTrajectory, cloud: ObjectCloud) -> list[HandTokens]:
    """Pinches of the handle for which the hand has room; those with most of it first."""
    lows, highs = (np.quantile(cloud.points, q, axis=0) for q in (0.02, 0.98))
    size = highs - lows
    around = _Around(cloud)
    rolls = _KNOB_ROLLS if size[1] < _LONG * size[2] else _ROLLS
    ranked = []
    for roll, tilt, flip in product(rolls, _TILTS, (0.0, 180.0)):
        tokens = encode_pinch(roll, tilt, flip, float(size[2]), trajectory)
        room = _room(hand, decode_pinch(tokens, hand, trajectory), around)
        if room > _LEAST_ROOM:
            ranked.append((min(room, _ROOM) - _STEEP * (abs(tilt) + abs(roll) % 45), tokens))
    return [tokens for _, tokens in sorted(ranked, key=lambda entry: -entry[0])[:_MOST]]


class _Around:
    """What is seen about a handle: its panel, which is solid, and other things, as points."""

    def __init__(self, cloud: ObjectCloud) -> None:
        points = cloud.around
        near = np.linalg.norm(points, axis=1) < _NEAR
        self.face = float(np.median(points[near, 0])) if near.any() else -np.inf
        on = np.abs(points[:, 0] - self.face) < _FLAT
        self._panel = cKDTree(points[on, 1:]) if on.any() else None
        self._rest = cKDTree(points[~on]) if (~on).any() else None

    def room(self, centres: FloatArray, radii: FloatArray) -> float:
        """Least distance in metres of balls (B, 3), (B,), object frame; negative: inside."""
        room = np.inf
        if self._panel is not None:
            beside = self._panel.query(centres[:, 1:])[0] > radii
            height = centres[:, 0] - radii - self.face
            room = min(room, float(np.where(beside, np.inf, height).min()))
        if self._rest is not None:
            room = min(room, float((self._rest.query(centres)[0] - radii).min()))
        return room


def _room(hand: Hand, motion: HandMotion, around: _Around) -> float:
    """Metres between the hand and what is around where it closes, and the table all along."""
    phase = motion.trajectory.phase
    closing, holding = (np.flatnonzero(phase == p) for p in (Phase.GRASP, Phase.HOLD))
    room = np.inf
    for k in (int(closing[0]), int(closing[-1]), int(holding[-1])):
        centres, radii = cover_hand(hand, motion.joints[k])
        at = motion.T_object_wrist[k]
        world = apply(motion.trajectory.T_world_object[k] @ at, centres)
        room = min(room, float((world[:, 2] - radii).min()) - _TABLE)
        if phase[k] == Phase.GRASP:
            room = min(room, around.room(apply(at, centres), radii))
    return room

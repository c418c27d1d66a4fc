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
from unihm.types import HandMotion, HandTokens, ObjectCloud, ObjectTrajectory, Phase

_TILTS = (0.0, 25.0, -25.0, 50.0, -50.0, 75.0, -75.0)  # degrees from straight to the panel
_ROLLS = (0.0, 45.0, 90.0, 135.0)  # about the normal, of a knob
_STEEP = 0.0001  # m of room that a tilt by a degree must be worth
_ROOM = 0.012  # m from which on more room is worth nothing
_LEAST_ROOM = -0.012  # m that a ball may be in what is around, which is seen roughly
_LONG = 1.8  # times as long as thick: a bar, no knob
_TABLE = 0.004  # m above the table


def handle_tokens(hand: Hand, trajectory: ObjectTrajectory, cloud: ObjectCloud) -> list[HandTokens]:
    """Pinches of the handle for which the hand has room; those with most of it first."""
    lows, highs = (np.quantile(cloud.points, q, axis=0) for q in (0.02, 0.98))
    size = highs - lows
    tree = cKDTree(cloud.around) if len(cloud.around) else None
    rolls = _ROLLS if size[1] < _LONG * size[2] else _ROLLS[:1]
    ranked = []
    for roll, tilt, flip in product(rolls, _TILTS, (0.0, 180.0)):
        tokens = encode_pinch(roll, tilt, flip, float(size[2]), trajectory)
        room = _room(hand, decode_pinch(tokens, hand, trajectory), tree)
        if room > _LEAST_ROOM:
            ranked.append((min(room, _ROOM) - _STEEP * abs(tilt), tokens))
    return [tokens for _, tokens in sorted(ranked, key=lambda entry: -entry[0])]


def _room(hand: Hand, motion: HandMotion, tree: cKDTree | None) -> float:
    """Metres between the hand and what is around where it closes, and the table all along."""
    phase = motion.trajectory.phase
    closing = np.flatnonzero(phase == Phase.GRASP)
    looked = {int(closing[0]), int(closing[-1]), int(np.flatnonzero(phase == Phase.HOLD)[-1])}
    room = np.inf
    for k in sorted(looked):
        centres, radii = cover_hand(hand, motion.joints[k])
        at = motion.T_object_wrist[k]
        world = apply(motion.trajectory.T_world_object[k] @ at, centres)
        room = min(room, float((world[:, 2] - radii).min()) - _TABLE)
        if tree is not None and phase[k] == Phase.GRASP:
            room = min(room, float((tree.query(apply(at, centres))[0] - radii).min()))
    return room

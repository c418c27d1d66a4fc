"""Where a hand should be after human keypoints: steps 1 to 3 of retargeting.

The module :mod:`unihm.retargeting.retargeter` tells the whole story.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unihm.errors import ErrorCode, UnihmError
from unihm.retargeting.keypoints import TIPS, palm_frames
from unihm.robots.kinematics import Hand
from unihm.robots.spec import FINGERS, LinkPoint
from unihm.transforms import FloatArray, apply, invert, make_transform


@dataclass(frozen=True)
class Targets:
    """Places for the points of a hand.

    Attributes:
        points: (T, N, 3) in the frame of the wrist.
        T_world_wrist: (T, 4, 4).
    """

    points: FloatArray
    T_world_wrist: FloatArray


class TargetBuilder:
    """Targets of one hand.

    Attributes:
        keypoints: (N,) the human keypoints that its points stand for, finger by finger.
        finger: (N,) which of the hand's fingers each belongs to.
        tip_rows: (F,) rows of the tips among them.
    """

    def __init__(self, hand: Hand, pinch_near: float, pinch_far: float) -> None:
        self.hand, self._near, self._far = hand, pinch_near, pinch_far
        self._T_palm_wrist = invert(hand.T_wrist_palm)
        place = apply(self._T_palm_wrist, hand.keypoints(hand.open_joints))
        fingers = len(hand.finger_names)
        keypoints, finger, fraction, bases = [], [], [], []
        self._reach = np.zeros(fingers)
        self._bones = np.zeros((fingers, 20))  # those from the finger's base to its tip
        for f, name in enumerate(hand.finger_names):
            first = 1 + 4 * FINGERS.index(name)
            known = [i for i in range(first, first + 4) if hand.spec.keypoints[i] is not None]
            if not known or known[-1] != first + 3:
                raise UnihmError(
                    ErrorCode.INVALID_HAND_FILE,
                    f"{hand.name}: the keypoints lack the tip of the {name}.",
                )
            moved = known[1:] or known
            self._reach[f] = np.linalg.norm(np.diff(place[known], axis=0), axis=1).sum()
            self._bones[f, known[0] : first + 3] = 1.0  # bone i ends in keypoint i + 1
            keypoints += moved
            bases += [known[0]] * len(moved)
            finger += [f] * len(moved)
            fraction += [(i + 1) / len(moved) for i in range(len(moved))]
        self.keypoints, self.finger = np.array(keypoints), np.array(finger)
        self.tip_rows = np.flatnonzero(np.diff(self.finger, append=fingers))
        self._bases = np.array(bases)
        self._place = place[self._bases]  # (N, 3) of the base, palm frame
        self._fraction = np.array(fraction)[:, None]  # of its finger's shift that a point takes

    @property
    def link_points(self) -> list[LinkPoint]:
        """The hand's own points, one per row."""
        points = [self.hand.spec.keypoints[i] for i in self.keypoints]
        return [point for point in points if point is not None]

    def build(self, keypoints: FloatArray, bone_lengths: FloatArray) -> Targets:
        """Targets for clean keypoints (T, 21, 3) of a person with ``bone_lengths`` (20,)."""
        T_world_palm = palm_frames(keypoints, self.hand.side)
        # In the axes of the palm, (T, 21, 3)
        human = (keypoints - T_world_palm[:, None, :3, 3]) @ T_world_palm[:, :3, :3]
        scale = (self._reach / (self._bones @ bone_lengths))[self.finger, None]
        points = self._place + scale * (human[:, self.keypoints] - human[:, self._bases])
        human_tips = human[:, self.keypoints[self.tip_rows]]
        if self.hand.finger_names[0] == "thumb" and len(self.tip_rows) > 1:
            shift = self._to_true_apertures(points[:, self.tip_rows], human_tips)
            points += self._fraction * shift[:, self.finger]
        T_palm_wrist = np.empty((len(keypoints), 4, 4))
        T_palm_wrist[:] = self._T_palm_wrist
        T_palm_wrist[:, :3, 3] += _grasp_centre(human_tips)
        T_palm_wrist[:, :3, 3] -= _grasp_centre(points[:, self.tip_rows])
        T_wrist_palm = self.hand.T_wrist_palm
        in_wrist = points @ T_wrist_palm[:3, :3].T + T_wrist_palm[:3, 3]
        return Targets(in_wrist, T_world_palm @ T_palm_wrist)

    def _to_true_apertures(self, tips: FloatArray, human_tips: FloatArray) -> FloatArray:
        """Shift (T, F, 3) of scaled tips that lets short thumb-finger vectors be true (step 2)."""
        true = human_tips[:, 1:] - human_tips[:, :1]
        distance = np.sqrt((true * true).sum(axis=-1, keepdims=True))
        u = np.clip((self._far - distance) / (self._far - self._near), 0.0, 1.0)
        weight = u * u * (3 - 2 * u)  # (T, F - 1, 1)
        excess = weight * (true - tips[:, 1:] + tips[:, :1])
        # Thumb and fingers each go half of the way.
        thumb = -0.5 * excess.sum(axis=1) / np.maximum(weight.sum(axis=1), 1.0)
        return np.concatenate([thumb[:, None], excess + weight * thumb[:, None]], axis=1)


def _grasp_centre(tips: FloatArray) -> FloatArray:
    """(T, 3) between the first tip (the thumb's) and the mean of the others, of (T, F, 3)."""
    return 0.5 * (tips[:, 0] + tips[:, 1:].sum(axis=1) / max(tips.shape[1] - 1, 1))


class GripperTargets:
    """A parallel gripper takes the thumb-index aperture, scaled and clamped (B1's exception)."""

    def __init__(self, hand: Hand, aperture_scale: float) -> None:
        self.hand, self._scale = hand, aperture_scale
        self._pads = np.array([hand.fingertips(q)[0] for q in ([hand.lower[0]], [hand.upper[0]])])
        self._widths = np.linalg.norm(self._pads[:, 1] - self._pads[:, 0], axis=1)

    def joints(self, keypoints: FloatArray) -> FloatArray:
        """(T, 1) openings."""
        aperture = np.linalg.norm(keypoints[:, TIPS[0]] - keypoints[:, TIPS[1]], axis=1)
        closed, opened = self._widths
        fraction = (self._scale * aperture - closed) / (opened - closed)
        hand = self.hand
        return hand.clip(hand.lower + fraction[:, None] * (hand.upper - hand.lower))

    def build(self, keypoints: FloatArray) -> Targets:
        """Pads on the thumb-index axis about its middle, approach from the person's wrist."""
        thumb, index = keypoints[:, TIPS[0]], keypoints[:, TIPS[1]]
        centre = (thumb + index) / 2
        # The knuckles' axis decides where the fingertips touch and have no direction.
        axis = _unit(index - thumb + 0.2 * (keypoints[:, 5] - keypoints[:, 2]))
        approach = centre - keypoints[:, 0]
        approach = _unit(approach - (approach * axis).sum(axis=1, keepdims=True) * axis)
        rotation = np.stack([approach, np.cross(axis, approach), axis], axis=2)
        R_world_wrist = rotation @ self.hand.T_wrist_palm[:3, :3].T
        middle = self._pads.mean(axis=(0, 1))  # the same at every opening
        T_world_wrist = make_transform(R_world_wrist, centre - R_world_wrist @ middle)
        tips = keypoints[:, TIPS[:2]]
        return Targets(apply(invert(T_world_wrist), tips), T_world_wrist)


def _unit(vectors: FloatArray) -> FloatArray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)

"""Hands: one file each, their kinematics, and retargeting from human keypoints."""

from unihm.robots.kinematics import Hand, load_hand
from unihm.robots.spec import FINGERS, KEYPOINT_NAMES, HandSpec, list_hands

__all__ = ["FINGERS", "KEYPOINT_NAMES", "Hand", "HandSpec", "list_hands", "load_hand"]

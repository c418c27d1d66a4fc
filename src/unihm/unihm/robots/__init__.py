"""Hands and arms: one file each, their kinematics, limits, surfaces and checks.

A hand's kinematic tree is written once (:mod:`unihm.robots.tree`). :class:`Hand` asks pinocchio for
one pose at a time; :mod:`~unihm.robots.numpy_kinematics` (compiled) and
:mod:`~unihm.robots.torch_kinematics` evaluate the tree for batches. Tests hold all of them to each
other.
"""

from unihm.robots.kinematics import Hand, load_hand
from unihm.robots.spec import FINGERS, KEYPOINT_NAMES, HandSpec, list_hands

__all__ = ["FINGERS", "KEYPOINT_NAMES", "Hand", "HandSpec", "list_hands", "load_hand"]

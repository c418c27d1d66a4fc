"""A chosen motion as an attempt that a hand without an arm can carry out."""

from __future__ import annotations

import numpy as np

from unihm.control.grasp_motion import APPROACH_DISTANCE, Attempt
from unihm.types import HandMotion, Phase


def attempt_of(motion: HandMotion) -> Attempt:
    """The grasp of a motion, with the last 12 cm of its approach made straight."""
    contact = motion.trajectory.contact
    before = int(np.flatnonzero(motion.trajectory.phase == Phase.APPROACH)[-1])
    wrist = motion.T_object_wrist[:, :3, 3]
    way = wrist[0] - wrist[contact]
    length = float(np.linalg.norm(way))
    return Attempt(
        T_object_wrist=motion.T_object_wrist[contact],
        approach=way * min(1.0, APPROACH_DISTANCE / max(length, 1e-9)),
        open_joints=motion.joints[before],
        joints=motion.joints[contact],
    )

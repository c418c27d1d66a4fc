"""A person's hand leads the robot: fingers by retargeting, the arm by how the wrist has moved."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from unihm.errors import ErrorCode, UnihmError
from unihm.retargeting.retargeter import Retargeter, RetargetingConfig
from unihm.robots import Hand
from unihm.robots.arm import Arm
from unihm.types import FloatArray

_STEP = 0.3  # rad that a joint of the arm is sent ahead of where it is


class HandLeader:
    """Where arm and hand shall be, frame by frame.

    Only how the wrist has moved since the first frame counts, along the axes of the keypoints'
    frame, which has to be turned like the robot's world: where the person stands does not matter.

    Args:
        arm: that is led.
        hand: at its flange.
        config: of the retargeting.
        scale: the robot's metres per the person's.

    Raises:
        UnihmError: INVALID_CONFIG for a scale that is not positive.
    """

    def __init__(
        self, arm: Arm, hand: Hand, config: RetargetingConfig | None = None, scale: float = 1.0
    ) -> None:
        if not 0.0 < scale < np.inf:
            raise UnihmError(ErrorCode.INVALID_CONFIG, f"A scale is above 0, not {scale}.")
        self._arm, self._hand, self._scale = arm, hand, scale
        self._retargeter = Retargeter(hand, config)
        self.reset()

    def reset(self) -> None:
        """The next frame is a first one."""
        self._retargeter.reset()
        self._T_world_person: FloatArray | None = None  # the wrist, when it began

    def step(self, keypoints: ArrayLike, q_arm: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Joints of arm (n,) and hand (J,) in rad after the next frame.

        Args:
            keypoints: (21, 3) metres.
            q_arm: (n,) rad, where the arm is told to be.

        Raises:
            UnihmError: INVALID_KEYPOINTS, or UNREACHABLE for the arm; the next frame may be right.
        """
        result = self._retargeter.step(keypoints)
        T_person = result.T_world_wrist[0]
        if self._T_world_person is None:
            self._T_world_person = T_person
            self._q = q_arm
            self._T_first = self._T_last = self._arm.forward(q_arm) @ self._hand.T_flange_wrist
        T_wrist = self._T_first.copy()
        first = self._T_world_person
        T_wrist[:3, :3] = T_person[:3, :3] @ first[:3, :3].T @ self._T_first[:3, :3]
        T_wrist[:3, 3] += self._scale * (T_person[:3, 3] - first[:3, 3])
        self._q = self._arm.track(np.stack([self._T_last, T_wrist]), self._hand, self._q)[-1]
        self._T_last = T_wrist
        ahead = np.clip(self._q - q_arm, -_STEP, _STEP)
        return q_arm + ahead, result.joints[0]

"""dex-retargeting as a baseline, on this project's hands and targets.

A test-time extra: ``pip install dex-retargeting==0.5.0 six torch``. Nothing else imports this.
"""

from __future__ import annotations

import contextlib
import copy
import io
import tempfile
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from unihm.errors import ErrorCode, UnihmError
from unihm.robots.kinematics import Hand
from unihm.robots.spec import FINGERS
from unihm.transforms import FloatArray


class DexRetargeting:
    """Its position mode with its own defaults, without low-pass filter, on ``hand``.

    It minimises the distance of the fingertips to targets in the wrist frame, warm-started from
    the frame before: the objective that this project's fingertip error is measured by.
    """

    def __init__(self, hand: Hand) -> None:
        try:
            from dex_retargeting.retargeting_config import RetargetingConfig
        except ImportError as error:
            raise UnihmError(
                ErrorCode.MISSING_DEPENDENCY,
                "dex-retargeting is not installed: pip install dex-retargeting==0.5.0 six.",
            ) from error
        self.hand = hand
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "hand.urdf"
            path.write_text(_urdf_with_tips(hand))
            config = {
                "type": "position",
                "urdf_path": str(path),
                "target_joint_names": list(hand.joint_names),
                "target_link_names": [f"tip_{finger}" for finger in hand.finger_names],
                "target_link_human_indices": np.arange(len(hand.finger_names)),
                "add_dummy_free_joint": False,
                "low_pass_alpha": 1.0,
            }
            with contextlib.redirect_stdout(io.StringIO()):
                self._retargeting = RetargetingConfig.from_dict(config).build()
        names = list(self._retargeting.joint_names)
        self._columns = [names.index(name) for name in hand.joint_names]

    def step(self, tips: FloatArray) -> FloatArray:
        """Joints (J,) for fingertip targets (F, 3) in the wrist frame."""
        return np.asarray(self._retargeting.retarget(tips), float)[self._columns]


def _urdf_with_tips(hand: Hand) -> str:
    """The hand's URDF without shapes, with a link at each fingertip keypoint."""
    robot = copy.deepcopy(hand.urdf.robot)
    for link in robot.findall("link"):
        for element in [*link.findall("visual"), *link.findall("collision")]:
            link.remove(element)
    for finger in hand.finger_names:
        point = hand.spec.keypoints[4 + 4 * FINGERS.index(finger)]
        assert point is not None  # the hand's check sees to that
        ElementTree.SubElement(robot, "link", name=f"tip_{finger}")
        joint = ElementTree.SubElement(robot, "joint", name=f"tip_{finger}_joint", type="fixed")
        ElementTree.SubElement(joint, "origin", xyz=" ".join(map(str, point.xyz)), rpy="0 0 0")
        ElementTree.SubElement(joint, "parent", link=point.link)
        ElementTree.SubElement(joint, "child", link=f"tip_{finger}")
    return ElementTree.tostring(robot, encoding="unicode")

"""The robot as frames in TF place it, to find it in an image; the capture node's part."""

from __future__ import annotations

from unihm.robots.description import RobotDescription
from unihm.robots.robot_surface import RobotSurface, Surface
from unihm.ros.base import UnihmNode
from unihm.ros.frames import Frames


class RobotInView:
    """Knows where the robot's surface is, as long as somebody says in TF where its links are.

    Args:
        node: that has the images; it gets the parameters ``arm`` and ``hand``.
        frames: what it hears of TF.
    """

    def __init__(self, node: UnihmNode, frames: Frames) -> None:
        self._node, self._frames = node, frames
        self._arm = node.declare("arm", "fr3", "The arm: a file in config/robots.")
        self._hand = node.declare(
            "hand",
            "",
            "The hand that is mounted: the camera's pose is checked by the robot that "
            "it sees. Empty: it is not.",
        )
        self._surface: RobotSurface | None = None

    def load(self) -> None:
        """Read the robot's description; takes a moment.

        Raises:
            UnihmError: as :class:`~unihm.robots.description.RobotDescription`.
        """
        if self._hand:
            robot = RobotDescription(self._arm, self._hand, self._node.world_frame)
            self._surface = RobotSurface(robot)

    def where(self) -> Surface | None:
        """The surface where the links are now; None where a link's frame is not known."""
        if self._surface is None:
            return None
        return self._surface.at(lambda link: self._frames.tree.lookup(self._node.world_frame, link))

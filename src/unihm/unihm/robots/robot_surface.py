"""A whole robot's surface as points, wherever its links are."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from unihm.meshes import sample_surface
from unihm.robots.description import RobotDescription
from unihm.robots.frames import FrameTree
from unihm.robots.urdf import parse_urdf
from unihm.robots.visual_meshes import link_bodies
from unihm.transforms import apply
from unihm.types import FloatArray

SPACING = 0.012  # m


Surface = tuple[FloatArray, FloatArray]
"""Points (P, 3) and their outward normals (P, 3), world frame."""


class RobotSurface:
    """Points of every link's body, evenly spread.

    Args:
        robot: arm and hand.
        spacing: m between neighbours.

    Raises:
        UnihmError: INVALID_HAND_FILE where a mesh cannot be read.
    """

    def __init__(self, robot: RobotDescription, spacing: float = SPACING) -> None:
        self._robot = robot
        self._links = {
            link: sample_surface(body, spacing)
            for link, body in link_bodies(parse_urdf(robot.urdf)).items()
        }

    def at(self, pose_of: Callable[[str], FloatArray | None]) -> Surface | None:
        """The surface where its links are.

        Args:
            pose_of: T_world_link (4, 4) of a link, None where it is not known.

        Returns:
            None where the pose of a link is not known.
        """
        points, normals = [], []
        for link, (local, outward) in self._links.items():
            T_world_link = pose_of(link)
            if T_world_link is None:
                return None
            points.append(apply(T_world_link, local))
            normals.append(outward @ T_world_link[:3, :3].T)
        return np.concatenate(points), np.concatenate(normals)

    def posed(self, positions: Mapping[str, float]) -> Surface | None:
        """The surface at joint positions, by name; radians, or metres where a joint slides."""
        tree = FrameTree()
        for transform in (*self._robot.fixed, *self._robot.transforms(positions)):
            tree.add(transform)
        world = self._robot.fixed[0].parent
        return self.at(lambda link: tree.lookup(world, link))

"""A hand without an arm: its wrist follows a given path, to try grasps by the thousand."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.transform import Rotation

from unihm.robots import load_hand
from unihm.sim.scene import Scene
from unihm.sim.world import World
from unihm.transforms import FloatArray, from_xyz_rpy, invert

PARKED = from_xyz_rpy([0.0, 0.0, 1.5], [0.0, 0.0, 0.0])  # out of everything's way


class FreeHandWorld(World):
    """A world whose hand flies on six driven axes, about as stiff as an arm's end.

    The axes are measured from the pose given to :meth:`place_wrist`; turns of more than 80 deg
    away from it come near the axes' singularity.

    Args:
        scene: a scene, or the name or path of one.
        hand: a hand of ``config/hands``.
        rate: physics steps per second.
        render: give it a camera.
    """

    def __init__(
        self,
        scene: Scene | str,
        hand: str = "xhand",
        rate: float = 500.0,
        render: bool = False,
    ) -> None:
        mount = load_hand(hand).spec.mount
        self._T_wrist_flange = invert(from_xyz_rpy(mount.xyz, mount.rpy))
        self._T_base_world = invert(PARKED)
        super().__init__(scene, hand, "floating", rate, render)

    def reset(self) -> None:
        """Hand parked high above, objects to their places, settled; time to 0."""
        self._robot.set_root_pose(PARKED)
        self._T_base_world = invert(PARKED)
        super().reset()

    def place_wrist(self, T_world_wrist: FloatArray, joints: ArrayLike) -> None:
        """Put the hand at a wrist pose (4, 4) with hand joints (J,) at once, at rest."""
        T_world_base = T_world_wrist @ self._T_wrist_flange
        self._T_base_world = invert(T_world_base)
        self._robot.set_root_pose(T_world_base)
        self._robot.place(np.concatenate([np.zeros(6), np.asarray(joints, float)]))

    def set_wrist_target(self, T_world_wrist: FloatArray) -> None:
        """Drive the wrist towards a pose (4, 4)."""
        T_base_flange = self._T_base_world @ T_world_wrist @ self._T_wrist_flange
        yaw_pitch_roll = Rotation.from_matrix(T_base_flange[:3, :3]).as_euler("ZYX")
        self.set_arm_targets(np.concatenate([T_base_flange[:3, 3], yaw_pitch_roll]))

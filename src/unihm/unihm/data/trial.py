"""Does a grasp lift the object? A hand without an arm tries it in physics."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from unihm.control.config import ControlConfig
from unihm.control.execution import aim
from unihm.control.grip import squeeze_offsets
from unihm.data.objects import TableObject
from unihm.hands import load_hand
from unihm.sim.free_hand import FreeHandWorld
from unihm.sim.scene import Scene, SceneObject
from unihm.transforms import make_transform, minimum_jerk
from unihm.types import FloatArray

RATE = 240.0  # Hz; with ARMATURE as good as 500 Hz without, at half the price
ARMATURE = 1e-3  # kg m^2, on the hand's joints
CONTROL_STEPS = 4  # physics steps between set-points
LIFT = 0.12  # m
RISEN = 0.10  # m that count as lifted
SLIP = 0.02  # m lost while it is held
APPROACH_TIME, CLOSE_TIME, SQUEEZE_TIME, LIFT_TIME, HOLD_TIME = 0.6, 0.5, 0.3, 0.8, 0.5  # s
FRICTION = 0.8


@dataclass(frozen=True)
class Attempt:
    """A grasp as it is carried out; the wrist keeps its orientation.

    Attributes:
        T_object_wrist: (4, 4) when the pads touch.
        approach: (3,) metres, object frame: from the touching wrist to where it comes from.
        open_joints: (J,) while it comes.
        joints: (J,) when the pads touch.
    """

    T_object_wrist: FloatArray
    approach: FloatArray
    open_joints: FloatArray
    joints: FloatArray


def disturbances(shift: float = 0.01, turn: float = np.deg2rad(10)) -> list[FloatArray]:
    """The exact pose, then the object moved by ``shift`` metres four ways and turned to and fro.

    Returns:
        (4, 4) each, to be applied to the object in its own frame.
    """
    moved = [np.eye(4)]
    for k, sign in enumerate((1, -1, 1, -1)):
        angle = k * np.pi / 2 + np.pi / 4
        offset = shift * np.array([np.cos(angle), np.sin(angle), 0.0])
        moved.append(make_transform(Rotation.from_euler("z", sign * turn).as_matrix(), offset))
    return moved


class Trial:
    """One object on a table under one hand, tried again and again."""

    def __init__(self, hand: str, item: TableObject, rate: float = RATE) -> None:
        body = SceneObject(
            "object", shape=item.shape, size=item.measures, mass=item.mass, friction=FRICTION
        )
        self._world = FreeHandWorld(Scene(objects=(body,)), hand, rate=rate)
        for joint in self._world.robot.articulation.get_active_joints()[6:]:  # type: ignore[union-attr]
            joint.set_armature(np.array([ARMATURE], np.float32))
        self._hand = load_hand(hand)
        self._item = item
        self._config = ControlConfig()

    def lifts(self, attempt: Attempt, disturbance: FloatArray) -> bool:
        """Come, close, squeeze, lift, hold; True if the object is then still held up.

        Args:
            attempt: the grasp, which believes the object to be at its ``T_world_object``.
            disturbance: (4, 4) by which the object really is elsewhere, in its own frame.
        """
        item, world = self._item, self._world
        T_world_object = item.T_world_object
        T_world_body = (
            T_world_object @ disturbance @ np.linalg.solve(T_world_object, item.T_world_mesh)
        )
        T_touch = aim(
            (T_world_object @ attempt.T_object_wrist)[None], self._hand, self._config.aim_low
        )[0]
        T_away, T_up = T_touch.copy(), T_touch.copy()
        T_away[:3, 3] += T_world_object[:3, :3] @ attempt.approach
        T_up[2, 3] += LIFT
        held = attempt.joints + squeeze_offsets(
            self._hand,
            attempt.joints,
            self._config.squeeze_depth,
            attempt.T_object_wrist,
            item.cloud,
        )
        world.set_object_pose("object", T_world_body)
        world.place_wrist(T_away, attempt.open_joints)
        low = self._height()
        self._move(T_away, T_touch, attempt.open_joints, attempt.open_joints, APPROACH_TIME)
        self._move(T_touch, T_touch, attempt.open_joints, attempt.joints, CLOSE_TIME)
        self._move(T_touch, T_touch, attempt.joints, held, SQUEEZE_TIME)
        self._move(T_touch, T_up, held, held, LIFT_TIME)
        risen = self._height() - low
        if risen < RISEN:
            return False
        self._move(T_up, T_up, held, held, HOLD_TIME)
        after = self._height() - low
        return after > RISEN and risen - after < SLIP

    def _height(self) -> float:
        return float(self._world.object_poses()["object"][2, 3])

    def _move(
        self, T_a: FloatArray, T_b: FloatArray, q_a: FloatArray, q_b: FloatArray, time: float
    ) -> None:
        ticks = int(time * self._world.rate / CONTROL_STEPS)
        pose = T_a.copy()
        for s in minimum_jerk(np.arange(1, ticks + 1) / ticks):
            pose[:3, 3] = T_a[:3, 3] + s * (T_b[:3, 3] - T_a[:3, 3])
            self._world.set_wrist_target(pose)
            self._world.set_hand_targets(q_a + s * (q_b - q_a))
            self._world.step(CONTROL_STEPS)

"""Does a grasp lift the object? A hand without an arm tries it in physics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from unihm.control.config import ControlConfig
from unihm.control.execution import aim, keep_above
from unihm.control.grasp_motion import Attempt
from unihm.control.grip import squeeze_offsets
from unihm.learning.synthesis.grasps.push import Push
from unihm.learning.synthesis.objects import TableObject
from unihm.robots import load_hand
from unihm.robots.fingers import link_fingers
from unihm.sim.free_hand import FreeHandWorld
from unihm.sim.scene import Scene, SceneObject
from unihm.transforms import apply, invert, make_transform, minimum_snap
from unihm.types import FloatArray

RATE = 240.0  # Hz; with ARMATURE as good as 500 Hz without, at half the price
ARMATURE = 1e-3  # kg m^2, on the hand's joints
CONTROL_STEPS = 6  # physics steps between set-points
LIFT = 0.12  # m
RISEN = 0.10  # m that count as lifted
SLIP = 0.02  # m lost while it is held
APPROACH_TIME, CLOSE_TIME, SQUEEZE_TIME, LIFT_TIME, HOLD_TIME = 0.5, 0.4, 0.3, 0.7, 0.4  # s
SLIDE_TIME = 1.6  # s
PUSH_MISS = 0.04  # m from where a pushed object should be
FRICTION = 0.8
PUSHES = (1.0, 2.0, 4.0)  # N, tried in turn on what is held
PUSH_TIME = 0.25  # s that each lasts
TOUCH = 0.1  # N with which a finger presses that counts as touching


@dataclass(frozen=True)
class Held:
    """What was measured of a grasp while the object hung in it.

    Attributes:
        fingers: (D,) N with which each finger presses, in the order of the hand's fingers.
        points: (D, 3) where, metres, object frame; NaN where it does not touch.
        palm: N with which the palm presses.
        margin: N, the largest of :data:`PUSHES` that it held in all of six directions; 0 for none.
    """

    fingers: FloatArray
    points: FloatArray
    palm: float
    margin: float


def disturbances(shift: float = 0.01, turn: float = np.deg2rad(10)) -> list[FloatArray]:
    """The exact pose, then the object moved by ``shift`` metres to and fro, and turned.

    The moves are 30 degrees off the direction in which the fingers close, the worst one.

    Returns:
        (4, 4) each, to be applied to the object in its own frame.
    """
    moved = [np.eye(4)]
    for sign in (1.0, -1.0):
        offset = sign * shift * np.array([0.5, np.sqrt(0.75), 0.0])
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
        self._fingers = link_fingers(self._hand)
        self._item = item
        self._T_object_body = np.linalg.solve(item.T_world_object, item.T_world_mesh)
        self._config = ControlConfig()

    def lifts(self, attempt: Attempt, disturbance: FloatArray) -> bool:
        """Come, close, squeeze, lift, hold; True if the object is then still held up.

        Args:
            attempt: the grasp, which believes the object to be at its ``T_world_object``.
            disturbance: (4, 4) by which the object really is elsewhere, in its own frame.
        """
        return self._lift(attempt, disturbance) is not None

    def holds(self, attempt: Attempt) -> Held | None:
        """As :meth:`lifts` undisturbed, then pushed about; None where it does not lift."""
        ended = self._lift(attempt, np.eye(4))
        if ended is None:
            return None
        T_up, joints = ended
        fingers, points, palm = self._presses()
        margin, world = 0.0, self._world
        here = world.snapshot()
        for force in PUSHES:
            for direction in np.concatenate([np.eye(3), -np.eye(3)]):
                before = world.object_poses()["object"][:3, 3]
                pull = {"object": force / self._item.mass * direction}
                self._move(T_up, T_up, joints, joints, PUSH_TIME, pull)
                moved = np.linalg.norm(world.object_poses()["object"][:3, 3] - before)
                world.restore(here)
                if moved > SLIP:
                    return Held(fingers, points, palm, margin)
            margin = force
        return Held(fingers, points, palm, margin)

    def _presses(self) -> tuple[FloatArray, FloatArray, float]:
        """Force (D,) and place (D, 3), object frame, of every finger; force of the palm."""
        T_object_world = self._T_object_body @ invert(self._world.object_poses()["object"])
        count, palm = len(self._hand.finger_names), 0.0
        force, place = np.zeros(count), np.zeros((count, 3))
        for contact in self._world.contacts():
            if "object" not in contact.bodies:
                continue
            link = next(name for name in contact.bodies if name != "object")
            newtons, finger = float(np.linalg.norm(contact.force)), self._fingers.get(link, -1)
            if finger < 0:
                palm += newtons
            else:
                force[finger] += newtons
                place[finger] += newtons * apply(T_object_world, contact.position[None])[0]
        touching = force > TOUCH
        place[touching] /= force[touching, None]
        place[~touching] = np.nan
        return force, place, palm

    def _lift(
        self, attempt: Attempt, disturbance: FloatArray
    ) -> tuple[FloatArray, FloatArray] | None:
        """Wrist (4, 4) and joints (J,) that the hand holds the object with; None where not."""
        item, world = self._item, self._world
        T_world_object = item.T_world_object
        T_aimed = aim(
            (T_world_object @ attempt.T_object_wrist)[None], self._hand, self._config.aim_low
        )
        T_touch = keep_above(T_aimed, attempt.joints[None], self._hand, self._config.touch_depth)[0]
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
        self._place(disturbance)
        world.place_wrist(T_away, attempt.open_joints)
        low = self._height()
        self._move(T_away, T_touch, attempt.open_joints, attempt.open_joints, APPROACH_TIME)
        self._move(T_touch, T_touch, attempt.open_joints, attempt.joints, CLOSE_TIME)
        self._move(T_touch, T_touch, attempt.joints, held, SQUEEZE_TIME)
        self._move(T_touch, T_up, held, held, LIFT_TIME)
        risen = self._height() - low
        if risen < RISEN:
            return None
        self._move(T_up, T_up, held, held, HOLD_TIME)
        after = self._height() - low
        return (T_up, held) if after > RISEN and risen - after < SLIP else None

    def pushes(self, push: Push, direction: FloatArray, distance: float) -> bool:
        """Touch, slide, leave; True if the object then stands where it should, within 4 cm.

        Args:
            push: how.
            direction: (3,) unit, world, horizontal.
            distance: metres.
        """
        T_world_object = self._item.T_world_object
        T_touch = T_world_object @ push.T_object_wrist
        T_behind, T_end = T_touch.copy(), T_touch.copy()
        T_behind[:3, 3] += T_world_object[:3, :3] @ push.behind
        T_end[:3, 3] += distance * direction
        T_left = T_end.copy()
        T_left[:3, 3] += T_world_object[:3, :3] @ push.behind
        self._place(np.eye(4))
        before = self._world.object_poses()["object"]
        self._world.place_wrist(T_behind, push.joints)
        self._move(T_behind, T_touch, push.joints, push.joints, CLOSE_TIME)
        self._move(T_touch, T_end, push.joints, push.joints, SLIDE_TIME)
        self._move(T_end, T_left, push.joints, push.joints, CLOSE_TIME)
        after = self._world.object_poses()["object"]
        missed = after[:3, 3] - before[:3, 3] - distance * direction
        upright = after[:3, 2] @ before[:3, 2]
        return bool(np.linalg.norm(missed) < PUSH_MISS and upright > 0.9)

    def _place(self, disturbance: FloatArray) -> None:
        T_world_object = self._item.T_world_object
        self._world.set_object_pose("object", T_world_object @ disturbance @ self._T_object_body)

    def _height(self) -> float:
        return float(self._world.object_poses()["object"][2, 3])

    def _move(
        self,
        T_a: FloatArray,
        T_b: FloatArray,
        q_a: FloatArray,
        q_b: FloatArray,
        time: float,
        pull: Mapping[str, FloatArray] | None = None,
    ) -> None:
        ticks = int(time * self._world.rate / CONTROL_STEPS)
        pose = T_a.copy()
        for s in minimum_snap(np.arange(1, ticks + 1) / ticks):
            pose[:3, 3] = T_a[:3, 3] + s * (T_b[:3, 3] - T_a[:3, 3])
            self._world.set_wrist_target(pose)
            self._world.set_hand_targets(q_a + s * (q_b - q_a))
            self._world.step(CONTROL_STEPS, pull)

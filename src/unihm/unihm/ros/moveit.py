"""The arm's ways by MoveIt 2 (moveit_py), where it is installed."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from unihm.control.transit import CLOSE, obstacles
from unihm.errors import ErrorCode, UnihmError
from unihm.robots import Hand
from unihm.robots.arm import Arm
from unihm.robots.collision import CollisionModel
from unihm.robots.description import WORLD
from unihm.robots.moveit import ARM_GROUP, moveit_parameters
from unihm.types import FloatArray

_NODE = "moveit_py"  # moveit_py of Humble gives parameters to a node of this name only
_CELL = 0.02  # m: what is seen becomes boxes of this size
_TABLE = (3.0, 3.0, 0.1)  # m
_GAP = 0.01  # m that the table is lower for MoveIt, since the arm stands on it


class MoveItPathPlanner:
    """A :class:`~unihm.control.transit.PathPlanner`: every way is MoveIt's.

    Its planning scene has the table, and what is seen as boxes. The plan is timed, looked at for
    collisions and gated afterwards as any other.

    Args:
        arm: whose base stands on the table.
        hand: at its flange.

    Raises:
        UnihmError: MISSING_DEPENDENCY where moveit_py is not installed.
    """

    def __init__(self, arm: Arm, hand: Hand) -> None:
        try:
            self._messages, planning, core = _import()
        except ImportError as error:
            raise UnihmError(
                ErrorCode.MISSING_DEPENDENCY,
                f"path_planner is 'moveit', but there is no moveit_py ({error}); install "
                "ros-$ROS_DISTRO-moveit-py, or use 'builtin'.",
            ) from error
        self._arm, self._hand = arm, hand
        self._model = CollisionModel(arm, hand)
        parameters = moveit_parameters(str(arm.spec.path), str(hand.spec.path))
        self._moveit = planning.MoveItPy(node_name=_NODE, config_dict=parameters)
        self._component = self._moveit.get_planning_component(ARM_GROUP)
        self._new_state = core.RobotState

    def path(
        self, start: FloatArray, goal: FloatArray, q_hand: FloatArray, things: FloatArray
    ) -> list[FloatArray]:
        """See :meth:`~unihm.control.transit.PathPlanner.path`."""
        if np.abs(goal - start).max() < CLOSE:
            return []
        things = obstacles(self._model, start, goal, q_hand, things)
        with self._moveit.get_planning_scene_monitor().read_write() as scene:
            scene.remove_all_collision_objects()
            for thing in self._objects(things):
                scene.apply_collision_object(thing)
            scene.current_state.update()
        self._component.set_start_state(robot_state=self._state(start, q_hand))
        self._component.set_goal_state(robot_state=self._state(goal, q_hand))
        result = self._component.plan()
        if not result:
            raise UnihmError(
                ErrorCode.UNREACHABLE,
                "MoveIt finds no way there past what stands on the table "
                f"(its code {result.error_code.val}).",
            )
        trajectory = result.trajectory.get_robot_trajectory_msg().joint_trajectory
        order = [trajectory.joint_names.index(name) for name in self._arm.joint_names]
        postures = np.array([point.positions for point in trajectory.points])[:, order]
        return [np.stack([start, *postures[1:-1], goal])]  # its own ends are rounded

    def _state(self, q_arm: FloatArray, q_hand: FloatArray) -> Any:
        state = self._new_state(self._moveit.get_robot_model())
        state.joint_positions = {
            **dict(zip(self._arm.joint_names, map(float, q_arm))),
            **dict(zip(self._hand.all_joint_names, map(float, self._hand.expand(q_hand)))),
        }
        state.update()
        return state

    def _objects(self, things: FloatArray) -> list[Any]:
        """The table and what is seen, as ``moveit_msgs/CollisionObject``."""
        table = [0.0, 0.0, -_GAP - _TABLE[2] / 2]
        cells = np.unique(np.round(things / _CELL), axis=0) * _CELL
        objects = [self._boxes("table", _TABLE, np.array([table]))]
        if len(cells):
            objects.append(self._boxes("seen", (_CELL, _CELL, _CELL), cells))
        return objects

    def _boxes(self, name: str, size: tuple[float, ...], centres: FloatArray) -> Any:
        thing = self._messages.CollisionObject(id=name)
        thing.header.frame_id = WORLD
        thing.operation = self._messages.CollisionObject.ADD
        thing.pose.orientation.w = 1.0
        for x, y, z in centres.tolist():
            box = self._messages.SolidPrimitive(
                type=self._messages.SolidPrimitive.BOX, dimensions=list(size)
            )
            pose = self._messages.Pose()
            pose.position.x, pose.position.y, pose.position.z = x, y, z
            pose.orientation.w = 1.0
            thing.primitives.append(box)
            thing.primitive_poses.append(pose)
        return thing


class _Messages:
    """The types of messages that a planning scene takes."""

    def __init__(self) -> None:
        from geometry_msgs.msg import Pose
        from moveit_msgs.msg import CollisionObject
        from shape_msgs.msg import SolidPrimitive

        self.Pose, self.CollisionObject, self.SolidPrimitive = Pose, CollisionObject, SolidPrimitive


def _import() -> tuple[_Messages, Any, Any]:
    """Messages, ``moveit.planning`` and ``moveit.core.robot_state``.

    As it is imported, moveit_py of some distributions looks for ``--params-file`` among the
    program's arguments, and ends the program where it is missing.
    """
    arguments = sys.argv
    sys.argv = [*arguments, "--params-file", ""]
    try:
        from moveit import planning
        from moveit.core import robot_state
    finally:
        sys.argv = arguments
    return _Messages(), planning, robot_state

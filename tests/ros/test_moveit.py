"""What moveit_py is asked, and what becomes of its answer.

moveit_py comes with a ROS 2 installation only: a stand-in has the part of it that is used
(classes, keywords and properties as its bindings for ROS 2 Jazzy declare them).
"""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from unihm.control.config import ControlConfig
from unihm.control.planning import MotionPlanner
from unihm.errors import ErrorCode, UnihmError
from unihm.robots import load_hand
from unihm.robots.arm import load_arm
from unihm.robots.moveit import moveit_parameters
from unihm.ros.moveit import MoveItPathPlanner

ARM, HAND = load_arm(), load_hand("xhand")
GOAL = ARM.home + 0.4
THINGS = np.array([[0.5, 0.0, 0.3], [0.501, 0.001, 0.301], [0.6, 0.1, 0.1]])


class Message(SimpleNamespace):
    """Any message; what is not set is there when it is asked for."""

    ADD, BOX = b"\x00", 1

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        value: Any = [] if name.endswith(("s", "primitives", "primitive_poses")) else Message()
        setattr(self, name, value)
        return value


class Scene:
    def __init__(self) -> None:
        self.objects: dict[str, Any] = {}
        self.current_state = SimpleNamespace(update=lambda: None)

    def __enter__(self) -> Scene:
        return self

    def __exit__(self, *args: object) -> None: ...

    def remove_all_collision_objects(self) -> None:
        self.objects.clear()

    def apply_collision_object(self, collision_object_msg: Any) -> None:
        self.objects[collision_object_msg.id] = collision_object_msg


class RobotState:
    def __init__(self, robot_model: Any) -> None:
        self.joint_positions: dict[str, float] = {}

    def update(self) -> None: ...


class Component:
    def __init__(self) -> None:
        self.start = self.goal = RobotState(None)
        self.fails = False

    def set_start_state(self, *, robot_state: RobotState) -> None:
        self.start = robot_state

    def set_goal_state(self, *, robot_state: RobotState) -> None:
        self.goal = robot_state

    def plan(self) -> Any:
        if self.fails:
            return Failed()
        names = list(reversed(ARM.joint_names))
        a, b = (
            np.array([state.joint_positions[name] for name in names])
            for state in (self.start, self.goal)
        )
        points = [
            SimpleNamespace(positions=list(a + share * (b - a) + 1e-5))
            for share in np.linspace(0.0, 1.0, 7)
        ]
        trajectory = SimpleNamespace(joint_names=names, points=points)
        message = SimpleNamespace(joint_trajectory=trajectory)
        return SimpleNamespace(trajectory=SimpleNamespace(get_robot_trajectory_msg=lambda: message))


class Failed:
    error_code = SimpleNamespace(val=-2)

    def __bool__(self) -> bool:
        return False


class MoveItPy:
    made: MoveItPy

    def __init__(self, *, node_name: str, config_dict: dict[str, Any]) -> None:
        self.parameters, self.scene, self.component = config_dict, Scene(), Component()
        MoveItPy.made = self

    def get_planning_component(self, name: str) -> Component:
        assert name == "arm"
        return self.component

    def get_planning_scene_monitor(self) -> Any:
        return SimpleNamespace(read_write=lambda: self.scene)

    def get_robot_model(self) -> None: ...


@pytest.fixture
def moveit(monkeypatch: pytest.MonkeyPatch) -> None:
    def module(name: str, **content: Any) -> None:
        made = ModuleType(name)
        vars(made).update(content)
        monkeypatch.setitem(sys.modules, name, made)

    planning = SimpleNamespace(MoveItPy=MoveItPy)
    module("moveit", planning=planning)
    module("moveit.core", robot_state=SimpleNamespace(RobotState=RobotState))
    for package, names in (
        ("moveit_msgs", ("CollisionObject",)),
        ("shape_msgs", ("SolidPrimitive",)),
    ):
        types = dict.fromkeys(names, Message)
        module(package)
        module(f"{package}.msg", **types)


def test_its_way_begins_and_ends_where_it_was_asked_to(moveit: None) -> None:
    (path,) = MoveItPathPlanner(ARM, HAND).path(ARM.home, GOAL, HAND.open_joints, THINGS)
    np.testing.assert_array_equal(path[[0, -1]], [ARM.home, GOAL])
    assert (np.diff(path, axis=0) > 0).all()  # each joint's own values
    made = MoveItPy.made
    assert made.parameters == moveit_parameters("fr3", "xhand")
    assert set(made.component.goal.joint_positions) == {*ARM.joint_names, *HAND.all_joint_names}


def test_its_scene_has_the_table_and_what_is_seen(moveit: None) -> None:
    planner = MoveItPathPlanner(ARM, HAND)
    planner.path(ARM.home, GOAL, HAND.open_joints, THINGS)
    objects = MoveItPy.made.scene.objects
    (table,) = objects["table"].primitive_poses
    assert table.position.z + objects["table"].primitives[0].dimensions[2] / 2 < 0.0
    seen = [[p.position.x, p.position.y, p.position.z] for p in objects["seen"].primitive_poses]
    near = np.linalg.norm(THINGS[:, None] - np.array(seen), axis=-1).min(axis=1)
    assert len(seen) == 2
    assert (near < 0.0175).all()  # half a diagonal of a box
    planner.path(ARM.home, GOAL, HAND.open_joints, np.zeros((0, 3)))
    assert set(MoveItPy.made.scene.objects) == {"table"}


def test_a_plan_that_fails_is_unreachable(moveit: None) -> None:
    planner = MoveItPathPlanner(ARM, HAND)
    MoveItPy.made.component.fails = True
    with pytest.raises(UnihmError, match=r"no way.*code -2") as error:
        planner.path(ARM.home, GOAL, HAND.open_joints, THINGS)
    assert error.value.code == ErrorCode.UNREACHABLE


def test_the_arm_controllers_plans_go_its_way(moveit: None) -> None:
    planner = MotionPlanner(ARM, HAND, ControlConfig(), MoveItPathPlanner(ARM, HAND))
    here = ARM.home + 0.2, HAND.open_joints
    plan = planner.way_home(here)
    assert plan is not None
    assert plan.arm[-1] == pytest.approx(ARM.home, abs=1e-3)
    straight = np.linspace(0.0, 1.0, 50)[:, None]
    away = np.abs(plan.arm[:, None] - (here[0] + straight * (ARM.home - here[0]))).max(axis=2)
    assert away.min(axis=1).max() < 0.01  # not up, across and down


def test_without_moveit_py_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "moveit", None)
    arguments = list(sys.argv)
    with pytest.raises(UnihmError, match="builtin") as error:
        MoveItPathPlanner(ARM, HAND)
    assert error.value.code == ErrorCode.MISSING_DEPENDENCY
    assert sys.argv == arguments

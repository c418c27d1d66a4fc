"""The arm controller's plans."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from unihm.control.config import ControlConfig
from unihm.control.planning import MotionPlanner
from unihm.errors import ErrorCode, UnihmError
from unihm.perception.trajectory import make_trajectory
from unihm.robots import load_hand
from unihm.robots.arm import load_arm
from unihm.robots.collision import lowest_of_hand
from unihm.transforms import make_transform
from unihm.types import HandMotion, TaskKind

SCRIPT = """
import numba.core.event as events
import numpy as np
from unihm.control.config import ControlConfig
from unihm.control.planning import MotionPlanner
from unihm.perception.trajectory import make_trajectory
from unihm.robots import load_hand
from unihm.robots.arm import load_arm
from unihm.transforms import make_transform
from unihm.types import HandMotion, TaskKind

hand, arm = load_hand("xhand"), load_arm()
planner = MotionPlanner(arm, hand, ControlConfig())
planner.warm_up()
trajectory = make_trajectory(TaskKind.GRAB, make_transform(np.eye(3), [0.45, 0.1, 0.05]), [0, 0, 0])
down = make_transform(np.diag([1.0, -1.0, -1.0]), [0.0, 0.0, 0.2])
wrist = np.tile(down, (len(trajectory), 1, 1))
motion = HandMotion("xhand", wrist, np.tile(hand.open_joints, (len(wrist), 1)), trajectory)
here = arm.home, hand.open_joints
with events.install_recorder("numba:compile") as compiled:
    plan = planner.begin(planner.carry_out(motion, here, None), here)
    planner.way_home((plan.arm[-1], plan.hand[-1]))
print(len(compiled.buffer))
"""


def test_nothing_is_compiled_while_a_task_waits(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "0", done.stderr


@pytest.fixture(scope="module")
def planner():
    return MotionPlanner(load_arm(), load_hand("xhand"), ControlConfig())


def motion_at(hand, height):
    """A hand that points straight down, its root ``height`` metres above the object's middle."""
    trajectory = make_trajectory(
        TaskKind.GRAB, make_transform(np.eye(3), [0.45, 0.1, 0.05]), [0, 0, 0]
    )
    down = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])  # of the palm's x
    T_object_wrist = make_transform(down @ hand.T_wrist_palm[:3, :3].T, [0.0, 0.0, height])
    wrist = np.tile(T_object_wrist, (len(trajectory), 1, 1))
    return HandMotion(hand.name, wrist, np.tile(hand.open_joints, (len(wrist), 1)), trajectory)


def test_a_motion_into_the_table_is_carried_out_on_it(planner):
    hand, arm = planner.hand, planner.arm
    motion = motion_at(hand, 0.05)
    assert lowest_of_hand(hand, motion.T_world_wrist, motion.joints).min() < -0.05
    here = arm.home, hand.open_joints
    plan = planner.begin(planner.carry_out(motion, here, None), here)
    wrist = np.array([arm.forward(q) @ hand.T_flange_wrist for q in plan.arm])
    lowest = lowest_of_hand(hand, wrist, plan.hand).min()
    assert -planner.config.safety.table_depth < lowest < 0.0


def test_a_plan_into_the_table_is_refused_and_the_way_out_is_not(planner):
    hand, arm = planner.hand, planner.arm
    here = arm.home, hand.open_joints
    careless = MotionPlanner(arm, hand, ControlConfig(touch_depth=1.0))
    plan = careless.carry_out(motion_at(hand, 0.05), here, None)
    with pytest.raises(UnihmError, match="into the table") as error:
        planner.begin(plan, here)
    assert error.value.code == ErrorCode.SAFETY_STOP
    wrist = np.array([arm.forward(q) @ hand.T_flange_wrist for q in plan.arm])
    deepest = int(lowest_of_hand(hand, wrist, plan.hand).argmin())
    there = plan.arm[deepest], plan.hand[deepest]
    assert planner.begin(planner.way_home(there), there) is not None

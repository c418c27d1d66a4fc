"""The arm controller's plans."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

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

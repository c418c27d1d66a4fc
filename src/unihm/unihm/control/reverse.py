"""The way back of a plan: an object that is held goes where it was taken from."""

from __future__ import annotations

import numpy as np

from unihm.control.execution import ExecutionPlan
from unihm.types import Phase

_BACK = {
    Phase.APPROACH: Phase.RETREAT,
    Phase.GRASP: Phase.RELEASE,
    Phase.HOLD: Phase.HOLD,
}


def put_back(plan: ExecutionPlan, index: int) -> ExecutionPlan:
    """Sample ``index`` of ``plan`` and all before it, backwards.

    A path that keeps its limits keeps them backwards, so this needs neither inverse kinematics
    nor timing, and it leaves the object exactly where it stood.

    Args:
        plan: that was being followed, up to a sample of HOLD or earlier.
        index: of the sample where the robot is.
    """
    steps = slice(index, None, -1)
    phase = np.array([_BACK[Phase(p)] for p in plan.phase[steps]], np.int64)
    return ExecutionPlan(
        plan.times[: index + 1], plan.arm[steps], plan.hand[steps], phase, plan.squeeze
    )

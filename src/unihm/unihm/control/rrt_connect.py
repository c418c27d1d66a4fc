"""A way between two postures by RRT-Connect (Kuffner and LaValle, 2000), as OMPL has it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from ompl import base, geometric, util

from unihm.types import FloatArray

_SEED = 1
_RANGE = 0.8  # rad, joints together, that a tree grows by at a time
_MOST = 1000  # straight lines that are looked at before it is given up

IsFree = Callable[[FloatArray, FloatArray], bool]


def connect(
    start: FloatArray,
    goal: FloatArray,
    lower: FloatArray,
    upper: FloatArray,
    is_free: IsFree,
) -> list[FloatArray] | None:
    """Postures [(n,), ...] rad from ``start`` to ``goal``; None where none is found.

    The same question gets the same answer.

    Args:
        start, goal: (n,) rad.
        lower, upper: (n,) rad, which all postures in between keep.
        is_free: whether a straight line of joints may be gone, from one posture to another.
    """
    util.setLogLevel(util.LOG_NONE)
    util.RNG.setSeed(_SEED)
    space = base.RealVectorStateSpace(len(start))
    bounds = base.RealVectorBounds(len(start))
    for k, (least, most) in enumerate(zip(lower, upper)):
        bounds.setLow(k, min(least, start[k], goal[k]))
        bounds.setHigh(k, max(most, start[k], goal[k]))
    space.setBounds(bounds)
    information = base.SpaceInformation(space)
    lines = _Lines(information, is_free, len(start))
    information.setStateValidityChecker(lambda _: True)  # lines are looked at, ends included
    information.setMotionValidator(lines)
    setup = geometric.SimpleSetup(information)
    setup.setStartAndGoalStates(*(_state(space, q) for q in (start, goal)))
    planner = geometric.RRTConnect(information)
    planner.setRange(_RANGE)
    setup.setPlanner(planner)
    setup.solve(base.PlannerTerminationCondition(lambda: lines.looked >= _MOST))
    if not setup.haveExactSolutionPath():
        return None
    way = [np.array(state[0 : len(start)]) for state in setup.getSolutionPath().getStates()]
    return _shortened(way, is_free)


class _Lines(base.MotionValidator):
    """Looks at a line as a whole, which is faster than state by state."""

    def __init__(self, information: base.SpaceInformation, is_free: IsFree, n: int) -> None:
        super().__init__(information)
        self._is_free, self._n = is_free, n
        self.looked = 0

    def checkMotion(self, start: base.State, end: base.State) -> bool:
        self.looked += 1
        return self._is_free(np.array(start[0 : self._n]), np.array(end[0 : self._n]))


def _state(space: base.RealVectorStateSpace, q: FloatArray) -> base.State:
    state = space.allocState()
    state[0 : len(q)] = list(map(float, q))
    return state


def _shortened(way: list[FloatArray], is_free: IsFree) -> list[FloatArray]:
    """The same way without the postures that can be left out."""
    kept, at = [way[0]], 0
    while at < len(way) - 1:
        furthest = next(
            k for k in range(len(way) - 1, at, -1) if k == at + 1 or is_free(way[at], way[k])
        )
        kept.append(way[furthest])
        at = furthest
    return kept

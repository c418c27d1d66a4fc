"""Some faults of the drill for real: every node is a process, over DDS."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from unihm.ros.drill import FAULTS, Drill, RobotProcesses

pytestmark = [pytest.mark.ros, pytest.mark.slow, pytest.mark.xdist_group("graphs")]
BY_NAME = {fault.name: fault for fault in FAULTS}


@pytest.fixture(scope="module")
def drill(module_domain_id: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drill]:
    # What a busy machine does late is not what is tested here.
    patient = {
        "arm_controller": {"joint_state_timeout": 10.0, "heartbeat_timeout": 5.0, "window": 3.0},
        "hand_controller": {"joint_state_timeout": 10.0, "window": 3.0},
        "verifier": {"joint_state_timeout": 10.0},
        "coordinator": {"heartbeat_timeout": 5.0},
        "capture": {"silence": 10.0},
    }
    folder = tmp_path_factory.mktemp("drill")
    with RobotProcesses(folder, "xhand", module_domain_id, patient) as robot:
        made = Drill(robot, "xhand", module_domain_id)
        try:
            made.settle()
            yield made
        finally:
            made.close()


def test_there_are_many_faults_of_different_names() -> None:
    assert len(BY_NAME) == len(FAULTS) >= 40


@pytest.mark.parametrize(
    ("name", "reaction", "died"),
    [
        ("camera black", "INVALID_DEPTH", ()),
        ("planner killed at its work", "STAGE_TIMEOUT", ("planner",)),
    ],
)
def test_a_fault_is_answered_and_the_next_goal_works(
    drill: Drill, name: str, reaction: str, died: tuple[str, ...]
) -> None:
    outcome = drill.run(BY_NAME[name])
    assert outcome.reaction.startswith(reaction), outcome
    assert outcome.died == died
    assert outcome.unanswered_goals == 0
    assert outcome.next_goal_works, outcome

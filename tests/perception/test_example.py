"""What stages warm up on is something that they can do, and no harm where they cannot."""

import numpy as np
import pytest
from unihm.perception import Planner, PlannerConfig, Segmenter, SegmenterConfig
from unihm.perception.scene import WorkspaceConfig
from unihm.perception.scene.example import INSTRUCTION, example_observation, example_trajectory


@pytest.mark.parametrize("learned", [False, True])
def test_the_example_is_planned_and_segmented(learned):
    planner = Planner.load("tiny") if learned else Planner()
    trajectory = planner.plan(example_observation(), INSTRUCTION).trajectory
    np.testing.assert_allclose(trajectory.pick_point, example_trajectory().pick_point, atol=0.06)
    segmenter = Segmenter.load("tiny") if learned else Segmenter()
    result = segmenter.segment(example_observation(), example_trajectory())
    assert result.mask[240, 320]
    assert not result.mask[100, 100]


def test_another_workspace_is_no_error():
    elsewhere = WorkspaceConfig(table_height=0.7)
    Planner(PlannerConfig(workspace=elsewhere)).warm_up()
    Segmenter(SegmenterConfig(workspace=elsewhere)).warm_up()

"""What stages warm up on is something that they can do, and no harm where they cannot."""

import numpy as np
import pytest
from unihm.config import load_section
from unihm.perception.planner.planner import Planner, PlannerConfig
from unihm.perception.scene.example import TASK, example_observation, example_trajectory
from unihm.perception.scene.reader import WorkspaceConfig
from unihm.perception.segmentation.segmenter import Segmenter, SegmenterConfig


@pytest.mark.parametrize("learned", [False, True])
def test_the_example_is_planned_and_segmented(learned):
    config = load_section("tiny", "planner", PlannerConfig) if learned else PlannerConfig()
    trajectory = Planner(config).plan(TASK, example_observation())
    np.testing.assert_allclose(trajectory.pick_point, example_trajectory().pick_point, atol=0.06)
    stage = load_section("tiny", "segmentation", SegmenterConfig) if learned else SegmenterConfig()
    result = Segmenter(stage).look(example_observation(), example_trajectory())
    assert result.mask[240, 320]
    assert not result.mask[100, 100]


def test_another_workspace_is_no_error():
    elsewhere = WorkspaceConfig(table_height=0.7)
    Planner(PlannerConfig(workspace=elsewhere)).warm_up()
    Segmenter(SegmenterConfig(workspace=elsewhere)).warm_up()

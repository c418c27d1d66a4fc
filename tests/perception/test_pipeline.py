"""From an image and a sentence to a motion; what was read travels, what is shown can be changed."""

import dataclasses

import numpy as np
import pytest
from unihm import ErrorCode, Pipeline
from unihm.perception import PlanningError
from unihm.types import STAGES

SENTENCE = "hand me the red box"


@pytest.fixture(scope="module")
def pipeline():
    loaded = Pipeline.from_pretrained("tiny")
    loaded.warm_up()
    return loaded


def test_the_scene_that_travels_changes_nothing(pipeline, three):
    plan = pipeline.planner.plan(three.observation, SENTENCE)
    given = pipeline.segmenter.segment(three.observation, plan.trajectory, plan.scene)
    read = pipeline.segmenter.segment(three.observation, plan.trajectory)
    np.testing.assert_array_equal(given.mask, read.mask)
    np.testing.assert_array_equal(given.cloud.points, read.cloud.points)
    np.testing.assert_array_equal(given.cloud.normals, read.cloud.normals)


def test_a_plan_that_fails_still_shows_what_was_seen(pipeline, three):
    with pytest.raises(PlanningError) as error:
        pipeline.planner.plan(three.observation, "pick up the yellow mug")
    assert error.value.code == ErrorCode.OBJECT_NOT_FOUND
    assert len(error.value.scene.objects) == 3
    heightmap, shares = error.value.affordance.heightmap, error.value.affordance.shares
    assert shares.shape == heightmap.height.shape


def test_the_hook_sees_every_stage_and_may_change_what_goes_on(pipeline, three):
    seen = {}

    def after(stage, value):
        if stage == "decoder":
            value = dataclasses.replace(value, joints=0.95 * value.joints)
        seen[stage] = value
        return value

    whole = pipeline.plan(three.observation, SENTENCE)
    changed = pipeline.plan(three.observation, SENTENCE, after=after)
    assert tuple(seen) == tuple(changed.seconds) == tuple(whole.seconds) == STAGES
    assert changed.decoded is seen["decoder"]
    assert (changed.motion, changed.report) == seen["refiner"]
    assert not np.array_equal(changed.motion.joints, whole.motion.joints)
    np.testing.assert_array_equal(changed.tokens.codes, whole.tokens.codes)
    np.testing.assert_array_equal(changed.cloud.points, whole.cloud.points)
    assert whole.motion.trajectory is whole.trajectory


def test_the_refinement_can_be_left_out(pipeline, three):
    parts = (pipeline.planner, pipeline.segmenter, pipeline.tokenizer, pipeline.chooser)
    result = Pipeline(*parts, refinement=None).plan(three.observation, SENTENCE, hand="inspire")
    assert result.motion is result.decoded
    assert result.motion.hand == "inspire"
    assert result.report is None
    assert "refiner" not in result.seconds

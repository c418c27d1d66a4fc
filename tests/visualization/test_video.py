"""Recording a run and showing it again."""

from __future__ import annotations

import numpy as np
import pytest
from unihm.errors import ErrorCode, UnihmError
from unihm.sim.world import World
from unihm.transforms import apply, from_xyz_rpy, invert, is_rigid
from unihm.visualization.video import (
    SceneRecording,
    close_up,
    half_length,
    orbit,
    render_video,
    show,
)


@pytest.fixture(scope="module")
def recording():
    """An arm that turned while a box was carried through the air."""
    world = World("table", render=False)
    made = SceneRecording()
    target = world.robot.targets[:7]
    for step in range(40):
        target[0] += 0.02
        world.set_arm_targets(target)
        world.set_object_pose("red box", from_xyz_rpy([0.5, 0.1, 0.1 + 0.005 * step], [0, 0, 0]))
        world.step(25)
        made.sample(world)
    return made


def test_a_recording_is_played_back_as_it_was(recording):
    assert recording.duration == pytest.approx(39 * 0.05)
    moment = recording.at(recording.moments[0].time + 1.0)
    assert moment is recording.moments[20]
    other = World("table", render=False)
    show(other, moment)
    state = other.joint_state()
    np.testing.assert_allclose(
        state.position, [moment.joints[name] for name in state.names], atol=1e-6
    )
    for name, pose in moment.objects.items():
        np.testing.assert_allclose(other.object_poses()[name], pose, atol=1e-6)
    # Another robot, or objects of another scene, do not disturb.
    show(World("kitchen", "inspire", render=False), moment)


def test_an_empty_recording_says_so():
    with pytest.raises(UnihmError, match="Nothing was recorded") as caught:
        SceneRecording().at(0.0)
    assert caught.value.code is ErrorCode.INVALID_EPISODE
    assert SceneRecording().duration == 0.0


@pytest.mark.parametrize("fraction", [0.0, 0.5, 1.0])
def test_cameras_look_at_what_they_are_for(fraction):
    target = np.array([0.5, 0.1, 0.15])
    for pose, point in (
        (orbit(fraction), [0.3, 0.0, 0.25]),
        (close_up(target), target),
        (half_length(target), target),
    ):
        assert is_rigid(pose)
        x, y, z = apply(invert(pose), np.array([point], float))[0]
        assert z > 0.3
        assert np.hypot(x, y) / z < 0.35  # well within the picture


@pytest.mark.render
def test_a_film_moves(recording, rendered_world):
    before = rendered_world.snapshot()
    frames = list(render_video(rendered_world, recording, orbit, fps=2.0, width=120, height=90))
    assert [time for time, _ in frames] == [0.0, 0.5, 1.0, 1.5]
    assert all(image.shape == (90, 120, 3) for _, image in frames)
    changed = abs(frames[0][1].astype(int) - frames[-1][1]).max(axis=2) > 20
    assert changed.mean() > 0.02
    rendered_world.restore(before)

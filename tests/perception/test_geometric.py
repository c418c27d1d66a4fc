"""Planner and segmentation without weights, on rendered scenes."""

import dataclasses

import numpy as np
import pytest
from rendered_scenes import make_item, render
from scipy.spatial import cKDTree
from unihm.errors import ErrorCode, UnihmError
from unihm.perception.language import understand
from unihm.perception.planner import GeometricScorer, Planner, PlannerConfig, PlanningError
from unihm.perception.scene import WorkspaceConfig, matching, read_scene
from unihm.perception.scene.frames import azimuth, canonical_object_frame, horizontal_rectangle
from unihm.perception.segmentation import Segmenter
from unihm.transforms import apply
from unihm.types import Phase, TaskKind

PLANNER, SEGMENTER = Planner(), Segmenter()


def plan(sentence, frame):
    return PLANNER.plan(frame.observation, sentence).trajectory


def code_of(sentence, frame):
    with pytest.raises(UnihmError) as error:
        plan(sentence, frame)
    return error.value.code


def position_of(frame, index):
    return frame.items[index].world_mesh.bounds.mean(axis=0)


@pytest.mark.parametrize(
    ("sentence", "index"),
    [
        ("pick up the red box", 0),
        ("grab the ball", 1),
        ("hand me the can", 2),
        ("lift the green thing", 2),
        ("pick up the leftmost object", 0),
        ("take the object on the right", 2),
        ("get the farthest one", 1),
        ("lift the tallest object", 2),
        ("grab the round blue object", 1),
        ("lift the carton", 0),
        ("pick up the thing that is not red and not green", 1),
        ("pick up the beverage tin", 2),
        ("take the thing to the right of the ball", 2),
    ],
)
def test_words_choose_the_object(three, sentence, index):
    trajectory = plan(sentence, three)
    assert trajectory.kind == TaskKind.GRAB
    error = trajectory.T_world_object[0, :3, 3] - position_of(three, index)
    assert np.linalg.norm(error) < 0.008
    distance = cKDTree(three.items[index].world_mesh.sample(4000, seed=1)).query(
        trajectory.pick_point
    )[0]
    assert distance < 0.006


@pytest.mark.parametrize(
    ("sentence", "code"),
    [
        ("pick up the elephant", ErrorCode.OBJECT_NOT_FOUND),
        ("pick up the pink elephant", ErrorCode.OBJECT_NOT_FOUND),
        ("pick up the yellow box", ErrorCode.OBJECT_NOT_FOUND),
        ("pick up the flurble", ErrorCode.OBJECT_NOT_FOUND),
        ("put the red box into the tray", ErrorCode.OBJECT_NOT_FOUND),
        ("pick it up", ErrorCode.INVALID_INSTRUCTION),
        ("", ErrorCode.INVALID_INSTRUCTION),
    ],
)
def test_honest_errors(three, sentence, code):
    assert code_of(sentence, three) == code


def test_two_identical_objects_are_ambiguous_unless_any_will_do():
    size = {"x": 0.05, "y": 0.05, "z": 0.08}
    twins = render(
        make_item("box", "red", 0.42, 0.15, **size), make_item("box", "red", 0.55, -0.15, **size)
    )
    assert code_of("pick up the red box", twins) == ErrorCode.OBJECT_AMBIGUOUS
    nearest = plan("pick up a red box", twins).T_world_object[0, :2, 3]
    np.testing.assert_allclose(nearest, [0.42, 0.15], atol=0.008)
    right = plan("pick up the red box on the right", twins).T_world_object[0, :2, 3]
    np.testing.assert_allclose(right, [0.55, -0.15], atol=0.008)


def test_a_click_chooses_what_the_words_leave_open_and_nothing_else(three):
    for index in range(3):
        top = three.items[index].world_mesh.bounds[1]
        center = position_of(three, index)
        click = np.array([center[0], center[1], top[2] + 0.01])
        chosen = PLANNER.plan(three.observation, "pick up this one", click).trajectory
        np.testing.assert_allclose(chosen.T_world_object[0, :3, 3], center, atol=0.01)
        assert np.linalg.norm(chosen.pick_point - click) < 0.03
    with pytest.raises(UnihmError, match=r"green .*; it is no 'the red box'") as error:
        PLANNER.plan(three.observation, "pick up the red box", click)
    assert error.value.code == ErrorCode.OBJECT_NOT_FOUND
    with pytest.raises(UnihmError, match=r"Nothing stands where was clicked, at \(0.30"):
        PLANNER.plan(three.observation, "pick up this one", np.array([0.3, 0.0, 0.0]))


def test_what_an_unclear_phrase_may_mean_is_told(three):
    with pytest.raises(PlanningError) as error:
        plan("pick up this one", three)
    assert error.value.code == ErrorCode.OBJECT_AMBIGUOUS
    assert len(error.value.candidates) == 3
    outline = SEGMENTER.outline(three.observation, error.value.candidates[0].center)
    assert 200 < outline.sum() < outline.size / 20


def test_touching_objects_of_different_colours_are_two():
    pair = render(
        make_item("box", "red", 0.45, 0.0, yaw=0, x=0.05, y=0.05, z=0.08),
        make_item("box", "blue", 0.45, 0.0505, yaw=0, x=0.05, y=0.05, z=0.08),
    )
    trajectory = plan("pick up the blue box", pair)
    np.testing.assert_allclose(trajectory.T_world_object[0, :2, 3], [0.45, 0.0505], atol=0.01)


def test_unreachable_object():
    far = render(make_item("box", "red", 0.72, 0.36, x=0.05, y=0.05, z=0.08))
    assert code_of("pick up the red box", far) == ErrorCode.UNREACHABLE


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_blind_camera(three, value):
    blind = dataclasses.replace(
        three.observation, depth=np.full_like(three.observation.depth, value)
    )
    with pytest.raises(UnihmError) as error:
        PLANNER.plan(blind, "pick up the red box")
    assert error.value.code == ErrorCode.INVALID_DEPTH


def test_empty_table():
    assert code_of("pick up the red box", render()) == ErrorCode.OBJECT_NOT_FOUND


def test_put_into_the_tray_ends_above_its_floor(with_tray):
    trajectory = plan("put the red box into the tray", with_tray)
    assert trajectory.kind == TaskKind.PICK_AND_PLACE
    end = trajectory.T_world_object[-1, :3, 3]
    tray = position_of(with_tray, 1)
    assert np.linalg.norm(end[:2] - tray[:2]) < 0.015
    bottom = end[2] - 0.045
    assert 0.0 < bottom - 0.006 < 0.015  # the floor is 6 mm thick
    carried = trajectory.T_world_object[trajectory.phase == Phase.HOLD, 2, 3]
    assert carried.max() > 0.1 + 0.045 + 0.02  # over the cup that stands between


def test_beside_finds_a_free_place(with_tray):
    end = plan("put the red box next to the yellow cup", with_tray).T_world_object[-1, :2, 3]
    assert 0.06 < np.linalg.norm(end - position_of(with_tray, 2)[:2]) < 0.16
    inside_tray = np.abs(end - position_of(with_tray, 1)[:2]) < [0.12, 0.09]
    assert not inside_tray.all()


def test_between_two_of_one_kind_is_between_both():
    boxes = [make_item("box", "green", 0.5, y, x=0.05, y=0.05, z=0.08) for y in (-0.15, 0.15, 0.28)]
    ball = make_item("sphere", "red", 0.4, 0.0, radius=0.03)
    end = plan("put the ball between the two boxes", render(*boxes[:2], ball))
    np.testing.assert_allclose(end.T_world_object[-1, :2, 3], [0.5, 0.0], atol=0.02)
    three = render(*boxes, ball)
    assert code_of("put the ball between the two boxes", three) == ErrorCode.OBJECT_AMBIGUOUS


def test_push_and_pull_directions(three):
    start, end = plan("push the can to the left", three).T_world_object[[0, -1], :3, 3]
    np.testing.assert_allclose(end - start, [0, 0.1, 0], atol=1e-9)
    start, end = plan("pull the ball towards the red box", three).T_world_object[[0, -1], :2, 3]
    goal = position_of(three, 0)[:2] - start
    assert (end - start) @ goal / np.linalg.norm(goal) == pytest.approx(0.1, abs=1e-3)


@pytest.mark.parametrize("sentence", ["open the red box", "close the red box"])
def test_what_shows_no_joint_is_neither_opened_nor_dragged(three, sentence):
    assert code_of(sentence, three) == ErrorCode.OBJECT_NOT_FOUND


def test_a_piece_of_a_thing_is_not_a_second_one():
    """A gap across a box, as of a shadow, parts it in two; two boxes of a size are two."""
    sizes = {"x": 0.05, "y": 0.06, "z": 0.04}
    for short, gap, ambiguous in ((0.02, 0.010, False), (0.06, 0.010, True), (0.02, 0.05, True)):
        frame = render(
            make_item("box", "red", 0.45, 0.0, yaw=0, **sizes),
            make_item("box", "red", 0.45, 0.03 + gap + short / 2, yaw=0, **sizes | {"y": short}),
        )
        if ambiguous:
            assert code_of("pick up the red box", frame) == ErrorCode.OBJECT_AMBIGUOUS
        else:
            middle = plan("pick up the red box", frame).T_world_object[0, :2, 3]
            assert np.linalg.norm(middle - [0.45, 0.0]) < 0.02


@pytest.mark.parametrize("seed", range(4))
def test_a_tray_whose_floor_is_as_low_as_noise_is_one_thing(seed):
    tray = make_item("tray", "white", 0.50, -0.30, yaw=0.0, x=0.22, y=0.20, z=0.03)
    ball = make_item("box", "yellow", 0.45, 0.1, x=0.05, y=0.05, z=0.06)
    frame = render(tray, ball, seed=seed)
    seen = read_scene(frame.observation, WorkspaceConfig(stride=2)).objects
    assert len(seen) == 2, [thing.words for thing in seen]


def test_things_of_two_colours_side_by_side_stay_two():
    red = make_item("box", "red", 0.5, 0.0, yaw=0.0, x=0.06, y=0.06, z=0.02)
    blue = make_item("box", "blue", 0.5, 0.07, yaw=0.0, x=0.06, y=0.06, z=0.02)
    assert len(read_scene(render(red, blue).observation).objects) == 2


@pytest.mark.parametrize("index", [0, 1, 2])
def test_completed_clouds_are_whole(three, index):
    sentence = f"pick up the {('red', 'blue', 'green')[index]} object"
    trajectory = plan(sentence, three)
    cloud = SEGMENTER.segment(three.observation, trajectory).cloud
    assert cloud.points.shape == (2048, 3)
    np.testing.assert_allclose(np.linalg.norm(cloud.normals, axis=1), 1.0, atol=1e-6)
    truth = three.items[index].world_mesh
    surface, triangle = truth.sample(4000, return_index=True, seed=0)
    points = apply(trajectory.T_world_object[0], cloud.points)
    assert cKDTree(surface).query(points)[0].mean() < 0.004
    assert cKDTree(points).query(surface)[0].mean() < 0.004
    expected = canonical_object_frame(surface, azimuth(surface.mean(axis=0)))
    shift = trajectory.T_world_object[0, :3, 3] - expected[:3, 3]
    assert np.linalg.norm(shift) < 0.008
    _, _, sides = horizontal_rectangle(points)
    _, _, true_sides = horizontal_rectangle(surface)
    np.testing.assert_allclose(sides, true_sides, atol=0.008)
    true_normals = truth.face_normals[triangle][cKDTree(surface).query(points)[1]]
    normals = cloud.normals @ trajectory.T_world_object[0, :3, :3].T
    agree = (normals * true_normals).sum(axis=1) > np.cos(np.deg2rad(30))
    assert agree.mean() > 0.8
    assert cloud.confidence > 0.6
    assert 0.15 < cloud.observed.mean() < 0.95


def test_cloud_is_in_the_frame_of_the_trajectory(three):
    trajectory = plan("pick up the red box", three)
    cloud = SEGMENTER.segment(three.observation, trajectory).cloud
    again = canonical_object_frame(cloud.points, 0.0)
    np.testing.assert_allclose(again[:3, 3], 0, atol=2e-3)


def test_pick_point_on_the_bare_table_is_refused(three):
    trajectory = plan("pick up the red box", three)
    off = dataclasses.replace(trajectory, pick_point=np.array([0.5, 0.1, 0.0]))
    with pytest.raises(UnihmError) as error:
        SEGMENTER.segment(three.observation, off)
    assert error.value.code == ErrorCode.OBJECT_NOT_FOUND


def test_a_small_object_cut_by_the_image_border_is_no_certainty():
    frame = render(make_item("box", "red", 0.62, 0.485, x=0.06, y=0.06, z=0.1))
    scene = read_scene(frame.observation)
    assert len(scene.objects) == 1
    assert scene.objects[0].fit.confidence < 0.75


def test_unknown_backend_is_a_config_error():
    with pytest.raises(UnihmError, match="backend") as error:
        PlannerConfig(backend="magic")
    assert error.value.code == ErrorCode.INVALID_CONFIG


def test_scores_of_a_phrase_are_bounded(three):
    seen = read_scene(three.observation).objects
    for sentence in ("pick up the small red box", "grab the ball near the can"):
        scores = matching.score(understand(sentence).one_step().target, seen)
        assert scores.shape == (3,)
        assert ((scores >= 0) & (scores <= 1)).all()


class SmallOnly(GeometricScorer):
    """A back end of one's own: what is wider than 10 cm is not meant."""

    @classmethod
    def load(cls, weights):
        assert weights == "geometric"
        return cls()

    def scorer(self, observation, scene):
        return self

    def __call__(self, phrase, objects):
        return super().__call__(phrase, objects) * np.array([o.extents[1] < 0.10 for o in objects])


def test_a_scorer_of_ones_own_is_named_in_the_settings():
    small = make_item("box", "red", 0.45, 0.15, x=0.05, y=0.05, z=0.06)
    frame = render(small, make_item("box", "red", 0.45, -0.15, x=0.14, y=0.14, z=0.06))
    assert code_of("pick up the red box", frame) is ErrorCode.OBJECT_AMBIGUOUS
    own = Planner(PlannerConfig(backend=f"{__name__}:SmallOnly", weights="geometric"))
    target = own.plan(frame.observation, "pick up the red box").selection.target
    assert target.center[1] == pytest.approx(0.15, abs=0.01)


@pytest.mark.parametrize("word", ["clip", "no_such_module:Thing", "json:NoSuchClass", ":Class"])
def test_a_planner_back_end_that_there_is_not_is_a_sentence(word):
    with pytest.raises(UnihmError) as error:
        Planner(PlannerConfig(backend=word))
    assert error.value.code is ErrorCode.INVALID_CONFIG
    assert word in error.value.message


def test_behind_is_behind_or_nowhere():
    cup = make_item("box", "blue", 0.52, 0.0, x=0.06, y=0.06, z=0.08)
    ball = make_item("sphere", "red", 0.42, 0.2, radius=0.03)
    end = plan("put the ball behind the blue box", render(cup, ball)).T_world_object[-1, :2, 3]
    offset = end - [0.52, 0.0]
    assert offset[0] > 0.8 * np.linalg.norm(offset)
    far = make_item("box", "blue", 0.74, 0.0, x=0.06, y=0.06, z=0.08)
    assert code_of("put the ball behind the blue box", render(far, ball)) == ErrorCode.UNREACHABLE


def test_what_cannot_be_looked_for_is_asked_about_where_there_are_several():
    box = make_item("box", "blue", 0.5, 0.0, x=0.06, y=0.06, z=0.08)
    ball = make_item("sphere", "red", 0.42, 0.2, radius=0.03)
    other = make_item("box", "green", 0.5, -0.25, x=0.05, y=0.05, z=0.07)
    picked = plan("grab the box with the straw", render(box, ball)).pick_point
    assert np.linalg.norm(picked[:2] - [0.5, 0.0]) < 0.06
    two = render(box, other, ball)
    assert code_of("grab the box with the straw", two) == ErrorCode.OBJECT_AMBIGUOUS
    assert plan("grab the green box with the straw", two)

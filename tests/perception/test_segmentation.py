"""The segmentation stage, with and without weights: clouds, masks, and honest refusals."""

import dataclasses

import numpy as np
import pytest
from rendered_scenes import EYE, make_item, render
from scipy.spatial import cKDTree
from unihm.errors import ErrorCode, UnihmError
from unihm.evaluation.perception.clicks import iou
from unihm.perception.scene.completion import Completion
from unihm.perception.segmentation import Segmenter, SegmenterConfig
from unihm.perception.segmentation.snowflake import Completer
from unihm.transforms import from_xyz_rpy
from unihm.types import ObjectTrajectory, TaskKind

REFUSALS = (ErrorCode.OBJECT_NOT_FOUND, ErrorCode.LOW_CONFIDENCE, ErrorCode.INVALID_CLOUD)
CONFIGS = {
    "geometric": SegmenterConfig(),
    "learned": SegmenterConfig(backend="pointsam", completion="snowflake"),
}


@pytest.fixture(scope="module", params=list(CONFIGS))
def segmenter(request):
    return Segmenter(CONFIGS[request.param])


def picked(point):
    """A trajectory of one frame whose object frame is the world's."""
    return ObjectTrajectory(
        np.eye(4)[None], np.zeros(1, int), 0.1, TaskKind.GRAB, np.asarray(point, float)
    )


def front_of(item):
    """The point of an item's surface that faces the camera."""
    middle = item.world_mesh.bounds.mean(axis=0)
    surface = np.asarray(item.world_mesh.sample(2000, seed=0))
    toward = (EYE - middle) / np.linalg.norm(EYE - middle)
    return surface[((surface - middle) @ toward).argmax()]


def without_depth(frame, where, value=0.0):
    depth = frame.observation.depth.copy()
    depth[where] = value
    return dataclasses.replace(frame.observation, depth=depth)


def confidence_of(segmenter, observation, point):
    """Of the cloud; 0 where the stage says that it cannot make one."""
    try:
        return segmenter.segment(observation, picked(point)).cloud.confidence
    except UnihmError as error:
        if error.code not in REFUSALS:
            raise
        return 0.0


@pytest.mark.parametrize("index", [0, 1, 2])
def test_the_mask_is_the_object_and_the_cloud_is_on_it(segmenter, three, index):
    result = segmenter.segment(three.observation, picked(front_of(three.items[index])))
    assert iou(result.mask, three.labels == index + 1) > 0.75
    surface = np.asarray(three.items[index].world_mesh.sample(4000, seed=0))
    assert np.median(cKDTree(surface).query(result.seen)[0]) < 0.006
    assert result.cloud.points.shape == result.cloud.normals.shape == (2048, 3)
    seen = result.cloud.points[result.cloud.observed]
    assert np.median(cKDTree(surface).query(seen)[0]) < 0.006
    assert 0 < result.cloud.confidence <= 1


def test_of_two_identical_objects_only_the_clicked_one_is_taken(segmenter):
    size = {"x": 0.06, "y": 0.06, "z": 0.09}
    frame = render(
        make_item("box", "red", 0.45, -0.04, yaw=0, **size),
        make_item("box", "red", 0.45, 0.04, yaw=0, **size),
    )
    mask = segmenter.segment(frame.observation, picked(front_of(frame.items[1]))).mask
    assert iou(mask, frame.labels == 2) > 0.7
    assert not mask[frame.labels == 1].mean() > 0.1


def test_click_on_the_bare_table(segmenter, three):
    with pytest.raises(UnihmError) as error:
        segmenter.segment(three.observation, picked([0.35, 0.0, 0.0]))
    assert error.value.code == ErrorCode.OBJECT_NOT_FOUND


def test_click_outside_the_image(segmenter, three):
    with pytest.raises(UnihmError) as error:
        segmenter.segment(three.observation, picked([0.3, 2.5, 0.05]))
    assert error.value.code == ErrorCode.OBJECT_NOT_FOUND


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_blind_camera(segmenter, three, value):
    blind = without_depth(three, np.s_[:], value)
    with pytest.raises(UnihmError) as error:
        segmenter.segment(blind, picked(front_of(three.items[0])))
    assert error.value.code == ErrorCode.INVALID_DEPTH


def test_a_transparent_object_leaves_a_hole(segmenter, three):
    hole = without_depth(three, three.labels == 1)
    with pytest.raises(UnihmError) as error:
        segmenter.segment(hole, picked(front_of(three.items[0])))
    assert error.value.code in (ErrorCode.OBJECT_NOT_FOUND, ErrorCode.LOW_CONFIDENCE)


def test_next_to_nothing_of_an_object_is_refused_or_not_trusted(segmenter, three):
    rows, columns = np.nonzero(three.labels == 1)
    gone = three.labels == 1
    v, u = int(rows.mean()), int(columns.mean())
    gone[v - 4 : v + 5, u - 4 : u + 5] = False
    observation = without_depth(three, gone)
    assert confidence_of(segmenter, observation, front_of(three.items[0])) < 0.5


def test_an_object_cut_by_the_border_is_trusted_less(segmenter, three):
    whole = segmenter.segment(three.observation, picked(front_of(three.items[0]))).cloud
    # The image ends in the middle of the object.
    middle = int(np.nonzero(three.labels == 1)[1].mean())
    observation = dataclasses.replace(
        three.observation,
        rgb=np.ascontiguousarray(three.observation.rgb[:, :middle]),
        depth=np.ascontiguousarray(three.observation.depth[:, :middle]),
    )
    K = observation.K
    surface = np.asarray(three.items[0].world_mesh.sample(3000, seed=0))
    T = three.observation.T_world_camera
    camera = (surface - T[:3, 3]) @ T[:3, :3]
    inside = K[0, 0] * camera[:, 0] / camera[:, 2] + K[0, 2] < middle - 8
    near = surface[inside][camera[inside, 2].argmin()]
    assert confidence_of(segmenter, observation, near) < 0.75 * whole.confidence


def test_a_completion_that_is_not_trusted_gives_way_to_the_seen_part(three):
    careful = Segmenter(SegmenterConfig(trust=1.0))
    cloud = careful.segment(three.observation, picked(front_of(three.items[0]))).cloud
    assert cloud.observed.all()
    assert len(cloud.points) == 2048


def test_clouds_are_in_the_frame_of_the_trajectory(segmenter, three):
    pose = from_xyz_rpy([0.45, 0.2, 0.05], [0, 0, 0.7])
    point = front_of(three.items[0])
    moved = dataclasses.replace(picked(point), T_world_object=pose[None])
    a = segmenter.segment(three.observation, picked(point)).cloud
    b = segmenter.segment(three.observation, moved).cloud
    np.testing.assert_allclose(b.points @ pose[:3, :3].T + pose[:3, 3], a.points, atol=1e-9)
    np.testing.assert_allclose(b.normals @ pose[:3, :3].T, a.normals, atol=1e-9)


def test_what_else_is_seen_is_around_finely_near_the_way():
    box = make_item("box", "red", 0.45, -0.2, x=0.05, y=0.05, z=0.08)
    other = make_item("box", "blue", 0.45, 0.2, x=0.05, y=0.05, z=0.08)
    frame = render(box, other)
    staying = picked(front_of(box))
    goal = from_xyz_rpy([0.0, 0.3, 0.0], [0, 0, 0])
    going = dataclasses.replace(
        staying, T_world_object=np.stack([np.eye(4), goal]), phase=np.zeros(2, int)
    )
    far, near = (
        Segmenter().segment(frame.observation, course).cloud.around for course in (staying, going)
    )
    counts = [np.sum(around[:, 1] > 0.1) for around in (far, near)]
    assert 4 < counts[0] < counts[1] / 3


@pytest.mark.parametrize("wrong", [{"backend": "magic"}, {"completion": "magic"}])
def test_unknown_methods_are_refused(wrong):
    with pytest.raises(UnihmError) as error:
        SegmenterConfig(**wrong)
    assert error.value.code == ErrorCode.INVALID_CONFIG


class Says:
    """In place of the network: the same surface whatever is seen."""

    def __init__(self, points):
        self.points = points

    def complete(self, points, camera, table_height=0.0, cut=False, normals=None):
        upwards = np.tile([0.0, 0.0, 1.0], (len(self.points), 1))
        return Completion(self.points, upwards, np.ones(len(self.points), bool), 0.9)


def can(turns, levels=(0.12,)):
    """(N, 3) points of a can, 8 cm wide and 12 cm high: some of its round, and flat ends."""
    angle, height = np.meshgrid(np.pi * np.linspace(-turns, turns, 90), np.linspace(0, 0.12, 60))
    wall = np.stack([0.04 * np.cos(angle), 0.04 * np.sin(angle), height], axis=-1).reshape(-1, 3)
    x, y = np.mgrid[-0.04:0.04:50j, -0.04:0.04:50j].reshape(2, -1)
    inside = np.hypot(x, y) < 0.04
    ends = [np.column_stack([x, y, np.full_like(x, z)])[inside] for z in levels]
    return np.concatenate([wall, *ends])


def test_a_fitted_shape_is_taken_only_where_the_network_agrees_with_its_outline(monkeypatch):
    camera = np.array([0.8, 0.0, 0.5])
    seen, whole, half = can(0.45), can(1.0, (0.0, 0.12)), can(0.5)
    upper = whole[whole[:, 2] > 0.06]  # how far down it goes the table tells
    front, arc = (points[points[:, 0] > 0] for points in (seen, half))
    cases = [(seen, whole, True), (seen, upper, True), (front, whole, True), (front, arc, False)]
    for points, network, fitted in cases:
        monkeypatch.setattr(Completer, "load", lambda preset, says=network: Says(says))
        segmenter = Segmenter(SegmenterConfig(completion="snowflake"))
        assert (segmenter.complete(points, camera, 0.0).confidence != 0.9) == fitted


class Everything:
    """A back end of one's own: the whole seen part, all of it sure."""

    @classmethod
    def load(cls, weights):
        return cls()

    def complete(self, points, camera, table_height, *, cut, normals):
        return Completion(points, normals, np.ones(len(points), bool), 1.0)


def test_a_completion_of_ones_own_is_named_in_the_settings(three):
    box = three.items[0]
    config = SegmenterConfig(completion=f"{__name__}:Everything", fitted=0.0, fitted_vessel=0.0)
    cloud = Segmenter(config).segment(three.observation, picked(front_of(box))).cloud
    assert cloud.confidence == 1.0
    assert cloud.observed.all()


@pytest.mark.parametrize("setting", ["backend", "completion"])
@pytest.mark.parametrize("word", ["snow", "no_such_module:Thing", "json:NoSuchClass", ":Class"])
def test_a_back_end_that_there_is_not_is_a_sentence(setting, word):
    with pytest.raises(UnihmError) as error:
        Segmenter(SegmenterConfig(**{setting: word}))
    assert error.value.code is ErrorCode.INVALID_CONFIG
    assert word in error.value.message

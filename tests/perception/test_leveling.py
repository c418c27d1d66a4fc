"""A picture without a pose, and clusters that are several objects."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from rendered_scenes import make_item, render
from scipy.spatial.transform import Rotation
from unihm.errors import ErrorCode, UnihmError
from unihm.perception.colors import color_shares, dominant_color
from unihm.perception.planner import Planner, PlannerConfig
from unihm.perception.planner.candidates import part_clusters
from unihm.perception.scene import WorkspaceConfig, read_scene
from unihm.perception.scene.clusters import Cluster
from unihm.perception.scene.joining import join_pieces
from unihm.perception.scene.leveling import level, upright
from unihm.transforms import from_xyz_rpy, invert, make_transform


@pytest.fixture(scope="module")
def stacked():
    """A tall and a lower red box that touch, and a blue ball apart from them."""
    return render(
        make_item("box", "red", 0.45, 0.0, yaw=0.8, x=0.06, y=0.18, z=0.22),
        make_item("box", "red", 0.50, 0.10, yaw=0.2, x=0.08, y=0.18, z=0.18),
        make_item("sphere", "blue", 0.45, -0.28, radius=0.04),
    )


def test_a_picture_without_a_pose_stands_on_its_own_table(stacked):
    given = stacked.observation
    unposed = dataclasses.replace(given, T_world_camera=np.eye(4))
    found = level(unposed)
    T_given_found = given.T_world_camera @ invert(found.T_world_camera)
    np.testing.assert_allclose(T_given_found[2, :3], [0.0, 0.0, 1.0], atol=0.01)  # upright
    assert abs(T_given_found[2, 3]) < 0.005  # at the table's height
    centers = [thing.center[:2] for thing in read_scene(found).objects]
    assert len(centers) >= 2
    assert all(0.2 < x < 0.9 and abs(y) < 0.5 for x, y in centers)


def test_a_picture_of_no_table_is_refused(stacked):
    depth = np.zeros_like(stacked.observation.depth)
    with pytest.raises(UnihmError):
        level(dataclasses.replace(stacked.observation, depth=depth))


@pytest.mark.parametrize("axis", [(1, 0, 0), (0, 1, 0), (0.7, -0.7, 0.2)])
def test_a_camera_that_was_nudged_sees_its_table_level(stacked, axis):
    given = stacked.observation
    error = make_transform(
        Rotation.from_rotvec(np.deg2rad(2.0) * np.array(axis) / np.linalg.norm(axis)).as_matrix(),
        [0.004, 0.003, -0.006],
    )
    nudged = dataclasses.replace(given, T_world_camera=given.T_world_camera @ error)
    T = upright(nudged).T_world_camera @ invert(given.T_world_camera)
    np.testing.assert_allclose(T[2, :3], [0.0, 0.0, 1.0], atol=0.005)
    assert abs(T[2, 3]) < 0.003


def test_a_camera_that_is_right_or_far_off_is_left_as_it_is(stacked):
    given = stacked.observation
    assert upright(given) is given
    far = make_transform(Rotation.from_rotvec([0.2, 0.0, 0.0]).as_matrix(), np.zeros(3))
    off = dataclasses.replace(given, T_world_camera=given.T_world_camera @ far)
    assert upright(off) is off
    dark = dataclasses.replace(given, depth=np.zeros_like(given.depth))
    assert upright(dark) is dark


class Borders:
    """In place of a network: it knows the truth."""

    def __init__(self, labels):
        self.labels = labels.ravel()

    def embed(self, observation, table):
        return self

    def parts(self, pixels):
        numbers = self.labels[pixels]
        parts = [np.flatnonzero(numbers == n) for n in np.unique(numbers[numbers > 0])]
        return parts, max(len(part) for part in parts) / len(pixels)


@pytest.mark.parametrize("stride", [1, 2])
def test_touching_objects_are_parted(stacked, stride):
    scene = read_scene(stacked.observation, WorkspaceConfig(stride=stride))
    assert len(scene.objects) == 2
    parted = part_clusters(scene, stacked.observation, Borders(stacked.labels))
    assert len(parted.objects) == 3
    tall = max(parted.objects, key=lambda thing: thing.extents[2])
    np.testing.assert_allclose(tall.center[:2], [0.45, 0.0], atol=0.02)


def test_a_thing_that_one_shape_explains_is_not_asked_about(stacked):
    scene = read_scene(stacked.observation)
    ball = dataclasses.replace(scene, objects=[o for o in scene.objects if o.center[1] < -0.2])
    assert part_clusters(ball, stacked.observation, Borders(stacked.labels)) is ball


def test_what_was_read_at_every_second_pixel_is_painted_where_it_is_seen(stacked):
    thinned = read_scene(stacked.observation, WorkspaceConfig(stride=2))
    for thing in thinned.objects:
        labels = stacked.labels.ravel()[thinned.image_pixels(thing.cluster)]
        assert np.mean(labels > 0) > 0.9
        assert len(labels) == 4 * len(thing.cluster.pixels)


class Blind(Borders):
    """In place of a network that sees no border, but no single thing either."""

    @classmethod
    def load(cls, weights):
        return cls(np.zeros(1))

    def parts(self, pixels):
        return [np.arange(len(pixels))], 0.4


def test_what_seems_to_be_several_things_is_not_taken_for_one(stacked):
    scene = read_scene(stacked.observation)
    assert len(part_clusters(scene, stacked.observation, Blind.load("")).unparted) == 1
    planner = Planner(PlannerConfig(candidates=f"{__name__}:Blind", weights="none"))
    with pytest.raises(UnihmError) as error:
        planner.read(stacked.observation, "pick up the red object")
    assert error.value.code is ErrorCode.LOW_CONFIDENCE
    assert planner.read(stacked.observation, "pick up the blue ball").selection.target.center[1] < 0


def test_a_part_too_small_to_be_a_thing_belongs_to_its_neighbour(stacked):
    class Crumbs(Borders):
        def parts(self, pixels):
            parts, expected = super().parts(pixels)
            return [*(part[50:] for part in parts), parts[0][:50]], expected

    scene = read_scene(stacked.observation)
    parted = part_clusters(scene, stacked.observation, Crumbs(stacked.labels))
    assert len(parted.objects) == 3


def lifted(item, height):
    up = from_xyz_rpy([0, 0, height], [0, 0, 0])
    return dataclasses.replace(item, T_world_item=up @ item.T_world_item)


@pytest.mark.parametrize(("height", "count"), [(0.135, 2), (0.25, 1)])
def test_what_hovers_is_an_object_where_it_is_carried(height, count):
    """Depth is lost between two things that lie on each other."""
    below = make_item("box", "red", 0.45, 0.0, x=0.16, y=0.12, z=0.10)
    above = lifted(make_item("box", "blue", 0.45, 0.0, x=0.12, y=0.08, z=0.06), height)
    assert len(read_scene(render(below, above).observation).objects) == count


def test_pieces_of_a_vessel_are_one_thing():
    """The band under the rim of a bowl has no depth."""
    frame = render(make_item("bowl", "white", 0.45, 0.0, radius=0.07, height=0.07))
    (bowl,) = read_scene(frame.observation).objects
    cluster, camera = bowl.cluster, frame.observation.T_world_camera[:3, 3]
    x = cluster.points[:, 0]
    pieces = [
        Cluster(cluster.pixels[side], cluster.points[side], cluster.rgb[side])
        for side in (x < 0.455, x > 0.475)
    ]
    pieces.sort(key=lambda piece: -len(piece.pixels))
    ranges = np.full(frame.observation.depth.shape, np.nan)
    assert len(join_pieces(pieces, camera, 0.0, ranges, 0.004)) == 1


def test_boxes_of_one_colour_beside_each_other_are_no_pieces():
    frame = render(
        make_item("box", "red", 0.45, 0.045, yaw=0.1, x=0.06, y=0.06, z=0.05),
        make_item("box", "red", 0.47, -0.045, yaw=0.9, x=0.06, y=0.06, z=0.12),
    )
    assert len(read_scene(frame.observation).objects) == 2


def test_a_printed_box_is_called_by_its_vivid_colour():
    pixels = np.array([[150, 150, 155]] * 55 + [[190, 30, 35]] * 45, np.uint8)
    assert dominant_color(color_shares(pixels)) == "red"

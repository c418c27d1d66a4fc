"""A picture without a pose, and clusters that are several objects."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from rendered_scenes import make_item, render
from unihm.errors import UnihmError
from unihm.perception.planner.candidates import part_clusters
from unihm.perception.scene import WorkspaceConfig, read_scene
from unihm.perception.scene.leveling import level
from unihm.transforms import invert


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


class Borders:
    """In place of a network: it knows the truth."""

    def __init__(self, labels):
        self.labels = labels.ravel()

    def embed(self, observation, table):
        return self

    def parts(self, pixels):
        numbers = self.labels[pixels]
        return [np.flatnonzero(numbers == n) for n in np.unique(numbers[numbers > 0])]


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

"""Nearest points and tangent planes: exact, the same on every backend, on the right side."""

from __future__ import annotations

import numpy as np
import pytest
from refinement_cases import ball_cloud, box_cloud
from scipy.spatial import cKDTree
from unihm.refinement.backend import backend_for
from unihm.refinement.surface import Surface
from unihm.refinement.torch_backend import TensorSurface, TorchBackend
from unihm.transforms import dot
from unihm.types import ObjectCloud


def cup(count: int = 2000, radius: float = 0.035, height: float = 0.1) -> ObjectCloud:
    """A cup as a camera above sees it: the inside, and of the outside only the near half."""
    rng = np.random.default_rng(0)
    angle, z = rng.uniform(0, 2 * np.pi, count), rng.uniform(-height / 2, height / 2, count)
    out = np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1)
    up = np.array([0.0, 0.0, 1.0])
    near = out[:, 1] > 0
    inner, outer = (size * out + z[:, None] * up for size in (radius - 0.003, radius))
    flat = inner[:500] * np.sqrt(rng.uniform(size=(500, 1))) * (1 - up) - height / 2 * up
    points = np.concatenate([inner, outer[near], flat])
    return ObjectCloud(points, np.concatenate([-out, out[near], np.tile(up, (500, 1))]))


@pytest.mark.parametrize("neighbours", [1, 8])
@pytest.mark.parametrize("sizes", [[700], [64, 33, 2048]])
def test_nearest_points_are_exact_however_often_they_are_asked_for(sizes, neighbours, rng):
    clouds = [ball_cloud(count=size, seed=size) for size in sizes]
    surface = Surface(clouds, neighbours)
    x = 0.05 * rng.normal(size=(len(sizes), 20, 3))
    for scale in (0.0, 1e-4, 0.05, 1e-3):  # the last answer helps to find the next one
        x = x + scale * rng.normal(size=x.shape)
        index = surface.nearest(x.reshape(-1, 3), *surface.remembered(*x.shape[:2]))
        for cloud, own, found in zip(clouds, x, index.reshape(len(sizes), 20, neighbours)):
            expected = cKDTree(cloud.points).query(own, neighbours)[0].reshape(20, neighbours)
            gap = np.linalg.norm(surface.points[found] - own[:, None], axis=-1)
            np.testing.assert_allclose(gap, expected, atol=1e-12)


@pytest.mark.parametrize("neighbours", [1, 8])
def test_planes_are_the_same_on_every_backend_and_by_comparison_with_all_points(neighbours, rng):
    clouds = [ball_cloud(count=300), box_cloud(count=500), cup()]
    x = 0.03 * rng.normal(size=(3, 60, 3))
    expected = Surface(clouds, neighbours).planes(x)
    ops = TorchBackend("cpu")
    surface = Surface(clouds, neighbours)
    tensors = TensorSurface(surface, ops)
    for one, other in zip(tensors.planes(ops.array(x)), expected):
        np.testing.assert_allclose(ops.host(one), other, atol=1e-9)
    by_tree = surface.nearest(x.reshape(-1, 3), *surface.remembered(3, 60))
    by_all = tensors.nearest_of_all(ops.array(x))  # as on a GPU
    np.testing.assert_array_equal(ops.host(by_all).reshape(by_tree.shape), by_tree)


@pytest.mark.parametrize("device", [None, "cpu"])
def test_behind_a_thin_wall_is_outside_and_deep_in_a_ball_is_inside(device):
    ops = backend_for(device)
    x = np.array([[[0.0, -0.045, 0.0], [0.0, 0.045, 0.0], [0.0, -0.02, 0.0]]])
    p, n = map(ops.host, ops.surface(Surface([cup()], 8)).planes(ops.array(x)))
    d = dot(x - p, n)[0]
    assert d[0] == pytest.approx(0.013, abs=0.001)  # outside of the wall seen from inside
    assert d[1] == pytest.approx(0.010, abs=0.001)
    assert d[2] == pytest.approx(0.012, abs=0.001)  # in the hollow
    deep = np.array([[[0.0, 0.015, 0.0], [0.004, 0.0, 0.0]]])
    p, n = map(ops.host, ops.surface(Surface([ball_cloud()], 8)).planes(ops.array(deep)))
    np.testing.assert_allclose(dot(deep - p, n)[0], [-0.015, -0.026], atol=0.002)

"""SnowflakeNet: frames, training on next to nothing, completion, and honest refusals."""

import numpy as np
import pytest
import torch
from scipy.spatial import cKDTree
from unihm.errors import ErrorCode, UnihmError
from unihm.geometry import chamfer
from unihm.learning.synthesis.tables.partial_views import (
    WholeShape,
    random_partial_view,
    random_whole_shape,
)
from unihm.learning.training.snowflake import (
    chamfer_loss,
    completion_loss,
    draw_batch,
    load_views,
    make_views,
    save_views,
)
from unihm.perception.scene.completion import seen_part
from unihm.perception.segmentation.snowflake import Completer, SnowflakeConfig, SnowflakeNet
from unihm.perception.segmentation.snowflake.model import Clouds
from unihm.perception.segmentation.snowflake.processing import normalise
from unihm.sim.shapes import make_shape

SMALL = SnowflakeConfig(
    partial=128, groups=(64, 16), group_widths=((16, 32), (32, 32), (32, 48)), attention=16,
    seeds=32, start=64, width=32, factors=(1, 4),
)  # fmt: skip
CAMERA = np.array([0.6, 0.1, 0.5])


@pytest.fixture(scope="module")
def box_view():
    mesh = make_shape("box", {"x": 0.06, "y": 0.05, "z": 0.12}).surface
    for seed in range(20):
        view = random_partial_view(WholeShape((mesh,)), np.random.default_rng(seed))
        if view is not None and not view.cut:
            return view
    raise AssertionError("no view of a box")


@pytest.mark.parametrize("y_up", [False, True])
def test_normalisation_is_undone(y_up):
    rng = np.random.default_rng(0)
    seen = rng.uniform([0.4, -0.1, 0.03], [0.5, 0.1, 0.3], (300, 3))
    frame = normalise(seen, CAMERA, 0.0, extent=0.5, y_up=y_up)
    local = frame.apply(seen)
    np.testing.assert_allclose(frame.undo(local), seen, atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(frame.rotation), 1.0)
    assert np.abs(local).max() < 0.51
    up = frame.turn(np.array([[0.0, 0.0, 1.0]]))[0]
    np.testing.assert_allclose(up, [0, 1, 0] if y_up else [0, 0, 1], atol=1e-12)
    # The table is the bottom of the box, and the camera is on the side of x.
    bottom = frame.apply(np.array([[0.45, 0.0, 0.0]]))[0, 1 if y_up else 2]
    assert bottom == pytest.approx(-0.5, abs=0.01)
    toward = frame.apply(CAMERA[None])[0]
    assert toward[0] > 3 * abs(toward[2 if y_up else 1])


def test_a_view_shows_the_near_side_of_a_whole_surface(box_view):
    distance, near = cKDTree(box_view.points).query(box_view.seen)
    assert np.median(distance) < 0.006
    toward = box_view.camera - box_view.seen
    facing = (box_view.normals[near] * toward).sum(axis=1) > 0
    assert facing.mean() > 0.8
    assert cKDTree(box_view.seen).query(box_view.points)[0].mean() > 2 * distance.mean()


def test_surfaces_of_joined_parts_have_no_inside():
    a = make_shape("box", {"x": 0.1, "y": 0.1, "z": 0.1}).surface
    b = a.copy().apply_translation([0.05, 0, 0])
    points, normals = WholeShape((a, b)).surface(1500, np.random.default_rng(0))
    inside = (np.abs(points - [0.025, 0, 0]) < [0.07, 0.045, 0.045]).all(axis=1)
    assert not inside.any()
    outward = (normals * (points - [0.025, 0, 0])).sum(axis=1)
    assert (outward > 0).all()


def test_random_shapes_are_finite_and_of_the_size_of_things():
    rng = np.random.default_rng(5)
    for _ in range(8):
        extent = np.ptp(random_whole_shape(rng).vertices, axis=0)
        assert 0.01 < extent.max() < 1.0


def test_chamfer_agrees_with_brute_force():
    a, b = torch.rand(2, 50, 3), torch.rand(2, 70, 3)
    distance = torch.cdist(a, b)
    expected = (distance.min(2).values.mean(1) + distance.min(1).values.mean(1)) / 2
    torch.testing.assert_close(chamfer_loss(a, b), expected, atol=1e-5, rtol=1e-4)
    measured = [chamfer(*pair) for pair in zip(a.numpy(), b.numpy(), strict=True)]
    assert measured == pytest.approx(expected.tolist(), rel=1e-4)


def test_training_learns_and_round_trips(tmp_path):
    views = make_views(3, 4)
    save_views(tmp_path / "v.npz", views)
    again = load_views([tmp_path / "v.npz"])
    np.testing.assert_allclose(again.seen, views.seen, atol=2e-3)
    torch.manual_seed(0)
    model = SnowflakeNet(SMALL)
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    distances = []
    for _ in range(25):
        batch = draw_batch(again, np.arange(4), SMALL, np.random.default_rng(0))
        loss, (distance, share) = completion_loss(model(batch.partial), batch)
        assert 0 <= share <= 1
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        distances.append(distance)
    assert distances[-1] < 0.6 * distances[0]


@pytest.mark.parametrize("count", [500, 2048])
def test_completion_has_unit_normals_and_keeps_what_was_seen(box_view, count):
    torch.manual_seed(0)
    completer = Completer(SnowflakeNet(SMALL))
    result = completer.complete(box_view.seen, box_view.camera, count=count)
    again = completer.complete(box_view.seen, box_view.camera, count=count)
    assert result.points.shape == result.normals.shape == (count, 3)
    np.testing.assert_array_equal(result.points, again.points)
    np.testing.assert_allclose(np.linalg.norm(result.normals, axis=1), 1, atol=1e-5)
    seen = result.points[result.observed]
    assert cKDTree(box_view.seen).query(seen)[0].max() < 0.006
    toward = ((box_view.camera - seen) * result.normals[result.observed]).sum(axis=1)
    assert (toward > 0).mean() > 0.9
    assert 0 <= result.confidence <= 1


def test_an_untrained_network_is_not_trusted(box_view):
    """Its surface does not pass through what was seen, whatever its own head says."""
    torch.manual_seed(0)
    model = SnowflakeNet(SMALL)
    with torch.no_grad():
        model.get_parameter(f"error.{len(model.error) - 1}.bias").fill_(-10.0)
    assert Completer(model).complete(box_view.seen, box_view.camera).confidence < 0.4


def test_little_seen_or_cut_is_less_trusted(box_view):
    torch.manual_seed(0)
    model = SnowflakeNet(SMALL)
    completer = Completer(model)
    # A stand-in for a trained network: it gives back what it reads.
    model.forward = lambda partial: Clouds([partial], None, None)
    whole = completer.complete(box_view.seen, box_view.camera)
    cut = completer.complete(box_view.seen, box_view.camera, cut=True)
    corner = np.linalg.norm(box_view.seen - box_view.seen[0], axis=1).argsort()[:100]
    few = completer.complete(box_view.seen[corner], box_view.camera)
    assert whole.confidence > 0.9
    assert cut.confidence == pytest.approx(0.5 * whole.confidence)
    assert few.confidence < 0.7 * whole.confidence


def test_empty_and_broken_clouds_are_refused():
    completer = Completer(SnowflakeNet(SMALL))
    for points in (np.zeros((0, 3)), np.zeros((5, 3)), np.full((500, 3), np.nan)):
        with pytest.raises(UnihmError) as error:
            completer.complete(points, CAMERA)
        assert error.value.code == ErrorCode.INVALID_CLOUD


def test_the_seen_part_alone_has_nothing_made_up(box_view):
    part = seen_part(box_view.seen, box_view.camera, 0.05)
    assert part.observed.all()
    assert part.confidence == 0.05
    assert cKDTree(box_view.seen).query(part.points)[0].max() < 0.006

"""Point-SAM: operations, prompts, training on next to nothing, and honest refusals."""

import numpy as np
import pytest
import torch
from rendered_scenes import make_item, render
from unihm.errors import ErrorCode, UnihmError
from unihm.evaluation.perception.clicks import center_click, correcting_click, iou
from unihm.learning.training.pointsam import (
    batch_clouds,
    click_rounds,
    load_samples,
    make_samples,
    save_samples,
)
from unihm.perception.segmentation.clicks import Click, clicked_cluster, cluster_masks
from unihm.perception.segmentation.pointsam import PointSam, PointSamConfig, PointSamPredictor
from unihm.perception.segmentation.pointsam import model as network
from unihm.perception.segmentation.pointsam.config import SegmentationTraining
from unihm.perception.segmentation.pointsam.processing import (
    click_distances,
    dense_prompts,
    link,
    locate,
    make_crop,
    make_view,
    paint,
    proposals,
    surface_graph,
)
from unihm.weights import load_weights, read_state, save_weights

SMALL = PointSamConfig(patches=24, neighbours=12, width=32, depth=1, heads=2, mask_width=16)
TWO_CLICKS = SegmentationTraining(clicks=2)


def linked(points):
    """(1, N, 10) neighbours of points (1, N, 3)."""
    return torch.from_numpy(link(points[0].numpy()))[None]


@pytest.fixture(scope="module")
def pair():
    """A red and a blue box that touch."""
    return render(
        make_item("box", "red", 0.45, 0.0, yaw=0, x=0.06, y=0.06, z=0.09),
        make_item("box", "blue", 0.45, 0.0605, yaw=0, x=0.06, y=0.06, z=0.09),
    )


def test_farthest_points_and_neighbours_agree_with_brute_force():
    points = torch.rand(2, 60, 3)
    chosen = network.farthest_points(points, 10)
    for cloud, indices in zip(points, chosen):
        for k in range(1, 10):
            gap = torch.cdist(cloud, cloud[indices[:k]]).min(dim=1).values
            assert gap[indices[k]] == gap.max()
    squares, near = network.nearest(points[:, :5], points, 4)
    exact = torch.cdist(points[:, :5], points) ** 2
    expected, _ = exact.sort(dim=-1)
    torch.testing.assert_close(squares, expected[..., :4], atol=1e-5, rtol=0)
    torch.testing.assert_close(exact.gather(2, near), expected[..., :4], atol=1e-5, rtol=0)


def test_output_does_not_depend_on_the_order_of_the_points():
    torch.manual_seed(0)
    model = PointSam(SMALL).eval()
    points, features, dense = torch.rand(1, 80, 3), torch.rand(1, 80, 6), torch.rand(1, 80, 7)
    order = torch.cat([torch.zeros(1).long(), 1 + torch.randperm(79)])  # FPS starts at 0
    click, sign = points[:, :1], torch.ones(1, 1).long()
    shuffled = points[:, order]
    with torch.inference_mode():
        cloud = model.encode(points, features, linked(points))
        first = model.decode(cloud, click, sign, dense)
        again = model.encode(shuffled, features[:, order], linked(shuffled))
        second = model.decode(again, click, sign, dense[:, order])
    torch.testing.assert_close(first.logits[:, :, order], second.logits, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(first.iou, second.iou, atol=1e-4, rtol=1e-4)
    assert first.logits.shape == (1, 4, 80)
    assert first.iou.shape == (1, 5)


def test_bonds_are_the_same_in_both_directions():
    torch.manual_seed(0)
    model = PointSam(SMALL).eval()
    points, features = torch.rand(1, 40, 3), torch.rand(1, 40, 6)
    pairs = torch.tensor([[k ^ 1 for k in range(40)]])[..., None]  # 0 with 1, 2 with 3, ...
    bonds = model.encode(points, features, pairs)["bonds"][0, :, 0]
    torch.testing.assert_close(bonds[0::2], bonds[1::2], atol=1e-5, rtol=1e-4)


def test_losses_of_bonds_and_of_mask_prompts_know_what_is_right():
    labels, near = torch.tensor([[1, 1, 2, 2]]), torch.tensor([[[1], [2], [1], [3]]])
    right = torch.tensor([[[9.0], [-9.0], [-9.0], [9.0]]])
    assert network.bond_loss(right, labels, near) < 0.01 < network.bond_loss(-right, labels, near)
    truth = torch.tensor([[1.0, 1.0, 0.0, 0.0]])
    prompt = torch.tensor([[4.0, 4.0, 4.0, 4.0]])  # its IoU is 0.5
    masks = network.Masks(torch.zeros(1, 4, 4), torch.tensor([[0.0, 0.0, 0.0, 0.0, 0.5]]))
    assert network.prompt_loss(masks, prompt, truth) == 0
    assert network.prompt_loss(masks, -prompt, truth) == 0  # nothing was prompted
    assert network.prompt_loss(masks, prompt, 1 - truth * 0) == pytest.approx(0.25)


def test_padding_clicks_changes_nothing_but_attention_mass():
    model = PointSam(SMALL).eval()
    points = torch.rand(1, 50, 3)
    cloud = model.encode(points, torch.rand(1, 50, 6), linked(points))
    masks = model.decode(cloud, torch.rand(1, 2, 3), torch.tensor([[1, -1]]), torch.rand(1, 50, 7))
    assert torch.isfinite(masks.logits).all()


def test_view_is_above_the_table_and_crop_is_centred(pair):
    view = make_view(pair.observation)
    assert view.points[:, 2].min() > 0
    assert 0.08 < np.percentile(view.points[:, 2], 99) < 0.10
    labels = pair.labels.ravel()[view.pixels]
    assert (labels > 0).mean() > 0.8
    center = int(np.flatnonzero(labels == 1)[0])
    crop = make_crop(view, center)
    np.testing.assert_allclose(crop.points[crop.index == center, :2], 0, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(crop.features[:, 3:], axis=1), 1, atol=1e-5)


def test_surface_distances_see_the_border_between_touching_objects(pair):
    view = make_view(pair.observation)
    labels = pair.labels.ravel()[view.pixels]
    click = center_click(pair.labels == 1, pair.observation.depth)
    center = locate(view, click, pair.observation)
    crop = make_crop(view, center)
    start = int(np.flatnonzero(crop.index == center)[0])
    mine = labels[crop.index] == 1
    bonds = np.where(mine[:, None] == mine[crop.neighbours], 0.99, 0.01)
    graph = surface_graph(crop, bonds)
    near = click_distances(crop, graph, [start])
    assert near.shape == (len(crop.index), 3)
    assert ((near >= 0) & (near <= 1)).all()
    assert near[mine, 0].min() > 5 * near[~mine, 0].max()
    dense = dense_prompts(crop, graph, [start], [True], [None, np.full(len(mine), 9.0, np.float32)])
    assert dense.shape == (2, len(crop.index), 7)
    assert not dense[0, :, 3:].any()  # no negative clicks, no mask yet
    assert (dense[1, :, 6] == 1).all()


def test_a_single_wrong_bond_does_not_join_two_objects(pair):
    view = make_view(pair.observation)
    center = locate(view, center_click(pair.labels == 1, pair.observation.depth), pair.observation)
    crop = make_crop(view, center)
    mine = pair.labels.ravel()[view.pixels][crop.index] == 1
    border = mine[:, None] != mine[crop.neighbours]
    bonds = np.where(border, 0.2, 0.99)
    leaks = np.flatnonzero(border.ravel())[::25]
    bonds.ravel()[leaks] = 0.99
    pieces = proposals(crop, bonds, int(np.flatnonzero(crop.index == center)[0]))
    overlaps = [iou(piece > 0, mine) for piece in pieces]
    assert overlaps[0] < 0.7  # what hangs together at all
    assert max(overlaps) > 0.93


def test_painting_the_true_labels_gives_the_true_mask(pair):
    view = make_view(pair.observation)
    center = locate(view, center_click(pair.labels == 2, pair.observation.depth), pair.observation)
    crop = make_crop(view, center)
    truth = pair.labels.ravel()[view.pixels][crop.index] == 2
    mask = paint(view, crop, np.where(truth, 5.0, -5.0).astype(np.float32))
    assert iou(mask, pair.labels == 2) > 0.9


def test_training_learns_and_round_trips(tmp_path):
    samples = [s for k in range(2) for s in make_samples(k)][:4]
    save_samples(tmp_path / "x.npz", samples)
    again = load_samples(tmp_path / "x.npz")
    np.testing.assert_allclose(again[0].crop.points, samples[0].crop.points)
    np.testing.assert_array_equal(again[0].labels, samples[0].labels)
    torch.manual_seed(0)
    model = PointSam(SMALL)
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    losses = []
    for _ in range(16):
        batch = batch_clouds(again, 350, np.random.default_rng(0))
        loss, ious = click_rounds(model, batch, TWO_CLICKS, np.random.default_rng(0))
        assert len(ious) == 2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.8 * losses[0]
    save_weights(tmp_path / "p.safetensors", model, {"command": "test"})
    copy = PointSam(SMALL)
    load_weights(tmp_path / "p.safetensors", copy)
    torch.testing.assert_close(copy.iou[0].weight, model.iou[0].weight, atol=1e-3, rtol=1e-3)


def test_weights_that_do_not_fit_are_refused(tmp_path):
    save_weights(tmp_path / "p.safetensors", PointSam(SMALL), {})
    with pytest.raises(UnihmError) as error:
        load_weights(tmp_path / "p.safetensors", PointSam(PointSamConfig()))
    assert error.value.code == ErrorCode.WEIGHTS_MISSING
    (tmp_path / "evil.pt").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    for name in ("evil.pt", "absent.safetensors"):
        with pytest.raises(UnihmError) as error:
            read_state(tmp_path / name)
        assert error.value.code == ErrorCode.WEIGHTS_MISSING


@pytest.mark.parametrize("click", [Click(-1, 5), Click(640, 5), Click(5, 480)])
def test_click_outside_the_image(pair, click):
    session = PointSamPredictor(PointSam(SMALL)).embed(pair.observation)
    with pytest.raises(UnihmError) as error:
        session.predict([click])
    assert error.value.code == ErrorCode.LOW_CONFIDENCE


def test_click_on_the_bare_table(pair):
    session = PointSamPredictor(PointSam(SMALL)).embed(pair.observation)
    with pytest.raises(UnihmError, match="no object") as error:
        session.predict([Click(60, 440)])
    assert error.value.code == ErrorCode.LOW_CONFIDENCE


def test_click_in_a_hole_of_the_depth(pair):
    depth = pair.observation.depth.copy()
    depth[100:200, 100:200] = 0  # as a transparent object leaves
    observation = type(pair.observation)(
        pair.observation.rgb, depth, pair.observation.K, pair.observation.T_world_camera
    )
    session = PointSamPredictor(PointSam(SMALL)).embed(observation)
    with pytest.raises(UnihmError, match="no depth") as error:
        session.predict([Click(150, 150)])
    assert error.value.code == ErrorCode.LOW_CONFIDENCE


def test_clusters_and_clicks_without_weights(pair):
    numbers, points = cluster_masks(pair.observation)
    depth = pair.observation.depth
    truth = pair.labels == 1
    click = center_click(truth, depth)
    assert iou(clicked_cluster(numbers, points, [click]), truth) > 0.85
    other = center_click(pair.labels == 2, depth)
    both = clicked_cluster(numbers, points, [click, other])
    assert iou(both, pair.labels > 0) > 0.85
    fix = correcting_click(both, truth, depth)
    assert not fix.positive
    assert pair.labels[fix.v, fix.u] == 2

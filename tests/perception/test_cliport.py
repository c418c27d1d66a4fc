"""CLIPort, small: the map, the networks, the training, and what the planner makes of it."""

import dataclasses
import json
import shlex
from typing import Any

import imageio.v3 as iio
import numpy as np
import pytest
import torch
from rendered_scenes import make_item, render
from unihm.cli.main import main
from unihm.config import from_mapping
from unihm.errors import ErrorCode, UnihmError
from unihm.learning.datasets.episode import Episode, EpisodeCamera
from unihm.learning.synthesis.tables.planner_scenes import load_sample, make_sample, save_sample
from unihm.learning.training.cliport import (
    pick_batch,
    pick_target,
    place_target,
    train_planner,
    turned,
)
from unihm.learning.training.cliport_episodes import load_tables
from unihm.perception.camera import world_points
from unihm.perception.planner.cliport import CliportConfig, PlannerTraining, make_heightmap
from unihm.perception.planner.cliport.model import (
    CHANNELS,
    COLORS,
    Cliport,
    Transport,
    affordance_loss,
    kind_loss,
    with_absence,
)
from unihm.perception.planner.cliport.predictor import Affordances, PlaceMap
from unihm.perception.planner.cliport.turning import crop_turned, rotate
from unihm.perception.planner.cliport.vocabulary import CLAUSES, HELD_OUT, KINDS, PUSH_WORDS
from unihm.perception.scene.frames import canonical_object_frame
from unihm.perception.trajectory import make_trajectory
from unihm.types import ObjectCloud, TaskKind

CONFIG = CliportConfig(
    width=8,
    language=16,
    training=PlannerTraining(scenes=4, kind_steps=2, steps=4, batch=2, phrases=3),
)


# ------------------------------------------------------------------------------ the map


@pytest.fixture(scope="module")
def tables():
    samples = [make_sample(seed, CONFIG) for seed in range(4)]
    return [s for s in samples if s is not None]


def test_objects_stand_on_the_map_where_they_stand_on_the_table(three):
    observation = three.observation
    top = make_heightmap(observation, world_points(observation))
    for item, height in zip(three.items, (0.10, 0.07, 0.12)):
        middle = item.world_mesh.bounds.mean(axis=0)[:2]
        row, column = np.rint(top.to_pixel(middle)).astype(int)
        around = top.height[row - 2 : row + 3, column - 2 : column + 3]
        assert around.max() == pytest.approx(height, abs=0.012)
        seen = three.labels.ravel()[top.source[row, column]]
        assert three.items[seen - 1] is item
    np.testing.assert_allclose(top.to_pixel(top.to_world([[3.0, 7.5]])), [[3.0, 7.5]])


@pytest.mark.parametrize("eye", [(1.1, 0.0, 0.7), (0.5, 0.8, 0.6), (0.1, -0.5, 0.9)])
def test_the_map_is_the_same_from_every_side(eye):
    item = make_item("box", "red", 0.5, 0.1, x=0.08, y=0.08, z=0.05)
    frame = render(item, eye=eye)
    top = make_heightmap(frame.observation, world_points(frame.observation))
    cells = np.argwhere((top.height > 0.035) & (top.height < 0.065))
    np.testing.assert_allclose(top.to_world(cells.mean(axis=0)), [0.5, 0.1], atol=0.012)


def test_a_stride_makes_the_same_map(three):
    observation = three.observation
    fine = make_heightmap(observation, world_points(observation))
    coarse = make_heightmap(observation, world_points(observation, stride=2))
    assert np.median(np.abs(fine.height - coarse.height)) < 0.002
    assert ((fine.source >= 0) == (coarse.source >= 0)).mean() > 0.97


def test_without_depth_the_image_is_laid_on_the_table(three):
    blind = dataclasses.replace(three.observation, depth=np.zeros_like(three.observation.depth))
    config = CliportConfig(depth=False)
    top = make_heightmap(blind, np.full((480, 640, 3), np.nan), 0.0, config)
    assert (top.height == 0).all()
    for item in three.items:  # where an object stands on the table, its colour is seen
        row, column = np.rint(top.to_pixel(item.T_world_item[:2, 3])).astype(int)
        seen = three.labels.ravel()[top.source[row, column]]
        assert three.items[seen - 1] is item


def test_nothing_seen_is_an_empty_map(three):
    top = make_heightmap(three.observation, np.full((480, 640, 3), np.nan))
    assert (top.source == -1).all()
    assert not top.rgb.any()


# ------------------------------------------------------------------------------ the networks


def test_turns_go_counter_clockwise():
    image = torch.zeros(1, 1, 21, 21)
    image[0, 0, 10, 15] = 1.0  # to the right of the middle
    quarter = rotate(image, torch.tensor([torch.pi / 2]))
    assert np.unravel_index(int(quarter.argmax()), (21, 21)) == (5, 10)  # above it
    np.testing.assert_allclose(turned(np.array([0.0, 5.0]), np.pi / 2), [-5, 0], atol=1e-9)
    crops = crop_turned(image, torch.tensor([[10.0, 10.0]]), 12, 4)
    assert np.unravel_index(int(crops[1].argmax()), (12, 12)) == (1, 6)


def test_a_thing_fits_where_it_is_wanted_turned():
    transport: Any = Transport(dataclasses.replace(CONFIG, place_rotations=4, features=3))
    transport.key.forward = lambda maps, words, where: (
        torch.cat([torch.zeros_like(maps[:, :1]), maps[:, :3]], dim=1), maps[:, :1]
    )  # fmt: skip
    transport.query.forward = lambda maps, words: (maps[:, :3], maps[:, :1])
    maps = torch.zeros(2, 5, 80, 120)
    maps[:, :3, 26:35, 20] = 1.0  # an L
    maps[:, :3, 34, 20:25] = 1.0
    maps[0, :3, 30, 56:65] = 1.0  # turned by a quarter
    maps[0, :3, 26:31, 64] = 1.0
    maps[1, :3, 46:55, 60] = 1.0  # as it was, elsewhere
    maps[1, :3, 54, 60:65] = 1.0
    picks = torch.tensor([[30.0, 20.0], [30.0, 20.0]])
    with torch.inference_mode():
        found = transport(maps, torch.zeros(2, 384), picks)
    quarter = found[0, :, :, 40:]
    assert np.unravel_index(int(quarter.argmax()), quarter.shape) == (1, 30, 20)
    same = found[1, :, :, 40:]
    assert np.unravel_index(int(same.argmax()), same.shape) == (0, 50, 20)


def test_the_key_is_told_where_the_pick_is():
    torch.manual_seed(0)
    transport = Transport(CONFIG).eval()
    maps, words = torch.zeros(1, CHANNELS + COLORS + len(KINDS), 80, 120), torch.zeros(1, 384)
    with torch.inference_mode():
        here, there = (
            transport(maps, words, torch.tensor([pick])) for pick in ([40.0, 40.0], [40.0, 56.0])
        )
    # On an empty map everything moves with the pick but for what depends on the table's place.
    assert not torch.allclose(here, there)


def test_rotations_of_picks_keep_their_place():
    """With streams that copy a channel, every turn gives back the map."""
    model: Any = Cliport(dataclasses.replace(CONFIG, pick_rotations=4))
    model.attention.streams.forward = lambda maps, words: (maps[:, :1], 0.5 + 0 * maps[:, :1])
    maps = torch.zeros(1, 5, 80, 120)
    maps[0, 0, 40:44, 58:62] = 1.0
    with torch.inference_mode():
        found = model.pick(maps, torch.zeros(1, 1, 384))[0, 0]
    assert found.shape == (4, 80, 120)
    for turn in found:
        assert float(turn[41, 60]) == pytest.approx(1.0, abs=0.05)


def test_the_loss_knows_absence():
    logits = torch.full((1, 1, 4, 4), -5.0)
    nothing = torch.zeros(1, 1, 4, 4)
    assert affordance_loss(logits, nothing) < 0.2
    logits[0, 0, 1, 2] = 5.0
    spot = nothing.clone()
    spot[0, 0, 1, 2] = 1.0
    assert affordance_loss(logits, spot) < 0.1
    assert affordance_loss(logits, nothing) > 4.0
    assert with_absence(logits).shape == (1, 17)


def test_the_peak_of_a_place_lies_between_cells():
    shares = np.zeros((8, 10, 10), np.float32)
    shares[6, 4, 5] = shares[6, 4, 6] = 0.5
    (row, column), turn = PlaceMap(shares).best
    assert (row, column) == pytest.approx((4.0, 5.5))
    assert turn == pytest.approx(-np.pi / 2)


# ------------------------------------------------------------------------------ training


def test_tables_survive_the_disk(tables, tmp_path):
    for sample in tables:
        save_sample(tmp_path / "table.npz", sample)
        again = load_sample(tmp_path / "table.npz")
        assert again.picks == sample.picks
        assert [q.clause for q in again.places] == [q.clause for q in sample.places]
        np.testing.assert_array_equal(again.labels, sample.labels)
        np.testing.assert_array_equal(again.seen, sample.seen)
        for one, other in zip(again.places, sample.places):
            np.testing.assert_allclose(one.goals, other.goals, atol=1e-3)


def test_targets_are_distributions_on_what_fits(tables):
    for sample in tables:
        for question in sample.picks:
            target = pick_target(sample, question, 1)[0]
            if np.isin(sample.labels, question.fits).any():
                assert target.sum() == pytest.approx(1.0, abs=1e-4)
                assert np.isin(sample.labels[target > 0], question.fits).all()
            else:
                assert not target.any()


def test_a_place_is_relative_to_the_point_that_was_picked(tables):
    question = next(q for sample in tables for q in sample.places if not q.turn)
    question = dataclasses.replace(question, goals=np.array([[40.0, 60.0]]))
    pick = question.center + np.array([3.0, -2.0])
    target = place_target(question, pick, (80, 120), 8)
    assert np.unravel_index(int(target.argmax()), target.shape) == (0, 43, 58)
    assert not place_target(
        dataclasses.replace(question, goals=np.array([[-30.0, 60.0]])), pick, (80, 120), 8
    ).any()


def test_training_can_be_interrupted(tables, tmp_path):
    straight, _ = train_planner(CONFIG, tmp_path / "a", tables)
    half = dataclasses.replace(CONFIG.training, steps=0)
    half_config = dataclasses.replace(CONFIG, training=half)
    train_planner(half_config, tmp_path / "b", tables)
    resumed, figures = train_planner(CONFIG, tmp_path / "b", tables)
    assert set(figures["held_out"]) == {
        "kind_right", "pick_right", "absence_right", "place_error_median_m", "place_within_3cm"
    }  # fmt: skip
    # The rate depends on the whole length, so that only the order of things is the same.
    for one, other in zip(straight.parameters(), resumed.parameters()):
        assert one.shape == other.shape
    assert (tmp_path / "b" / "log.jsonl").read_text().count("step") == 2


def test_training_learns(tables, tmp_path):
    """A few steps on one table: what it was shown there becomes more likely."""
    training = PlannerTraining(kind_steps=10, kind_batch=2, steps=10, batch=1, phrases=3)
    config = dataclasses.replace(CONFIG, training=training)
    sample = max(tables, key=lambda s: len(s.picks))
    model, _ = train_planner(config, tmp_path, [sample, sample])
    torch.manual_seed(0)
    maps, words, target, kinds = pick_batch([sample], 8, 1, np.random.default_rng(0))
    untrained = Cliport(config).eval()
    untrained.teach()
    with torch.inference_mode():
        before, after = (
            float(affordance_loss(m.pick(m.name(maps)[0], words).flatten(0, 1), target))
            for m in (untrained, model)
        )
        named = [float(kind_loss(m.name(maps)[1], kinds)) for m in (untrained, model)]
    assert after < before - 0.25
    assert named[1] < named[0] - 0.25


def test_no_held_out_word_is_trained_with():
    said = [word for nouns in KINDS.values() for noun in nouns for word in noun.split()]
    said += [
        word for clause in [*CLAUSES.values(), *PUSH_WORDS.values()] for word in clause.split()
    ]
    assert not set(said) & set(HELD_OUT)


def test_a_network_that_is_none_is_refused():
    with pytest.raises(UnihmError) as error:
        from_mapping(CliportConfig, {"network": "huge"})
    assert error.value.code == ErrorCode.INVALID_CONFIG


# ------------------------------------------------------------------------------ recordings


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """Two episodes with their first images: a box is put on the left, and lifted."""
    folder = tmp_path_factory.mktemp("episodes")
    frame = render(
        make_item("box", "red", 0.5, -0.1, yaw=0.0, x=0.10, y=0.06, z=0.08),
        make_item("cylinder", "green", 0.6, 0.2, radius=0.03, height=0.12),
        size=(240, 320),
    )
    mesh = frame.items[0].world_mesh
    surface, triangles = mesh.sample(1500, return_index=True, seed=0)
    T = canonical_object_frame(surface, 0.0)
    cloud = ObjectCloud((surface - T[:3, 3]) @ T[:3, :3], mesh.face_normals[triangles] @ T[:3, :3])
    depth = np.rint(1000 * frame.observation.depth).astype(np.uint16)
    iio.imwrite(folder / "rgb.png", frame.observation.rgb)
    iio.imwrite(folder / "depth.png", depth)
    camera = EpisodeCamera(
        frame.observation.K, frame.observation.T_world_camera, ("rgb.png",), ("depth.png",)
    )
    for kind, words in (
        (TaskKind.PICK_AND_PLACE, "put the red box on the left side of the table"),
        (TaskKind.GRAB, "pick up the red box"),
    ):
        plan = make_trajectory(kind, T, surface[0], place_position=[0.5, 0.25, 0.0])
        keypoints = np.zeros((len(plan), 21, 3))
        episode = Episode(
            kind.name, "bag", "box", (words,), plan, cloud, motions={}, keypoints=keypoints,
            camera=camera,
        )  # fmt: skip
        episode.save(folder)
    return folder


def test_episodes_become_tables(recorded):
    placed, lifted = load_tables(recorded, CONFIG)[::-1]
    for table in (placed, lifted):
        assert [q.phrase for q in table.picks] == ["red box"]
        cells = np.argwhere(table.labels == 1)
        assert 60 < len(cells) < 200  # 94 cells of its top, and its sides
    assert not lifted.places
    (question,) = placed.places
    assert question.clause == CLAUSES["area"].format("left")
    rows, columns = (question.goals[0] - question.center) * CONFIG.pixel
    assert (rows, columns) == pytest.approx((0.0, -0.35), abs=0.012)


def test_fine_tuning_is_one_command(recorded, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("UNIHM_WEIGHTS_DIR", str(tmp_path / "weights"))
    from unihm.config import load_section
    from unihm.weights import save_weights

    trained = Cliport(load_section("tiny", "cliport", CliportConfig))
    save_weights(tmp_path / "weights/tiny/cliport.safetensors", trained, {})
    command = [
        "train", "planner", "--episodes", str(recorded), "--init", "tiny",
        "--set", "cliport.training.steps=2",
        "--work", str(tmp_path / "work"), "--weights", str(tmp_path / "mine"),
    ]  # fmt: skip
    assert main(command) == 0
    assert "pick_right" in capsys.readouterr().out
    assert (tmp_path / "mine/cliport.safetensors").is_file()
    about = json.loads((tmp_path / "mine/cliport.json").read_text())
    assert about["commands"] == [shlex.join(["unihm", *command])]
    assert about["config"]["training"]["steps"] == 2
    assert main([*command, "--set", "generator.hidden=3"]) == 1
    assert "reads the section cliport" in capsys.readouterr().err


def test_a_folder_without_images_is_no_training_data(make_box_episodes, tmp_path):
    make_box_episodes(1, ("xhand",))[0].save(tmp_path)
    with pytest.raises(UnihmError) as error:
        load_tables(tmp_path, CONFIG)
    assert error.value.code == ErrorCode.INVALID_EPISODE


def test_affordances_of_any_image_sum_to_one(three):
    torch.manual_seed(0)
    top = make_heightmap(three.observation, world_points(three.observation))
    seen = Affordances(Cliport(CliportConfig()).eval(), top)
    red, blue = seen.pick("red box", "blue ball")
    for found in (red, blue):
        assert found.shares.sum() + found.absent == pytest.approx(1.0, abs=1e-4)
    assert not np.allclose(red.shares, blue.shares)
    assert seen.place("push left", red.best).shares.sum() == pytest.approx(1.0, abs=1e-4)

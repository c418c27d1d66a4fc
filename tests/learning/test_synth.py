"""Synthesis as a whole: reproducible, resumable, in the frame and with the clouds of perception."""

import json

import numpy as np
import pytest
from unihm.cli.main import main
from unihm.errors import ErrorCode, UnihmError
from unihm.learning.datasets.episode import Episode, load_dataset
from unihm.learning.datasets.instructions import SIZES, make_instructions
from unihm.learning.synthesis.episodes import synthesise
from unihm.learning.synthesis.objects import RECIPES, VESSELS, sample_object
from unihm.learning.synthesis.production import produce
from unihm.learning.synthesis.views import view
from unihm.perception.scene.frames import azimuth, canonical_object_frame
from unihm.sim.shapes import make_shape
from unihm.transforms import apply
from unihm.types import TaskKind


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("synth")
    produce(out, episodes=3, seed=21, workers=1)
    return out


def test_episodes_are_whole_and_lift(folder):
    episodes = list(load_dataset(folder, "all"))
    assert len(episodes) >= 3
    for episode in episodes:
        assert {"human", "xhand", "inspire"} >= set(episode.motions) > {"human"}
        assert len(episode.instructions) == 5
        assert min(episode.info["lifted"].values()) > 0.6
        assert len(episode.vertices) > 0
    summary = json.loads((folder / "synth.json").read_text())
    assert summary["episodes"] == len(episodes)


def test_the_same_seed_gives_the_same_episodes_however_often_interrupted(folder, tmp_path):
    produce(tmp_path, episodes=1, seed=21, workers=1)
    with (tmp_path / "log.jsonl").open("a") as log:
        log.write('{"index": 1, "obj')  # killed while writing
    produce(tmp_path, episodes=3, seed=21, workers=1)
    assert sorted(p.name for p in tmp_path.glob("*.npz")) == sorted(
        p.name for p in folder.glob("*.npz")
    )
    for path in folder.glob("*.npz"):
        one, other = Episode.load(path), Episode.load(tmp_path / path.name)
        np.testing.assert_array_equal(one.cloud.points, other.cloud.points)
        assert one.instructions == other.instructions
        for name, motion in one.motions.items():
            np.testing.assert_allclose(motion.joints, other.motions[name].joints, atol=1e-6)


def test_two_series_are_not_mixed(folder):
    with pytest.raises(UnihmError, match="another series"):
        produce(folder, episodes=10, seed=22, workers=1)


def test_an_unknown_hand_is_one_sentence(tmp_path, capsys):
    words = ["synth", "--episodes", "1", "--out", str(tmp_path / "x"), "--hands", "claw"]
    assert main(words) == 1
    assert "claw" in capsys.readouterr().err


def test_the_object_frame_is_that_of_perception():
    for index in range(20):
        item = sample_object(4, index)
        points = apply(item.T_world_object, item.cloud.points)
        frame = canonical_object_frame(points, azimuth(item.T_world_mesh[:3, 3]))
        np.testing.assert_allclose(frame, item.T_world_object, atol=5e-3)
        assert item.mesh.bounds[0, 2] == pytest.approx(item.table_height, abs=2e-3)
        assert item.mesh.is_watertight
        if item.shape in VESSELS:
            assert item.solid.volume > 1.5 * item.mesh.volume
        else:
            assert item.solid.volume == pytest.approx(item.mesh.volume)


@pytest.mark.parametrize("shape", RECIPES)
def test_every_recipe_makes_its_shape(shape):
    rng = np.random.default_rng(0)
    for _ in range(3):
        surface = make_shape(shape, RECIPES[shape].measures(rng)).surface
        assert surface.is_watertight
        assert surface.extents.max() < 0.3


def test_a_view_is_near_the_truth_and_moves_everything_together(folder):
    episode = next(e for e in load_dataset(folder, "all") if e.views)
    seen = episode.as_seen(episode.views[0])
    assert np.abs(np.ptp(seen.cloud.points, 0) - np.ptp(episode.cloud.points, 0)).max() < 0.03
    assert not np.array_equal(seen.trajectory.T_world_object, episode.trajectory.T_world_object)
    for name, motion in episode.motions.items():
        np.testing.assert_allclose(
            seen.motions[name].T_world_wrist, motion.T_world_wrist, atol=1e-6
        )
    assert len(list(episode.variants())) == 1 + len(episode.views)


def test_a_view_sees_the_side_towards_the_camera():
    item = next(o for o in (sample_object(2, i) for i in range(50)) if o.shape == "box")
    seen = view(item.mesh, item.T_world_object, np.random.default_rng(0))
    assert seen is not None
    world = apply(item.T_world_object @ seen.T_object_view, seen.cloud.points)
    observed = seen.cloud.observed
    assert observed is not None
    assert world[observed, 0].mean() > world[~observed, 0].mean()  # it looks from +x


def test_instructions_differ_and_fit_the_task():
    rng = np.random.default_rng(0)
    grab = make_instructions(TaskKind.GRAB, "mug", "red", "small", rng)
    assert len(set(grab)) == 5
    pushes = make_instructions(TaskKind.PUSH, "box", "blue", "", rng, np.array([0.0, 1.0, 0.0]))
    assert all("to the left" in sentence for sentence in pushes)
    everything = {
        sentence.lower()
        for _ in range(40)
        for sentence in make_instructions(TaskKind.GRAB, "cup", "green", "tall", rng)
    }
    assert len(everything) > 80
    assert any(word in sentence for sentence in everything for word in SIZES["tall"])


def test_synthesis_of_hands_that_are_not_robots():
    episodes = synthesise(21, 0, hands=("human",))
    assert isinstance(episodes, list)
    assert set(episodes[0].motions) == {"human"}


def test_errors_have_the_codes_of_the_project(tmp_path):
    with pytest.raises(UnihmError) as caught:
        produce(tmp_path, episodes=1, hands=("claw",))
    assert caught.value.code is ErrorCode.UNKNOWN_HAND

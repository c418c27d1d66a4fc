"""The episode format: what is written comes back, and what is wrong is said."""

import dataclasses

import numpy as np
import pytest
from unihm.errors import ErrorCode, UnihmError
from unihm.learning.datasets.episode import Episode, EpisodeCamera, is_validation, load_dataset
from unihm.transforms import make_transform
from unihm.types import HandMotion, ObjectCloud, ObjectTrajectory, TaskKind

FRAMES = 8


def make_episode(name: str = "cup-0-grab", object_id: str = "cup-0") -> Episode:
    rng = np.random.default_rng(1)
    rotation = np.linalg.qr(rng.normal(size=(FRAMES, 3, 3)))[0]
    rotation[np.linalg.det(rotation) < 0, :, 0] *= -1
    pose = make_transform(rotation, rng.normal(size=(FRAMES, 3)))
    trajectory = ObjectTrajectory(
        pose, np.arange(FRAMES) // 3, 0.1, TaskKind.GRAB, np.array([0.4, 0, 0.1]), "red cup"
    )
    normals = rng.normal(size=(50, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    return Episode(
        episode_id=name,
        source="synth",
        object_id=object_id,
        instructions=("pick up the red cup", "take the cup"),
        trajectory=trajectory,
        cloud=ObjectCloud(normals * 0.03, normals, 0.9, rng.random(50) < 0.5),
        motions={"xhand": HandMotion("xhand", pose, rng.normal(size=(FRAMES, 12)), trajectory)},
        keypoints=rng.normal(size=(FRAMES, 21, 3)),
        vertices=np.eye(3),
        faces=np.array([[0, 1, 2]]),
        timestamps=np.arange(FRAMES) * 0.1,
        camera=EpisodeCamera(np.eye(3), np.eye(4), ("color_0.jpg",), ("depth_0.png",)),
        info={"mass": 0.2},
    )


def test_an_episode_survives_the_disk(tmp_path):
    episode = make_episode()
    loaded = Episode.load(episode.save(tmp_path))
    assert loaded.instructions == episode.instructions
    assert loaded.trajectory.kind is TaskKind.GRAB
    assert loaded.camera.rgb_files == ("color_0.jpg",)
    assert loaded.info == {"mass": 0.2}
    np.testing.assert_allclose(
        loaded.motions["xhand"].T_object_wrist, episode.motions["xhand"].T_object_wrist, atol=1e-5
    )
    np.testing.assert_allclose(loaded.keypoints, episode.keypoints, atol=1e-6)
    np.testing.assert_array_equal(loaded.cloud.observed, episode.cloud.observed)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"instructions": ()}, "instruction"),
        ({"instructions": (" ",)}, "instruction"),
        ({"motions": {}, "keypoints": None}, "neither"),
        ({"keypoints": np.full((FRAMES, 21, 3), np.nan)}, "keypoints"),
        ({"timestamps": np.zeros(FRAMES)}, "increase"),
        ({"faces": np.array([[0, 1, 3]])}, "face"),
        ({"episode_id": "a/b"}, "name"),
    ],
)
def test_a_contradiction_is_one_sentence(change, words):
    with pytest.raises(UnihmError, match=words) as caught:
        dataclasses.replace(make_episode(), **change)
    assert caught.value.code is ErrorCode.INVALID_EPISODE


def test_a_motion_under_another_hands_name_is_refused():
    motion = make_episode().motions["xhand"]
    with pytest.raises(UnihmError, match="'inspire'"):
        dataclasses.replace(make_episode(), motions={"inspire": motion})


def test_damaged_and_foreign_files_are_refused(tmp_path):
    path = make_episode().save(tmp_path)
    path.write_bytes(path.read_bytes()[:200])
    np.savez(tmp_path / "other.npz", numbers=np.arange(3))
    pickled = tmp_path / "pickled.npz"
    np.savez(pickled, header=np.array([{"format": 1}], dtype=object))
    for file in (path, tmp_path / "other.npz", pickled, tmp_path / "absent.npz"):
        with pytest.raises(UnihmError) as caught:
            Episode.load(file)
        assert caught.value.code is ErrorCode.INVALID_EPISODE


def test_no_object_is_in_both_splits(tmp_path):
    for index in range(30):
        for task in ("grab", "place"):
            make_episode(f"o{index}-{task}", f"o{index}").save(tmp_path / f"part{index % 2}")
    train = load_dataset(tmp_path, "train", validation_share=0.3)
    validation = load_dataset(tmp_path, "validation", validation_share=0.3)
    assert len(train) + len(validation) == 60
    assert 6 <= len(validation) <= 30
    assert not {e.object_id for e in train} & {e.object_id for e in validation}
    assert len(train[:3]) == 3


def test_the_split_depends_on_the_seed_and_keeps_its_share():
    names = [f"object-{i}" for i in range(2000)]
    share = np.mean([is_validation(n, seed=3) for n in names])
    assert abs(share - 0.1) < 0.03
    assert [is_validation(n, 1) for n in names] != [is_validation(n, 2) for n in names]


def test_an_empty_folder_and_an_unknown_split_are_refused(tmp_path):
    with pytest.raises(UnihmError, match="no episodes"):
        load_dataset(tmp_path)
    with pytest.raises(UnihmError, match="train"):
        load_dataset(tmp_path, "test")

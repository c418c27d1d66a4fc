"""Recorded data sets: tiny ones in the real layouts, compared with what was put in."""

import json
import pickle

import numpy as np
import pytest
import torch
import trimesh
import yaml
from unihm.cli.main import main
from unihm.errors import ErrorCode, UnihmError
from unihm.learning.datasets import readers
from unihm.learning.datasets.conversion import convert
from unihm.learning.datasets.episode import load_dataset
from unihm.learning.datasets.plain_pickle import read_plain_pickle
from unihm.learning.datasets.readers import dexycb, oakink
from unihm.learning.datasets.recorded import to_episode
from unihm.robots import load_hand
from unihm.transforms import apply, from_xyz_rpy, invert, to_pose7
from unihm.types import Phase

FRAMES = 45  # at 30 Hz
REST, LIFT_START = 20, 25
SIZE = (0.16, 0.06, 0.21)
T_MASTER_WORLD = from_xyz_rpy([0.1, 0.2, 1.0], [2.2, 0.1, -0.4])  # "apriltag" in the master camera
T_MASTER_CAMERA = from_xyz_rpy([0.5, 0.1, 0.2], [0.1, -0.3, 0.2])


def motion(side="right"):
    """A box that is lifted and a hand that comes, waits and lifts it: world poses, keypoints."""
    times = np.arange(FRAMES)
    lift = np.clip((times - LIFT_START) / (FRAMES - LIFT_START), 0, 1) * 0.2
    T_world_mesh = np.repeat(from_xyz_rpy([0.6, 0.3, 0.105], [0, 0, 0.5])[None], FRAMES, axis=0)
    T_world_mesh[:, 2, 3] += lift
    hand = load_hand("human" if side == "right" else "human_left")
    shape = hand.keypoints(hand.pregrasp_joints)
    T_mesh_wrist = from_xyz_rpy([0, 0, 0], [2.6, 0, 0])
    away = np.clip(1 - times / REST, 0, 1) * 0.25
    keypoints = []
    for k in range(FRAMES):
        T = T_mesh_wrist.copy()
        T[:3, 3] = [0.0, -0.04 - away[k], 0.12]
        keypoints.append(apply(T_world_mesh[k] @ T, shape))
    return T_world_mesh, np.array(keypoints)


def make_dexycb(root, side="right", sequence="20200709_141754"):
    T_world_mesh, keypoints = motion(side)
    T_master_mesh = T_MASTER_WORLD @ T_world_mesh
    serial = "836212060125"
    folder = root / "20200709-subject-01" / sequence
    (folder / serial).mkdir(parents=True)
    meta = {
        "serials": [serial],
        "num_frames": FRAMES,
        "extrinsics": "20200702_151821",
        "mano_calib": ["20200709-subject-01_right"],
        "mano_sides": [side],
        "ycb_ids": [6, 2],
        "ycb_grasp_ind": 1,
    }
    (folder / "meta.yml").write_text(yaml.safe_dump(meta))
    pose = to_pose7(T_master_mesh)
    pose = np.concatenate([pose[:, 3:], pose[:, :3]], axis=1)
    other = np.tile([0, 0, 0, 1.0, 0, 0, 0], (FRAMES, 1))
    np.savez(
        folder / "pose.npz",
        pose_y=np.stack([other, pose], axis=1).astype(np.float32),
        pose_m=np.zeros((FRAMES, 1, 51), np.float32),
    )
    T_camera_world = invert(T_MASTER_CAMERA) @ T_MASTER_WORLD
    for k in range(FRAMES):
        joint = apply(T_camera_world, keypoints[k])[None].astype(np.float32)
        if k < 3:
            joint[:] = -1  # the hand is not in the picture yet
        np.savez(folder / serial / f"labels_{k:06d}.npz", joint_3d=joint)
    calibration = root / "calibration"
    (calibration / "intrinsics").mkdir(parents=True, exist_ok=True)
    color = {"color": {"fx": 600.0, "fy": 601.0, "ppx": 320.0, "ppy": 240.0}}
    (calibration / "intrinsics" / f"{serial}_640x480.yml").write_text(yaml.safe_dump(color))
    (calibration / "extrinsics_20200702_151821").mkdir(exist_ok=True)
    rows = {
        "master": serial,
        "extrinsics": {
            serial: T_MASTER_CAMERA[:3].ravel().tolist(),
            "apriltag": T_MASTER_WORLD[:3].ravel().tolist(),
        },
    }
    path = calibration / "extrinsics_20200702_151821" / "extrinsics.yml"
    path.write_text(yaml.safe_dump(rows))
    model = root / "models" / "003_cracker_box"
    model.mkdir(parents=True, exist_ok=True)
    trimesh.creation.box(SIZE).export(model / "textured_simple.obj")
    return folder


def make_oakink(root):
    T_world_mesh, keypoints = motion()
    T_camera_world = invert(T_MASTER_CAMERA)
    name, stamp, camera = "A01001_0003_0002", "2021-09-26-19-59-58", 2
    anno = root / "image" / "anno"
    for kind in ("hand_j", "obj_transf", "cam_intr", "general_info"):
        (anno / kind).mkdir(parents=True)
    samples = []
    for k in range(FRAMES):
        samples.append([f"{name}/{stamp}", 0, k + 7, camera])
        file = f"{name}__{stamp}__0__{k + 7}__{camera}.pkl"
        arrays = {
            "hand_j": apply(T_camera_world, keypoints[k]).astype(np.float32),
            "obj_transf": (T_camera_world @ T_world_mesh[k]).astype(np.float32),
            "cam_intr": np.array([[600.0, 0, 424], [0, 600, 240], [0, 0, 1]]),
            "general_info": {
                "cam_extr": torch.tensor(T_camera_world, dtype=torch.float32),
                "hand_anno": {"hand_pose": torch.zeros(16, 4)},
            },
        }
        for kind, value in arrays.items():
            (anno / kind / file).write_bytes(pickle.dumps(value))
    samples.append(["A01001_0004_0001_0002/2021-09-27", 0, 1, 0])  # a handover: left out
    (anno / "seq_all.json").write_text(json.dumps(samples))
    (root / "image" / "obj").mkdir()
    box = trimesh.creation.box(SIZE)
    box.apply_translation([0.3, 0.1, 0.0]).export(root / "image" / "obj" / "A01001.obj")


def check(episode):
    """Compare an episode with :func:`motion`."""
    _, keypoints = motion()
    assert len(episode.trajectory) % 4 == 0
    np.testing.assert_allclose(np.sort(np.ptp(episode.vertices, axis=0)), sorted(SIZE), atol=1e-3)
    np.testing.assert_allclose(np.ptp(episode.cloud.points, axis=0), SIZE, atol=4e-3)
    phase = list(episode.trajectory.phase)
    assert phase[0] == Phase.APPROACH
    assert phase[-1] == Phase.HOLD
    assert Phase.GRASP in phase
    risen = episode.trajectory.T_world_object[-1] - episode.trajectory.T_world_object[0]
    assert 0.16 < risen[2, 3] < 0.2
    seen = apply(episode.trajectory.T_world_object[0], episode.keypoints[0])
    nearest = np.abs(keypoints - seen).max(axis=(1, 2)).min()
    assert nearest < 1e-4, "the keypoints of the first frame are those of a recorded one"
    wrist = episode.motions["human"].T_object_wrist[:, :3, 3]
    assert np.linalg.norm(wrist - episode.keypoints[:, 0], axis=1).mean() < 0.03


def test_dexycb(tmp_path):
    folder = make_dexycb(tmp_path)
    assert dexycb.find_sequences(tmp_path) == [folder]
    episode = to_episode(dexycb.read_sequence(folder))
    check(episode)
    assert episode.object_id == "ycb-003_cracker_box"
    assert any("cracker box" in sentence for sentence in episode.instructions)
    assert episode.camera.rgb_files[0].endswith("836212060125/color_000000.jpg")
    # The world is the tag's frame: z is up and the box stands on the table.
    lowest = apply(episode.trajectory.T_world_object[0], episode.vertices)[:, 2].min()
    assert lowest == pytest.approx(0.0, abs=2e-3)


def test_a_left_hand_is_retargeted_to_left_hands(tmp_path):
    episode = to_episode(dexycb.read_sequence(make_dexycb(tmp_path, "left")), hands=("inspire",))
    assert set(episode.motions) == {"inspire_left"}
    assert episode.info["side"] == "left"


def test_oakink(tmp_path):
    make_oakink(tmp_path)
    (sequence,) = oakink.find_sequences(tmp_path)
    assert len(sequence.frames) == FRAMES
    episode = to_episode(oakink.read_sequence(sequence))
    check(episode)
    assert episode.object_id == "oakink-A01001"
    assert episode.camera.rgb_files[0].endswith("north_west_color_7.png")


def test_conversion_goes_on_where_it_stopped_and_says_what_failed(tmp_path, capsys):
    root, out = tmp_path / "in", tmp_path / "out"
    make_dexycb(root)
    broken = make_dexycb(root, sequence="20200709_150000")
    (broken / "pose.npz").unlink()
    summary = convert("dexycb", root, out, workers=1)
    assert summary["episodes"] == 1
    assert "pose.npz" in next(iter(summary["failed"].values()))
    before = [(path, path.stat().st_mtime_ns) for path in out.glob("*.npz")]
    assert main(["data", "convert", "dexycb", str(root), "--out", str(out), "--workers", "1"]) == 0
    assert [(path, path.stat().st_mtime_ns) for path in out.glob("*.npz")] == before
    assert main(["data", "info", str(out)]) == 0
    assert "1 episodes, 1 objects" in capsys.readouterr().out
    assert len(load_dataset(out, "all")) == 1


def test_a_further_data_set_is_one_file(tmp_path, monkeypatch, capsys):
    """A module beside the other readers is all that ``unihm data convert`` asks for."""
    (tmp_path / "readers").mkdir()
    (tmp_path / "readers/boxes.py").write_text(
        """
import numpy as np
import trimesh
from unihm.learning.datasets.recorded import Recording


def find_sequences(root):
    return sorted(root.glob("*.npz"))


def read_sequence(path):
    with np.load(path) as file:
        box = trimesh.creation.box(file["size"])
        times = np.arange(len(file["poses"])) / 30
        return Recording(
            path.stem, "boxes", "box", "box", "right", times, file["poses"], file["keypoints"], box
        )
"""
    )
    monkeypatch.setattr(readers, "__path__", [*readers.__path__, str(tmp_path / "readers")])
    poses, keypoints = motion()
    np.savez(tmp_path / "one.npz", poses=poses, keypoints=keypoints, size=SIZE)
    out = str(tmp_path / "out")
    assert main(["data", "convert", "boxes", str(tmp_path), "--out", out, "--workers", "1"]) == 0
    (episode,) = load_dataset(tmp_path / "out", "all")
    assert episode.source == "boxes"
    assert main(["data", "convert", "spheres", str(tmp_path), "--out", out]) != 0
    assert "No reader for 'spheres'; there are boxes, dexycb, oakink." in capsys.readouterr().err


@pytest.mark.parametrize("reader", [dexycb, oakink])
def test_a_folder_of_something_else_is_refused(tmp_path, reader):
    with pytest.raises(UnihmError) as caught:
        reader.find_sequences(tmp_path)
    assert caught.value.code is ErrorCode.INVALID_EPISODE


def test_too_short_and_broken_recordings_are_refused(tmp_path):
    recording = dexycb.read_sequence(make_dexycb(tmp_path))
    recording.keypoints[10:40] = np.nan
    with pytest.raises(UnihmError, match="lost for"):
        to_episode(recording)
    recording.keypoints[2:] = np.nan
    with pytest.raises(UnihmError, match="only 0 frames"):
        to_episode(recording)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_plain_pickles_are_read_and_nothing_is_executed(tmp_path, protocol):
    path = tmp_path / "file.pkl"
    data = {
        "rows": np.arange(6.0).reshape(2, 3),
        "columns": np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3)),
        "big_endian": np.array([1, 2], ">i4"),
        "tensor": torch.arange(6.0).reshape(2, 3).T,
        "plain": [1, 2.5, "text", None, True, (1, 2), np.float64(3.5)],
    }
    path.write_bytes(pickle.dumps(data, protocol=protocol))
    read = read_plain_pickle(path)
    for key in ("rows", "columns", "big_endian", "tensor"):
        np.testing.assert_array_equal(read[key], np.asarray(data[key]))
    assert read["plain"] == data["plain"]

    class Harmful:
        def __reduce__(self):
            return (tmp_path.joinpath("harm").touch, ())

    path.write_bytes(pickle.dumps(Harmful(), protocol=protocol))
    with pytest.raises(UnihmError, match="refers to"):
        read_plain_pickle(path)
    assert not (tmp_path / "harm").exists()

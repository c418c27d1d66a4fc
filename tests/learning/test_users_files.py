"""Data sets and clouds as users have them: what is bad is named, and the rest goes on."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from test_recorded import make_dexycb
from unihm.cli.main import main
from unihm.errors import ErrorCode, UnihmError
from unihm.files import natural_order, read_arrays, write_arrays, writing
from unihm.learning.datasets.conversion import convert
from unihm.learning.datasets.episode import load_dataset
from unihm.learning.datasets.motion_file import read_cloud

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"


def test_what_failed_is_tried_again(tmp_path: Path) -> None:
    root, out = tmp_path / "data", tmp_path / "out"
    make_dexycb(root)
    model = next(root.glob("models/*/textured_simple.obj"))
    model.rename(tmp_path / "later.obj")
    summary = convert("dexycb", root, out, workers=1)
    assert (summary["episodes"], summary["kept"]) == (0, 0)
    assert all("does not exist" in reason for reason in summary["failed"].values())
    (tmp_path / "later.obj").rename(model)
    summary = convert("dexycb", root, out, workers=1)
    assert summary["failed"] == {}
    assert summary["kept"] == 0
    again = convert("dexycb", root, out, workers=1)
    assert again["kept"] == again["episodes"] == summary["episodes"] > 0


def test_other_options_are_another_conversion(tmp_path: Path) -> None:
    root, out = tmp_path / "data", tmp_path / "out"
    make_dexycb(root)
    convert("dexycb", root, out, workers=1)
    assert convert("dexycb", root, out, ("human", "inspire"), workers=1)["kept"] == 0
    (episode,) = load_dataset(out, "all")
    assert {name.removesuffix("_left") for name in episode.motions} == {"human", "inspire"}
    assert convert("dexycb", root, out, ("human", "inspire"), dt=0.2, workers=1)["kept"] == 0
    next(out.glob("*.npz")).unlink()
    assert convert("dexycb", root, out, ("human", "inspire"), dt=0.2, workers=1)["kept"] == 0


@pytest.mark.parametrize("content", [b"", POINTER, b"PK\x03\x04 cut off"])
def test_a_bad_label_is_named_and_the_rest_goes_on(tmp_path: Path, content: bytes) -> None:
    root = tmp_path / "data"
    make_dexycb(root)
    label = sorted(root.glob("*/*/*/labels_*.npz"))[3]
    label.write_bytes(content)
    (reason,) = convert("dexycb", root, tmp_path / "out", workers=1)["failed"].values()
    assert label.name in reason


def test_labels_of_zeros_are_no_hand(tmp_path: Path) -> None:
    root = tmp_path / "data"
    make_dexycb(root)
    for label in sorted(root.glob("*/*/*/labels_*.npz"))[5:10]:
        arrays = read_arrays(label, ErrorCode.INVALID_EPISODE)
        np.savez(label, **{**arrays, "joint_3d": np.zeros_like(arrays["joint_3d"])})
    assert convert("dexycb", root, tmp_path / "out", workers=1)["failed"] == {}


@pytest.mark.parametrize(
    ("spoil", "sentence"), [(lambda p: 0.0 * p, "object"), (lambda p: 1e3 * p, "in metres")]
)
def test_impossible_poses_of_the_object(tmp_path: Path, spoil, sentence: str) -> None:
    root = tmp_path / "data"
    make_dexycb(root)
    file = next(root.glob("*/*/pose.npz"))
    arrays = read_arrays(file, ErrorCode.INVALID_EPISODE)
    poses = arrays["pose_y"].copy()
    poses[..., 4:] = spoil(poses[..., 4:])
    poses[..., :4] = spoil(poses[..., :4]) if sentence == "object" else poses[..., :4]
    np.savez(file, **{**arrays, "pose_y": poses})
    (reason,) = convert("dexycb", root, tmp_path / "out", workers=1)["failed"].values()
    assert sentence in reason


# ---------------------------------------------------------------- clouds


@pytest.fixture
def points() -> np.ndarray:
    return np.asarray(trimesh.creation.icosphere(radius=0.04).vertices)


def test_every_kind_of_cloud_is_read(tmp_path: Path, points: np.ndarray) -> None:
    import open3d as o3d

    cloud = o3d.geometry.PointCloud(o3d.utility.Vector3dVector(points))
    for suffix in ("ply", "pcd", "xyz"):
        o3d.io.write_point_cloud(str(tmp_path / f"a.{suffix}"), cloud)
    np.savetxt(tmp_path / "a.csv", points, delimiter=",", header="x,y,z", comments="")
    np.save(tmp_path / "a.npy", points)
    np.savez(tmp_path / "a.npz", points=points)
    for path in sorted(tmp_path.iterdir()):
        found = read_cloud(path)
        np.testing.assert_allclose(found.points, points, atol=1e-6, err_msg=path.name)
        outward = (found.normals * points).sum(axis=1) / 0.04
        assert np.median(outward) > 0.9, path.name


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.csv", b"", "is empty"),
        ("a.csv", b"1,2\n3,4\n", "not x, y, z"),
        ("a.csv", b"1,2,3\n3,4,x\n", "line 2 is not numbers"),
        ("a.npy", POINTER, "git lfs pull"),
        ("a.xyz", b"nan 0 0\n0 0 0\n0 1 0\n", "not finite"),
        ("a.las", b"LASF", "kind that is not read"),
    ],
)
def test_what_is_no_cloud(tmp_path: Path, name: str, content: bytes, sentence: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UnihmError, match=sentence) as caught:
        read_cloud(tmp_path / name)
    assert caught.value.code is ErrorCode.INVALID_CLOUD


# ---------------------------------------------------------------- writing


def test_a_file_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.npz"
    write_arrays(path, {"x": np.arange(3)})

    def fill_the_disk() -> None:
        with writing(path) as file:
            file.write(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left") as caught:
        fill_the_disk()
    assert caught.value.filename == str(path)
    np.testing.assert_array_equal(read_arrays(path, ErrorCode.INTERNAL)["x"], np.arange(3))
    assert [p.name for p in path.parent.iterdir()] == ["a.npz"]


def test_what_the_system_says_is_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "data"
    make_dexycb(root)
    (tmp_path / "taken").write_text("a file")
    command = ["data", "convert", "dexycb", str(root), "--workers", "1", "--out"]
    assert main([*command, str(tmp_path / "taken")]) == 1
    assert capsys.readouterr().err.strip().startswith(f"unihm: {tmp_path / 'taken'}: ")
    with pytest.raises(SystemExit):
        main([*command, str(tmp_path / "out"), "--workers", "0"])
    assert "1 or more" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["view", "--still", "--port", "99999"])
    assert "0 to 65535" in capsys.readouterr().err


def test_an_announced_array_is_not_believed(tmp_path: Path) -> None:
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }\n"
    data = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
    (tmp_path / "a.npy").write_bytes(data)
    with pytest.raises(UnihmError, match="the file ends early"):
        read_arrays(tmp_path / "a.npy", ErrorCode.INVALID_EPISODE)


def test_names_sort_as_people_count() -> None:
    names = [Path(f"img_{i}.png") for i in (10, 2, 1, 11)]
    assert [p.name for p in sorted(names, key=natural_order)] == [
        "img_1.png",
        "img_2.png",
        "img_10.png",
        "img_11.png",
    ]


def test_files_that_are_no_episodes_are_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], make_box_episodes: Callable[..., list[Any]]
) -> None:
    for episode in make_box_episodes(2, ("human",)):
        episode.save(tmp_path)
    (tmp_path / "cut.npz").write_bytes(next(tmp_path.glob("box*.npz")).read_bytes()[:200])
    assert main(["data", "info", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "cut.npz" in printed
    assert "2 episodes, 2 objects" in printed
    assert "1 files that are no episodes" in printed

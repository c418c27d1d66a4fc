"""Motion and cloud files, and ``unihm refine`` on them."""

from __future__ import annotations

import json

import numpy as np
import pytest
import trimesh
from refinement_cases import ball_cloud
from unihm.cli.main import main
from unihm.errors import ErrorCode, UnihmError
from unihm.learning.datasets.motion_file import read_cloud, read_motion, write_motion


def test_a_motion_file_comes_back_as_it_was(grasp, tmp_path):
    motion, _ = grasp
    write_motion(tmp_path / "m.npz", motion)
    again = read_motion(tmp_path / "m.npz")
    assert again.hand == motion.hand
    np.testing.assert_array_equal(again.joints, motion.joints)
    np.testing.assert_array_equal(again.T_object_wrist, motion.T_object_wrist)
    np.testing.assert_array_equal(again.trajectory.phase, motion.trajectory.phase)
    assert again.trajectory.dt == motion.trajectory.dt


def test_clouds_from_every_kind_of_file(tmp_path):
    ball = ball_cloud()
    np.savez(tmp_path / "c.npz", points=ball.points, normals=ball.normals)
    np.savez(tmp_path / "bare.npz", points=ball.points)
    trimesh.PointCloud(ball.points).export(tmp_path / "c.ply")
    mesh = trimesh.creation.icosphere(radius=0.03)
    mesh.export(tmp_path / "mesh.stl")
    mesh.export(tmp_path / "mesh.ply")
    for name in ("c.npz", "bare.npz", "c.ply", "mesh.stl", "mesh.ply"):
        cloud = read_cloud(tmp_path / name)
        outward = (cloud.points * cloud.normals).sum(axis=1) / 0.03
        assert outward.mean() > 0.95, name


@pytest.mark.parametrize(
    ("text", "code"), [(b"", ErrorCode.INVALID_MOTION), (b"no zip", ErrorCode.INVALID_MOTION)]
)
def test_unreadable_files(tmp_path, text, code):
    path = tmp_path / "x.npz"
    path.write_bytes(text)
    with pytest.raises(UnihmError) as caught:
        read_motion(path)
    assert caught.value.code == code
    for name in ("x.npz", "missing.ply", "x.stl"):
        (tmp_path / "x.stl").write_bytes(text)
        with pytest.raises(UnihmError) as caught:
            read_cloud(tmp_path / name)
        assert caught.value.code == ErrorCode.INVALID_CLOUD


def test_incomplete_motion_files(tmp_path, grasp):
    motion, _ = grasp
    parts = {"joints": motion.joints, "T_object_wrist": motion.T_object_wrist}
    for missing in ({"joints": motion.joints}, parts, {**parts, "hand": "xhand", "phase": [1, 0]}):
        np.savez(tmp_path / "m.npz", **missing)
        with pytest.raises(UnihmError) as caught:
            read_motion(tmp_path / "m.npz")
        assert caught.value.code == ErrorCode.INVALID_MOTION


def test_refine_writes_motion_report_and_picture(tmp_path, grasp, capsys):
    motion, cloud = grasp
    write_motion(tmp_path / "m.npz", motion)
    np.savez(tmp_path / "c.npz", points=cloud.points, normals=cloud.normals)
    arguments = ["refine", str(tmp_path / "m.npz"), "--cloud", str(tmp_path / "c.npz")]
    assert main(arguments) == 0
    assert "thumb to surface" in capsys.readouterr().out
    refined = read_motion(tmp_path / "m_refined.npz")
    report = json.loads((tmp_path / "m_refined.json").read_text())
    assert len(refined) == report["frames"] == len(motion)
    assert (tmp_path / "m_refined.png").read_bytes().startswith(b"\x89PNG")


def test_refine_says_what_is_wrong(tmp_path, grasp, capsys):
    write_motion(tmp_path / "m.npz", grasp[0])
    ball = ball_cloud()
    np.savez(tmp_path / "c.npz", points=1e3 * ball.points, normals=ball.normals)
    assert main(["refine", str(tmp_path / "m.npz"), "--cloud", str(tmp_path / "c.npz")]) == 1
    assert "INVALID_CLOUD" in capsys.readouterr().err

"""MANO keypoints, on an invented model of the same shapes whose answer is known."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from unihm.errors import UnihmError
from unihm.retargeting.keypoints import FROM_MANO
from unihm.retargeting.mano import TIP_VERTICES, Mano
from unihm.robots import load_hand
from unihm.transforms import FloatArray

PARENTS = np.array([0, 0, 1, 2, 0, 4, 5, 0, 7, 8, 0, 10, 11, 0, 13, 14])


def keypoints_at_rest() -> FloatArray:
    """(21, 3) of the human hand, flat."""
    hand = load_hand("human")
    return hand.keypoints(np.zeros(hand.num_joints))


@pytest.fixture
def model() -> Mano:
    """Every joint is a vertex; a tip belongs to its last joint alone."""
    in_mano_order = np.empty((21, 3))
    in_mano_order[FROM_MANO] = keypoints_at_rest()
    vertices, weights = np.zeros((778, 3)), np.zeros((778, 16))
    regressor = np.zeros((16, 778))
    vertices[:16], vertices[TIP_VERTICES] = in_mano_order[:16], in_mano_order[16:]
    regressor[np.arange(16), np.arange(16)] = 1.0
    weights[TIP_VERTICES, [15, 3, 6, 12, 9]] = 1.0
    return Mano(
        v_template=vertices,
        shapedirs=np.stack([vertices] * 10, axis=-1),
        posedirs=np.zeros((778, 3, 135)),
        J_regressor=regressor,
        weights=weights,
        kintree_table=np.stack([PARENTS, np.arange(16)]),
        hands_mean=np.full(45, 0.1),
        hands_components=np.eye(45),
    )


def test_the_flat_hand_shaped_turned_and_moved(model: Mano) -> None:
    rest, turn = keypoints_at_rest(), np.array([0.3, -0.5, 0.2])
    pose = np.zeros((2, 48))
    pose[1, :3] = turn
    shape = np.zeros(10)
    shape[3] = 0.1  # every direction of this model makes the hand larger
    shift = np.array([[0.0, 0.0, 0.0], [1.0, 2.0, 3.0]])
    first, second = model.keypoints(pose, shape, shift)
    np.testing.assert_allclose(first, 1.1 * rest, atol=1e-12)
    about_wrist = Rotation.from_rotvec(turn).apply(1.1 * (rest - rest[0]))
    np.testing.assert_allclose(second, about_wrist + 1.1 * rest[0] + shift[1], atol=1e-12)


def test_bending_a_joint_moves_what_hangs_on_it_and_keeps_the_bones(model: Mano) -> None:
    rest = model.keypoints(np.zeros((1, 48)), np.zeros(10), np.zeros((1, 3)))[0]
    pose = np.zeros((1, 48))
    pose[0, 3 * 2 : 3 * 3] = [0.0, 0.9, 0.0]  # second joint of the index finger
    bent = model.keypoints(pose, np.zeros(10), np.zeros((1, 3)))[0]
    moved = np.flatnonzero(np.linalg.norm(bent - rest, axis=1) > 1e-9)
    assert moved.tolist() == [7, 8]  # its last joint and its tip
    np.testing.assert_allclose(
        np.linalg.norm(bent[8] - bent[7]), np.linalg.norm(rest[8] - rest[7]), atol=1e-12
    )


def test_components_are_about_the_mean_pose(model: Mano) -> None:
    pose = np.zeros((1, 48))
    pose[0, 3:] = 0.1
    about_mean = model.keypoints(np.zeros((1, 48)), np.zeros(10), np.zeros((1, 3)), components=True)
    direct = model.keypoints(pose, np.zeros(10), np.zeros((1, 3)))
    np.testing.assert_allclose(about_mean, direct, atol=1e-12)


def test_the_file_is_plain_arrays_or_an_error(model: Mano, tmp_path: Path) -> None:
    np.savez(tmp_path / "mano.npz", **dataclasses.asdict(model))
    again = Mano.load(tmp_path / "mano.npz")
    np.testing.assert_array_equal(again.weights, model.weights)
    np.savez(tmp_path / "part.npz", v_template=model.v_template)
    np.savez(tmp_path / "pickled.npz", v_template=np.array([{}], dtype=object))
    (tmp_path / "mano.pkl").write_bytes(b"\x80\x04N.")
    for name in ("part.npz", "pickled.npz", "mano.pkl", "none.npz"):
        with pytest.raises(UnihmError, match="no MANO model"):
            Mano.load(tmp_path / name)

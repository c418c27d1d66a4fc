"""Kinematics of the arm, against finite differences, the manufacturer's figures and itself."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from unihm.errors import ErrorCode, UnihmError
from unihm.robots import load_hand
from unihm.robots.arm import LIMIT_MARGIN, MAX_STEP, Arm
from unihm.transforms import make_transform, minimum_snap

ARM = Arm("fr3")
DOWN = Rotation.from_euler("x", np.pi).as_matrix()


def random_joints(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.uniform(ARM.limits.lower + 0.1, ARM.limits.upper - 0.1)


def test_flange_at_zero_is_the_manufacturers():
    assert ARM.forward(np.zeros(7))[:3, 3] == pytest.approx([0.088, 0.0, 0.926], abs=1e-9)


@given(st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_jacobian_is_the_derivative_of_forward(seed):
    q, step = random_joints(seed), 1e-6
    J = ARM.jacobian(q)
    for joint in range(7):
        moved = q.copy()
        moved[joint] += step
        T, T_moved = ARM.forward(q), ARM.forward(moved)
        linear = (T_moved[:3, 3] - T[:3, 3]) / step
        angular = Rotation.from_matrix(T_moved[:3, :3] @ T[:3, :3].T).as_rotvec() / step
        assert J[:3, joint] == pytest.approx(linear, abs=1e-5)
        assert J[3:, joint] == pytest.approx(angular, abs=1e-5)


@given(st.floats(0.35, 0.65), st.floats(-0.3, 0.3), st.floats(0.2, 0.5), st.floats(-1.2, 1.2))
@settings(max_examples=40, deadline=None)
def test_solve_reaches_the_workspace_within_limits(x, y, z, yaw):
    T = make_transform(Rotation.from_euler("z", yaw).as_matrix() @ DOWN, [x, y, z])
    q = ARM.solve(T, ARM.home)
    assert ARM.forward(q) == pytest.approx(T, abs=2e-3)
    assert (q >= ARM.limits.lower + LIMIT_MARGIN - 1e-9).all()
    assert (q <= ARM.limits.upper - LIMIT_MARGIN + 1e-9).all()
    assert ARM.lowest_point(q) > 0.0


def test_solve_stays_where_it_is():
    q = ARM.solve(ARM.forward(ARM.home), ARM.home)
    assert q == pytest.approx(ARM.home, abs=1e-6)


def test_far_away_is_unreachable_and_says_where():
    with pytest.raises(UnihmError, match=r"x 1\.20.*1\.20 m from its base") as caught:
        ARM.solve(make_transform(DOWN, [1.2, 0.0, 0.3]), ARM.home)
    assert caught.value.code == ErrorCode.UNREACHABLE


def test_a_pose_with_the_wrist_in_the_table_is_refused():
    T = make_transform(DOWN, [0.5, 0.0, -0.02])
    ARM.solve(T, ARM.home, table_height=None)
    with pytest.raises(UnihmError) as caught:
        ARM.solve(T, ARM.home)
    assert caught.value.code == ErrorCode.UNREACHABLE


@pytest.mark.parametrize("hand_name", ["xhand", "inspire"])
def test_a_path_is_followed_continuously(hand_name):
    hand = load_hand(hand_name)
    fractions = minimum_snap(np.linspace(0, 1, 40))
    flange = np.tile(make_transform(DOWN, [0.5, 0.1, 0.45]), (80, 1, 1))
    flange[:40, 2, 3] -= 0.15 * fractions
    flange[40:, 2, 3] += -0.15 + 0.15 * fractions
    path = ARM.solve_path(flange @ hand.T_flange_wrist, hand, ARM.home)
    assert path.shape == (80, 7)
    assert np.abs(np.diff(path, axis=0)).max() < MAX_STEP / 2
    for q, T in zip(path, flange):
        assert ARM.forward(q) == pytest.approx(T, abs=2e-3)


def test_track_starts_exactly_where_it_is_told():
    hand = load_hand("xhand")
    T = np.tile(ARM.forward(ARM.home) @ hand.T_flange_wrist, (10, 1, 1))
    T[:, 2, 3] -= np.linspace(0, 0.1, 10)
    assert ARM.track(T, hand, ARM.home)[0] == pytest.approx(ARM.home)


def test_an_arm_file_that_does_not_fit_its_urdf(tmp_path, monkeypatch):
    (tmp_path / "hands").mkdir()
    robots = tmp_path / "robots"
    robots.mkdir()
    from unihm.paths import config_dir

    robots.joinpath("fr3.urdf").write_text((config_dir() / "robots/fr3.urdf").read_text())
    robots.joinpath("odd.yaml").write_text(
        "urdf: fr3.urdf\nflange: nowhere\nhome: [0]\nacceleration: [1]\njerk: [1]\n"
    )
    monkeypatch.setenv("UNIHM_CONFIG_DIR", str(tmp_path))
    with pytest.raises(UnihmError, match="nowhere") as caught:
        Arm("odd")
    assert caught.value.code == ErrorCode.INVALID_CONFIG

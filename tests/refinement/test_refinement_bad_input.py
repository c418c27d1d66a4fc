"""Every bad cloud, motion and setting is one typed error with one sentence."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from refinement_cases import ball_cloud, box_cloud, disturbed, grasp_of_ball
from unihm.config import from_mapping
from unihm.errors import ErrorCode, UnihmError
from unihm.refinement import RefinementConfig, check_cloud, estimate_normals, refine, refine_batch
from unihm.robots import load_hand
from unihm.types import HandMotion, ObjectCloud, ObjectTrajectory


def refused(code, call, *args, **kwargs):
    with pytest.raises(UnihmError) as caught:
        call(*args, **kwargs)
    assert caught.value.code == code
    assert caught.value.message.endswith(".")
    return caught.value.message


def cloud_of(change):
    ball = ball_cloud()
    return change(ball.points, ball.normals)


CLOUDS = {
    "empty": lambda p, n: ObjectCloud(p[:0], n[:0]),
    "one point": lambda p, n: ObjectCloud(p[:1], n[:1]),
    "few points": lambda p, n: ObjectCloud(p[:5], n[:5]),
    "one place": lambda p, n: ObjectCloud(np.zeros_like(p), n),
    "no normals": lambda p, n: ObjectCloud(p, np.zeros_like(n)),
    "normals not unit": lambda p, n: ObjectCloud(p, 2.0 * n),
    "NaN": lambda p, n: ObjectCloud(np.where(p > 0.02, np.nan, p), n),
    "infinite normal": lambda p, n: ObjectCloud(p, np.where(n > 0.9, np.inf, n)),
    "millimetres": lambda p, n: ObjectCloud(1e3 * p, n),
    "inside out": lambda p, n: ObjectCloud(p, -n),
    "shapes differ": lambda p, n: ObjectCloud(p, n[:-1]),
}


@pytest.mark.parametrize("name", CLOUDS)
def test_bad_clouds(name, grasp):
    motion, _ = grasp
    refused(ErrorCode.INVALID_CLOUD, lambda: refine(motion, cloud_of(CLOUDS[name])))


def test_inside_out_box_and_open_surfaces():
    box = box_cloud()
    check_cloud(box)
    refused(ErrorCode.INVALID_CLOUD, check_cloud, ObjectCloud(box.points, -box.normals))
    seen = box.normals[:, 2] > 0.5  # one face: which side is out cannot be told, so it is accepted
    check_cloud(ObjectCloud(box.points[seen], box.normals[seen]))


def changed(motion, **parts):
    return HandMotion(
        **{
            "hand": motion.hand,
            "T_object_wrist": motion.T_object_wrist,
            "joints": motion.joints,
            "trajectory": motion.trajectory,
            **parts,
        }
    )


def shortened(trajectory, frames):
    return ObjectTrajectory(
        trajectory.T_world_object[:frames],
        trajectory.phase[:frames],
        trajectory.dt,
        trajectory.kind,
        trajectory.pick_point,
    )


def with_nan(array):
    array = array.copy()
    array[3, 0] = np.nan
    return array


MOTIONS = {
    "NaN joints": lambda m: changed(m, joints=with_nan(m.joints)),
    "NaN wrist": lambda m: changed(m, T_object_wrist=with_nan(m.T_object_wrist)),
    "out of limits": lambda m: changed(m, joints=m.joints + 3.0),
    "too few joints": lambda m: changed(m, joints=m.joints[:, :-1]),
    "one frame": lambda m: changed(
        m,
        joints=m.joints[:1],
        T_object_wrist=m.T_object_wrist[:1],
        trajectory=shortened(m.trajectory, 1),
    ),
    "shorter trajectory": lambda m: changed(m, trajectory=shortened(m.trajectory, 7)),
    "not rigid": lambda m: changed(m, T_object_wrist=1.5 * m.T_object_wrist),
}


@pytest.mark.parametrize("name", MOTIONS)
def test_bad_motions(name, grasp):
    motion, cloud = grasp
    refused(ErrorCode.INVALID_MOTION, lambda: refine(MOTIONS[name](motion), cloud))


def test_a_joint_a_hair_beyond_its_limit_is_put_back(xhand, grasp):
    motion, cloud = grasp
    joints = motion.joints.copy()
    joints[:, 3] = xhand.upper[3] + 0.005
    refined, report = refine(changed(motion, joints=joints), cloud)
    assert report.before.limit_margin == pytest.approx(-0.005)
    assert report.after.limit_margin >= 0
    assert (refined.joints[:, 3] <= xhand.upper[3]).all()


def test_unknown_hand_and_mixed_hands(grasp):
    motion, cloud = grasp
    refused(ErrorCode.UNKNOWN_HAND, refine, changed(motion, hand="tentacle"), cloud)
    other, _ = grasp_of_ball(load_hand("inspire"))
    refused(ErrorCode.INVALID_MOTION, refine_batch, [motion, other], [cloud])
    refused(ErrorCode.INVALID_MOTION, refine_batch, [motion] * 3, [cloud] * 2)
    refused(ErrorCode.INVALID_MOTION, refine_batch, [], [cloud])


@pytest.mark.parametrize(
    "setting",
    [
        {"joint_prior": 0.0},  # W_gen would be singular
        {"wrist_position_prior": -1.0},
        {"wrist_rotation_prior": float("nan")},
        {"alpha": 0.0},
        {"k": float("inf")},
        {"contact_weight": -1.0},
        {"schedule": "sometimes"},
        {"iterations": 0},
        {"velocity_of": "wheels"},
        {"no_such_setting": 1.0},
    ],
)
def test_bad_settings(setting):
    refused(ErrorCode.INVALID_CONFIG, from_mapping, RefinementConfig, setting)


@pytest.mark.parametrize("matrix", ["singular", "indefinite", "unsymmetric", "small", "nan"])
def test_bad_weight_matrices(matrix, xhand, grasp):
    size = 6 + xhand.num_joints
    W = np.eye(size)
    if matrix == "singular":
        W[4, 4] = 0.0
    elif matrix == "indefinite":
        W[4, 4] = -1.0
    elif matrix == "unsymmetric":
        W[0, 1] = 0.5
    elif matrix == "small":
        W = W[:-1, :-1]
    else:
        W[2, 2] = np.nan
    refused(ErrorCode.INVALID_CONFIG, refine, *grasp, W_gen=W)


def test_a_full_weight_matrix_is_used(xhand, grasp):
    size = 6 + xhand.num_joints
    stiff = np.diag([1e7] * 6 + [1e-3] * xhand.num_joints)
    config = RefinementConfig.paper(velocity_prior=0.0, acceleration_prior=0.0)
    motion, cloud = grasp
    loose, _ = refine(motion, cloud, config)
    held, _ = refine(motion, cloud, config, W_gen=stiff)
    start = motion.T_object_wrist[:, :3, 3]
    assert stiff.shape == (size, size)
    assert np.abs(held.T_object_wrist[:, :3, 3] - start).max() < 1e-5
    assert np.abs(loose.T_object_wrist[:, :3, 3] - start).max() > 1e-3


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 2**32 - 1),
    log_shift=st.floats(-4, 1),
    log_bend=st.floats(-4, 1),
    points=st.integers(1, 300),
    scale=st.sampled_from([1e-6, 1e-3, 1.0, 1.0, 1.0, 1e3]),
    flip=st.booleans(),
    paper=st.booleans(),
)
def test_any_input_gives_finite_joints_within_limits_or_one_typed_error(
    seed, log_shift, log_bend, points, scale, flip, paper
):
    rng = np.random.default_rng(seed)
    hand = load_hand("xhand")
    motion, radius = grasp_of_ball(hand, approach=2, grasp=2, hold=2)
    motion = disturbed(motion, hand, rng, 10.0**log_shift, 10.0**log_bend, 10.0**log_bend)
    normals = rng.normal(size=(points, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    config = RefinementConfig.paper() if paper else RefinementConfig()
    refusal = None
    try:
        cloud = ObjectCloud(scale * radius * normals, -normals if flip else normals)
        refined, report = refine(motion, cloud, dataclasses.replace(config, grasp_iterations=5))
    except UnihmError as error:
        refusal = error.code
    if refusal is not None:
        assert refusal == ErrorCode.INVALID_CLOUD
        assert scale != 1.0 or points < 100 or flip
        return
    assert np.isfinite(refined.joints).all()
    assert (refined.joints >= hand.lower).all()
    assert (refined.joints <= hand.upper).all()
    assert report.after.total_energy <= report.before.total_energy


FAULTS = {
    **{f"cloud: {name}": ErrorCode.INVALID_CLOUD for name in CLOUDS},
    **{f"motion: {name}": ErrorCode.INVALID_MOTION for name in MOTIONS},
    "singular weights": ErrorCode.INVALID_CONFIG,
    "none": None,
}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    fault=st.sampled_from(sorted(FAULTS)),
    seed=st.integers(0, 2**32 - 1),
    frames=st.tuples(*[st.integers(0, 4)] * 5),
    points=st.integers(200, 500),
    bend=st.floats(0.0, 0.5),
    name=st.sampled_from(["xhand", "shadow", "panda_gripper"]),
)
def test_every_fault_is_its_typed_error_on_any_motion(fault, seed, frames, points, bend, name):
    rng, hand = np.random.default_rng(seed), load_hand(name)
    timing = dict(zip(("approach", "grasp", "hold", "release", "retreat"), frames))
    timing["approach"] += 8  # what shortens or spoils a motion needs some frames
    motion, radius = grasp_of_ball(hand, **timing)
    motion, cloud = disturbed(motion, hand, rng, bend / 10, bend), ball_cloud(radius, points, seed)
    W = np.eye(6 + hand.num_joints)

    def attempt():
        spoilt, other = motion, cloud
        if fault.startswith("cloud"):
            other = CLOUDS[fault.removeprefix("cloud: ")](2.0 * cloud.points, cloud.normals)
        if fault.startswith("motion"):
            spoilt = MOTIONS[fault.removeprefix("motion: ")](motion)
        if fault == "singular weights":
            W[0, 0] = 0.0
        return refine(spoilt, other, hand=hand, W_gen=W if fault == "singular weights" else None)

    if FAULTS[fault] is not None:
        refused(FAULTS[fault], attempt)
        return
    refined, report = attempt()
    assert np.isfinite(refined.joints).all()
    assert np.isfinite(refined.T_object_wrist).all()
    assert report.after.limit_margin >= 0
    assert report.after.total_energy <= report.before.total_energy


@pytest.mark.parametrize("shape", ["ball", "box"])
def test_estimated_normals_point_outward(shape):
    cloud = ball_cloud(count=2048) if shape == "ball" else box_cloud()
    estimated = estimate_normals(cloud.points)
    agreement = (estimated * cloud.normals).sum(axis=1)
    assert (agreement > 0).mean() > 0.99
    assert np.median(agreement) > 0.99


def test_estimated_normals_of_a_partial_cloud_face_the_camera():
    cloud = ball_cloud(count=2048)
    camera = np.array([0.3, 0.1, 0.4])
    seen = (cloud.normals @ camera) > 0.05
    estimated = estimate_normals(cloud.points[seen], camera)
    agreement = (estimated * cloud.normals[seen]).sum(axis=1)
    assert agreement.min() > 0.7
    refused(ErrorCode.INVALID_CLOUD, estimate_normals, cloud.points[:3])
    refused(ErrorCode.INVALID_CLOUD, estimate_normals, np.full((50, 3), np.nan))


def test_a_hold_that_wanders_is_refused_where_asked(grasp):
    motion, _ = grasp
    cloud = ball_cloud(0.03)
    T = motion.T_object_wrist.copy()
    held = np.flatnonzero(motion.trajectory.phase == 2)
    T[held, 0, 3] += np.linspace(-0.04, 0.04, len(held))
    strict = RefinementConfig(hold_slide=0.025)
    message = refused(
        ErrorCode.INVALID_MOTION, refine, changed(motion, T_object_wrist=T), cloud, strict
    )
    assert "4.0 cm" in message
    refine(motion, cloud, strict)

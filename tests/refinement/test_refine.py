"""What a refined motion is, against what came in."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import pytest
from refinement_cases import ball_cloud, box_cloud, disturbed, grasp_of_ball
from scipy.optimize import minimize
from unihm.config import load_section
from unihm.errors import UnihmError
from unihm.refinement import RefinementConfig, refine, refine_batch, register_term
from unihm.refinement.chain import chain_of
from unihm.robots import load_hand
from unihm.types import HandMotion, ObjectCloud, Phase

HANDS = ("xhand", "shadow", "inspire", "allegro", "panda_gripper", "human")


def surface_distance(hand, motion, radius):
    """Distance (T, F) of the pads' spheres from a ball about the origin, from the hand file."""
    found = []
    for T, q in zip(motion.T_object_wrist, motion.joints):
        points, normals = hand.fingertips(q)
        size = np.array([tip.pad_radius for tip in hand.spec.fingertips])
        centres = points - size[:, None] * normals
        found.append(np.linalg.norm(centres @ T[:3, :3].T + T[:3, 3], axis=1) - radius - size)
    return np.array(found)


@pytest.mark.parametrize("name", HANDS)
def test_pads_touch_from_the_end_of_grasp_to_the_end_of_hold(name, rng):
    hand = load_hand(name)
    motion, radius = grasp_of_ball(hand)
    noisy = disturbed(motion, hand, rng)
    refined, report = refine(noisy, ball_cloud(radius, 2048), hand=hand)
    phase = motion.trajectory.phase
    touching = (phase == Phase.HOLD) | (np.arange(len(phase)) == 11)
    distance = surface_distance(hand, refined, radius)[touching]
    taking_part = [hand.finger_names.index(finger) for finger in report.fingers]
    assert "thumb" in report.fingers
    assert len(taking_part) >= 2
    assert np.abs(distance[:, taking_part]).max() < 0.002
    assert report.after.total_energy <= report.before.total_energy
    assert report.after.limit_margin >= 0


def test_hold_is_one_grasp_and_open_frames_stay_open(grasp):
    motion, cloud = grasp
    refined, report = refine(motion, cloud)
    hold = motion.trajectory.phase == Phase.HOLD
    assert np.ptp(refined.joints[hold], axis=0).max() == 0
    assert np.ptp(refined.T_object_wrist[hold], axis=0).max() == 0
    # The first frame is where the robot is now: it must not be asked to jump.
    assert np.abs(refined.joints[0] - motion.joints[0]).max() < 0.02
    assert report.joint_change < 0.15


def test_motion_does_not_accelerate_more_than_before(xhand, rng):
    motion, radius = grasp_of_ball(xhand, approach=12, grasp=8, hold=10, release=8, retreat=8)
    noisy = disturbed(motion, xhand, rng, shift=0.008, joints=0.08)
    refined, report = refine(noisy, ball_cloud(radius))
    assert report.after.acceleration_max <= report.before.acceleration_max * (1 + 1e-9)
    again = np.abs(np.diff(refined.joints, 2, axis=0)).max() / 0.01
    assert again == pytest.approx(report.after.acceleration_max)


def test_a_finger_that_cannot_reach_keeps_its_prior(xhand, grasp):
    motion, cloud = grasp
    away = motion.joints.copy()
    little = [i for i, name in enumerate(xhand.joint_names) if "pinky" in name]
    away[:, little] = xhand.lower[little]  # stretched, centimetres from the ball
    stretched = HandMotion(motion.hand, motion.T_object_wrist, away, motion.trajectory)
    refined, report = refine(stretched, cloud)
    assert "little" not in report.fingers
    hold = motion.trajectory.phase == Phase.HOLD
    assert np.abs(refined.joints[hold][:, little] - away[hold][:, little]).max() < 0.02
    distance = report.after.contact_distance
    assert max(distance[finger] for finger in report.fingers) < 0.002


def test_penetration_of_links_is_removed(xhand, rng):
    motion, radius = grasp_of_ball(xhand)
    cloud = ball_cloud(radius + 0.006)  # larger than the hand closed for
    _, report = refine(disturbed(motion, xhand, rng, 0.0, 0.0), cloud)
    assert report.before.penetration_max > 0.004
    assert report.after.penetration_max < 0.2 * report.before.penetration_max


def test_thumb_opposes_the_fingers(xhand):
    """A ball's grasp laid on a cube: with the term more of them hold, and none holds worse."""
    motion, _ = grasp_of_ball(xhand)
    cloud = box_cloud((0.06, 0.06, 0.06))
    noisy = [disturbed(motion, xhand, np.random.default_rng(seed)) for seed in range(8)]
    _, with_term = refine_batch(noisy, [cloud])
    _, without = refine_batch(noisy, [cloud], RefinementConfig(opposition_weight=0.0))
    forces, loose = ([r.grasp.normal_force for r in reports] for reports in (with_term, without))
    assert np.isfinite(forces).sum() >= np.isfinite(loose).sum() + 3
    assert all(one <= other for one, other in zip(forces, loose))


def test_contact_forces_carry_the_object(grasp):
    _, report = refine(*grasp)
    forces = report.grasp.forces
    assert np.linalg.norm(forces.sum(axis=0)) == pytest.approx(0.3 * 9.81, rel=0.1)
    inward = -(forces * report.grasp.normals).sum(axis=1)
    tangential = np.linalg.norm(forces + inward[:, None] * report.grasp.normals, axis=1)
    assert (inward >= -1e-9).all()
    assert (tangential <= 0.5 * inward + 1e-9).all()


def test_velocity_and_acceleration_bounds_are_hard(xhand, grasp):
    motion, cloud = grasp
    config = RefinementConfig(
        schedule="always", reach=1.0, touch=1.0, velocity_limit=1.5, acceleration_limit=40.0
    )
    refined, _ = refine(motion, cloud, config)
    first = np.abs(np.diff(refined.joints, axis=0)) / 0.1
    assert first.max() <= 1.5 + 1e-9


def test_paper_preset_is_algorithm_1(xhand, rng):
    """Every frame is a minimum of equations 11 to 16: scipy finds none lower next to it.

    The surface is a plane, on which equation 11 is the same whatever point is the nearest.
    """
    motion, _ = grasp_of_ball(xhand, approach=2, grasp=2, hold=2)
    motion = disturbed(motion, xhand, rng)
    plane = np.column_stack([rng.uniform(-0.3, 0.3, (400, 2)), np.full(400, 0.01)])
    cloud = ObjectCloud(plane, np.tile([0.0, 0.0, 1.0], (400, 1)))
    config = RefinementConfig.paper(k=300.0, iterations=100, tolerance=1e-12)
    refined, _ = refine(motion, cloud, config)
    chain = chain_of(xhand)
    R = motion.T_object_wrist[3, :3, :3]
    generated = chain.coordinates(motion.T_object_wrist, motion.joints, R)
    found = chain.coordinates(refined.T_object_wrist, refined.joints, R)
    size = chain.pads.radius

    def energy(y, generated, before, before2):
        T, joints = chain.wrist_and_joints(y[None], R)
        points, normals = xhand.fingertips(joints[0])
        heights = (points - size[:, None] * normals) @ T[0, 2, :3] + T[0, 2, 3]
        d = heights - 0.01 - size
        k = config.k
        f = np.where(d >= 0, d**2 / 2, (np.exp(-k * np.clip(d, -0.1, 0)) + k * d - 1) / k**2)
        total = config.contact_weight * f.sum() + 0.5 * ((y - generated) ** 2).sum()
        total += config.velocity_prior * 0.5 * ((y - before) ** 2).sum()
        return total + config.acceleration_prior * 0.5 * ((y - 2 * before + before2) ** 2).sum()

    before = before2 = generated[0]
    for t in range(len(motion)):
        best = minimize(
            energy,
            found[t],
            args=(generated[t], before, before2),
            method="L-BFGS-B",
            bounds=[(None, None)] * 6 + list(zip(xhand.lower, xhand.upper)),
            options={"maxiter": 5000, "ftol": 1e-15, "gtol": 1e-9, "maxfun": 100000},
        )
        assert energy(found[t], generated[t], before, before2) <= best.fun * (1 + 1e-6) + 1e-12
        before, before2 = found[t], before


def test_batches_agree_with_single_motions(xhand, rng):
    motions, clouds = [], []
    for i in range(4):
        motion, radius = grasp_of_ball(xhand, approach=4 + i, hold=5)
        motions.append(disturbed(motion, xhand, rng))
        clouds.append(ball_cloud(radius + 0.002 * i, 512 + 100 * i, seed=i))
    for config in (RefinementConfig(), RefinementConfig.paper()):
        singles = [refine(m, c, config) for m, c in zip(motions, clouds)]
        for device in (None, "cpu"):
            together, reports = refine_batch(motions, clouds, config, device=device)
            for (single, report), many, other in zip(singles, together, reports):
                assert len(single) == len(many)
                np.testing.assert_allclose(many.joints, single.joints, atol=1e-5)
                np.testing.assert_allclose(many.T_object_wrist, single.T_object_wrist, atol=1e-5)
                assert other.fingers == report.fingers
                assert other.after.total_energy == pytest.approx(report.after.total_energy, 1e-4)


def test_a_gpu_gives_the_same(xhand, rng):
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("there is no CUDA device on this machine")
    motions = [disturbed(grasp_of_ball(xhand)[0], xhand, rng) for _ in range(3)]
    cloud = ball_cloud(0.032)
    for config in (RefinementConfig(), RefinementConfig.paper()):
        ours, _ = refine_batch(motions, [cloud], config)
        theirs, _ = refine_batch(motions, [cloud], config, device="cuda")
        for one, other in zip(ours, theirs):
            np.testing.assert_allclose(one.joints, other.joints, atol=1e-5)


def test_one_cloud_serves_many_hypotheses(xhand, rng):
    motion, radius = grasp_of_ball(xhand)
    cloud = ball_cloud(radius)
    hypotheses = [disturbed(motion, xhand, rng) for _ in range(20)]  # enough for the remembered
    together, _ = refine_batch(hypotheses, [cloud], reports=False)  # candidates to be used
    for i in (0, 7, 19):
        single, _ = refine(hypotheses[i], cloud)
        np.testing.assert_allclose(together[i].joints, single.joints, atol=1e-5)


@dataclass
class WristHeight:
    """A user's own term: the wrist at a height in the object frame, r = weight (z - height)."""

    height: float
    weight: float

    def __call__(self, state):
        J = state.arrays.ops.zeros(*state.y.shape)
        J[:, 2] = self.weight
        return self.weight * (state.y[:, 2:3] - self.height), J[:, None]


@pytest.mark.parametrize("device", [None, "cpu"])
def test_a_term_of_ones_own_joins_in(grasp, device):
    motion, cloud = grasp
    height = float(motion.T_object_wrist[-1, 2, 3]) + 0.01
    plain, _ = refine(motion, cloud)
    moved, reports = refine_batch(
        [motion], [cloud], device=device, terms=[WristHeight(height, 3e3)]
    )
    hold = motion.trajectory.phase == Phase.HOLD
    z = [m.T_object_wrist[hold, 2, 3].mean() for m in (plain, moved[0])]
    assert abs(z[1] - height) < 0.002 < abs(z[0] - height)
    report = reports[0]
    assert report.after.energy["WristHeight"] < report.before.energy["WristHeight"]
    assert report.after.total_energy <= report.before.total_energy


def test_a_registered_term_is_had_by_name(grasp):
    motion, cloud = grasp
    height = float(motion.T_object_wrist[-1, 2, 3]) + 0.01
    register_term("wrist_height")(lambda weight: WristHeight(height, weight**0.5))
    moved, report = refine(motion, cloud, RefinementConfig(terms={"wrist_height": 9e6}))
    hold = motion.trajectory.phase == Phase.HOLD
    assert abs(moved.T_object_wrist[hold, 2, 3].mean() - height) < 0.002
    assert report.after.energy["wrist_height"] < report.before.energy["wrist_height"]
    with pytest.raises(UnihmError, match="No refinement term is registered as 'height'"):
        refine(motion, cloud, RefinementConfig(terms={"height": 1.0}))
    with pytest.raises(UnihmError, match="cannot be imported"):
        refine(motion, cloud, RefinementConfig(terms={"no_such_module:height": 1.0}))


def test_report_is_plain_data(grasp):
    _, report = refine(*grasp)
    text = json.dumps(report.to_dict())
    assert json.loads(text)["frames"] == 20


@pytest.mark.slow
def test_never_worse_and_always_finite(xhand):
    """1,000 random cases: any pose, any noise, motions inside and far from the object."""
    rng = np.random.default_rng(0)
    motion, radius = grasp_of_ball(xhand, approach=3, grasp=3, hold=3)
    clouds = [ball_cloud(radius, 256), box_cloud((0.06, 0.05, 0.07), 256), ball_cloud(0.05, 256, 1)]
    for start in range(0, 1000, 50):
        motions, chosen = [], []
        for i in range(start, start + 50):
            scale = 10.0 ** rng.uniform(-3, 0.5)
            motions.append(disturbed(motion, xhand, rng, 0.05 * scale, scale, 0.2 * scale))
            chosen.append(clouds[i % 3])
        config = (RefinementConfig(), RefinementConfig.paper())[start // 50 % 2]
        refined, reports = refine_batch(motions, chosen, config)
        for after, report in zip(refined, reports):
            assert np.isfinite(after.joints).all()
            assert np.isfinite(after.T_object_wrist).all()
            assert np.isfinite(report.after.total_energy)
            assert report.after.total_energy <= report.before.total_energy
            assert report.after.limit_margin >= -1e-12


def test_presets_are_what_the_code_says():
    assert load_section("paper", "refinement", RefinementConfig) == RefinementConfig.paper()
    ours = RefinementConfig(hold_slide=0.025)
    assert load_section("tiny", "refinement", RefinementConfig) == ours

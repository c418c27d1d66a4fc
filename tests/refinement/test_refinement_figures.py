"""The figures of the refinement, small: against the baseline, against noise, on episodes."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from refinement_cases import ball_cloud, disturbed, grasp_of_ball
from unihm.cli.main import main
from unihm.evaluation.noise import KERNELS, EuclideanContact, refine_grasp, spoil
from unihm.evaluation.refine import measure_never_worse, measure_quality
from unihm.evaluation.refine_baseline import refine_as_research_code
from unihm.evaluation.refine_cases import Case
from unihm.refinement import RefinementConfig, refine
from unihm.refinement.backend import backend_for
from unihm.refinement.batch import Batch
from unihm.refinement.chain import chain_of
from unihm.refinement.measure import energy_of


@pytest.fixture
def case(grasp):
    motion, cloud = grasp
    return Case("ball", motion, cloud)


def test_the_baseline_is_the_same_algorithm(xhand, grasp):
    """From the same start, without warm start, both arrive at the same motion."""
    motion, cloud = grasp
    config = RefinementConfig.paper(tolerance=0.0)
    ours, _ = refine(motion, cloud, config)
    theirs = refine_as_research_code(motion, cloud, xhand, config)
    assert np.median(np.abs(ours.joints - theirs.joints)) < 1e-5
    warm, _ = refine(motion, cloud, dataclasses.replace(config, warm_start=True))
    energies = [energy_of(m, motion, cloud, xhand, config) for m in (warm, ours, theirs)]
    assert energies[0] <= min(energies[1:]) * 1.001


def test_euclidean_jacobian(xhand, case):
    batch = Batch(chain_of(xhand), [case.motion], [case.cloud], RefinementConfig(neighbours=1))
    probes = batch.at(np.arange(5)[None])
    term = EuclideanContact(np.full((1, 5), 2.0), batch.surface)
    y = batch.y[:, 8]

    def state(y):
        from unihm.refinement.terms import State

        links, screws = batch.arrays.forward(y, batch.R_reference)
        x = batch.arrays.points(links, probes)
        return State(batch.arrays, y, links, screws, probes, x, np.zeros_like(x), x[..., 0])

    _, jacobian = term(state(y))
    for i in range(y.shape[1]):
        step = 1e-7 * np.eye(y.shape[1])[i]
        change = term(state(y + step))[0] - term(state(y - step))[0]
        np.testing.assert_allclose(jacobian[..., i], change / 2e-7, atol=1e-5)


def test_spoilt_clouds_are_as_spoilt_as_asked():
    cloud = ball_cloud(count=2000)
    rng = np.random.default_rng(1)  # not that of the ball's points
    noisy = spoil(cloud, rng, noise=0.004)
    assert np.std(np.linalg.norm(noisy.points, axis=1)) == pytest.approx(0.004, rel=0.1)
    holed = spoil(cloud, rng, holes=0.3)
    assert 0.5 < len(holed.points) / 2000 <= 0.7
    scattered = spoil(cloud, rng, outliers=0.1)
    away = np.abs(np.linalg.norm(scattered.points, axis=1) - 0.03) > 1e-9
    assert away.mean() == pytest.approx(0.1, abs=0.005)


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_clean_cloud_is_touched_by_every_kernel(xhand, case, kernel):
    outcome = refine_grasp(xhand, case, case.cloud, kernel)
    assert np.abs(outcome.error).mean() < 0.0015


def test_our_kernel_stands_outliers_better_than_the_euclidean_distance(xhand, rng):
    errors = {kernel: [] for kernel in ("default", "euclidean")}
    for seed in range(8):
        motion, radius = grasp_of_ball(xhand)
        case = Case("ball", disturbed(motion, xhand, rng), ball_cloud(radius, 2048))
        spoilt = spoil(case.cloud, np.random.default_rng(seed), outliers=0.1)
        for kernel, found in errors.items():
            found.append(np.abs(refine_grasp(xhand, case, spoilt, kernel).error).mean())
    assert np.mean(errors["default"]) < np.mean(errors["euclidean"])


def test_quality_and_guarantee(xhand, case):
    quality = measure_quality(xhand, [case])
    assert quality["contact_distance_mm"] < 2
    assert quality["joint_change_rad"] < 0.15
    assert quality["limit_margin_rad"] >= 0
    assert quality["acceleration_ratio_max"] <= 1
    guarantee = measure_never_worse(xhand, [case], 60, seed=1)
    assert guarantee == {"cases": 60, "worse": 0, "not_finite": 0}


@pytest.mark.slow
def test_bench_refine_writes_its_figures(tmp_path):
    path = tmp_path / "figures.json"
    arguments = ["bench", "refine", "--hands", "xhand", "--motions", "2", "--random", "50"]
    assert main([*arguments, "--sequences", "20", "--json", str(path)]) in (0, None)
    figures = json.loads(path.read_text())
    assert figures["worse_cases"] == 0
    assert figures["energy_not_above_baseline"]
    # How many times faster depends on what else the machine does; that it is faster does not.
    assert figures["speedup_streaming"] > 3
    assert figures["speedup_batch"] > figures["speedup_streaming"]


def test_backends_are_made_once():
    assert backend_for(None) is backend_for(None)
    assert backend_for("cpu") is backend_for("cpu")

"""Every residual term and the kinematics against finite differences."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from refinement_cases import ball_cloud
from unihm.refinement.backend import backend_for
from unihm.refinement.chain import WRIST, chain_of
from unihm.refinement.kernel import penalty, residual
from unihm.refinement.surface import Surface
from unihm.refinement.terms import Contact, Opposition, Prior, Quadratic, SelfCollision, State
from unihm.robots import list_hands, load_hand

OPS = backend_for(None)
STEP = 1e-6


def random_coordinates(hand, rng, count=1):
    joints = hand.lower + rng.uniform(0.1, 0.9, (count, hand.num_joints)) * (
        hand.upper - hand.lower
    )
    return np.concatenate(
        [rng.normal(0, 0.05, (count, 3)), rng.normal(0, 0.7, (count, 3)), joints], 1
    )


def rotation(rng):
    matrix = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    return matrix * np.sign(np.linalg.det(matrix))


class Bench:
    """States of one hand with correspondences frozen where they were taken."""

    def __init__(self, hand, rng, index=None):
        self.chain = chain_of(hand)
        self.arrays = self.chain.arrays()
        self.R = rotation(rng)[None]
        pads = self.chain.pads
        self.index = np.arange(len(pads))[None] if index is None else index
        self.probes = self.chain.at(pads, self.index, OPS)
        self.planes = None

    def state(self, y):
        links, screws = self.arrays.forward(y, self.R)
        x = self.arrays.points(links, self.probes)
        if self.planes is None:
            self.planes = Surface([ball_cloud()]).planes(x)
        p, n = self.planes
        d = OPS.dot(x - p, n) - self.probes.radius
        return State(self.arrays, y, links, screws, self.probes, x, n, d)


def numerical(function, y):
    columns = []
    for i in range(y.shape[1]):
        step = np.zeros_like(y)
        step[0, i] = STEP
        columns.append((function(y + step) - function(y - step)) / (2 * STEP))
    return np.stack(columns, -1)


@pytest.mark.parametrize("name", list_hands())
def test_pads_are_where_the_hand_says_and_their_screws_are_their_derivatives(name, rng):
    hand = load_hand(name)
    bench = Bench(hand, rng)
    y = random_coordinates(hand, rng)
    T, joints = bench.chain.wrist_and_joints(y, bench.R)
    points, normals = hand.fingertips(joints[0])
    centres = points - bench.chain.pads.radius[:, None] * normals
    state = bench.state(y)
    np.testing.assert_allclose(state.x[0], centres @ T[0, :3, :3].T + T[0, :3, 3], atol=1e-9)
    direction = rng.normal(size=state.x.shape)
    rows = bench.arrays.rows(state.screws, state.x, direction, bench.probes.moved_by)
    expected = numerical(lambda y: (bench.state(y).x * direction).sum(-1), y)
    np.testing.assert_allclose(rows, expected, atol=2e-8)


@pytest.mark.parametrize("k", [1.0, 500.0])
def test_contact_jacobian(k, xhand, rng):
    bench = Bench(xhand, rng)
    y = random_coordinates(xhand, rng)
    weight = rng.uniform(1, 3, bench.index.shape)
    term = Contact(weight, 2 * weight, 1.0, k)
    _, jacobian = term(bench.state(y))
    expected = numerical(lambda y: term(bench.state(y))[0], y)
    np.testing.assert_allclose(jacobian, expected, rtol=1e-5, atol=1e-6)


def test_self_collision_jacobian(xhand, rng):
    bench = Bench(xhand, rng)
    body, links = bench.chain.body, bench.chain.branch[bench.chain.body.link]
    first, second = np.flatnonzero(links == 2)[None, :4], np.flatnonzero(links == 3)[None, :4]
    term = SelfCollision(bench.chain.at(body, first, OPS), bench.chain.at(body, second, OPS), 3.0)
    term.first.radius = term.first.radius + 0.05  # so that they overlap wherever they are
    y = random_coordinates(xhand, rng)
    r, jacobian = term(bench.state(y))
    assert (r < 0).any()
    expected = numerical(lambda y: term(bench.state(y))[0], y)
    np.testing.assert_allclose(jacobian, expected, rtol=1e-5, atol=1e-6)


def test_opposition_jacobian_and_zero(xhand, rng):
    bench = Bench(xhand, rng)
    y = random_coordinates(xhand, rng)
    term = Opposition(np.array([[2.0, -0.5, -0.5, -0.5, -0.5]]))
    _, jacobian = term(bench.state(y))
    expected = numerical(lambda y: term(bench.state(y))[0], y)
    np.testing.assert_allclose(jacobian, expected, rtol=1e-5, atol=1e-7)
    # Pads exactly opposite each other along both normals cost nothing.
    state = bench.state(y)
    state.n = np.zeros_like(state.n)
    state.n[0, :, 0] = [1, -1, -1, -1, -1]
    state.x = np.zeros_like(state.x)
    state.x[0, :, 0] = [0.04, -0.04, -0.04, -0.04, -0.04]
    r, _ = term(state)
    assert np.abs(r).max() < 1e-9


@pytest.mark.parametrize("device", [None, "cpu"])
def test_priors_are_their_formulas_and_their_sum_is_what_the_solver_takes(device, xhand, rng):
    """Equations 14 and 15: residuals, Jacobians by finite differences, and their sum (B23, B24)."""
    ops, size = backend_for(device), 6 + xhand.num_joints
    weights = [a @ a.T + np.eye(size) for a in rng.normal(size=(3, size, size))]
    y, generated, before, before2 = rng.normal(size=(4, 2, size))
    means = [generated, before, 2 * before - before2]
    terms = [Quadratic(ops.array(m), ops.array(W)) for m, W in zip(means, weights)]
    arrays = chain_of(xhand).arrays(device)

    def state(y):
        return State(arrays, ops.array(y), None, None, None, None, None, None)

    swing = (y - before) - (before - before2)
    for term, gap, W in zip(terms, [y - generated, y - before, swing], weights):
        r, J = (ops.host(part) for part in term(state(y)))
        formula = 0.5 * np.einsum("bi,ij,bj->b", gap, W, gap)
        np.testing.assert_allclose(0.5 * (r**2).sum(1), formula)
        for i in range(size):
            step = STEP * np.eye(size)[i]
            change = ops.host(term(state(y + step))[0] - term(state(y - step))[0])
            np.testing.assert_allclose(J[..., i], change / (2 * STEP), atol=1e-7)
    total = sum(weights)
    prior = Prior(terms, ops.array(total), ops.array(np.linalg.inv(total)), ops)
    energy, gradient, matrix = (ops.host(part) for part in prior(ops.array(y)))
    parts = [[ops.host(part) for part in term(state(y))] for term in terms]
    slopes = sum(np.einsum("bri,br->bi", J, r) for r, J in parts)
    np.testing.assert_allclose(gradient, slopes, atol=1e-8)
    np.testing.assert_allclose(matrix, np.broadcast_to(total, matrix.shape))
    other = ops.host(prior(ops.array(0 * y))[0])
    still = sum(0.5 * (ops.host(term(state(0 * y))[0]) ** 2).sum(1) for term in terms)
    moved = sum(0.5 * (r**2).sum(1) for r, _ in parts)
    np.testing.assert_allclose(energy - other, moved - still)


def formula(d, alpha, k):
    """Equation 12, word for word."""
    return np.where(d >= 0, alpha / 2 * d**2, alpha / k**2 * (np.exp(-k * d) + k * d - 1))


@pytest.mark.parametrize(("alpha", "k"), [(1.0, 1.0), (1.0, 500.0), (3.0, 1200.0)])
def test_penalty_is_equation_12(alpha, k):
    d = np.concatenate([np.linspace(-11.9 / k, 0, 50), np.linspace(0, 0.1, 50)])
    d = d[(np.abs(d) > 1e-3 / k) & (d > -0.2)]  # nearer to 0 the formula itself loses its digits
    np.testing.assert_allclose(penalty(d, alpha, k, OPS)[0], formula(d, alpha, k), rtol=1e-5)


@settings(deadline=None)  # the first example compiles
@given(st.floats(-1.0, 1.0), st.floats(0.1, 10.0), st.floats(0.5, 5000.0))
def test_residual_squares_to_the_penalty_and_is_finite(d, alpha, k):
    d = np.array([d])
    f, slope = penalty(d, alpha, k, OPS)
    r, dr = residual(d, alpha, k, OPS)
    assert np.isfinite([f, slope, r, dr]).all()
    np.testing.assert_allclose(0.5 * r**2, f, rtol=1e-9, atol=1e-300)
    np.testing.assert_allclose(r * dr, slope, rtol=1e-6, atol=1e-9 * alpha)


@pytest.mark.parametrize("k", [1.0, 500.0])
def test_residual_has_no_kink_at_the_surface(k):
    d = np.array([-1e-7, -1e-12, 0.0, 1e-12, 1e-7])
    r, dr = residual(d, 4.0, k, OPS)
    np.testing.assert_allclose(dr, 2.0, rtol=1e-3)
    np.testing.assert_allclose(r, 2.0 * d, rtol=1e-3, atol=1e-20)


def test_kernel_of_the_paper_is_symmetric_within_a_centimetre_and_ours_is_not():
    inside, outside = np.array([-0.01]), np.array([0.01])
    paper = penalty(inside, 1.0, 1.0, OPS)[0] / penalty(outside, 1.0, 1.0, OPS)[0]
    ours = penalty(inside, 1.0, 500.0, OPS)[0] / penalty(outside, 1.0, 500.0, OPS)[0]
    assert abs(paper.item() - 1.0) < 0.01
    assert ours.item() > 10


def test_coordinates_return_to_the_motion_and_do_not_jump(xhand, rng):
    chain = chain_of(xhand)
    angles = np.linspace(0, 1.6 * np.pi, 50)  # beyond half a turn
    T = np.repeat(np.eye(4)[None], 50, axis=0)
    T[:, 0, 0] = T[:, 1, 1] = np.cos(angles)
    T[:, 1, 0], T[:, 0, 1] = np.sin(angles), -np.sin(angles)
    T[:, :3, 3] = rng.normal(size=(50, 3))
    joints = np.tile(xhand.open_joints, (50, 1))
    y = chain.coordinates(T, joints, np.eye(3))
    assert np.abs(np.diff(y[:, 3:WRIST], axis=0)).max() < 0.2
    back, same = chain.wrist_and_joints(y, np.eye(3))
    np.testing.assert_allclose(back, T, atol=1e-9)
    np.testing.assert_array_equal(same, joints)

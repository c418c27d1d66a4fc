"""Fixtures of the refinement tests."""

from __future__ import annotations

import numpy as np
import pytest
from refinement_cases import ball_cloud, disturbed, grasp_of_ball
from unihm.robots import Hand, load_hand
from unihm.types import HandMotion, ObjectCloud


@pytest.fixture(scope="session")
def xhand() -> Hand:
    return load_hand("xhand")


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


@pytest.fixture
def grasp(xhand, rng) -> tuple[HandMotion, ObjectCloud]:
    """A disturbed grasp of a ball by the XHand, and the ball's cloud."""
    motion, radius = grasp_of_ball(xhand)
    return disturbed(motion, xhand, rng), ball_cloud(radius)

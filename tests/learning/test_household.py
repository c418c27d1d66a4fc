"""Procedural things of a household: of a hand's size, closed, and called something."""

import numpy as np
import pytest
from unihm.learning.synthesis.tables.household import HOUSEHOLD, make_household
from unihm.perception.language.nouns import lookup
from unihm.perception.planner.cliport.vocabulary import KINDS


@pytest.mark.parametrize("name", HOUSEHOLD)
def test_a_thing_is_closed_and_a_hand_can_hold_it(name):
    for seed in range(20):
        mesh = make_household(name, np.random.default_rng(seed))
        assert mesh.is_watertight
        assert mesh.volume > 0  # its faces look outwards
        assert np.sort(mesh.extents)[1] < 0.12
        assert 0.04 < mesh.extents.max() < 0.24


@pytest.mark.parametrize("name", HOUSEHOLD)
def test_the_network_is_told_what_it_is_called(name):
    for noun in KINDS[name]:
        assert lookup(noun) == (noun, 1.0)

"""One rendered world for all tests of the camera: the first image of a process takes seconds."""

from __future__ import annotations

import pytest
from unihm.errors import ErrorCode, UnihmError
from unihm.sim.world import World


@pytest.fixture(scope="session")
def rendered_world() -> World:
    """The demo's table with the XHand, at home and settled; tests leave it so."""
    try:
        return World("table", seed=3)
    except UnihmError as error:
        if error.code is ErrorCode.MISSING_DEPENDENCY:
            pytest.skip(error.message)
        raise


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One process renders all: the compilation of shaders is paid for once."""
    for item in items:
        if item.get_closest_marker("render") and not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group("render"))

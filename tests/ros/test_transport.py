"""Reading what the measurement of the processes is told; the processes are the drill's."""

import numpy as np
import pytest
from unihm.nodes.mock_camera import _scaled
from unihm.ros.transport import ready_at, steadiness
from unihm.sim.still import K

pytestmark = pytest.mark.ros


def test_a_log_says_when_a_node_was_ready() -> None:
    log = "[INFO] [12.5] [unihm.a]: begins\n[INFO] [1795766282.13] [unihm.a]: ready after 2.2 s\n"
    assert ready_at(log, "a") == 1795766282.13
    assert ready_at(log, "b") is None


def test_pauses_between_motions_are_no_unsteadiness() -> None:
    times = [0.0, 0.01, 0.02, 0.05, 9.0, 9.01]
    steady = steadiness(times)
    assert steady.count == 4
    assert steady.median == pytest.approx(10.0)
    assert steady.largest == pytest.approx(30.0)
    assert steadiness([1.0]).count == 0


def test_a_larger_image_sees_a_point_where_its_pixels_are() -> None:
    point = np.array([0.1, -0.05, 0.8])
    u, v, _ = K @ point / point[2]
    large = _scaled(K, 2) @ point / point[2]
    # The pixels 2u and 2u + 1 stand for pixel u: their middle is where its middle is.
    np.testing.assert_allclose(large, [2 * u + 0.5, 2 * v + 0.5, 1.0])

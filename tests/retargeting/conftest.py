"""Human keypoints for tests, and the real recordings where they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from human_motions import human_motion
from unihm.transforms import FloatArray

RECORDINGS = Path(__file__).parents[3] / "shared" / "data" / "hand_object"


@pytest.fixture(scope="session")
def keypoints() -> FloatArray:
    """60 frames of a right hand."""
    return human_motion(60)


@pytest.fixture(params=["dexycb_clip:hand", "arctic_ketchup:right", "human_keypoints_stream:"])
def recording(request: pytest.FixtureRequest) -> FloatArray:
    """Keypoints of a right hand from each real recording."""
    name, _, prefix = request.param.partition(":")
    path = RECORDINGS / f"{name}.npz"
    if not path.is_file():
        pytest.skip(f"{path} is not there: this test needs the real recordings")
    with np.load(path, allow_pickle=False) as file:
        return file[f"{prefix}_keypoints" if prefix else "keypoints"].astype(float)

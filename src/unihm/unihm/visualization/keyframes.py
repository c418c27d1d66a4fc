"""What a motion is shown by, wherever it is drawn: its key frames, and a colour for its time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unihm.types import IntArray, Phase
from unihm.visualization.palette import TIME


def key_frames(phase: IntArray) -> dict[Phase, int]:
    """The last frame of every phase (T,) that a motion has: of GRASP, that is the first touch."""
    return {
        each: int(np.flatnonzero(phase == each)[-1])
        for each in Phase
        if each != Phase.RETREAT and (phase == each).any()
    }


def time_colors(count: int) -> NDArray[np.uint8]:
    """(count, 3) sRGB from the first moment to the last, evenly in time."""
    marks = np.linspace(0.0, 1.0, len(TIME))
    share = np.linspace(0.0, 1.0, count)
    channels = np.asarray(TIME, float).T
    return np.column_stack([np.interp(share, marks, c) for c in channels]).astype(np.uint8)

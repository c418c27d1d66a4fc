"""How long a click takes on one frame, and how much memory the process needed."""

from __future__ import annotations

import resource
import time

import numpy as np

from unihm.evaluation.perception.clicks import ClickMethod, center_click
from unihm.evaluation.perception.scenes import named_scene

_FRAMES = 3


def measure_click(method: ClickMethod, seed: int) -> float:
    """Median milliseconds from a new 640x480 image and one click to its mask, warm.

    Args:
        method: given a frame it answers clicks with masks.
        seed: of the rendered scenes.
    """
    times = []
    for k in range(_FRAMES):
        frame = named_scene(seed * 100_003 + k).frame
        for instance in np.unique(frame.labels[frame.labels > 0]):
            mask = frame.labels == instance
            if np.count_nonzero(mask) < 200:
                continue
            click = center_click(mask, frame.observation.depth)
            started = time.perf_counter()
            method(frame.observation)([click])
            times.append(time.perf_counter() - started)
    return round(1e3 * float(np.median(times[1:])), 1)


def peak_memory_mb() -> float:
    """Most memory that this process has had, in megabytes."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)

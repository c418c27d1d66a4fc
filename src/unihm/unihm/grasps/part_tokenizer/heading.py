"""The frame in which a grasp is written as part tokens: turned so that the palm looks along +y.

Which way a hand comes from is then not for the few bits of the codes to say, but for the frame: the
same object in frames turned about the vertical has as many grasps.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from unihm.tokenizer.features import Features, move_rows
from unihm.transforms import make_transform
from unihm.types import FloatArray


def headings(rows: Features) -> FloatArray:
    """Radians (B,) about the vertical from +y to where the palms of rows (B, 9 + J) look."""
    look = np.cross(rows[:, 3:6], rows[:, 6:9])
    return np.arctan2(-look[:, 0], look[:, 1])


def turned(angles: FloatArray) -> FloatArray:
    """(B, 4, 4): frames turned by angles (B,) in radians about the vertical."""
    rotation = Rotation.from_euler("z", angles[:, None]).as_matrix()
    return make_transform(rotation, np.zeros((len(angles), 3)))


def face(rows: Features) -> Features:
    """The grasps (B, 9 + J) in frames of their own, in which every palm looks along +y."""
    return move_rows(rows[:, None], turned(-headings(rows)))[:, 0]

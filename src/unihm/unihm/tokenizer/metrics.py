"""How far one motion is from another, as feature rows of the same hand."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from unihm.robots import Hand
from unihm.tokenizer.features import Features, from_features
from unihm.types import FloatArray


def row_errors(predicted: Features, true: Features, hand: Hand) -> dict[str, FloatArray]:
    """Errors per frame of rows (T, F): wrist in mm (T,) and degrees (T,), joints in rad (T, J)."""
    T_predicted, joints_predicted = from_features(predicted, hand)
    T_true, joints_true = from_features(true, hand)
    relative = np.swapaxes(T_true[:, :3, :3], 1, 2) @ T_predicted[:, :3, :3]
    return {
        "wrist_mm": 1e3 * np.linalg.norm(T_predicted[:, :3, 3] - T_true[:, :3, 3], axis=-1),
        "wrist_deg": np.rad2deg(Rotation.from_matrix(relative).magnitude()),
        "joints_rad": np.abs(joints_predicted - joints_true),
    }


def summarise(errors: list[dict[str, FloatArray]]) -> dict[str, float]:
    """Means over all frames; of the joints the mean (mae) and the root mean square (rmse)."""
    joints = np.concatenate([e["joints_rad"].ravel() for e in errors])
    return {
        **{
            key: float(np.concatenate([e[key] for e in errors]).mean())
            for key in errors[0]
            if key != "joints_rad"
        },
        "mae": float(joints.mean()),
        "rmse": float(np.sqrt((joints**2).mean())),
    }

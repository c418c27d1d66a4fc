"""Human keypoints: what the order means, what is wrong with an input, where the palm is.

The order is that of :data:`unihm.robots.spec.KEYPOINT_NAMES` (wrist; thumb, index, middle, ring,
little; four each, tip last), as in DexYCB and MediaPipe.
"""

from __future__ import annotations

import warnings
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from unihm.errors import ErrorCode, UnihmError
from unihm.robots.kinematics import load_hand
from unihm.transforms import FloatArray, apply, invert, make_transform

#: Keypoint that each keypoint's bone starts from; the wrist's own is itself.
PARENTS = np.array([0, 0, 1, 2, 3, 0, 5, 6, 7, 0, 9, 10, 11, 0, 13, 14, 15, 0, 17, 18, 19])
KNUCKLES = np.array([5, 9, 13, 17])
TIPS = np.array([4, 8, 12, 16, 20])
PALM = np.array([0, 5, 9, 13, 17])
#: Where MANO's own order (index, middle, little, ring, thumb; tips behind) has our keypoints.
FROM_MANO = np.array(
    [0, 13, 14, 15, 16, 1, 2, 3, 17, 4, 5, 6, 18, 10, 11, 12, 19, 7, 8, 9, 20], int
)
#: Mean distance from wrist to knuckles, metres, that a person's hand (a child's too) may have.
HAND_SIZE = (0.045, 0.14)
#: Units that can be told from the size: factor to metres.
UNITS = {"metres": 1.0, "centimetres": 1e-2, "millimetres": 1e-3}
#: Longest run of frames that is bridged where keypoints are missing.
LONGEST_GAP = 15


def _fault(sentence: str) -> UnihmError:
    return UnihmError(ErrorCode.INVALID_KEYPOINTS, sentence)


def check_keypoints(keypoints: ArrayLike, side: str) -> FloatArray:
    """Keypoints (T, 21, 3) of a ``side`` hand as clean float64 metres, or a clear error.

    Corrected with a warning: millimetres and centimetres; gaps of up to 15 frames that are not
    finite (bridged by straight lines). Everything else that is wrong is an error: shape, longer
    gaps, joint order, a hand of the other side.

    Raises:
        UnihmError: INVALID_KEYPOINTS with what is wrong and, where it can be told, what to do.
    """
    keypoints = np.array(keypoints, float)
    if keypoints.ndim != 3 or keypoints.shape[1:] != (21, 3) or len(keypoints) == 0:
        raise _fault(f"Keypoints must be (T, 21, 3) with T > 0, not {keypoints.shape}.")
    keypoints = _bridge_gaps(keypoints)
    keypoints = _to_metres(keypoints)
    _check_order(keypoints)
    _check_side(keypoints, side)
    return keypoints


def bone_lengths(keypoints: FloatArray) -> FloatArray:
    """Length (..., 20) of the bone that ends in each keypoint but the wrist, metres."""
    return np.linalg.norm(keypoints[..., 1:, :] - keypoints[..., PARENTS[1:], :], axis=-1)


def hand_size(keypoints: FloatArray) -> FloatArray:
    """Mean distance (...,) from the wrist to the four knuckles, metres."""
    offsets = keypoints[..., KNUCKLES, :] - keypoints[..., :1, :]
    return np.linalg.norm(offsets, axis=-1).mean(axis=-1)


def mirror(keypoints: ArrayLike) -> FloatArray:
    """The same motion by the other hand: reflected in the plane y = 0."""
    return np.asarray(keypoints, float) * [1.0, -1.0, 1.0]


def palm_frames(keypoints: FloatArray, side: str) -> FloatArray:
    """T_world_palm (T, 4, 4): x from the wrist to the fingers, z out of the palm.

    Least-squares fit of an average palm, scaled to this one's size, to the wrist and the four
    knuckles, so that the noise of one keypoint turns the frame little.
    """
    template = palm_template(side)
    template = template - template.mean(axis=0)
    observed = keypoints[:, PALM]
    centre = observed.mean(axis=1)
    covariance = np.swapaxes(observed - centre[:, None], 1, 2) @ template  # (T, 3, 3)
    U, _, Vt = np.linalg.svd(covariance)
    # The nearest proper rotation: flip the least certain axis where needed.
    U[:, :, 2] *= np.sign(np.linalg.det(U @ Vt))[:, None]
    return make_transform(U @ Vt, centre)


@lru_cache(maxsize=2)
def palm_template(side: str) -> FloatArray:
    """Wrist and knuckles (5, 3) of the average hand in its palm frame, metres."""
    hand = load_hand("human" if side == "right" else "human_left")
    return apply(invert(hand.T_wrist_palm), hand.keypoints(np.zeros(hand.num_joints)))[PALM]


@lru_cache(maxsize=1)
def _bone_template() -> FloatArray:
    """Bone lengths (20,) of the average hand as multiples of its size."""
    hand = load_hand("human")
    keypoints = hand.keypoints(np.zeros(hand.num_joints))
    return bone_lengths(keypoints) / hand_size(keypoints)


def _bridge_gaps(keypoints: FloatArray) -> FloatArray:
    bad = np.asarray(~np.isfinite(keypoints).all(axis=(1, 2)))
    if not bad.any():
        return keypoints
    good = np.flatnonzero(~bad)
    longest = int(np.diff(np.concatenate([[-1], good, [len(bad)]])).max()) - 1
    if len(good) == 0 or longest > LONGEST_GAP:
        raise _fault(
            f"{int(bad.sum())} of {len(bad)} frames hold values that are not finite, "
            f"{longest} in a row; up to {LONGEST_GAP} in a row are bridged."
        )
    flat = keypoints.reshape(len(bad), -1)
    frames = np.arange(len(bad))
    for column in range(flat.shape[1]):
        flat[bad, column] = np.interp(frames[bad], good, flat[good, column])
    warnings.warn(
        f"Bridged {int(bad.sum())} frames of keypoints that are not finite.", stacklevel=4
    )
    return flat.reshape(keypoints.shape)


def _to_metres(keypoints: FloatArray) -> FloatArray:
    size = float(np.median(hand_size(keypoints)))
    for unit, factor in UNITS.items():
        if HAND_SIZE[0] <= size * factor <= HAND_SIZE[1]:
            if factor != 1.0:
                warnings.warn(f"The keypoints are in {unit}; taken as such.", stacklevel=4)
            return keypoints * factor
    raise _fault(
        f"From wrist to knuckles these keypoints measure {size:.3g}; no hand does, in metres, "
        "centimetres or millimetres. Are they in pixels, or normalised to the image?"
    )


def _check_order(keypoints: FloatArray) -> None:
    fault = _order_fault(keypoints)
    if fault is None:
        return
    hint = ""
    if _order_fault(keypoints[:, FROM_MANO]) is None:
        hint = " They fit MANO's own order: index them with unihm.retargeting.keypoints.FROM_MANO."
    raise _fault(
        f"The keypoints are not in the order wrist, thumb, index, middle, ring, little: {fault}."
        + hint
    )


def _order_fault(keypoints: FloatArray) -> str | None:
    """What contradicts the order, or None. Medians over time, so that noise does not matter."""
    size = np.median(hand_size(keypoints))
    bones = np.median(bone_lengths(keypoints), axis=0) / size
    factor = np.abs(np.log(np.maximum(bones, 1e-6) / _bone_template()))
    # A bone may differ this much from the average person's; more where noise is not averaged out.
    if factor.max() > np.log(2.0 if len(keypoints) >= 5 else 2.5):
        worst = int(factor.argmax()) + 1
        return (
            f"the bone from keypoint {PARENTS[worst]} to {worst} is {bones[worst - 1] * size:.3f} m"
        )
    phalanges = bones.reshape(5, 4)[1:]
    if np.median(phalanges[:, 1] / phalanges[:, 3]) < 0.9:
        return "the fingers grow longer towards their tips"
    across = np.einsum("tki,ti->tk", keypoints[:, KNUCKLES], keypoints[:, 17] - keypoints[:, 5])
    if (np.median(np.diff(across, axis=1), axis=0) < 0).any():
        return "the knuckles do not follow each other across the palm"
    return None


def side_of(keypoints: FloatArray) -> str | None:
    """``right`` or ``left``, from clean keypoints (T, 21, 3); None where it cannot be told.

    The thumb's base lies on the palm side of the palm's plane, whatever the pose.
    """
    observed = keypoints - keypoints[:, :1]
    approach = observed[:, KNUCKLES].mean(axis=1)
    normal = np.cross(observed[:, 5] - observed[:, 17], approach)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    offset = np.einsum("tki,ti->tk", observed[:, [1, 2]], normal).mean(axis=1)
    palmar = float(np.median(offset / hand_size(keypoints)))
    if abs(palmar) < 0.05:
        return None
    return "right" if palmar > 0 else "left"


def _check_side(keypoints: FloatArray, side: str) -> None:
    seen = side_of(keypoints)
    if seen is not None and seen != side:
        raise _fault(
            f"These are keypoints of a {seen} hand (or mirrored), but the {side} one is asked "
            f"for: use the {seen} hand, or unihm.retargeting.keypoints.mirror."
        )


def read_keypoints(path: Path, key: str | None = None) -> dict[str, FloatArray]:
    """Arrays (T, 21, 3) of an npz file by name, or only ``key``; not checked otherwise.

    Raises:
        UnihmError: INVALID_KEYPOINTS where the file holds none.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            names = [key] if key else list(file.files)
            arrays = {name: file[name] for name in names if name in file.files}
    except (OSError, ValueError) as error:
        raise _fault(f"{path} cannot be read as npz without pickle: {error}.") from error
    found = {
        name: np.asarray(array, float)
        for name, array in arrays.items()
        if array.ndim == 3 and array.shape[1:] == (21, 3) and array.dtype.kind == "f"
    }
    if not found:
        raise _fault(f"{path} holds no keypoints (T, 21, 3){f' named {key}' if key else ''}.")
    return found

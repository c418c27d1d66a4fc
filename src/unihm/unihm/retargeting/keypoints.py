"""Human keypoints: what the order means, what is wrong with an input, where the palm is.

The order is that of :data:`unihm.robots.spec.KEYPOINT_NAMES` (wrist; thumb, index, middle, ring,
little; four each, tip last), as in DexYCB and MediaPipe.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unihm.errors import ErrorCode, UnihmError
from unihm.files import read_arrays
from unihm.robots.kinematics import load_hand
from unihm.robots.spec import FINGERS
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
#: Times the typical size of a hand that no frame of the same hand has.
OTHER_SIZE = 2.0
#: Share of the hand's size by which no bone of it changes.
STRETCH = 0.6
#: Metres that a wrist moves at most from frame to frame.
LONGEST_STEP = 0.5
#: Share of the hand's size from which the thumb's base is off the palm's plane for certain.
FLATTEST = 0.05
#: Frames in a row that are no noise when they show the other hand.
SWAPPED = 5
#: Longest run of frames that is bridged where keypoints are missing.
LONGEST_GAP = 15
#: Share of the hand's size that a finger's last two bones have at least; a person's have a half.
SHORTEST_FINGER = 0.05


def _fault(sentence: str) -> UnihmError:
    return UnihmError(ErrorCode.INVALID_KEYPOINTS, sentence)


def check_keypoints(keypoints: ArrayLike, side: str) -> FloatArray:
    """Keypoints (T, 21, 3) of a ``side`` hand as clean float64 metres, or a clear error.

    Corrected with a warning: millimetres and centimetres; gaps of up to 15 frames (bridged by
    straight lines) that are not finite, in which the hand is lost (all its points are one), or in
    which a joint is not where its bone can be. Everything else that is wrong is an error: shape,
    longer gaps, jumps, a unit that changes, joint order, normalised image coordinates, a hand of
    the other side.

    Raises:
        UnihmError: INVALID_KEYPOINTS with what is wrong and, where it can be told, what to do.
    """
    keypoints = np.array(keypoints, float)
    if keypoints.ndim != 3 or keypoints.shape[1:] != (21, 3) or len(keypoints) == 0:
        raise _fault(f"Keypoints must be (T, 21, 3) with T > 0, not {keypoints.shape}.")
    keypoints[~np.isfinite(keypoints).all(axis=(1, 2)) | _lost(keypoints)] = np.nan
    _check_metric(keypoints)
    keypoints = _bridge_gaps(_to_metres(keypoints))
    _check_jumps(keypoints)
    _check_order(keypoints)
    _check_side(keypoints, side)
    _check_fingers(keypoints)
    return keypoints


def check_next(frame: FloatArray, wrist: FloatArray, bones: FloatArray, side: str) -> None:
    """Check that a frame (21, 3) in metres goes on with the hand that was seen before.

    Args:
        frame: the next one.
        wrist: (3,) where it was.
        bones: (20,) its bones' lengths so far, metres.
        side: of the hand.

    Raises:
        UnihmError: INVALID_KEYPOINTS.
    """
    size = float(np.mean(bones[KNUCKLES - 1]))
    seen = float(hand_size(frame))
    if not size / OTHER_SIZE < seen < size * OTHER_SIZE:
        raise _fault(
            f"The hand measures {seen:.3g} m from wrist to knuckles, {size:.3g} m before: is it "
            "lost, or did the unit change?"
        )
    off = np.abs(bone_lengths(frame) - bones)
    if off.max() > STRETCH * size:
        raise _fault(f"Keypoint {int(off.argmax()) + 1} is {off.max():.2f} m off its bone.")
    step = float(np.linalg.norm(frame[0] - wrist))
    if step > LONGEST_STEP:
        raise _fault(f"The wrist jumps by {step:.2f} m.")
    sign = 1.0 if side == "right" else -1.0
    if sign * palmar_offset(frame[None])[0] < -FLATTEST:
        raise _fault(f"These are keypoints of the other hand, not of the {side} one.")


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


def _lost(keypoints: FloatArray) -> NDArray[np.bool_]:
    """(T,) frames in which a tracker had no hand: all points are one, or one is the origin or -1.

    A wrist that is the origin in every frame is that of keypoints relative to the wrist.
    """
    largest = np.nanmax(np.ptp(keypoints, axis=1).max(axis=1), initial=0.0)
    collapsed = ~(np.ptp(keypoints, axis=1).max(axis=1) > 1e-4 * largest)
    marked = ((keypoints == 0) | (keypoints == -1)).all(axis=2)
    marked[:, 0] &= not marked[~collapsed, 0].all()
    return np.asarray(collapsed | marked.any(axis=1))


def _check_metric(keypoints: FloatArray) -> None:
    """Refuse landmarks of MediaPipe in the image: shares of its sides, depth from the wrist."""
    wrist = keypoints[np.isfinite(keypoints[:, 0, 0]), 0]
    flat = np.abs(wrist[:, 2]).max(initial=0.0) < 1e-5
    if len(wrist) and flat and (np.abs(wrist[:, :2]) > 1e-3).all():
        raise _fault(
            "The wrist's third coordinate is 0 in every frame: these look like landmarks "
            "normalised to the image (MediaPipe's hand_landmarks); metres are needed, as in its "
            "hand_world_landmarks."
        )


def _frames(bad: NDArray[np.bool_]) -> str:
    """Which frames, for people."""
    frames = np.flatnonzero(bad)
    return f"frame {frames[0]}" if len(frames) == 1 else f"frames {frames[0]} to {frames[-1]}"


def _longest_run(bad: NDArray[np.bool_]) -> int:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], bad, [False]]).astype(int)))
    return int(np.diff(edges)[::2].max(initial=0))


def _bridge_gaps(keypoints: FloatArray) -> FloatArray:
    missing = np.asarray(~np.isfinite(keypoints).all(axis=(1, 2)))
    odd = np.zeros(len(keypoints), bool)
    odd[~missing] = _impossible(keypoints[~missing])
    bad = missing | odd
    if not bad.any():
        return keypoints
    longest = _longest_run(bad)
    if bad.all() or longest > LONGEST_GAP:
        what = (
            "hold no hand or values that are not finite"
            if missing.sum() >= odd.sum()
            else "hold a hand of another size or shape than the others"
        )
        raise _fault(
            f"{int(bad.sum())} of {len(bad)} frames ({_frames(bad)}) {what}, "
            f"{longest} in a row; up to {LONGEST_GAP} in a row are bridged."
        )
    good = np.flatnonzero(~bad)
    flat = keypoints.reshape(len(bad), -1).copy()
    frames = np.arange(len(bad))
    for column in range(flat.shape[1]):
        flat[bad, column] = np.interp(frames[bad], good, flat[good, column])
    warnings.warn(
        f"Bridged {int(bad.sum())} frames of keypoints ({_frames(bad)}) that are not finite or "
        "hold no whole hand.",
        stacklevel=4,
    )
    return flat.reshape(keypoints.shape)


def _impossible(keypoints: FloatArray) -> NDArray[np.bool_]:
    """(T,) frames whose hand is not the size of the others, or has a joint off its bone."""
    if len(keypoints) < 3:
        return np.zeros(len(keypoints), bool)
    size, bones = hand_size(keypoints), bone_lengths(keypoints)
    typical = max(float(np.median(size)), 1e-9)
    ratio = size / typical
    off = np.abs(bones - np.median(bones, axis=0)).max(axis=1) > STRETCH * typical
    return np.asarray((ratio < 1 / OTHER_SIZE) | (ratio > OTHER_SIZE) | off)


def _check_jumps(keypoints: FloatArray) -> None:
    steps = np.linalg.norm(np.diff(keypoints[:, 0], axis=0), axis=1)
    if len(steps) and steps.max() > LONGEST_STEP:
        frame = int(steps.argmax())
        raise _fault(
            f"Between frames {frame} and {frame + 1} the wrist jumps by {steps[frame]:.2f} m: are "
            "these two recordings, or two people?"
        )


def _to_metres(keypoints: FloatArray) -> FloatArray:
    sizes = hand_size(keypoints)
    if not np.isfinite(sizes).any():
        raise _fault(f"{len(sizes)} of {len(sizes)} frames hold no hand or are not finite.")
    size = float(np.nanmedian(sizes))
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


def palmar_offset(keypoints: FloatArray) -> FloatArray:
    """(T,) how far the thumb's base lies off the palm's plane, as a share of the hand's size.

    It lies on the palm side, whatever the pose: positive for a right hand, negative for a left one.
    """
    observed = keypoints - keypoints[:, :1]
    approach = observed[:, KNUCKLES].mean(axis=1)
    normal = np.cross(observed[:, 5] - observed[:, 17], approach)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    offset = np.einsum("tki,ti->tk", observed[:, [1, 2]], normal).mean(axis=1)
    return np.asarray(offset / np.maximum(hand_size(keypoints), 1e-9))


def side_of(keypoints: FloatArray) -> str | None:
    """``right`` or ``left``, from clean keypoints (T, 21, 3); None where it cannot be told."""
    palmar = float(np.median(palmar_offset(keypoints)))
    if not abs(palmar) >= FLATTEST:
        return None
    return "right" if palmar > 0 else "left"


def _check_fingers(keypoints: FloatArray) -> None:
    """Refuse fingers without a length, whose joints are all in one place."""
    bones = np.median(bone_lengths(keypoints), axis=0).reshape(len(FINGERS), -1)
    fingers = bones[:, -2:].sum(axis=1)
    if fingers.min() <= SHORTEST_FINGER * np.median(hand_size(keypoints)):
        finger = FINGERS[int(fingers.argmin())]
        raise _fault(f"The joints of the {finger} are all in one place: no hand has such a finger.")


def _check_side(keypoints: FloatArray, side: str) -> None:
    seen = side_of(keypoints)
    if seen is not None and seen != side:
        raise _fault(
            f"These are keypoints of a {seen} hand (or mirrored), but the {side} one is asked "
            f"for: use the {seen} hand, or unihm.retargeting.keypoints.mirror."
        )
    sign = 1.0 if side == "right" else -1.0
    other = sign * palmar_offset(keypoints) < -FLATTEST
    if _longest_run(other) >= SWAPPED:
        raise _fault(
            f"In {int(other.sum())} of {len(other)} frames ({_frames(other)}) these are keypoints "
            "of the other hand: did the tracker swap them?"
        )


def read_keypoints(path: Path, key: str | None = None) -> dict[str, FloatArray]:
    """Arrays (T, 21, 3) of an npz or npy file by name, or only ``key``; not checked otherwise.

    What is laid out otherwise but can be nothing else is taken with a warning: one frame (21, 3),
    rows (T, 63), coordinates first (T, 3, 21), a confidence (T, 21, 4), two hands
    (T, 2, 21, 3) as two arrays.

    Raises:
        UnihmError: INVALID_KEYPOINTS where the file holds none, with what it holds.
    """
    arrays = read_arrays(path, ErrorCode.INVALID_KEYPOINTS)
    found: dict[str, FloatArray] = {}
    for name, array in arrays.items():
        if key is None or name == key:
            found.update(_as_keypoints(path, name, array))
    if found:
        return found
    held = ", ".join(f"{name or 'an array'} {array.shape}" for name, array in arrays.items())
    hint = " Points (x, y) of an image have no depth." if _flat_points(arrays.values()) else ""
    raise _fault(
        f"{path} holds no keypoints (T, 21, 3){f' named {key}' if key else ''}, but "
        f"{held or 'nothing'}.{hint}"
    )


def _flat_points(arrays: Iterable[NDArray[Any]]) -> bool:
    return any(array.ndim >= 2 and array.shape[-2:] == (21, 2) for array in arrays)


def _as_keypoints(path: Path, name: str, array: NDArray[Any]) -> dict[str, FloatArray]:
    """The keypoints that an array is, by name; nothing where it is none."""
    if array.dtype.kind not in "fiu" or array.size == 0:
        return {}
    shape, values = array.shape, array.astype(float)
    if len(shape) == 3 and shape[1:] == (21, 3):
        return {name: values}
    layouts: dict[str, tuple[bool, Callable[[], dict[str, FloatArray]]]] = {
        "one frame": (shape == (21, 3), lambda: {name: values[None]}),
        "rows of 21 points": (
            len(shape) == 2 and shape[1] == 63,
            lambda: {name: values.reshape(-1, 21, 3)},
        ),
        "coordinates before points": (
            len(shape) == 3 and shape[1:] == (3, 21),
            lambda: {name: values.swapaxes(1, 2)},
        ),
        "points with a confidence": (
            len(shape) == 3 and shape[1:] == (21, 4),
            lambda: {name: values[..., :3]},
        ),
        "two hands": (
            len(shape) == 4 and shape[1:] == (2, 21, 3),
            lambda: {f"{name}{hand}": values[:, hand] for hand in (0, 1)},
        ),
    }
    for what, (fits, made) in layouts.items():
        if fits:
            warnings.warn(
                f"{path}: {name or 'the array'} {shape} is taken as {what}.", stacklevel=4
            )
            return made()
    return {}

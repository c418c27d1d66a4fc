"""Figures of the tokenizer (Table B1), on motions that it was not trained on."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from unihm.learning.datasets.episode import Episode
from unihm.robots import load_hand
from unihm.robots.torch_kinematics import TorchHand
from unihm.tokenizer import Tokenizer
from unihm.tokenizer.features import motion_features
from unihm.tokenizer.metrics import row_errors, summarise
from unihm.tokenizer.quantizer import perplexity
from unihm.transforms import apply
from unihm.types import FloatArray, HandMotion, HandTokens

Figures = dict[str, float]


def fingertips(motion: HandMotion) -> FloatArray:
    """Pad centres in the object frame, metres: (T, F, 3)."""
    points, _ = TorchHand(load_hand(motion.hand), torch.float64).fingertips(
        torch.from_numpy(np.asarray(motion.joints, float))
    )
    return apply(motion.T_object_wrist, points.numpy())


def fingertip_error(motion: HandMotion, truth: HandMotion) -> FloatArray:
    """Distances of the pads from where they should be, millimetres: (T, F)."""
    return 1e3 * np.linalg.norm(fingertips(motion) - fingertips(truth), axis=-1)


def joint_positions(motion: HandMotion) -> FloatArray:
    """Those of the 21 keypoints that the hand has, in its wrist frame, metres: (T, P, 3)."""
    kinematics = TorchHand(load_hand(motion.hand), torch.float64)
    points = kinematics.keypoints(torch.from_numpy(np.asarray(motion.joints, float)))
    return points[:, kinematics.keypoint_indices].numpy()


def reconstruction(
    tokenizer: Tokenizer,
    motions: Sequence[HandMotion],
    levels: int | None = None,
) -> Figures:
    """Errors of encoded and decoded motions of one hand, with the first ``levels`` codes.

    Args:
        tokenizer: what is measured.
        motions: of one hand.
        levels: codes per chunk; None: all.

    Returns:
        ``mae`` and ``rmse`` of the joints in rad (metres for sliding ones); ``joint_mm``, the
        error of the joints' positions in the wrist frame; ``wrist_mm``, ``wrist_deg`` and
        ``fingertip_mm`` in the object frame (means).
    """
    errors = []
    for motion in motions:
        decoded = tokenizer.translate(motion, motion.hand, levels)
        hand = load_hand(motion.hand)
        joints = joint_positions(decoded) - joint_positions(motion)
        errors.append(
            {
                **row_errors(motion_features(decoded, hand), motion_features(motion, hand), hand),
                "joint_mm": 1e3 * np.linalg.norm(joints, axis=-1).ravel(),
                "fingertip_mm": fingertip_error(decoded, motion).ravel(),
            }
        )
    return summarise(errors)


def translation(
    tokenizer: Tokenizer, episodes: Sequence[Episode], source: str, target: str
) -> Figures:
    """Translated motions against those that were retargeted directly (equation 6).

    Returns:
        ``joint_rmse`` in rad and ``fingertip_mm``; both of tips in the object frame.
    """
    joints, tips = [], []
    for episode in episodes:
        if source in episode.motions and target in episode.motions:
            truth = episode.motions[target]
            translated = tokenizer.translate(episode.motions[source], target)
            joints.append((translated.joints - truth.joints).ravel())
            tips.append(fingertip_error(translated, truth).ravel())
    if not joints:
        return {}
    return {
        "joint_rmse": float(np.sqrt((np.concatenate(joints) ** 2).mean())),
        "fingertip_mm": float(np.concatenate(tips).mean()),
    }


def code_use(tokenizer: Tokenizer, encoded: Sequence[HandTokens]) -> dict[str, Any]:
    """How many codes occur.

    Returns:
        ``code_usage``, the share of the codes that occur, mean over levels, and ``perplexity``
        likewise; both ``_of_level``, too; ``tokens``, how many were looked at.
    """
    quantizer = tokenizer.model.quantizer
    counts = torch.zeros_like(quantizer.codebook[..., 0]).long()
    for tokens in encoded:
        counts += quantizer.usage(torch.from_numpy(tokens.codes))
    used, spread = (counts > 0).double().mean(dim=-1), perplexity(counts)
    return {
        "code_usage": float(used.mean()),
        "perplexity": float(spread.mean()),
        "code_usage_of_level": used.tolist(),
        "perplexity_of_level": spread.tolist(),
        "tokens": int(counts[0].sum()),
    }


def speed(
    tokenizer: Tokenizer, motion: HandMotion, levels: int | None = None, repeats: int = 50
) -> Figures:
    """Median milliseconds to encode and to decode ``motion``, and tokens per second both ways."""
    tokens = tokenizer.encode(motion, levels)
    times: dict[str, list[float]] = {"encode_ms": [], "decode_ms": []}
    for _ in range(repeats):
        start = time.perf_counter()
        tokenizer.encode(motion, levels)
        middle = time.perf_counter()
        tokenizer.decode(tokens, motion.hand, motion.trajectory)
        times["encode_ms"].append(1e3 * (middle - start))
        times["decode_ms"].append(1e3 * (time.perf_counter() - middle))
    medians = {key: float(np.median(values)) for key, values in times.items()}
    medians["frames"] = len(motion)
    seconds = 1e-3 * (medians["encode_ms"] + medians["decode_ms"])
    return {**medians, "frames": len(motion), "tokens_per_second": len(tokens.codes) / seconds}


def measure(
    tokenizer: Tokenizer, episodes: Sequence[Episode], source: str = "human"
) -> dict[str, Any]:
    """Everything ``unihm bench tokenizer`` prints of one set of weights.

    Args:
        tokenizer: what is measured.
        episodes: none of whose objects it was trained on.
        source: hand that is translated to every other.

    Returns:
        ``hands`` (see :func:`reconstruction`), ``mae`` and ``rmse`` (mean over the hands whose
        joints turn), ``joint_mm`` (mean over all hands), ``code_usage`` and what else
        :func:`code_use` says, ``translation`` and ``translation_fingertip_mm`` per hand, ``curve``
        (per number of codes the errors, mean likewise, and those of every hand) and ``speed`` with
        one code and with all.
    """
    motions = motions_by_hand(tokenizer, episodes)
    encoded = [tokenizer.encode(motion) for found in motions.values() for motion in found]
    curve: list[dict[str, Any]] = []
    for levels in range(1, tokenizer.levels + 1):
        hands = {
            hand: reconstruction(tokenizer, found, levels)
            for hand, found in tqdm(motions.items(), f"{levels} codes", leave=False)
        }
        turning = {hand: figures for hand, figures in hands.items() if turns(hand)}
        overall = {key: mean_over(turning, key) for key in ("mae", "rmse")}
        overall |= {key: mean_over(hands, key) for key in ("joint_mm", "wrist_mm", "fingertip_mm")}
        overall["mae_deg"] = float(np.rad2deg(overall["mae"]))
        curve.append({"codes": levels, **overall, "hands": hands})
    longest = max(next(iter(motions.values())), key=len)
    translations = {
        hand: translation(tokenizer, episodes, source, hand) for hand in motions if hand != source
    }
    return {
        "hands": hands,
        "mae": overall["mae"],
        "rmse": overall["rmse"],
        "joint_mm": overall["joint_mm"],
        **code_use(tokenizer, encoded),
        "translation": translations,
        "translation_fingertip_mm": {
            hand: figures["fingertip_mm"] for hand, figures in translations.items() if figures
        },
        "curve": curve,
        "speed": {
            f"{levels} codes": speed(tokenizer, longest, levels)
            for levels in sorted({1, tokenizer.levels})
        },
    }


def motions_by_hand(
    tokenizer: Tokenizer, episodes: Sequence[Episode]
) -> dict[str, list[HandMotion]]:
    """Motions of every hand that tokenizer and episodes both have."""
    motions = {
        hand: [e.motions[hand] for e in episodes if hand in e.motions] for hand in tokenizer.hands
    }
    return {hand: found for hand, found in motions.items() if found}


def turns(hand: str) -> bool:
    """Whether the hand's joints are angles: errors in radians and metres have no common mean."""
    loaded = load_hand(hand)
    kinds = {joint.name: joint.kind for joint in loaded.urdf.joints}
    return all(kinds[name] != "prismatic" for name in loaded.joint_names)


def mean_over(hands: dict[str, Figures], key: str) -> float:
    """Mean of one figure over the hands."""
    return float(np.mean([figures[key] for figures in hands.values()]))

"""Figures of the generator: the paper's MPJPE, FPL and FOL from real joint positions (F1 to F5)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from unihm.errors import ErrorCode, UnihmError
from unihm.generator import Generator
from unihm.learning.datasets.episode import Episode
from unihm.learning.training.generator import home_rows
from unihm.robots import load_hand
from unihm.robots.torch_kinematics import TorchHand
from unihm.tokenizer import Tokenizer
from unihm.tokenizer.features import (
    Features,
    features_motion,
    from_features,
    motion_features,
)
from unihm.transforms import apply
from unihm.types import FloatArray, HandMotion, IntArray, Phase, Task

EIGHTHS = 8

#: Makes the motion of a hand in an episode: the generator, or a baseline.
Method = Callable[[Episode, str], HandMotion]


def joint_positions(motion: HandMotion) -> FloatArray:
    """Those of the 21 keypoints that the hand has, in the world, metres: (T, P, 3)."""
    kinematics = TorchHand(load_hand(motion.hand), torch.float64)
    points = kinematics.keypoints(torch.from_numpy(np.asarray(motion.joints, float))).numpy()
    return apply(motion.T_world_wrist, points[:, kinematics.keypoint_indices])


def motion_error(motion: HandMotion, truth: HandMotion) -> dict[str, float]:
    """Errors of one motion.

    Returns:
        ``mpjpe_mm`` (F1) over all frames; ``fpl_cm`` (F3) and ``fol_deg`` (F4) of the wrist in
        the last frame; ``grasp_mm`` and ``grasp_deg``: the same two while holding, as means, and
        ``grasp_mpjpe_mm``, since that is what decides whether the object is lifted.
    """
    distance = 1e3 * np.linalg.norm(joint_positions(motion) - joint_positions(truth), axis=-1)
    T, T_true = motion.T_world_wrist, truth.T_world_wrist
    wrist = np.linalg.norm(T[:, :3, 3] - T_true[:, :3, 3], axis=-1)
    relative = np.swapaxes(T_true[:, :3, :3], 1, 2) @ T[:, :3, :3]
    angle = np.rad2deg(Rotation.from_matrix(relative).magnitude())
    hold = truth.trajectory.phase == Phase.HOLD
    return {
        "mpjpe_mm": float(distance.mean()),
        "fpl_cm": float(1e2 * wrist[-1]),
        "fol_deg": float(angle[-1]),
        "grasp_mpjpe_mm": float(distance[hold].mean()),
        "grasp_mm": float(1e3 * wrist[hold].mean()),
        "grasp_deg": float(angle[hold].mean()),
    }


def evaluate(method: Method, episodes: Sequence[Episode], hand: str) -> dict[str, float]:
    """Mean errors of ``method`` over the episodes that have ``hand`` (F2, F3, F5)."""
    errors = [
        motion_error(method(episode, hand), episode.motions[hand])
        for episode in episodes
        if hand in episode.motions
    ]
    return {key: float(np.mean([e[key] for e in errors])) for key in errors[0]} if errors else {}


def generated(generator: Generator, random: np.random.Generator) -> Method:
    """The generator, from a random rest pose of the hand, with one of the episode's sentences."""

    def method(episode: Episode, hand: str) -> HandMotion:
        rest = home_rows(hand, 1, random)
        T_object_wrist, joints = from_features(rest, load_hand(hand))
        sentence = episode.instructions[random.integers(len(episode.instructions))]
        tokens = generator.generate(
            Task("evaluation", sentence, hand),
            episode.trajectory,
            episode.cloud,
            joints[0],
            T_object_wrist[0],
        )
        return generator.tokenizer.decode(tokens, hand, episode.trajectory)

    return method


def random_tokens(tokenizer: Tokenizer, random: np.random.Generator) -> Method:
    """Baseline: codes drawn at random."""

    def method(episode: Episode, hand: str) -> HandMotion:
        chunks = -(-len(episode.trajectory) // tokenizer.chunk)
        tokens = tokenizer.random_tokens((chunks, tokenizer.levels), random)
        return tokenizer.decode(tokens, hand, episode.trajectory)

    return method


def reconstructed(tokenizer: Tokenizer) -> Method:
    """Bound: the true motion through the tokens."""
    return lambda episode, hand: tokenizer.translate(episode.motions[hand], hand)


def mean_motion(train: Iterable[Episode], hands: Sequence[str]) -> Method:
    """Baseline: the mean training pose at the same moment (an eighth of a phase).

    Raises:
        UnihmError: INVALID_EPISODE when it is asked for a hand that ``train`` does not have.
    """
    rows: dict[str, list[Features]] = {hand: [] for hand in hands}
    moments: dict[str, list[IntArray]] = {hand: [] for hand in hands}
    for episode in train:
        for hand in hands:
            if hand in episode.motions:
                rows[hand].append(motion_features(episode.motions[hand], load_hand(hand)))
                moments[hand].append(_moments(episode.trajectory.phase))
    means: dict[str, Features] = {}
    for hand in hands:
        if rows[hand]:
            all_rows, when = np.concatenate(rows[hand]), np.concatenate(moments[hand])
            means[hand] = np.tile(all_rows.mean(axis=0), (len(Phase) * EIGHTHS, 1))
            for moment in np.unique(when):
                means[hand][moment] = all_rows[when == moment].mean(axis=0)

    def method(episode: Episode, hand: str) -> HandMotion:
        if hand not in means:
            raise UnihmError(ErrorCode.INVALID_EPISODE, f"No training episode has '{hand}'.")
        mean = means[hand][_moments(episode.trajectory.phase)]
        return features_motion(mean, load_hand(hand), episode.trajectory)

    return method


def _moments(phase: IntArray) -> IntArray:
    """Number of the phase and of the eighth of it that each frame is in: (T,)."""
    moments = np.empty(len(phase), np.int64)
    for value in np.unique(phase):
        frames = np.flatnonzero(phase == value)
        moments[frames] = EIGHTHS * value + EIGHTHS * np.arange(len(frames)) // len(frames)
    return moments

"""Figures of the generator: the paper's MPJPE, FPL and FOL from real joint positions (F1 to F5)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from unihm.data.episode import Episode
from unihm.generator import Generator
from unihm.generator.training import home_rows
from unihm.hands import load_hand
from unihm.hands.torch_kinematics import TorchHand
from unihm.tokenizer import Tokenizer
from unihm.tokenizer.features import from_features
from unihm.transforms import apply
from unihm.types import FloatArray, HandMotion, Phase, Task

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
            hand,
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


def mean_motion(train: Sequence[Episode], hands: Sequence[str]) -> Method:
    """Baseline: the mean training motion of the same task, frame by frame.

    Wrist positions and joints are averaged, rotations by the chordal mean.
    """
    groups: dict[tuple[str, tuple[int, ...]], list[HandMotion]] = {}
    for episode in train:
        for hand in hands:
            if hand in episode.motions:
                key = (hand, tuple(episode.trajectory.phase))
                groups.setdefault(key, []).append(episode.motions[hand])
    means = {}
    for key, motions in groups.items():
        T = np.mean([m.T_object_wrist for m in motions], axis=0)
        u, _, vt = np.linalg.svd(T[:, :3, :3])
        T[:, :3, :3] = u @ vt
        means[key] = (T, np.mean([m.joints for m in motions], axis=0))

    def method(episode: Episode, hand: str) -> HandMotion:
        T_object_wrist, joints = means[hand, tuple(episode.trajectory.phase)]
        return HandMotion(hand, T_object_wrist, joints, episode.trajectory)

    return method

"""Masked training of the generator (sections 3.3 and C.4).

A step takes episodes of one hand, moves object and hand together by a small random rigid motion
(the object frame of a real camera is never exact), encodes the hand's motion with the frozen
tokenizer and asks for its codes, with a part of them shown that shrinks to none.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from scipy.spatial.transform import Rotation
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from unihm.errors import ErrorCode, UnihmError
from unihm.generator.generator import Generator
from unihm.generator.inputs import Array, relative_poses, trajectory_features
from unihm.learning.datasets.episode import Episode
from unihm.learning.training.checkpoint import (
    load_checkpoint,
    log_line,
    read_progress,
    save_checkpoint,
)
from unihm.robots import load_hand
from unihm.robots.torch_kinematics import TorchHand
from unihm.tokenizer.features import (
    POSITION_SCALE,
    Features,
    motion_features,
    move_rows,
    row_fingertips,
    small_motions,
    to_features,
)
from unihm.tokenizer.metrics import row_errors, summarise
from unihm.transforms import invert, make_transform
from unihm.types import FloatArray, IntArray, Phase


@dataclass(frozen=True)
class Example:
    """One episode, made ready.

    Attributes:
        instructions: features (S, W) of each of its sentences.
        clouds: (N, 6) points and normals of the object itself, then of what perception makes of
            it, each in its own object frame.
        T_look_object: (4, 4) per cloud: the episode's object frame in the cloud's.
        T_0_t: (T, 4, 4) object poses relative to the first.
        phase: (T,).
        rows: feature rows (T, F) of the motion, by hand.
    """

    instructions: list[Array]
    clouds: list[Array]
    T_look_object: list[FloatArray]
    T_0_t: FloatArray
    phase: IntArray
    rows: dict[str, Features]


@dataclass(frozen=True)
class GeneratorBatch:
    """Model inputs as in ``GeneratorModel.forward``, and what is asked for.

    Attributes:
        inputs: keyword arguments of the model.
        rows: (B, T, F) true feature rows.
        weights: (B, T) weight of every frame, 0 where padded.
    """

    inputs: dict[str, Tensor]
    rows: Tensor
    weights: Tensor


def prepare(
    episodes: Iterable[Episode], hands: Iterable[str], generator: Generator
) -> list[Example]:
    """Read episodes once; sentences are encoded here and not in every step."""
    hands, chunk = set(hands), generator.tokenizer.chunk
    longest = generator.model.config.max_chunks * chunk
    examples = []
    for episode in tqdm(episodes, desc="episodes", leave=False):
        if len(episode.trajectory) > longest:
            raise UnihmError(
                ErrorCode.INVALID_EPISODE,
                f"{episode.episode_id} has {len(episode.trajectory)} frames; the generator goes "
                f"up to {longest}.",
            )
        examples.append(
            Example(
                instructions=[generator.text(sentence) for sentence in episode.instructions],
                clouds=[
                    np.hstack([cloud.points, cloud.normals]).astype(np.float32)
                    for cloud in (episode.cloud, *(view.cloud for view in episode.views))
                ],
                T_look_object=[np.eye(4), *(invert(v.T_object_view) for v in episode.views)],
                T_0_t=relative_poses(episode.trajectory),
                phase=episode.trajectory.phase,
                rows={
                    name: motion_features(motion, load_hand(name))
                    for name, motion in episode.motions.items()
                    if name in hands
                },
            )
        )
    return examples


def train_generator(
    generator: Generator, train: list[Example], validation: list[Example], work: Path
) -> None:
    """Train ``generator`` in place; an interrupted call goes on after the last finished epoch.

    Args:
        generator: untrained, from :meth:`Generator.create`.
        train: examples to learn from, every hand that they have.
        validation: examples of other objects, for the figures in ``work/metrics.jsonl``.
        work: folder of the checkpoint and the log; delete it to start over.

    Raises:
        UnihmError: INVALID_CONFIG when ``work`` holds a training of other settings.
    """
    model, settings = generator.model, generator.model.config.training
    torch.manual_seed(settings.seed)
    optimizer = torch.optim.AdamW(
        (p for p in model.parameters() if p.requires_grad), weight_decay=settings.weight_decay
    )
    checkpoint = work / "checkpoint.safetensors"
    identity = repr((model.config, generator.tokenizer.codebook_id))
    start, progress = 0, read_progress(checkpoint, identity)
    if progress is not None:
        start = progress["epoch"]
        load_checkpoint(checkpoint, model, optimizer)
    bar = tqdm(range(start, settings.epochs), desc="generator", initial=start)
    for epoch in bar:
        torch.manual_seed(settings.seed + epoch)  # resuming is exact
        figures = _run_epoch(generator, train, optimizer, epoch)
        if epoch % 5 == 4 or epoch == settings.epochs - 1:
            figures |= {
                f"{hand}/{key}": value
                for hand, errors in validate(generator, validation).items()
                for key, value in errors.items()
            }
        bar.set_postfix({key: f"{value:.3g}" for key, value in figures.items()})
        log_line(work / "metrics.jsonl", {"epoch": epoch, **figures})
        save_checkpoint(checkpoint, model, optimizer, {"settings": identity, "epoch": epoch + 1})


def _run_epoch(
    generator: Generator, examples: list[Example], optimizer: torch.optim.Optimizer, epoch: int
) -> dict[str, float]:
    model, settings = generator.model, generator.model.config.training
    model.train()
    shuffle = np.random.default_rng((settings.seed, epoch))
    batches = list(_batches(examples, settings.batch, shuffle))
    masked = mask_share(epoch / settings.epochs, settings.keep_share, settings.ramp_share)
    sums: dict[str, float] = {"masked": masked}
    for number, (hand, chosen) in enumerate(batches):
        progress = (epoch + number / len(batches)) / settings.epochs
        rate = settings.learning_rate * min(1.0, progress / 0.02)
        for group in optimizer.param_groups:
            group["lr"] = rate * 0.5 * (1.0 + math.cos(math.pi * progress))
        batch = make_batch(generator, [examples[i] for i in chosen], hand, shuffle, augment=True)
        parts = losses(generator, batch, hand, masked)
        loss = torch.stack(list(parts.values())).sum()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        for key, value in parts.items():
            sums[key] = sums.get(key, 0.0) + value.item() / len(batches)
    return sums


def mask_share(progress: float, keep: float, ramp: float) -> float:
    """Masked share of the hand poses (C4): none, then linearly more, then all."""
    return min(1.0, max(0.0, (progress - keep) / ramp)) if ramp > 0 else float(progress >= keep)


def _batches(
    examples: list[Example], size: int, shuffle: np.random.Generator
) -> Iterator[tuple[str, IntArray]]:
    """Batches of one hand and of similar length, in random order, every motion once."""
    batches = []
    for hand in sorted({name for example in examples for name in example.rows}):
        index = np.array([i for i, example in enumerate(examples) if hand in example.rows])
        index = shuffle.permutation(index)
        index = index[np.argsort([len(examples[i].phase) for i in index], kind="stable")]
        batches += [(hand, part) for part in np.array_split(index, max(1, len(index) // size))]
    for i in shuffle.permutation(len(batches)):
        yield batches[i]


def make_batch(
    generator: Generator,
    examples: list[Example],
    hand: str,
    random: np.random.Generator,
    augment: bool,
) -> GeneratorBatch:
    """Stack examples, each as one of its clouds shows it, or as the last one does.

    With ``augment`` the cloud is a random one and made noisy, and everything is moved rigidly.
    """
    config, tokenizer = generator.model.config, generator.tokenizer
    settings, chunk = config.training, tokenizer.chunk
    count = len(examples)
    frames = max(chunk * math.ceil(len(e.phase) / chunk) for e in examples)
    stretch = [np.minimum(np.arange(frames), len(e.phase) - 1) for e in examples]
    T_0_t = np.stack([e.T_0_t[s] for e, s in zip(examples, stretch)])  # (B, T, 4, 4)
    phase = np.stack([e.phase[s] for e, s in zip(examples, stretch)])  # (B, T)
    rows = np.stack([e.rows[hand][s] for e, s in zip(examples, stretch)])  # (B, T, F)
    present = np.stack([np.arange(frames) < len(e.phase) for e in examples])
    look = [random.integers(len(e.clouds)) if augment else -1 for e in examples]
    cloud = np.stack(
        [_some_points(e.clouds[i], config.points, random) for e, i in zip(examples, look)]
    )
    T_look_object = np.stack([e.T_look_object[i] for e, i in zip(examples, look)])
    if augment:
        T = small_motions(count, settings.frame_shift, settings.frame_turn, random)
        T_look_object = T @ T_look_object
        cloud[..., :3] = cloud[..., :3] @ T[:, :3, :3].swapaxes(1, 2) + T[:, None, :3, 3]
        cloud[..., :3] += random.normal(0.0, settings.cloud_noise, cloud[..., :3].shape)
        cloud[..., 3:] = cloud[..., 3:] @ T[:, :3, :3].swapaxes(1, 2)
    T_0_t = T_look_object[:, None] @ T_0_t @ invert(T_look_object)[:, None]
    rows = move_rows(rows, T_look_object)
    sentences = [e.instructions[random.integers(len(e.instructions))] for e in examples]
    longest = max(len(s) for s in sentences)
    inputs = {
        "text": np.stack([np.pad(s, ((0, longest - len(s)), (0, 0))) for s in sentences]),
        "text_mask": np.stack([np.arange(longest) < len(s) for s in sentences]),
        "cloud": cloud,
        "trajectory": trajectory_features(T_0_t, phase, chunk),
        "chunk_mask": present[:, ::chunk],
    }
    tensors = {key: torch.from_numpy(value) for key, value in inputs.items()}
    with torch.no_grad():
        poses = torch.from_numpy(home_rows(hand, count, random))
        still = poses[:, None].expand(-1, chunk, -1)
        tensors["initial"] = tokenizer.model.encode(hand, still)[:, 0]
    weights = np.asarray(settings.phase_weights, np.float32)[phase] * present
    return GeneratorBatch(tensors, torch.from_numpy(rows), torch.from_numpy(weights))


def losses(
    generator: Generator, batch: GeneratorBatch, hand: str, masked: float
) -> dict[str, Tensor]:
    """Cross-entropy of the codes, error of the latents, of the decoded motion and its tips."""
    model, tokenizer = generator.model, generator.tokenizer
    settings = model.config.training
    mask = batch.inputs["chunk_mask"]
    with torch.no_grad():
        quantizer = tokenizer.model.quantizer
        codes = quantizer.encode(tokenizer.model.encode(hand, batch.rows))
        z_q = quantizer.decode(codes)  # (B, L, d)
    known = torch.rand(mask.shape) >= masked
    index = generator.hand_index(hand)
    with torch.autocast("cpu", torch.bfloat16, enabled=settings.bfloat16):
        z_hat = model(**batch.inputs, hand=index, known=z_q, known_mask=known).float()
    to_say = z_hat - quantizer.expected(z_q)
    rows = tokenizer.model.decode(hand, z_hat)
    kinematics = torch_hand(hand)
    tips = row_fingertips(rows, kinematics) - row_fingertips(batch.rows, kinematics)
    weights = batch.weights / batch.weights.sum()
    return {
        "code": settings.code_weight * model.code_loss(to_say[mask], codes[mask]).mean(),
        "latent": settings.latent_weight
        * F.mse_loss(model.whiten(z_hat[mask]), model.whiten(z_q[mask])),
        "motion": settings.motion_weight * ((rows - batch.rows).abs().mean(-1) * weights).sum(),
        "tips": settings.tip_weight * (tips.abs().mean((-1, -2)) / POSITION_SCALE * weights).sum(),
    }


@cache
def torch_hand(name: str) -> TorchHand:
    """Kinematics of a hand, with gradients; laid out once."""
    return TorchHand(load_hand(name))


@torch.inference_mode()
def validate(
    generator: Generator, examples: list[Example], phases: tuple[Phase, ...] = (Phase.HOLD,)
) -> dict[str, dict[str, float]]:
    """Errors per hand of generated, quantised and decoded motions in the frames of ``phases``."""
    model, tokenizer = generator.model.eval(), generator.tokenizer
    random = np.random.default_rng(0)
    errors: dict[str, list[dict[str, FloatArray]]] = {}
    for hand, chosen in _batches(examples, model.config.training.batch, random):
        batch = make_batch(generator, [examples[i] for i in chosen], hand, random, augment=False)
        z_hat = model(**batch.inputs, hand=generator.hand_index(hand))
        quantizer = tokenizer.model.quantizer
        z_q = quantizer.decode(quantizer.encode(z_hat))
        predicted = tokenizer.model.decode(hand, z_q).numpy()
        for i, rows, truth in zip(chosen, predicted, batch.rows.numpy()):
            frames = np.flatnonzero(np.isin(examples[i].phase, phases))
            both = torch.from_numpy(np.stack([rows[frames], truth[frames]]))
            tips = row_fingertips(both, torch_hand(hand))
            distance = 1e3 * (tips[0] - tips[1]).norm(dim=-1)
            errors.setdefault(hand, []).append(
                {
                    **row_errors(rows[frames], truth[frames], load_hand(hand)),
                    "fingertip_mm": distance.mean(dim=-1).numpy(),
                }
            )
    return {hand: summarise(list_of_errors) for hand, list_of_errors in errors.items()}


def home_rows(hand: str, count: int, random: np.random.Generator) -> Features:
    """Feature rows (count, F) of hands waiting open somewhere above and beside the object.

    The first frame of a motion is no use as the initial pose: it stands in line with the grasp
    and would tell the model the answer, which a real arm's rest position does not.
    """
    kinematics = load_hand(hand)
    position = random.uniform([-0.4, -0.4, 0.1], [0.4, 0.4, 0.5], (count, 3))
    down = Rotation.from_euler("y", np.pi / 2)  # the fingers, x of the palm, point down
    turn = Rotation.from_euler("z", random.uniform(-np.pi, np.pi, (count, 1)))
    tilt = Rotation.from_rotvec(random.normal(0.0, 0.3, (count, 3)))
    T_object_palm = make_transform((turn * tilt * down).as_matrix(), position)
    spread = 0.1 * (kinematics.upper - kinematics.lower)
    joints = kinematics.open_joints + random.normal(0.0, 1.0, (count, len(spread))) * spread
    T_object_wrist = T_object_palm @ invert(kinematics.T_wrist_palm)
    return to_features(T_object_wrist, kinematics.clip(joints), kinematics)


def _some_points(cloud: Array, count: int, random: np.random.Generator) -> Array:
    return cloud[random.choice(len(cloud), count, replace=len(cloud) < count)]

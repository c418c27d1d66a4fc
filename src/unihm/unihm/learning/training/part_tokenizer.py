"""Training of the part-aware tokenizer on grasps that lift (equations 3 and 4)."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from scipy.spatial.transform import Rotation
from torch import Tensor
from torch.nn import functional as F

from unihm.errors import ErrorCode, UnihmError
from unihm.grasps.part_tokenizer import PartTokenizer, PartTokenizerConfig
from unihm.grasps.part_tokenizer.heading import face
from unihm.grasps.part_tokenizer.model import ABSENT
from unihm.learning.datasets.grasp_set import GraspSet
from unihm.learning.training.loop import one_cycle, run_steps
from unihm.robots import load_hand
from unihm.tokenizer import Tokenizer
from unihm.tokenizer.features import POSITION_SCALE, Features, move_rows, to_features
from unihm.tokenizer.metrics import row_errors
from unihm.transforms import make_transform
from unihm.types import FloatArray

STILL = 40  # frames, as a whole motion has


def collect_rows(sets: Iterable[GraspSet]) -> dict[str, Features]:
    """Feature rows (N, 9 + J) of all grasps, by hand, in frames in which their palms look to +y."""
    found: dict[str, list[Features]] = {}
    for grasps in sets:
        for grasp in grasps.grasps:
            row = to_features(grasp.T_object_wrist, grasp.joints, load_hand(grasp.hand))
            found.setdefault(grasp.hand, []).append(row)
    return {hand: face(np.stack(rows)) for hand, rows in found.items()}


def train_part_tokenizer(
    config: PartTokenizerConfig, rows: dict[str, Features], work: Path
) -> PartTokenizer:
    """Train; an interrupted call goes on from the last checkpoint in ``work``.

    Args:
        config: sizes and schedule.
        rows: feature rows of each hand of ``config``.
        work: folder of checkpoint and log; delete it to start over.

    Raises:
        UnihmError: INVALID_EPISODE for a hand without grasps.
    """
    for hand in config.hands:
        if hand not in rows:
            raise UnihmError(ErrorCode.INVALID_EPISODE, f"There is no grasp of the hand '{hand}'.")
    settings = config.training
    torch.manual_seed(settings.seed)
    tokenizer = PartTokenizer.create(config)
    model = tokenizer.model.requires_grad_(True)
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.0)

    def take(step: int, random: np.random.Generator) -> tuple[Tensor, dict[str, float]]:
        hand = config.hands[step % len(config.hands)]
        points = tokenizer.points(hand)
        truth = torch.from_numpy(varied(rows[hand], config, random))
        surface = points(truth)
        z = model.encode(surface)
        codes = model.quantise(z.detach(), points.present)
        present = (codes != ABSENT)[..., None]
        known = model.vectors(codes)
        commitment = ((z - known) * present).square().mean()
        through = (z + (known - z).detach()) * present  # its gradient passes straight to z
        said = model.decode(hand, through)
        off = (points(said) - surface).norm(dim=-1)[:, points.present].mean()
        generator = torch.Generator().manual_seed(int(random.integers(2**31)))
        resets = step < settings.reset_until * settings.steps
        moved = model.follow(z.detach(), codes, settings.reset_below if resets else 0.0, generator)
        loss = F.smooth_l1_loss(said, truth, beta=0.1) + settings.points_weight * off
        figures = {"points_mm": 1e3 * POSITION_SCALE * float(off.detach()), "reset": float(moved)}
        return loss + settings.beta * commitment, figures

    run_steps(
        model,
        optimizer,
        take,
        lambda step: settings.learning_rate * one_cycle(step, settings.steps),
        settings.steps,
        settings.seed,
        work,
    )
    return PartTokenizer(model)


def varied(rows: Features, config: PartTokenizerConfig, random: np.random.Generator) -> Features:
    """A batch (B, 9 + J) of grasps, each moved about the object and with other joints a little."""
    settings, count = config.training, config.training.batch
    chosen = rows[random.integers(len(rows), size=count)]
    other = rows[random.integers(len(rows), size=count)]
    share = random.uniform(0.0, settings.blend, (count, 1))
    noise = random.normal(0.0, 2.0 * settings.joint_noise, chosen[:, 9:].shape)  # range is 2
    joints = chosen[:, 9:] + share * (other[:, 9:] - chosen[:, 9:]) + noise
    made = np.concatenate([chosen[:, :9], np.clip(joints, -1.0, 1.0)], axis=1)
    turns = random.normal(0.0, settings.turn, (count, 3))
    rotation = Rotation.from_euler("xyz", turns).as_matrix()
    T = make_transform(rotation, random.normal(0.0, settings.shift, (count, 3)))
    return move_rows(made[:, None].astype(np.float32), T)[:, 0]


def reconstruction(
    tokenizer: PartTokenizer, rows: dict[str, Features], whole: Tokenizer | None = None
) -> dict[str, dict[str, float]]:
    """Errors per hand of grasps that were encoded and decoded.

    Args:
        tokenizer: to measure.
        rows: feature rows by hand.
        whole: a tokenizer of whole hands to measure beside it, by keys that begin with "whole";
            it is shown a hand that holds still for :data:`STILL` frames, the last of which counts.
    """
    found = {}
    for hand, truth in rows.items():
        said = tokenizer.decode_rows(hand, tokenizer.encode_rows(hand, truth))
        figures = _errors(tokenizer, hand, said, truth)
        if whole is not None and hand in whole.hands:
            still = torch.from_numpy(np.repeat(truth[:, None], STILL, axis=1))
            with torch.inference_mode():
                z = whole.model.encode(hand, still)
                quantizer = whole.model.quantizer
                back = whole.model.decode(hand, quantizer.decode(quantizer.encode(z)))
            beside = _errors(tokenizer, hand, back[:, -1].numpy(), truth)
            figures |= {f"whole_{key}": value for key, value in beside.items()}
        found[hand] = {"grasps": len(truth), **figures}
    return found


def _errors(
    tokenizer: PartTokenizer, hand: str, said: Features, truth: Features
) -> dict[str, float]:
    errors: dict[str, FloatArray] = row_errors(said, truth, load_hand(hand))
    points = tokenizer.points(hand)
    with torch.inference_mode():
        off = points(torch.from_numpy(said)) - points(torch.from_numpy(truth))
    return {
        "joints_deg": float(np.rad2deg(errors["joints_rad"]).mean()),
        "wrist_mm": float(errors["wrist_mm"].mean()),
        "wrist_deg": float(errors["wrist_deg"].mean()),
        "surface_mm": 1e3 * POSITION_SCALE * float(off.norm(dim=-1)[:, points.present].mean()),
    }

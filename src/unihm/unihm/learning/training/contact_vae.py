"""Training of the contact-aware autoencoder of grasps (RealDex, equation 4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from unihm.grasps.contact_vae import ContactVae, ContactVaeConfig
from unihm.grasps.contact_vae.generator import LIKELY, contact_agreement, contact_map
from unihm.learning.training.grasp_corpus import GraspsOfHand, draw_grasps
from unihm.learning.training.loop import one_cycle, run_steps
from unihm.robots import load_hand
from unihm.tokenizer.features import POSITION_SCALE
from unihm.types import ObjectCloud

_DRAWS = 20  # grasps drawn of each held-out object
_BATCHES = 4  # of held-out grasps


def train_contact_vae(
    config: ContactVaeConfig,
    grasps: Mapping[str, GraspsOfHand],
    clouds: Sequence[ObjectCloud],
    work: Path,
) -> ContactVae:
    """Train; an interrupted call goes on from the last checkpoint in ``work``."""
    settings, hands = config.training, config.hands
    torch.manual_seed(settings.seed)
    vae = ContactVae.create(config)
    optimizer = torch.optim.AdamW(vae.model.parameters(), weight_decay=settings.weight_decay)

    def take(step: int, random: np.random.Generator) -> tuple[Tensor, dict[str, float]]:
        hand = hands[step % len(hands)]
        drawn = draw_grasps(grasps[hand], clouds, config.points, settings, random)
        noise = torch.Generator().manual_seed(int(random.integers(2**31)))
        loss, figures, _ = losses(vae, hand, drawn.rows, drawn.clouds, noise)
        return loss, figures

    run_steps(
        vae.model,
        optimizer,
        take,
        lambda step: settings.learning_rate * one_cycle(step, settings.steps),
        settings.steps,
        settings.seed,
        work,
    )
    return ContactVae(config, vae.model)


def losses(
    vae: ContactVae,
    hand: str,
    rows: np.ndarray,
    clouds: np.ndarray,
    noise: torch.Generator,
) -> tuple[Tensor, dict[str, float], tuple[Tensor, Tensor]]:
    """Equation 4 of grasps (B, 9 + J) of objects (B, N, 6).

    Returns:
        the loss; its parts; and contact maps (B, N) bool, foretold and true.
    """
    settings, points = vae.config.training, vae.points(hand)
    truth, cloud = torch.from_numpy(rows), torch.from_numpy(clouds)
    surface, seen = points(truth), vae.model.see(cloud)
    mean, log_variance = vae.model.encode(hand, surface, seen)
    z = mean + (0.5 * log_variance).exp() * torch.randn(mean.shape, generator=noise)
    said, logits = vae.model.decode(hand, z, seen)
    touched = contact_map(points, truth, cloud[..., :3], vae.config.near)
    off = (points(said) - surface)[:, points.present].square().sum(dim=-1)
    kl = 0.5 * (log_variance.exp() + mean.square() - 1.0 - log_variance).mean()
    recon = F.mse_loss(said, truth)
    contact = F.binary_cross_entropy_with_logits(logits, touched.float())
    loss = (
        settings.kl * kl
        + settings.recon * recon
        + settings.contact * contact
        + settings.points * off.mean()
    )
    figures = {
        "kl": float(kl.detach()),
        "contact_bce": float(contact.detach()),
        "points_mm": 1e3 * POSITION_SCALE * float(off.detach().sqrt().mean()),
    }
    return loss, figures, (logits.detach().sigmoid() > LIKELY, touched)


@torch.no_grad()
def validate(
    vae: ContactVae,
    grasps: Mapping[str, GraspsOfHand],
    clouds: Sequence[ObjectCloud],
    seed: int = 0,
) -> dict[str, dict[str, float]]:
    """By hand, of grasps of other objects.

    ``points_mm``: how far the surface of a grasp that was encoded is off when it comes back;
    ``contact_iou``: its contact map, foretold and true, as shared part of both. Of draws from the
    prior, after they were adjusted to their maps: ``nearest_mm``, from a true grasp to the nearest
    of twenty, by their palms; ``agreement``, of the touched points and the map.
    """
    vae.model.eval()
    found: dict[str, dict[str, float]] = {}
    for hand in vae.config.hands:
        own, random = grasps[hand], np.random.default_rng(seed)
        noise = torch.Generator().manual_seed(seed)
        rows = []
        for _ in range(_BATCHES):
            drawn = draw_grasps(own, clouds, vae.config.points, vae.config.training, random)
            _, figures, maps = losses(vae, hand, drawn.rows, drawn.clouds, noise)
            shared = [
                contact_agreement(said, true) for said, true in zip(*(m.numpy() for m in maps))
            ]
            rows.append(figures | {"contact_iou": float(np.mean(shared))})
        nearest, agreement = [], []
        for number in np.unique(own.objects):
            drawn_grasps = vae.sample(hand, clouds[number], _DRAWS, seed)
            true = own.rows[own.objects == number]
            palms = drawn_grasps.T_object_wrist @ load_hand(hand).T_wrist_palm
            places = POSITION_SCALE * true[:, :3]
            off = np.linalg.norm(places[:, None] - palms[None, :, :3, 3], axis=-1)
            nearest.append(float(off.min(axis=1).mean()))
            agreement.append(float(drawn_grasps.confidence.mean()))
        found[hand] = {
            "grasps": len(own.rows),
            **{key: round(float(np.mean([row[key] for row in rows])), 3) for key in rows[0]},
            "nearest_mm": round(1e3 * float(np.mean(nearest)), 1),
            "agreement": round(float(np.mean(agreement)), 3),
        }
    return found

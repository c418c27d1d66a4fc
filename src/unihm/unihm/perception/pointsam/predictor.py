"""Masks of an image from clicks, by a trained Point-SAM."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from unihm.config import load_section
from unihm.paths import weights_dir
from unihm.perception.clicks import Click
from unihm.perception.pointsam.config import PointSamConfig
from unihm.perception.pointsam.model import Masks, PointSam
from unihm.perception.pointsam.processing import (
    Crop,
    View,
    dense_prompt,
    locate,
    make_crop,
    make_view,
    paint,
)
from unihm.perception.table import Plane
from unihm.perception.weights import load_weights
from unihm.types import RgbdObservation


@dataclass(frozen=True)
class ClickMask:
    """Answer to clicks.

    Attributes:
        mask: (H, W) bool.
        iou: what the network expects its overlap with the object to be, 0 to 1.
    """

    mask: NDArray[np.bool_]
    iou: float


class PointSamPredictor:
    """A trained network; :meth:`look` at an image, then ask it for masks.

    Args:
        model: the network.
    """

    def __init__(self, model: PointSam) -> None:
        self.model = model.eval()

    @classmethod
    def load(cls, preset: str) -> PointSamPredictor:
        """The network of a preset with its weights; raises WEIGHTS_MISSING."""
        model = PointSam(load_section(preset, "pointsam", PointSamConfig))
        load_weights(weights_dir(preset) / "pointsam.safetensors", model)
        return cls(model)

    def look(self, observation: RgbdObservation, table: Plane | None = None) -> ImageSession:
        """Prepare an image.

        Args:
            table: in the camera frame; None finds it in the image.

        Raises:
            UnihmError: INVALID_DEPTH, INVALID_CLOUD.
        """
        return ImageSession(self.model, observation, make_view(observation, table), table)


class ImageSession:
    """One image; the cloud around the first click is encoded once."""

    def __init__(
        self, model: PointSam, observation: RgbdObservation, view: View, table: Plane | None
    ) -> None:
        self._model, self._observation, self._view, self._table = model, observation, view, table
        self._encoded: tuple[int, Crop, dict[str, torch.Tensor]] | None = None

    @torch.inference_mode()
    def segment(self, clicks: list[Click]) -> ClickMask:
        """Mask of the object that the first click is on, corrected by those after it.

        Raises:
            UnihmError: LOW_CONFIDENCE for a first click outside the image, on the bare table, or
                where there is no depth.
        """
        center = locate(self._view, clicks[0], self._observation)
        crop, cloud = self._encode(center)
        index = [int(np.flatnonzero(crop.index == center)[0])]
        index += [self._nearest(crop, c) for c in clicks[1:]]
        positive = [c.positive for c in clicks]
        logits: NDArray[np.float32] | None = None
        iou = 0.0
        # Each click corrects the mask that those before it gave, as in training.
        for count in range(1, len(clicks) + 1):
            dense = dense_prompt(crop, index[:count], positive[:count], logits)
            masks: Masks = self._model.decode(
                cloud,
                cloud["points"][:, index[:count]],
                torch.tensor([positive[:count]]).long(),
                torch.from_numpy(dense)[None],
            )
            best = 1 + int(masks.iou[0, 1:].argmax()) if count == 1 else 0
            logits, iou = masks.logits[0, best].numpy(), float(masks.iou[0, best])
        assert logits is not None
        mask = paint(self._view, crop, logits, self._observation)
        return ClickMask(mask, float(np.clip(iou, 0.0, 1.0)))

    def _encode(self, center: int) -> tuple[Crop, dict[str, torch.Tensor]]:
        if self._encoded is None or self._encoded[0] != center:
            crop = make_crop(self._view, center)
            cloud = self._model.encode(
                torch.from_numpy(crop.points)[None], torch.from_numpy(crop.features)[None]
            )
            self._encoded = center, crop, cloud
        return self._encoded[1], self._encoded[2]

    def _nearest(self, crop: Crop, click: Click) -> int:
        """The crop's point whose pixel is nearest to a click."""
        v, u = np.divmod(self._view.pixels[crop.index], self._observation.depth.shape[1])
        return int(((u - click.u) ** 2 + (v - click.v) ** 2).argmin())

"""Masks of an image from clicks, by a trained Point-SAM."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from unihm.config import load_section
from unihm.paths import weights_file
from unihm.perception.scene.table import Plane
from unihm.perception.segmentation.clicks import Click
from unihm.perception.segmentation.pointsam.config import PointSamConfig
from unihm.perception.segmentation.pointsam.large import LargeConfig, LargePointSam, from_published
from unihm.perception.segmentation.pointsam.model import PointSam
from unihm.perception.segmentation.pointsam.processing import (
    Crop,
    TableView,
    dense_prompts,
    locate,
    make_crop,
    make_view,
    paint,
    proposals,
    surface_graph,
    watershed,
)
from unihm.types import FloatArray, IntArray, RgbdObservation
from unihm.weights import load_weights

_TOUCH_UP = 0.05  # in the unit of a crop: what a click changes at least, about 1.5 cm
# Parting a cluster: points from this mean bond on are inside an object, and the smallest piece has
# this share of all points.
_INSIDE, _SMALLEST = 0.97, 0.02
_FEWEST = 40  # points of a cluster that may be several objects
LARGE_POINTS = 10_000  # what the published network was trained with


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
    """A trained network; :meth:`embed` an image, then ask for masks.

    Args:
        model: the network.
    """

    def __init__(self, model: PointSam | LargePointSam) -> None:
        self.model = model.eval()

    @classmethod
    def load(cls, preset: str) -> PointSamPredictor:
        """The network of a preset: own weights, or the published ViT-L's.

        Those are the file ``pointsam_vit_l.safetensors`` in the preset's folder of weights.

        Raises:
            UnihmError: WEIGHTS_MISSING.
        """
        published = weights_file(preset, "pointsam_vit_l.safetensors")
        if published.is_file():
            large = LargePointSam(load_section(preset, "pointsam_vit_l", LargeConfig))
            load_weights(published, large, from_published)
            return cls(large)
        model = PointSam(load_section(preset, "pointsam", PointSamConfig))
        load_weights(weights_file(preset, "pointsam.safetensors"), model)
        return cls(model)

    def embed(self, observation: RgbdObservation, table: Plane | None = None) -> ImageSession:
        """Prepare an image.

        Args:
            table: in the camera frame; None finds it in the image.

        Raises:
            UnihmError: INVALID_DEPTH, INVALID_CLOUD.
        """
        return ImageSession(self.model, observation, make_view(observation, table))


class _Embedding:
    """The encoded cloud around a click."""

    def __init__(self, model: PointSam, crop: Crop) -> None:
        self._model, self.crop = model, crop
        self._cloud = model.encode(
            torch.from_numpy(crop.points)[None],
            torch.from_numpy(crop.features)[None],
            torch.from_numpy(crop.neighbours)[None],
        )
        self._bonds = self._cloud["bonds"][0].sigmoid().numpy()
        self._graph = surface_graph(crop, self._bonds)

    def proposals(self, click: int) -> list[NDArray[np.float32]]:
        """Pieces of the surface around a click, as mask prompts."""
        return proposals(self.crop, self._bonds, click)

    def corrections(
        self, logits: NDArray[np.float32], click: int, positive: bool
    ) -> list[NDArray[np.float32]]:
        """The last mask with pieces of the surface around a new click added or taken away."""
        mask = logits > 0
        square = ((self.crop.points - self.crop.points[click]) ** 2).sum(axis=1)
        pieces = [square < _TOUCH_UP**2, *(p > 0 for p in self.proposals(click))]
        changed = [mask | p if positive else mask & ~p for p in pieces]
        return [np.where(c, 4.0, -4.0).astype(np.float32) for c in changed]

    def parts(self) -> IntArray | None:
        """(N,) number of the object that each point belongs to; None where no border is seen."""
        fewest = max(12, int(_SMALLEST * len(self.crop.points)))
        return watershed(self.crop, self._bonds, _INSIDE, fewest)

    def worth(self, mask: NDArray[np.bool_]) -> float:
        """Overlap that the network expects a mask (N,) to have with an object, 0 to 1."""
        inside = np.flatnonzero(mask)
        middle = np.median(self.crop.points[inside], axis=0)
        click = int(inside[((self.crop.points[inside] - middle) ** 2).sum(axis=1).argmin()])
        prompt = np.where(mask, 4.0, -4.0).astype(np.float32)
        dense = dense_prompts(self.crop, self._graph, [click], [True], [prompt])
        masks = self._model.decode(
            self._cloud,
            self._cloud["points"][:, [click]],
            torch.tensor([[True]]).long(),
            torch.from_numpy(dense),
        )
        return float(masks.iou[0, 4])

    def ask(
        self,
        clicks: list[int],
        positive: list[bool],
        prompts: list[NDArray[np.float32] | None],
        outputs: slice,
        as_is: bool = False,
    ) -> tuple[NDArray[np.float32], float]:
        """Logits (N,) and expected IoU of the best of ``outputs`` over all mask prompts.

        With ``as_is`` the prompts themselves are on offer too.
        """
        dense = dense_prompts(self.crop, self._graph, clicks, positive, prompts)
        count = len(prompts)
        cloud = {k: v.expand(count, *v.shape[1:]) for k, v in self._cloud.items()}
        masks = self._model.decode(
            cloud,
            cloud["points"][:, clicks],
            torch.tensor([positive]).long().expand(count, -1),
            torch.from_numpy(dense),
        )
        offered = [
            (float(masks.iou[row, k]), masks.logits[row, k].numpy())
            for row in range(count)
            for k in range(4)[outputs]
        ]
        if as_is:
            offered += [
                (float(value), prompt)
                for value, prompt in zip(masks.iou[:, 4], prompts, strict=True)
                if prompt is not None
            ]
        return _best(offered, clicks, positive)


def _best(
    offered: list[tuple[float, NDArray[np.float32]]], clicks: list[int], positive: list[bool]
) -> tuple[NDArray[np.float32], float]:
    """The mask of which most is expected; a click that it contradicts takes 1 off."""

    def worth(offer: tuple[float, NDArray[np.float32]]) -> float:
        iou, logits = offer
        return iou - float(((logits[clicks] > 0) != np.array(positive)).sum())

    iou, logits = max(offered, key=worth)
    return logits, iou


class _LargeEmbedding:
    """The same for the published network."""

    def __init__(self, model: LargePointSam, crop: Crop) -> None:
        self._model, self.crop = model, crop
        points = torch.from_numpy(crop.points)[None]
        points = points - points.mean(dim=1, keepdim=True)
        points = points / points.norm(dim=-1).max()
        self._cloud = model.encode(points, torch.from_numpy(crop.features[:, :3])[None])

    def proposals(self, click: int) -> list[NDArray[np.float32]]:
        """None: what this network knows of surfaces, it does not tell."""
        return []

    def corrections(
        self, logits: NDArray[np.float32], click: int, positive: bool
    ) -> list[NDArray[np.float32]]:
        """None."""
        return []

    def parts(self) -> IntArray | None:
        """None: what this network knows of surfaces, it does not tell."""
        return None

    def worth(self, mask: NDArray[np.bool_]) -> float:
        """1: nor does it judge masks that are not its own."""
        return 1.0

    def ask(
        self,
        clicks: list[int],
        positive: list[bool],
        prompts: list[NDArray[np.float32] | None],
        outputs: slice,
        as_is: bool = False,
    ) -> tuple[NDArray[np.float32], float]:
        """As :meth:`_Embedding.ask`, of a single mask prompt that is never kept as it is."""
        (prompt,) = prompts
        masks = self._model.decode(
            self._cloud,
            self._cloud["points"][:, clicks],
            torch.tensor([positive]).long(),
            None if prompt is None else torch.from_numpy(prompt)[None],
        )
        offered = [(float(masks.iou[0, k]), masks.logits[0, k].numpy()) for k in range(4)[outputs]]
        return _best(offered, clicks, positive)


class ImageSession:
    """One image; the cloud around the first click is encoded once."""

    def __init__(
        self, model: PointSam | LargePointSam, observation: RgbdObservation, view: TableView
    ) -> None:
        self._model, self._observation, self._view = model, observation, view
        self._embedding: tuple[int, _Embedding | _LargeEmbedding] | None = None

    def points(self, pixels: IntArray) -> FloatArray:
        """(N, 3) metres, camera frame, of pixels (N,), flat; NaN where depth is missing."""
        return self._view.image.reshape(-1, 3)[pixels]

    @torch.inference_mode()
    def predict(self, clicks: list[Click]) -> ClickMask:
        """Mask of the object that the first click is on, corrected by those after it.

        Raises:
            UnihmError: LOW_CONFIDENCE for a first click outside the image, on the bare table, or
                where there is no depth.
        """
        center = locate(self._view, clicks[0], self._observation)
        embedding = self._encode(center)
        index = [int(np.flatnonzero(embedding.crop.index == center)[0])]
        index += [self._nearest(embedding.crop, c) for c in clicks[1:]]
        positive = [c.positive for c in clicks]
        # The first click is ambiguous: the network offers masks from the click alone and from
        # pieces of the surface as mask prompts, and says which it expects to be best.
        prompts = [None, *embedding.proposals(index[0])]
        logits, iou = embedding.ask(index[:1], positive[:1], prompts, slice(1, 4), as_is=True)
        # Each further click corrects the mask that those before it gave, as in training; pieces
        # of the surface around it, added or taken away, are mask prompts too.
        for count in range(2, len(clicks) + 1):
            prompts = [
                logits,
                *embedding.corrections(logits, index[count - 1], positive[count - 1]),
            ]
            logits, iou = embedding.ask(index[:count], positive[:count], prompts, slice(0, 1))
        again, better = embedding.ask(index, positive, [logits], slice(0, 1))
        if better > iou:
            logits, iou = again, better
        mask = paint(self._view, embedding.crop, logits)
        return ClickMask(mask, float(np.clip(iou, 0.0, 1.0)))

    @torch.inference_mode()
    def parts(self, pixels: IntArray) -> tuple[list[IntArray], float]:
        """The objects that a cluster may consist of, as indices into ``pixels``.

        Args:
            pixels: (N,) flat, of things that touch each other.

        Returns:
            the parts, one where no border is seen; what overlap the network expects the whole to
            have with one object.
        """
        whole = [np.arange(len(pixels))]
        inside = np.flatnonzero(np.isin(self._view.pixels, pixels))
        if len(inside) < _FEWEST:
            return whole, 1.0
        points = self._view.points[inside]
        middle = np.linalg.norm(points - np.median(points, axis=0), axis=1).argmin()
        embedding = self._encode(int(inside[middle]))
        expected = embedding.worth(np.isin(embedding.crop.index, inside))
        owner = embedding.parts()
        if owner is None:
            return whole, expected
        rotation, shift = self._view.T
        xyz = self.points(pixels) @ rotation.T + shift
        nearest = cKDTree(self._view.points[embedding.crop.index]).query(xyz)[1]
        numbers = owner[nearest]
        return [np.flatnonzero(numbers == number) for number in np.unique(numbers)], expected

    def _encode(self, center: int) -> _Embedding | _LargeEmbedding:
        if self._embedding is None or self._embedding[0] != center:
            if isinstance(self._model, LargePointSam):
                crop = make_crop(self._view, center, LARGE_POINTS)
                self._embedding = center, _LargeEmbedding(self._model, crop)
            else:
                self._embedding = center, _Embedding(self._model, make_crop(self._view, center))
        return self._embedding[1]

    def _nearest(self, crop: Crop, click: Click) -> int:
        """The crop's point whose pixel is nearest to a click."""
        v, u = np.divmod(self._view.pixels[crop.index], self._observation.depth.shape[1])
        return int(((u - click.u) ** 2 + (v - click.v) ** 2).argmin())

"""Affordances of one image, by a trained CLIPort."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from unihm.config import load_section
from unihm.paths import weights_dir, weights_file
from unihm.perception.planner.cliport.config import CliportConfig
from unihm.perception.planner.cliport.heightmap import Heightmap, make_heightmap
from unihm.perception.planner.cliport.model import Cliport, map_layers, with_absence
from unihm.perception.planner.cliport.published import PublishedCliport, load_published
from unihm.types import FloatArray, RgbdObservation
from unihm.weights import load_weights


@dataclass(frozen=True)
class PickMap:
    """Where to pick what was asked for.

    Attributes:
        shares: (H, W) of the soft-max, summed over turns; together with ``absent`` they are 1.
        absent: share of "it is not here".
    """

    shares: NDArray[np.float32]
    absent: float

    @property
    def best(self) -> FloatArray:
        """(2,) row and column of the best cell."""
        return np.array(np.unravel_index(int(self.shares.argmax()), self.shares.shape), float)


@dataclass(frozen=True)
class PlaceMap:
    """Where the picked point shall come to lie.

    Attributes:
        shares: (R, H, W) of the soft-max; turn r is by 2 pi r / R counter-clockwise.
    """

    shares: NDArray[np.float32]

    @property
    def best(self) -> tuple[FloatArray, float]:
        """(2,) row and column, between cells where the peak is, and the turn in radians."""
        turns, H, W = self.shares.shape
        best = np.unravel_index(int(self.shares.argmax()), self.shares.shape)
        turn, row, column = (int(k) for k in best)
        rows = np.arange(max(row - 2, 0), min(row + 3, H))
        columns = np.arange(max(column - 2, 0), min(column + 3, W))
        peak = self.shares[turn][np.ix_(rows, columns)]
        peak = peak / peak.sum()
        middle = np.array([peak.sum(axis=1) @ rows, peak.sum(axis=0) @ columns])
        angle = 2 * np.pi * turn / turns
        return middle, float((angle + np.pi) % (2 * np.pi) - np.pi)

    @property
    def decision(self) -> float:
        """Share within two cells of the best one, any turn: 1 where there is no doubt."""
        _, row, column = np.unravel_index(int(self.shares.argmax()), self.shares.shape)
        rows, columns = slice(max(row - 2, 0), row + 3), slice(max(column - 2, 0), column + 3)
        return float(self.shares[:, rows, columns].sum())


class Affordances:
    """One image, ready to be asked.

    Attributes:
        heightmap: what the network sees.
    """

    def __init__(self, model: Cliport | PublishedCliport, heightmap: Heightmap) -> None:
        self._model = model
        self.heightmap = heightmap
        seen = heightmap.source >= 0
        maps = map_layers(heightmap.rgb, heightmap.height, seen)[None]
        maps = maps.contiguous(memory_format=torch.channels_last)
        with torch.inference_mode():
            self._maps = model.name(maps)[0] if isinstance(model, Cliport) else maps

    @torch.inference_mode()
    def pick(self, *phrases: str) -> list[PickMap]:
        """Where each of the things is that the phrases describe, such as "red mug"."""
        words = torch.from_numpy(self._model.words(phrases))[None]
        shape = self.heightmap.height.shape
        maps = []
        for logits in self._model.pick(self._maps, words)[0]:
            shares = torch.softmax(with_absence(logits[None], self._model.absence)[0], dim=0)
            cells = shares[:-1].reshape(-1, *shape).sum(dim=0)
            maps.append(PickMap(cells.numpy(), float(shares[-1])))
        return maps

    @torch.inference_mode()
    def place(self, clause: str, pick: FloatArray) -> PlaceMap:
        """Where the thing at ``pick`` (2,), row and column, shall go.

        Args:
            clause: in the words of :data:`unihm.perception.planner.cliport.vocabulary.CLAUSES`.
        """
        words = torch.from_numpy(self._model.words([clause]))
        start = torch.from_numpy(np.asarray(pick, np.float32))[None]
        logits = self._model.place(self._maps, words, start)[0]
        return PlaceMap(torch.softmax(logits.flatten(), dim=0).reshape(logits.shape).numpy())


class CliportPredictor:
    """A trained network; :meth:`predict` the affordances of an image.

    Args:
        model: the network.
        config: what it was made with.
    """

    def __init__(self, model: Cliport | PublishedCliport, config: CliportConfig) -> None:
        # Small convolutions are faster with the channels last.
        self.model = model.eval()
        self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.config = config

    @classmethod
    def load(cls, preset: str) -> CliportPredictor:
        """The network of a preset with its weights.

        Published weights are read from ``cliport.safetensors``, or from ``cliport.ckpt`` as they
        were published if that holds tensors alone; CLIP's vocabulary must lie beside them.

        Raises:
            UnihmError: WEIGHTS_MISSING.
        """
        config = load_section(preset, "cliport", CliportConfig)
        if config.network == "tiny":
            model = Cliport(config)
            load_weights(weights_file(preset, "cliport.safetensors"), model)
            return cls(model, config)
        return cls(load_published(config, weights_dir(preset)), config)

    def predict(
        self, observation: RgbdObservation, points: FloatArray, table_height: float = 0.0
    ) -> Affordances:
        """Affordances of an image, ready to be asked.

        Args:
            points: (H, W, 3) its clean points in the world, NaN where depth is missing.
            table_height: metres, world.
        """
        return Affordances(
            self.model, make_heightmap(observation, points, table_height, self.config)
        )

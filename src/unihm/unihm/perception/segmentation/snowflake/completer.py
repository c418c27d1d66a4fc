"""A whole surface from a seen part, by a trained SnowflakeNet."""

from __future__ import annotations

import numpy as np
import torch
from scipy.spatial import cKDTree

from unihm.config import load_section
from unihm.errors import ErrorCode, UnihmError
from unihm.geometry import estimate_normals
from unihm.paths import weights_file
from unihm.perception.scene.completion import CUT, NEIGHBOURS, Completion, spread, thin
from unihm.perception.segmentation.snowflake.config import SnowflakeConfig
from unihm.perception.segmentation.snowflake.model import SnowflakeNet, from_published
from unihm.perception.segmentation.snowflake.processing import Normalisation, normalise
from unihm.types import FloatArray
from unihm.weights import load_weights

# Metres: a completed point nearer than this to a seen one gives way to it.
_GAP = 0.007
# Cosine above which a seen normal and the network's are averaged, and the weight of the latter.
_ALIKE, _SHARE = 0.75, 0.4
# Expected error, as a share of the object's size, at which the confidence is 1 and 0.
_GOOD, _BAD = 0.025, 0.085
# DetectedObject points, thinned, below which too little is known of the object.
_ENOUGH = 150


class Completer:
    """A trained network; :meth:`complete` as :func:`unihm.perception.scene.completion.complete`.

    Args:
        model: the network.
    """

    def __init__(self, model: SnowflakeNet) -> None:
        self.model = model.eval()

    @classmethod
    def load(cls, preset: str) -> Completer:
        """The network of a preset: own weights, or a published checkpoint (``snowflake.pth``).

        Raises:
            UnihmError: WEIGHTS_MISSING.
        """
        model = SnowflakeNet(load_section(preset, "snowflake", SnowflakeConfig))
        published = weights_file(preset, "snowflake.pth")
        if published.is_file():
            load_weights(published, model, from_published)
        else:
            load_weights(weights_file(preset, "snowflake.safetensors"), model)
        return cls(model)

    def complete(
        self,
        points: FloatArray,
        camera: FloatArray,
        table_height: float = 0.0,
        cut: bool = False,
        count: int = 2048,
        seed: int = 0,
        normals: FloatArray | None = None,
    ) -> Completion:
        """The seen points, and the network's where nothing was seen.

        Args:
            points: (N, 3) metres, world; seen points of one object.
            camera: (3,) position of the camera, world.
            table_height: metres, world.
            cut: the object goes on beyond the border of the image.
            count: points of the result.
            seed: of the sampling; the same input gives the same output.
            normals: (N, 3) towards the camera, of points that have been thinned already; else
                they are thinned here.

        Raises:
            UnihmError: INVALID_CLOUD for fewer than 20 points.
        """
        points, camera = np.asarray(points, float), np.asarray(camera, float)
        if points.ndim != 2 or not np.isfinite(points).all():
            raise UnihmError(ErrorCode.INVALID_CLOUD, "The seen points must be finite (N, 3).")
        seen, normals = thin(points, camera) if normals is None else (points, normals)
        config, rng = self.model.config, np.random.default_rng(seed)
        frame = normalise(seen, camera, table_height, config.extent, config.y_up)
        model, model_normals, error = self._predict(seen, frame, count, rng)
        distance, near = cKDTree(model).query(seen, 4)
        if model_normals is None:
            model_normals = _outward(model)
        else:
            # The sensor's noise is in the seen normals and not in the network's, which in turn
            # knows no details: they count for less, and only where they say about the same.
            smooth = _unit(model_normals[near].sum(axis=1))
            agree = (smooth * normals).sum(axis=1) > _ALIKE
            normals = np.where(agree[:, None], _unit(normals + _SHARE * smooth), normals)
        far = cKDTree(seen).query(model)[0] > _GAP
        share = np.clip(1 - far.mean(), 0.15, 0.95)
        number = round(float(share) * count) if far.any() else count
        pick = spread(len(seen), number, rng)
        fill = np.flatnonzero(far)[spread(int(far.sum()), count - number, rng)]
        error = max(error, float(distance[:, 0].mean()))
        return Completion(
            points=np.concatenate([seen[pick], model[fill]]),
            normals=np.concatenate([normals[pick], model_normals[fill]]),
            observed=np.arange(count) < number,
            confidence=self._confidence(error, frame, len(seen)) * (CUT if cut else 1.0),
        )

    @torch.inference_mode()
    def _predict(
        self, seen: FloatArray, frame: Normalisation, count: int, rng: np.random.Generator
    ) -> tuple[FloatArray, FloatArray | None, float]:
        """Points (>= count, 3), normals or None, world, and the expected error in metres.

        More points than the network makes come of several readings of other seen points.
        """
        config = self.model.config
        made = config.start * int(np.prod(config.factors))
        local = frame.apply(seen)
        readings = [
            local[np.resize(rng.permutation(len(local)), config.partial)]
            for _ in range(-(-count // made))
        ]
        clouds = self.model(torch.from_numpy(np.stack(readings)).float())
        points = frame.undo(clouds.stages[-1].flatten(0, 1).double().numpy())
        normals, error = None, 0.0
        if clouds.normals is not None and clouds.log_error is not None:
            normals = frame.turn_back(clouds.normals.flatten(0, 1).double().numpy())
            normals = _smoothed(points, normals)
            error = frame.scale * float(clouds.log_error.mean().exp())
        return points, normals, error

    def _confidence(self, error: float, frame: Normalisation, seen: int) -> float:
        """0 to 1, of an expected error in metres."""
        relative = error / (2 * frame.scale * self.model.config.extent)
        trust = np.clip((_BAD - relative) / (_BAD - _GOOD), 0.0, 1.0)
        return float(trust * min(1.0, seen / _ENOUGH))


def _unit(vectors: FloatArray) -> FloatArray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)


def _smoothed(points: FloatArray, normals: FloatArray, neighbours: int = 6) -> FloatArray:
    """(N, 3) normals averaged over neighbours that say about the same: edges stay edges."""
    near = normals[cKDTree(points).query(points, neighbours)[1]]  # (N, K, 3)
    alike = np.maximum(np.einsum("nki,ni->nk", near, normals), 0.0)
    return _unit(np.einsum("nk,nki->ni", alike**4, near))


def _outward(points: FloatArray) -> FloatArray:
    """(N, 3) normals of a whole cloud, away from its middle."""
    return -estimate_normals(points, points.mean(axis=0), NEIGHBOURS)

"""What the segmentation may be made of: a network of the project, or a class of one's own file.

``completion: "my_module:MyCompleter"`` names a class whose ``load(weights)`` gives something with
the methods of :class:`CompletionBackend` (:mod:`unihm.perception.backends`); that of ``backend:``
has those of :class:`MaskBackend`.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from unihm.perception.scene.completion import Completion
from unihm.perception.scene.table import Plane
from unihm.perception.segmentation.clicks import Click
from unihm.types import FloatArray, IntArray, RgbdObservation

_FOLDER = "unihm.perception.segmentation"
PREDICTORS = {"pointsam": f"{_FOLDER}.pointsam:PointSamPredictor"}
COMPLETERS = {"snowflake": f"{_FOLDER}.snowflake:Completer"}


class CompletionBackend(Protocol):
    """Makes the whole surface of what is seen of an object."""

    def complete(
        self,
        points: FloatArray,
        camera: FloatArray,
        table_height: float,
        *,
        cut: bool,
        normals: FloatArray,
    ) -> Completion:
        """The seen points and what was not seen.

        Args:
            points: (N, 3) metres, world; seen points of one object, thinned.
            camera: (3,) position of the camera, world.
            table_height: metres, world.
            cut: the object goes on beyond the border of the image.
            normals: (N, 3) unit, towards the camera.
        """
        ...


class Mask(Protocol):
    """The answer to clicks."""

    @property
    def mask(self) -> NDArray[np.bool_]:
        """(H, W) pixels of the object."""
        ...

    @property
    def iou(self) -> float:
        """What its overlap with the object is expected to be, 0 to 1."""
        ...


class Session(Protocol):
    """One image."""

    def predict(self, clicks: list[Click]) -> Mask:
        """Mask of the object that the first click is on; a UnihmError where there is none."""
        ...

    def points(self, pixels: IntArray) -> FloatArray:
        """(N, 3) metres, camera frame, of pixels (N,), flat; NaN where depth is missing."""
        ...

    def parts(self, pixels: IntArray) -> tuple[list[IntArray], float]:
        """The objects that a cluster of pixels (N,) may consist of, as indices into ``pixels``.

        And what overlap the whole cluster is expected to have with one object, 0 to 1.
        """
        ...


class MaskBackend(Protocol):
    """Finds the pixels of the object at a click."""

    def embed(self, observation: RgbdObservation, table: Plane) -> Session:
        """Prepare an image; ``table`` is in the camera's frame."""
        ...

"""What the segmentation may be made of: a network of the project, or a class of one's own file.

``segmentation: {completion: "my_module:MyCompleter"}`` in a preset imports ``my_module``, which
must be on ``PYTHONPATH``, and calls ``MyCompleter.load(weights)`` with the section's ``weights``.
The result has the methods of :class:`CompletionBackend`; that of ``backend:`` those of
:class:`MaskBackend`.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from unihm.errors import ErrorCode, UnihmError
from unihm.perception.scene.completion import Completion
from unihm.perception.scene.table import Plane
from unihm.perception.segmentation.clicks import Click
from unihm.types import FloatArray, IntArray, RgbdObservation

GEOMETRIC = "geometric"
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


class MaskBackend(Protocol):
    """Finds the pixels of the object at a click."""

    def embed(self, observation: RgbdObservation, table: Plane) -> Session:
        """Prepare an image; ``table`` is in the camera's frame."""
        ...


def known(own: dict[str, str]) -> Callable[[str], str]:
    """Check of a setting: ``geometric``, a word of ``own``, or ``module:Class``."""

    def check(word: str) -> str:
        module, _, name = word.partition(":")
        if word != GEOMETRIC and word not in own and not (module and name.isidentifier()):
            words = ", ".join([GEOMETRIC, *own])
            raise ValueError(f"must be {words} or module:Class, not '{word}'")
        return word

    return check


def load(word: str, own: dict[str, str], weights: str) -> Any:
    """What a word that :func:`known` lets pass stands for; None for ``geometric``.

    Args:
        word: the setting.
        own: the project's words, with ``module:Class`` of each.
        weights: preset whose weights are used.

    Raises:
        UnihmError: INVALID_CONFIG where it cannot be imported; WEIGHTS_MISSING.
    """
    if word == GEOMETRIC:
        return None
    module, _, name = own.get(word, word).partition(":")
    try:
        backend = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise UnihmError(
            ErrorCode.INVALID_CONFIG, f"The back end {word} cannot be imported: {error}."
        ) from error
    return backend.load(weights)

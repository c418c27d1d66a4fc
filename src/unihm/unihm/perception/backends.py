"""Back ends of stages by name: a word of the project, or ``module:Class`` of one's own file.

``planner: {backend: "my_module:MyScorers"}`` in a preset imports ``my_module``, which must be on
``PYTHONPATH``, and calls ``MyScorers.load(weights)`` with the section's ``weights``. What the
result must have stands beside the stage:
:class:`unihm.perception.planner.selection.ScorerBackend` and
:mod:`unihm.perception.segmentation.backends`.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from unihm.errors import ErrorCode, UnihmError

GEOMETRIC = "geometric"


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

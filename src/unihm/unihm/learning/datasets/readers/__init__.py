"""One module per data set, found by its name: what ``unihm data convert NAME`` can read.

A module has two functions::

    def find_sequences(root: Path) -> Sequence[T]     # in order; str(sequence) names it for good
    def read_sequence(sequence: T) -> Recording

both raising UnihmError INVALID_EPISODE where files are missing or wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, NamedTuple

from unihm.errors import ErrorCode, UnihmError
from unihm.learning.datasets.recorded import Recording

__all__ = ["Reader", "load_reader", "reader_names"]


class Reader(NamedTuple):
    """How to find the sequences of a data set, and how to read one of them."""

    find_sequences: Callable[[Path], Sequence[Any]]
    read_sequence: Callable[[Any], Recording]


def reader_names() -> list[str]:
    """The data sets that can be read."""
    return sorted(module.name for module in iter_modules(__path__))


def load_reader(name: str) -> Reader:
    """The reader of a data set.

    Raises:
        UnihmError: INVALID_CONFIG where there is no module of that name.
    """
    names = reader_names()
    if name not in names:
        raise UnihmError(
            ErrorCode.INVALID_CONFIG, f"No reader for '{name}'; there are {', '.join(names)}."
        )
    module = import_module(f"{__name__}.{name}")
    return Reader(module.find_sequences, module.read_sequence)

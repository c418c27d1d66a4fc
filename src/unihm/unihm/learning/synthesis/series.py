"""A series of objects on disk: taken in order by all cores, interrupted and gone on with."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from unihm.errors import ErrorCode, UnihmError

LOG = "log.jsonl"  # one line per object that is done

Result = TypeVar("Result")


def results(work: Callable[[int], Result], start: int, workers: int) -> Iterator[Result]:
    """Results for ``start``, ``start + 1``, ... in order, for ever."""
    if workers == 1:
        index = start
        while True:
            yield work(index)
            index += 1
    # Fork would copy threads of libraries that the parent has already used.
    context = multiprocessing.get_context("spawn")
    with context.Pool(workers, initializer=_single_thread) as pool:
        while True:  # in blocks, or the pool would run ahead without end
            block = range(start, start + 8 * workers)
            yield from pool.imap(work, block)
            start = block.stop


def _single_thread() -> None:
    import torch

    torch.set_num_threads(1)


def read_log(out: Path) -> list[dict[str, Any]]:
    """What is done; half a line at the end is cut off."""
    path = out / LOG
    if not path.is_file():
        return []
    lines = path.read_text().splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):  # interrupted while writing
        lines.pop()
        path.write_text("".join(lines))
    return [json.loads(line) for line in lines]


def check_series(out: Path, series: dict[str, Any]) -> None:
    """Refuse to mix two series in one folder."""
    mark = out / "series.json"
    if not mark.is_file():
        mark.write_text(json.dumps(series) + "\n")
    elif json.loads(mark.read_text()) != series:
        raise UnihmError(
            ErrorCode.INVALID_CONFIG,
            f"{out} holds another series ({mark.read_text().strip()}); choose another folder.",
        )

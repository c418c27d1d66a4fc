"""Converts whole data sets to episodes, on all cores; what is there already is kept."""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from unihm.errors import UnihmError
from unihm.learning.datasets.readers import load_reader
from unihm.learning.datasets.recorded import to_episode
from unihm.perception.trajectory import DT
from unihm.robots import load_hand
from unihm.version import __version__


def convert(
    source: str,
    root: Path,
    out: Path,
    hands: Sequence[str] = ("human",),
    dt: float = DT,
    workers: int | None = None,
) -> dict[str, Any]:
    """Convert every sequence under ``root``; those that cannot be are listed with the reason.

    Args:
        source: a module of :mod:`unihm.learning.datasets.readers`.
        root: of the data set.
        out: folder of the episodes; ``conversion.json`` is written beside them.
        hands: right hands to retarget to.
        dt: seconds between frames.
        workers: processes; all cores by default.

    Returns:
        what ``conversion.json`` holds: ``episodes``, ``kept``, ``failed`` (sentence by sequence).

    Raises:
        UnihmError: INVALID_CONFIG for an unknown source, INVALID_EPISODE where ``root`` holds no
            sequence, UNKNOWN_HAND.
    """
    reader = load_reader(source)
    for hand in hands:
        load_hand(hand)
    sequences = reader.find_sequences(root)
    out.mkdir(parents=True, exist_ok=True)
    log = out / "conversion.jsonl"
    done = _read_done(log)
    waiting = [sequence for sequence in sequences if str(sequence) not in done]
    work = partial(_one, source, tuple(hands), dt, out)
    workers = min(workers or os.cpu_count() or 1, max(len(waiting), 1))
    with log.open("a") as file, tqdm(total=len(waiting), unit="sequence") as bar:
        for line in _results(work, waiting, workers):
            file.write(json.dumps(line) + "\n")
            file.flush()
            done[line["sequence"]] = line["error"]
            bar.update()
    failed = {name: error for name, error in done.items() if error}
    summary = {
        "command": " ".join(["unihm", *sys.argv[1:]]),
        "version": __version__,
        "source": source,
        "hands": list(hands),
        "dt": dt,
        "episodes": len(done) - len(failed),
        "kept": len(sequences) - len(waiting),
        "failed": failed,
    }
    (out / "conversion.json").write_text(json.dumps(summary, indent=2) + "\n")
    return summary


def _one(
    source: str, hands: tuple[str, ...], dt: float, out: Path, sequence: Any
) -> dict[str, str]:
    reader = load_reader(source)
    try:
        to_episode(reader.read_sequence(sequence), hands, dt).save(out)
    except UnihmError as error:
        return {"sequence": str(sequence), "error": error.message}
    return {"sequence": str(sequence), "error": ""}


def _results(work: Callable[[Any], dict[str, str]], items: Sequence[Any], workers: int) -> Any:
    if workers == 1:
        yield from map(work, items)
        return
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        yield from pool.imap_unordered(work, items)


def _read_done(log: Path) -> dict[str, str]:
    """Error (or nothing) by sequence; a line that was cut off is done again."""
    done = {}
    if log.is_file():
        for line in log.read_text().splitlines():
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            done[entry["sequence"]] = entry["error"]
    return done

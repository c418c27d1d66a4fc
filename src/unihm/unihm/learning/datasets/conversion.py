"""Converts whole data sets to episodes, on all cores; what is there already is kept."""

from __future__ import annotations

import json
import logging
import multiprocessing
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from unihm.errors import UnihmError
from unihm.files import write_json
from unihm.learning.datasets.readers import load_reader
from unihm.learning.datasets.recorded import to_episode
from unihm.perception.trajectory import DT
from unihm.robots import load_hand
from unihm.version import __version__

logger = logging.getLogger(__name__)


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

    A sequence is done where its episode is there and was made with the same options by the same
    version; what failed is tried again.

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
    asked = {"source": source, "hands": list(hands), "dt": dt, "version": __version__}
    log = out / "conversion.jsonl"
    done = {name for name, entry in _read_log(log).items() if _is_done(entry, asked, out)}
    waiting = [sequence for sequence in sequences if str(sequence) not in done]
    work = partial(_one, source, tuple(hands), dt, out)
    workers = min(workers or os.cpu_count() or 1, max(len(waiting), 1))
    out.mkdir(parents=True, exist_ok=True)
    failed: dict[str, str] = {}
    with log.open("a") as file, tqdm(total=len(waiting), unit="sequence") as bar:
        for line in _results(work, waiting, workers):
            file.write(json.dumps({**line, "asked": asked}) + "\n")
            file.flush()
            if line["error"]:
                failed[line["sequence"]] = line["error"]
            bar.update()
    summary = {
        "command": " ".join(["unihm", *sys.argv[1:]]),
        **asked,
        "episodes": len(sequences) - len(failed),
        "kept": len(sequences) - len(waiting),
        "failed": failed,
    }
    write_json(out / "conversion.json", summary)
    return summary


def _one(
    source: str, hands: tuple[str, ...], dt: float, out: Path, sequence: Any
) -> dict[str, str]:
    reader = load_reader(source)
    try:
        path = to_episode(reader.read_sequence(sequence), hands, dt).save(out)
    except UnihmError as error:
        return {"sequence": str(sequence), "error": error.message, "episode": ""}
    except Exception as error:  # a reader of somebody's own may fail in any way
        logger.exception("%s", sequence)
        sentence = f"{type(error).__name__}: {error}"
        return {"sequence": str(sequence), "error": sentence, "episode": ""}
    return {"sequence": str(sequence), "error": "", "episode": path.name}


def _results(work: Callable[[Any], dict[str, str]], items: Sequence[Any], workers: int) -> Any:
    if workers == 1:
        yield from map(work, items)
        return
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        yield from pool.imap_unordered(work, items)


def _read_log(log: Path) -> dict[str, dict[str, Any]]:
    """The last entry of each sequence; a line that was cut off is done again."""
    entries = {}
    if log.is_file():
        for line in log.read_text(errors="replace").splitlines():
            try:
                entry = json.loads(line)
                entries[entry["sequence"]] = entry
            except (ValueError, TypeError, KeyError):
                continue
    return entries


def _is_done(entry: dict[str, Any], asked: dict[str, Any], out: Path) -> bool:
    """Whether the episode is there and was made as it is asked for; what failed is tried again."""
    made = entry.get("episode")
    return (
        not entry.get("error")
        and entry.get("asked") == asked
        and isinstance(made, str)
        and bool(made)
        and (out / made).is_file()
    )

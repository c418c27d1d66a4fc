"""Runs the synthesis over many objects on all cores; what is done is not done again."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from unihm.learning.datasets.episode import Episode
from unihm.learning.synthesis.episodes import DEFAULT_HANDS, Rejection, synthesise
from unihm.learning.synthesis.series import LOG, check_series, read_log, results
from unihm.robots import load_hand
from unihm.version import __version__

SUMMARY = "synth.json"

Result = tuple[dict[str, Any], list[Episode]]  # a line of the log, and what it is about


@dataclass
class Tally:
    """What came of the objects so far.

    Attributes:
        episodes: stored.
        objects: tried.
        rejected: objects without an episode, by reason.
        lifted: per robot hand, the share of disturbed trials that lifted, one per object.
    """

    episodes: int = 0
    objects: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    lifted: dict[str, list[float]] = field(default_factory=dict)

    def add(self, line: dict[str, Any]) -> None:
        """Count one line of the log."""
        self.objects += 1
        self.episodes += len(line["episodes"])
        if line["rejected"]:
            self.rejected[line["rejected"]] += 1
        for hand, share in line["lifted"].items():
            self.lifted.setdefault(hand, []).append(share)

    def summary(self) -> dict[str, Any]:
        """Figures for people and for ``synth.json``."""
        return {
            "episodes": self.episodes,
            "objects": self.objects,
            "rejected": dict(self.rejected),
            "rejected_share": sum(self.rejected.values()) / max(self.objects, 1),
            "grasps": {hand: len(shares) for hand, shares in self.lifted.items()},
            "lifted_under_1cm_10deg": {
                hand: float(np.mean(shares)) for hand, shares in self.lifted.items()
            },
        }


def produce(
    out: Path,
    episodes: int,
    seed: int = 0,
    hands: Sequence[str] = DEFAULT_HANDS,
    workers: int | None = None,
) -> dict[str, Any]:
    """Write at least ``episodes`` episodes of series ``seed`` to ``out``; resume what is there.

    Objects are taken in order, so the same arguments give the same episodes with any number of
    workers.

    Returns:
        the summary that is also written to ``synth.json``.

    Raises:
        UnihmError: UNKNOWN_HAND; INVALID_CONFIG where ``out`` holds another series.
    """
    for hand in hands:
        load_hand(hand)
    out.mkdir(parents=True, exist_ok=True)
    check_series(out, {"seed": seed, "hands": list(hands)})
    tally = Tally()
    done = 0
    for line in read_log(out):
        tally.add(line)
        done = line["index"] + 1
    workers = workers or os.cpu_count() or 1
    with (
        tqdm(total=episodes, initial=tally.episodes, unit="episode") as bar,
        (out / LOG).open("a") as log,
    ):
        for line, made in results(partial(_one, seed, tuple(hands)), done, workers):
            if tally.episodes >= episodes:
                break
            for episode in made:
                episode.save(out)
            log.write(json.dumps(line) + "\n")
            log.flush()
            tally.add(line)
            bar.update(len(line["episodes"]))
            bar.set_postfix(left_out=sum(tally.rejected.values()))
    summary = {
        "command": " ".join(["unihm", *sys.argv[1:]]),
        "version": __version__,
        "seed": seed,
        "hands": list(hands),
        **tally.summary(),
    }
    (out / SUMMARY).write_text(json.dumps(summary, indent=2) + "\n")
    return summary


def _one(seed: int, hands: tuple[str, ...], index: int) -> Result:
    """Make the episodes of one object."""
    result = synthesise(seed, index, hands)
    if isinstance(result, Rejection):
        line = {"episodes": [], "rejected": result.reason, "lifted": {}}
        return {"index": index, "object": result.object_id, **line}, []
    line = {
        "episodes": [episode.episode_id for episode in result],
        "rejected": "",
        "lifted": result[0].info["lifted"],
    }
    return {"index": index, "object": result[0].object_id, **line}, result

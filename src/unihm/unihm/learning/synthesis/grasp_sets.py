"""Many grasps of every object of a series, those kept that lift it in physics under pushes."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial import cKDTree
from tqdm import tqdm

from unihm.control.grasp_motion import Attempt
from unihm.learning.datasets.grasp_set import GraspSet, LabelledGrasp
from unihm.learning.synthesis.grasps.grasp_kinds import KindSolver, random_kind
from unihm.learning.synthesis.grasps.trial import TOUCH, Held, Trial, disturbances
from unihm.learning.synthesis.objects import TableObject, sample_object
from unihm.learning.synthesis.part_objects import GRASP_RECIPES
from unihm.learning.synthesis.series import LOG, check_series, read_log, results
from unihm.robots import Hand, load_hand
from unihm.sim.shapes import make_shape
from unihm.transforms import apply, invert
from unihm.version import __version__

DEFAULT_HANDS = ("xhand", "inspire", "allegro")
SUMMARY = "grasps.json"
TRIES = 12  # grasps that are tried of one object with one hand
STEPS = ("tried", "sound", "lifted", "kept")
"""Of a grasp: solved for, without anything against it, lifts, also displaced and under a push."""

Yields = dict[str, dict[str, int]]
"""By hand and kind in words, how many came to each of :data:`STEPS`."""


def part_names(item: TableObject) -> np.ndarray:
    """(N,) the part that each point of an object's cloud belongs to."""
    T_mesh_object = invert(item.T_world_mesh) @ item.T_world_object
    shape = make_shape(item.shape, item.measures)
    return shape.names_at(apply(T_mesh_object, item.cloud.points))


def synthesise_grasps(
    seed: int, index: int, hands: Sequence[str], tries: int = TRIES
) -> tuple[GraspSet, Yields]:
    """Grasps of object ``index`` of series ``seed``; the same arguments give the same grasps.

    A grasp is kept where it lifts the object, holds it against the least of the pushes, and lifts
    it as well where it stands 1 cm and 10 degrees away to one side.
    """
    item = sample_object(seed, index, GRASP_RECIPES)
    names = part_names(item)
    solver = KindSolver(item, names)
    displaced = disturbances()[1 + index % 2]
    kept: list[LabelledGrasp] = []
    yields: Yields = {}
    for name in hands:
        hand, trial = load_hand(name), None
        rng = np.random.default_rng([seed, index, *name.encode()])
        for _ in range(tries):
            kind = random_kind(solver.parts, rng)
            row = yields.setdefault(f"{name}: {kind.words}", dict.fromkeys(STEPS, 0))
            row["tried"] += 1
            found = solver.solve(hand, kind)
            if found is None:
                continue
            row["sound"] += 1
            trial = trial or Trial(name, item)
            held = trial.holds(found[1])
            if held is None:
                continue
            row["lifted"] += 1
            if held.margin > 0 and trial.lifts(found[1], displaced):
                row["kept"] += 1
                kept.append(labelled(hand, found[1], held, item, names))
    return GraspSet(item.object_id, item.cloud, names, item.T_world_object, tuple(kept)), yields


def labelled(
    hand: Hand, attempt: Attempt, held: Held, item: TableObject, names: np.ndarray
) -> LabelledGrasp:
    """A grasp with what was measured of it."""
    touching = held.fingers > TOUCH
    contacts = held.points[touching]
    part, share, above = "", 0.0, np.nan
    if len(contacts):
        _, nearest = cKDTree(item.cloud.points).query(contacts)
        found, counts = np.unique(names[nearest], return_counts=True)
        part, share = str(found[counts.argmax()]), float(counts.max() / counts.sum())
        palm = (attempt.T_object_wrist @ hand.T_wrist_palm)[:3, 3] - contacts.mean(axis=0)
        above = float(np.degrees(np.arctan2(palm[2], np.linalg.norm(palm[:2]))))
    return LabelledGrasp(
        hand.name,
        attempt.T_object_wrist,
        attempt.joints,
        attempt.open_joints,
        attempt.approach,
        np.where(touching, held.fingers, np.nan),
        held.points,
        part,
        share,
        above,
        held.margin,
    )


def produce_grasps(
    out: Path,
    objects: int,
    seed: int = 0,
    hands: Sequence[str] = DEFAULT_HANDS,
    workers: int | None = None,
) -> dict[str, Any]:
    """Write the grasps of ``objects`` objects of series ``seed``; what is there is not done again.

    Returns:
        the summary that is also written to ``grasps.json``.

    Raises:
        UnihmError: UNKNOWN_HAND; INVALID_CONFIG where ``out`` holds another series.
    """
    for hand in hands:
        load_hand(hand)
    out.mkdir(parents=True, exist_ok=True)
    check_series(out, {"seed": seed, "hands": list(hands), "of": "grasps"})
    lines = read_log(out)
    make = partial(_one, seed, tuple(hands))
    with (
        tqdm(total=objects, initial=len(lines), unit="object") as bar,
        (out / LOG).open("a") as log,
    ):
        if len(lines) < objects:
            for line, made in results(make, len(lines), workers or os.cpu_count() or 1):
                made.save(out)
                log.write(json.dumps(line) + "\n")
                log.flush()
                lines.append(line)
                bar.update()
                if len(lines) >= objects:
                    break
    total: Yields = {}
    for line in lines:
        for kind, row in line["yields"].items():
            sums = total.setdefault(kind, dict.fromkeys(STEPS, 0))
            for step, count in row.items():
                sums[step] += count
    summary = {
        "command": " ".join(["unihm", *sys.argv[1:]]),
        "version": __version__,
        "seed": seed,
        "hands": list(hands),
        "objects": len(lines),
        "grasps": sum(row["kept"] for row in total.values()),
        "yields": dict(sorted(total.items())),
    }
    (out / SUMMARY).write_text(json.dumps(summary, indent=2) + "\n")
    return summary


def _one(seed: int, hands: tuple[str, ...], index: int) -> tuple[dict[str, Any], GraspSet]:
    """One object, and its line of the log."""
    made, yields = synthesise_grasps(seed, index, hands)
    return {"index": index, "object": made.object_id, "yields": yields}, made

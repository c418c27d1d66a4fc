"""How fast the refinement is, against a baseline in the same run, and what it does to motions."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from unihm.evaluation.refine_baseline import refine_as_research_code
from unihm.evaluation.refine_cases import Case, chosen_frames, mistaken, of_length
from unihm.refinement import RefinementConfig, RefinementReport, refine, refine_batch
from unihm.refinement.measure import energy_of
from unihm.robots import Hand
from unihm.types import HandMotion, ObjectCloud, Phase

FRAMES = 60


def measure_speed(
    hand: Hand,
    cases: Sequence[Case],
    clouds: Sequence[ObjectCloud],
    sequences: int = 100,
    repeats: int = 8,
    device: str | None = None,
) -> dict[str, Any]:
    """Milliseconds per frame: one motion at a time, in batch, and the baseline.

    All three minimise the energies of :meth:`RefinementConfig.paper` within the same bounds and
    with the same number of iterations, none ending early, over the motions ``cases`` brought to 60
    frames, against ``clouds``; no report is made. Ours starts a frame from the correction of the
    one before. Times are wall clock, for every motion the best of ``repeats``, and all take turns,
    so that whatever else the machine does slows all of them alike; those of the baseline are of
    3, 5 and 10 iterations, the comparison is at 5.
    """
    config = dataclasses.replace(RefinementConfig.paper(), tolerance=0.0)
    warm = dataclasses.replace(config, warm_start=True)
    rng = np.random.default_rng(0)
    motions = [of_length(cases[i % len(cases)].motion, FRAMES) for i in range(sequences)]
    motions = [m if i < len(cases) else mistaken(m, hand, rng) for i, m in enumerate(motions)]
    surfaces = [clouds[i % len(clouds)] for i in range(sequences)]
    few = range(min(4, sequences))
    work: dict[str, list[Callable[[], Any]]] = {
        "streaming": [partial(_one, motions[i], surfaces[i], warm, hand) for i in few],
        "batch": [
            partial(refine_batch, motions, surfaces, warm, hand, device=device, reports=False)
        ],
        "whole": [partial(refine, motions[i], surfaces[i], None, hand) for i in few],
        "baseline": [
            partial(refine_as_research_code, motions[i], surfaces[i], hand, config) for i in few
        ],
    }
    for count in (3, 10):
        changed = dataclasses.replace(config, iterations=count)
        work[f"baseline {count}"] = [
            partial(refine_as_research_code, motions[0], surfaces[0], hand, changed)
        ]
    times, results = _in_turns(work, repeats)
    streaming, whole, baseline = (
        1e3 * times[w] / FRAMES for w in ("streaming", "whole", "baseline")
    )
    batch = 1e3 * times["batch"] / (sequences * FRAMES)
    refined, simple = results["streaming"], results["baseline"]
    ours = [energy_of(refined[i], motions[i], surfaces[i], hand, config) for i in few]
    theirs = [energy_of(simple[i], motions[i], surfaces[i], hand, config) for i in few]
    return {
        "hand": hand.name,
        "iterations": config.iterations,
        "frames": FRAMES,
        "sequences": sequences,
        "streaming_ms": streaming,
        "batch_ms": batch,
        "default_with_report_ms": whole,
        "baseline_ms": baseline,
        "baseline_3_iterations_ms": 1e3 * times["baseline 3"] / FRAMES,
        "baseline_10_iterations_ms": 1e3 * times["baseline 10"] / FRAMES,
        "batch_gain": streaming / batch,
        "speedup_streaming": baseline / streaming,
        "speedup_batch": baseline / batch,
        "final_energy": float(np.sum(ours)),
        "final_energy_baseline": float(np.sum(theirs)),
    }


def _one(
    motion: HandMotion, cloud: ObjectCloud, config: RefinementConfig, hand: Hand
) -> HandMotion:
    return refine_batch([motion], [cloud], config, hand, reports=False)[0][0]


def _in_turns(
    work: dict[str, list[Callable[[], Any]]], repeats: int
) -> tuple[dict[str, float], dict[str, list[Any]]]:
    """Seconds of each kind of work, the mean of its calls' best, and what the calls returned.

    What takes more than a second is repeated once only.
    """
    best = {name: np.full(len(calls), np.inf) for name, calls in work.items()}
    results: dict[str, list[Any]] = {name: [None] * len(calls) for name, calls in work.items()}
    for turn in range(repeats):
        for name, calls in work.items():
            for i, call in enumerate(calls):
                if turn > 1 and best[name][i] > 1.0:
                    continue
                start = time.perf_counter()
                results[name][i] = call()
                best[name][i] = min(best[name][i], time.perf_counter() - start)
    return {name: float(seconds.mean()) for name, seconds in best.items()}, results


def measure_quality(
    hand: Hand, cases: Sequence[Case], config: RefinementConfig | None = None
) -> dict[str, Any]:
    """What refining the ``cases`` changes: means over them, and the worst of what must not fail."""
    reports = [refine(case.motion, case.cloud, config, hand)[1] for case in cases]
    before = float(np.mean([r.before.penetration_mean for r in reports]))
    after = float(np.mean([r.after.penetration_mean for r in reports]))
    contact = [r.after.contact_distance[f] for r in reports for f in r.fingers]
    swing = [r.after.acceleration_max / (r.before.acceleration_max + 1e-9) for r in reports]
    return {
        "hand": hand.name,
        "motions": len(cases),
        "penetration_before_mm": 1e3 * before,
        "penetration_after_mm": 1e3 * after,
        "penetration_reduction": 1.0 - after / max(before, 1e-12),
        "contact_distance_mm": 1e3 * float(np.mean(contact)) if contact else None,
        "contact_distance_max_mm": 1e3 * float(np.max(contact)) if contact else None,
        "fingers_in_contact": float(np.mean([len(r.fingers) for r in reports])),
        "force_closure": float(np.mean([_holds(r) for r in reports])),
        "joint_change_rad": float(np.mean([r.joint_change for r in reports])),
        "limit_margin_rad": float(np.min([r.after.limit_margin for r in reports])),
        "acceleration_ratio_max": float(np.max(swing)),
        "energy_never_higher": all(r.after.total_energy <= r.before.total_energy for r in reports),
    }


def _holds(report: RefinementReport) -> bool:
    return report.grasp is not None and bool(np.isfinite(report.grasp.normal_force))


def measure_never_worse(hand: Hand, cases: Sequence[Case], count: int, seed: int) -> dict[str, Any]:
    """Energies before and after on ``count`` random disturbances of every size, both presets."""
    rng = np.random.default_rng(seed)
    worse = infinite = 0
    for start in range(0, count, 50):
        size = min(50, count - start)
        motions, clouds = [], []
        for i in range(size):
            case = cases[(start + i) % len(cases)]
            short = _around_contact(case.motion)
            scale = 10.0 ** rng.uniform(-3.0, 0.5)
            T = short.T_object_wrist.copy()
            T[:, :3, 3] += 0.05 * scale * rng.normal(size=(len(short), 3))
            joints = short.joints + scale * rng.normal(size=short.joints.shape)
            motions.append(HandMotion(short.hand, T, hand.clip(joints), short.trajectory))
            clouds.append(case.cloud)
        preset = (RefinementConfig(), RefinementConfig.paper())[start // 50 % 2]
        refined, reports = refine_batch(motions, clouds, preset, hand)
        for motion, report in zip(refined, reports):
            infinite += not (
                np.isfinite(motion.joints).all()
                and np.isfinite(motion.T_object_wrist).all()
                and np.isfinite(report.after.total_energy)
            )
            worse += report.after.total_energy > report.before.total_energy
    return {"cases": count, "worse": worse, "not_finite": infinite}


def _around_contact(motion: HandMotion, frames: int = 6) -> HandMotion:
    """The frames about the first touch."""
    first = int(np.argmax(motion.trajectory.phase == Phase.HOLD))
    index = np.clip(np.arange(first - frames // 2, first + frames // 2), 0, len(motion) - 1)
    return chosen_frames(motion, index)

"""Measure the refinement: its speed against research code in the same run, and what it does.

Speed: energies and iterations of the paper, 5 fingertips, clouds of 2,048 points, one motion at
a time and 100 sequences of 60 frames at once, against a baseline with finite-difference Jacobians
and brute-force nearest points. Quality: synthetic grasps with a generator's mistakes added, and
the recorded clip where one is given. Guarantee: random cases whose energy must not rise.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from unihm.cli._options import count

TARGETS = {
    "streaming_ms": "<= 1",
    "batch_gain": ">= 5",
    "speedup_streaming": ">= 10",
    "speedup_batch": ">= 50",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--hands", nargs="+", default=["xhand", "shadow"])
    parser.add_argument("--meshes", type=Path, help="folder of .stl objects (default: procedural)")
    parser.add_argument("--clip", type=Path, help="npz of a recorded hand and object")
    parser.add_argument("--motions", type=count, default=12, help="synthetic motions per hand")
    parser.add_argument("--random", type=count, default=1000, help="random cases for the guarantee")
    parser.add_argument("--sequences", type=count, default=100, help="size of the batch")
    parser.add_argument("--device", help="torch device of the batch (default: numpy on the CPU)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="write the figures there")


def run(args: argparse.Namespace) -> None:
    """Measure and print."""
    from tqdm import tqdm

    from unihm.evaluation.refine import (
        measure_never_worse,
        measure_quality,
        measure_speed,
    )
    from unihm.evaluation.refine_cases import Case, mesh_clouds, read_clip, synthetic_cases
    from unihm.files import write_json
    from unihm.robots import load_hand

    hands = [load_hand(name) for name in args.hands]
    clip = read_clip(args.clip, args.hands) if args.clip else None
    speed, synthetic, real, guarantee = [], [], [], []
    for hand in tqdm(hands, unit="hand"):
        cases = list(synthetic_cases(hand, args.motions, args.seed))
        clouds = mesh_clouds(args.meshes, 20) if args.meshes else [case.cloud for case in cases]
        speed.append(
            measure_speed(hand, cases, clouds, sequences=args.sequences, device=args.device)
        )
        synthetic.append(measure_quality(hand, cases))
        guarantee.append(measure_never_worse(hand, cases, args.random, args.seed))
        if clip is not None:
            case = Case(clip.episode_id, clip.motions[hand.name], clip.cloud)
            real.append(measure_quality(hand, [case]))

    figures = {
        "streaming_ms": max(row["streaming_ms"] for row in speed),
        "batch_ms": max(row["batch_ms"] for row in speed),
        "batch_gain": min(row["batch_gain"] for row in speed),
        "speedup_streaming": min(row["speedup_streaming"] for row in speed),
        "speedup_batch": min(row["speedup_batch"] for row in speed),
        "energy_not_above_baseline": all(
            row["final_energy"] <= row["final_energy_baseline"] * (1 + 1e-6) for row in speed
        ),
        "worse_cases": sum(row["worse"] + row["not_finite"] for row in guarantee),
        "speed": speed,
        "synthetic": synthetic,
        "clip": real,
        "guarantee": guarantee,
    }
    for title, rows in (("Speed", speed), ("Synthetic episodes", synthetic), ("Clip", real)):
        if rows:
            print(f"\n{title}")
            _print_table(rows)
    print()
    for name, target in TARGETS.items():
        print(f"{name:24}{figures[name]:10.3f}   ({target})")
    cases = sum(row["cases"] for row in guarantee)
    print(f"{'worse or not finite':24}{figures['worse_cases']:10d}   of {cases} random cases")
    if args.json:
        write_json(args.json, figures)


def _print_table(rows: list[dict]) -> None:
    """Rows side by side, one column per hand."""
    for name in rows[0]:
        values = [row[name] for row in rows]
        text = "".join(f"{v:>12.3f}" if isinstance(v, float) else f"{v!s:>12}" for v in values)
        print(f"  {name:28}{text}")

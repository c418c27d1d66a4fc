"""Measure generated motions on objects never trained on, against baselines in the same run.

MPJPE in millimetres, FPL in centimetres, FOL in degrees (equations F1 to F5), from real 3D joint
positions; `grasp` is the mean while the object is held. Each episode is asked for as perception
would see it, where it stores such a view.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from unihm.cli._options import count


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--preset", default="tiny", help="whose weights (default: tiny)")
    parser.add_argument(
        "--episodes", type=Path, default=Path("out/synth"), help="folder of episodes"
    )
    parser.add_argument("--limit", type=count, default=100, help="episodes at most (default: 100)")
    parser.add_argument("--seed", type=int, default=0, help="of rest poses and random tokens")
    parser.add_argument("--json", type=Path, help="write the figures here")


def run(args: argparse.Namespace) -> None:
    """Print the table and write the figures."""
    import numpy as np
    from tqdm import tqdm

    from unihm.evaluation.generator import (
        evaluate,
        generated,
        mean_motion,
        random_tokens,
        reconstructed,
    )
    from unihm.files import write_json
    from unihm.generator import Generator
    from unihm.learning.datasets.episode import load_dataset
    from unihm.tokenizer import Tokenizer

    tokenizer = Tokenizer.load(args.preset)
    generator = Generator.load(args.preset, tokenizer)
    random = np.random.default_rng(args.seed)
    held_out = load_dataset(args.episodes, "validation")[: args.limit]
    episodes = [list(e.variants())[-1] for e in tqdm(held_out, "episodes", leave=False)]
    train = load_dataset(args.episodes, "train")[: 10 * args.limit]
    methods = {
        "generated": generated(generator, random),
        "mean motion": mean_motion(train, tokenizer.hands),
        "random tokens": random_tokens(tokenizer, random),
        "true motion, tokenised": reconstructed(tokenizer),
    }
    result: dict[str, dict[str, dict[str, float]]] = {}
    for hand in tokenizer.hands:
        rows = {name: evaluate(method, episodes, hand) for name, method in methods.items()}
        if not rows["generated"]:
            continue
        result[hand] = rows
        print(f"\n{hand:24s}{'MPJPE mm':>10s}{'FPL cm':>8s}{'FOL deg':>9s}", end="")
        print(f"{'grasp: MPJPE mm':>18s}{'wrist mm':>10s}{'deg':>7s}")
        for name, f in rows.items():
            print(f"{name:24s}{f['mpjpe_mm']:10.1f}{f['fpl_cm']:8.2f}{f['fol_deg']:9.1f}", end="")
            print(f"{f['grasp_mpjpe_mm']:18.1f}{f['grasp_mm']:10.1f}{f['grasp_deg']:7.1f}")
    if args.json:
        write_json(args.json, result)
        print(f"Wrote {args.json}.")
